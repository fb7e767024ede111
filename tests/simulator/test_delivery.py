"""Updates reach the bot in order, and again until it took them."""

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import urllib3
from django.db import connection
from django.utils import timezone

from apps.simulator.delivery import SECRET_HEADER, Runner, deliver
from apps.simulator.models import BotUpdate, Webhook
from apps.simulator.personas import NewPersona, create_persona, say, tap
from apps.simulator.updates import drop_expired, postpone, queue_heads
from tests.simulator.conftest import LIKE_BUTTON

Status = BotUpdate.Status
# The runner has connections of its own. Naming the app keeps the clean-up to its tables.
COMMITTED = pytest.mark.django_db(transaction=True, available_apps=["apps.simulator"])


@dataclass
class Bot:
    """A bot's web server: notes what arrives, and answers as a test wants."""

    seen: list[tuple[str, str | None]] = field(default_factory=list)
    answers: dict[str, list[tuple[int, dict[str, str], object]]] = field(default_factory=dict)

    def answer(self, text: str) -> tuple[int, dict[str, str], object]:
        planned = self.answers.get(text)
        return planned.pop(0) if planned else (200, {}, None)


@pytest.fixture
def bot() -> Iterator[Bot]:
    bot = Bot()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            update = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            text = update["message"]["text"] if "message" in update else update["callback_query"]["id"]
            bot.seen.append((text, self.headers.get(SECRET_HEADER)))
            status, headers, body = bot.answer(text)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode() if body else b"")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    bot.url = f"http://127.0.0.1:{server.server_port}/webhook"
    yield bot
    server.shutdown()
    server.server_close()


@pytest.fixture
def hook(bot, api) -> Webhook:
    api("setWebhook", url=bot.url, secret_token="s3cret", max_connections=10)
    return Webhook.objects.get()


@pytest.fixture
def attempt(hook):
    """One attempt at the oldest update."""

    def run() -> BotUpdate:
        update = queue_heads(excluding=[])[0]
        with urllib3.PoolManager(retries=False, timeout=5) as http:
            deliver(update, hook, http)
        update.refresh_from_db()
        return update

    return run


def test_it_delivers_with_the_secret_and_marks_the_update(ana, bot, attempt):
    say(501, "Hi")
    assert attempt().status == Status.DELIVERED
    assert bot.seen == [("Hi", "s3cret")]


def test_it_keeps_an_update_that_the_bot_did_not_take(ana, bot, attempt, api):
    bot.answers["Hi"] = [(500, {}, None)]
    say(501, "Hi")
    update = attempt()
    assert (update.status, update.attempts) == (Status.PENDING, 1)
    info = api("getWebhookInfo")
    assert info["pending_update_count"] == 1
    assert info["last_error_message"] == "Wrong response from the webhook: 500 Internal Server Error"


def test_it_waits_longer_after_every_failure_up_to_a_minute(ana):
    say(501, "Hi")
    gaps = []
    for _ in range(10):
        update = BotUpdate.objects.get()
        gaps.append(round((postpone(update) - timezone.now()).total_seconds()))
    assert gaps == [0, 1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_it_comes_back_when_the_bot_said_so(ana, bot, attempt):
    bot.answers["Hi"] = [(503, {"Retry-After": "30"}, None)]
    say(501, "Hi")
    assert 28 < (attempt().next_attempt_at - timezone.now()).total_seconds() < 31


def test_it_runs_the_method_in_the_webhooks_answer(ana, bot, attempt, api, client):
    sent = api("sendMessage", chat_id=501, text="Like?", reply_markup=LIKE_BUTTON)
    query = str(tap(501, sent["message_id"], "like:1").pk)
    answer = {"method": "answerCallbackQuery", "callback_query_id": query, "text": "Liked"}
    bot.answers[query] = [(200, {}, answer)]
    attempt()
    news = client.get("/simulator/api/events", {"chat": 501, "after": 0}).json()
    assert news["answers"][0]["text"] == "Liked"


def test_it_settles_the_update_even_if_the_answers_method_is_refused(ana, bot, attempt):
    bot.answers["Hi"] = [(200, {}, {"method": "sendMessage", "chat_id": 999, "text": "x"})]
    say(501, "Hi")
    assert attempt().status == Status.DELIVERED


def test_it_drops_what_is_too_old(ana, api):
    sent = api("sendMessage", chat_id=501, text="Like?", reply_markup=LIKE_BUTTON)
    say(501, "Hi")
    tap(501, sent["message_id"], "like:1")
    message, query = BotUpdate.objects.order_by("pk")
    assert message.expires_at - message.created_at > timedelta(hours=23)
    assert query.expires_at - query.created_at < timedelta(seconds=151)
    BotUpdate.objects.update(expires_at=timezone.now())
    assert drop_expired() == 2


def test_it_sends_only_the_kinds_that_the_bot_asked_for(ana, api, bot):
    api("setWebhook", url=bot.url, allowed_updates=["callback_query"])
    say(501, "Hi")
    assert not BotUpdate.objects.exists()


def test_it_hands_updates_out_by_polling_and_forgets_the_confirmed(ana, api):
    say(501, "One")
    say(501, "Two")
    first, second = api("getUpdates")
    assert [first["message"]["text"], second["message"]["text"]] == ["One", "Two"]
    assert api("getUpdates", offset=second["update_id"]) == [second]
    assert api("getUpdates", offset=second["update_id"] + 1) == []


def test_it_refuses_polling_while_a_webhook_is_set(hook, api):
    assert api.refusal("getUpdates").startswith("409 Conflict: can't use getUpdates method while webhook is active")
    assert api("deleteWebhook", drop_pending_updates=True)
    assert api("getUpdates") == []


@pytest.fixture
def running() -> Iterator[None]:
    runner = Runner()

    def run() -> None:
        runner.run()
        connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    yield
    runner.stop()
    thread.join(10)
    assert not thread.is_alive()


@COMMITTED
def test_it_holds_one_chats_order_and_lets_others_pass(bot, running):
    Webhook.objects.create(pk=1, url=bot.url)
    for number in (501, 502):
        create_persona(NewPersona(str(number), telegram_id=number))
    bot.answers["a1"] = [(500, {}, None), (500, {}, None)]
    for chat, text in ((501, "a1"), (501, "a2"), (502, "b1"), (501, "a3"), (502, "b2")):
        say(chat, text)
    deadline = time.monotonic() + 10
    while BotUpdate.objects.filter(status=Status.PENDING).exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    texts = [text for text, _ in bot.seen]
    assert [text for text in texts if text[0] == "a"] == ["a1", "a1", "a1", "a2", "a3"]
    assert [text for text in texts if text[0] == "b"] == ["b1", "b2"]
    assert texts.index("b2") < texts.index("a2")


@COMMITTED
def test_it_delivers_at_once(bot, running):
    Webhook.objects.create(pk=1, url=bot.url)
    create_persona(NewPersona("Ana", telegram_id=501))
    time.sleep(0.3)
    began = time.monotonic()
    say(501, "Hi")
    while not bot.seen and time.monotonic() < began + 5:
        time.sleep(0.005)
    assert time.monotonic() - began < 0.5
