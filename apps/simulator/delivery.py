"""Takes updates to the bot's webhook as Telegram does, and plays the personas on autopilot.

One queue has at most one update under way; different queues go in parallel. An update leaves its queue only after
the bot has answered 2xx, so a killed process loses nothing and keeps the order.
"""

import json
import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import urllib3
from django.db import InterfaceError, OperationalError, connection, transaction
from django.utils import timezone

from apps.simulator import methods, personas, wakeups
from apps.simulator.errors import ApiError
from apps.simulator.models import BotUpdate, PlannedAct, Webhook
from apps.simulator.schemas import JsonObject
from apps.simulator.updates import drop_expired, postpone, queue_heads, settle

log = logging.getLogger(__name__)

WEBHOOK_TIMEOUT_SECS = 60
MAX_WORKERS = 16
# Only bounds how late a missed wake-up is noticed.
IDLE_WAIT_SECS = 1.0
EXPIRY_CHECK_SECS = 10
SINGLE_RUNNER_LOCK = 0x73696D
SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105  (the name of a header)


class Runner:
    """The server's delivering side. ``run`` works until ``stop`` is called from a signal handler."""

    def __init__(self) -> None:
        self._stopping = threading.Event()
        self._in_flight: set[str] = set()
        self._http = urllib3.PoolManager(maxsize=MAX_WORKERS, retries=False, timeout=WEBHOOK_TIMEOUT_SECS)
        self._workers = ThreadPoolExecutor(MAX_WORKERS, thread_name_prefix="deliver")
        self._next_expiry_check = 0.0

    def stop(self) -> None:
        self._stopping.set()

    def run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._serve()
            except (InterfaceError, OperationalError) as error:
                log.warning("the database is away: %s", type(error).__name__)
                connection.close()
                self._stopping.wait(1)
        self._workers.shutdown(cancel_futures=True)

    def _serve(self) -> None:
        if not self._alone():
            return
        wakeups.listen()
        log.info("delivering updates")
        while not self._stopping.is_set():
            wakeups.wait(min(self.tick(), IDLE_WAIT_SECS))

    def _alone(self) -> bool:
        """Waits until no other runner works on this database; False if stopped before."""
        while not self._stopping.is_set():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_try_advisory_lock(%s)", [SINGLE_RUNNER_LOCK])
                if cursor.fetchone() == (True,):
                    return True
            self._stopping.wait(0.5)
        return False

    def tick(self) -> float:
        """Starts everything that is due and returns the seconds until something else is."""
        if time.monotonic() >= self._next_expiry_check:
            drop_expired()
            self._next_expiry_check = time.monotonic() + EXPIRY_CHECK_SECS
        return min(self._start_deliveries(), act_when_due())

    def _start_deliveries(self) -> float:
        webhook = Webhook.objects.filter(pk=1).exclude(url="").first()
        if webhook is None:
            return IDLE_WAIT_SECS
        wait = IDLE_WAIT_SECS
        for update in queue_heads(excluding=list(self._in_flight)):
            secs = (update.next_attempt_at - timezone.now()).total_seconds()
            if secs > 0:
                wait = min(wait, secs)
            elif len(self._in_flight) < min(MAX_WORKERS, webhook.max_connections):
                self._in_flight.add(update.queue)
                self._workers.submit(self._deliver, update, webhook)
        return wait

    def _deliver(self, update: BotUpdate, webhook: Webhook) -> None:
        try:
            deliver(update, webhook, self._http)
        except Exception:
            log.exception("update %d could not be settled", update.pk)
            self._stopping.wait(1)
        finally:
            self._in_flight.discard(update.queue)
            self._look_again()
            connection.close()

    def _look_again(self) -> None:
        try:
            wakeups.wake()
        except (InterfaceError, OperationalError):
            # The next look comes by itself after IDLE_WAIT_SECS.
            log.warning("the database is away")


def deliver(update: BotUpdate, webhook: Webhook, http: urllib3.PoolManager) -> None:
    """One attempt: settles the update after a 2xx, else plans the next attempt."""
    body: JsonObject = {"update_id": update.update_id, **update.payload}
    headers = {"Content-Type": "application/json"}
    if webhook.secret_token:
        headers[SECRET_HEADER] = webhook.secret_token
    try:
        response = http.request("POST", webhook.url, body=json.dumps(body).encode(), headers=headers, redirect=False)
    except urllib3.exceptions.HTTPError as error:
        _note_failure(update, f"{type(error).__name__}")
        return
    if not 200 <= response.status < 300:
        retry_after = response.headers.get("Retry-After", "")
        reason = f"Wrong response from the webhook: {response.status} {response.reason or ''}".strip()
        _note_failure(update, reason, int(retry_after) if retry_after.isdecimal() else 0)
        return
    with transaction.atomic():
        settle(update)
        _run_answer(update, response.data)


def _note_failure(update: BotUpdate, reason: str, retry_after_secs: int = 0) -> None:
    log.warning("update %d, attempt %d: %s", update.pk, update.attempts + 1, reason)
    Webhook.objects.filter(pk=1).update(last_error_at=timezone.now(), last_error=reason[:200])
    postpone(update, retry_after_secs=retry_after_secs)


def _run_answer(update: BotUpdate, body: bytes) -> None:
    """Runs the Bot API call that rode back in the webhook's answer, if any. Its refusal is nobody's to hear."""
    try:
        answer = json.loads(body or b"null")
    except ValueError:
        return
    if not isinstance(answer, dict) or not isinstance(answer.get("method"), str):
        return
    name = answer.pop("method")
    try:
        methods.call(name, answer)
    except ApiError as error:
        log.warning("update %d: %s in the webhook's answer was refused: %s", update.pk, name, error.description)


def act_when_due() -> float:
    """Lets personas on autopilot do what they planned, and returns the seconds until the next act."""
    for act in PlannedAct.objects.filter(done_at__isnull=True, due_at__lte=timezone.now()).order_by("due_at", "id"):
        _act(act)
    upcoming = PlannedAct.objects.filter(done_at__isnull=True).order_by("due_at").first()
    return max((upcoming.due_at - timezone.now()) / timedelta(seconds=1), 0.0) if upcoming else IDLE_WAIT_SECS


def _act(act: PlannedAct) -> None:
    try:
        with transaction.atomic():
            _carry_out(act)
    except ApiError:
        # The card has gone or changed: a person would let it be.
        log.info("act %d came too late", act.pk)
    act.done_at = timezone.now()
    act.save(update_fields=["done_at"])


def _carry_out(act: PlannedAct) -> None:
    if act.kind == PlannedAct.Kind.BROWSE:
        personas.say(act.persona_id, "/browse")
    elif act.kind == PlannedAct.Kind.SAY:
        personas.say(act.persona_id, act.text, reply_to_id=act.message.message_id)
    else:
        likes = [data for data in act.message.button_data() if data.startswith("like:")]
        personas.tap(act.persona_id, act.message.message_id, likes[0] if likes else "")
