"""The browser's page and its JSON."""

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from apps.simulator import windows
from apps.simulator.models import Persona
from apps.simulator.personas import NewPersona, create_persona, say


@pytest.fixture
def act(client):
    def run(name: str, /, chat: int = 501, **body: object):
        return client.post(f"/simulator/api/chats/{chat}/{name}", json.dumps(body), content_type="application/json")

    return run


@pytest.fixture
def window(client):
    return lambda chat=501: client.get(f"/simulator/api/chats/{chat}").json()


def test_it_shows_the_page_without_inline_code(client, db):
    page = client.get("/simulator/")
    assert page.status_code == 200
    html = page.content.decode()
    assert "style=" not in html
    assert html.count("<script") == html.count('<script type="module" src=') == 1


def test_it_lists_people_used_last_before_all_others(client, act, ana, boris):
    create_persona(NewPersona("Demo", telegram_id=601, autopilot=True))
    act("text", chat=502, text="Hi")
    names = [persona["name"] for persona in client.get("/simulator/api/personas").json()["personas"]]
    assert names == ["Boris", "Ana", "Demo"]


def test_it_finds_people_by_name_username_and_id(client, ana, boris):
    def found(query: str) -> list[str]:
        return [p["name"] for p in client.get("/simulator/api/personas", {"q": query}).json()["personas"]]

    assert (found("bor"), found("@ana_s"), found("502"), found("nobody")) == (["Boris"], ["Ana"], ["Boris"], [])


def test_it_lists_forty_people_and_says_that_there_are_more(client, db):
    Persona.objects.bulk_create(Persona(telegram_id=number, first_name=f"P{number}") for number in range(1, 42))
    listed = client.get("/simulator/api/personas").json()
    assert (len(listed["personas"]), listed["has_more"]) == (40, True)


def test_it_creates_a_persona_from_the_form(client, db):
    body = {"first_name": "Zoë", "language_code": "ru", "username": "@zoe_sim"}
    created = client.post("/simulator/api/personas", json.dumps(body), content_type="application/json").json()
    persona = Persona.objects.get(pk=created["id"])
    assert (persona.first_name, persona.language_code, persona.username) == ("Zoë", "ru", "zoe_sim")


@pytest.mark.parametrize("body", [{"first_name": ""}, {"first_name": "A", "username": "ana_sim"}, ["x"]])
def test_it_says_what_is_wrong_with_a_new_persona(client, ana, body):
    response = client.post("/simulator/api/personas", json.dumps(body), content_type="application/json")
    assert response.status_code == 400
    assert response.json()["description"].startswith("Bad Request: ")


def test_it_wants_a_csrf_token_from_the_browser_and_none_from_the_bot(ana, api):
    strict = Client(enforce_csrf_checks=True)
    assert strict.post("/simulator/api/chats/501/clear").status_code == 403
    assert strict.post(f"/simulator/bot{api.token}/getMe").status_code == 200


def test_it_sends_text_and_shows_what_is_new_since(client, act, ana):
    act("text", text="One")
    seen = client.get("/simulator/api/events", {"chat": 501, "after": 0}).json()
    act("text", text="Two", reply_to=1)
    news = client.get("/simulator/api/events", {"chat": 501, "after": seen["last_event"]}).json()
    assert [(message["text"], message["out"]) for message in news["messages"]] == [("Two", True)]
    assert news["messages"][0]["reply_to"]["text"] == "One"
    after = news["last_event"]
    assert client.get("/simulator/api/events", {"chat": 501, "after": after}).json() == {"last_event": after}


def test_it_asks_the_database_little_when_nothing_is_new(client, ana, django_assert_max_num_queries):
    with django_assert_max_num_queries(2):
        client.get("/simulator/api/events", {"chat": 501, "after": 0})


def test_it_sends_photos_as_an_album(client, ana, window, picture):
    files = [picture(colour="red"), picture(colour="blue")]
    client.post("/simulator/api/chats/501/files", {"kind": "photo", "caption": "Two", "files": files})
    first, second = window()["messages"]
    assert first["media_group_id"] == second["media_group_id"]
    assert (first["caption"], "caption" in second) == ("Two", False)


def test_it_sends_voice_with_its_length_and_plays_it(client, ana, window):
    voice = SimpleUploadedFile("v.ogg", b"sound", "audio/ogg")
    client.post("/simulator/api/chats/501/files", {"kind": "voice", "duration": "7", "files": voice})
    sent = window()["messages"][0]["voice"]
    assert sent["duration"] == 7
    response = client.get(f"/simulator/api/files/{sent['file_unique_id']}")
    assert (response.headers["Content-Type"], b"".join(response.streaming_content)) == ("audio/ogg", b"sound")


def test_it_never_shows_uploaded_pages_inline(client, ana, window):
    page = SimpleUploadedFile("x.html", b"<script>alert(1)</script>", "text/html")
    client.post("/simulator/api/chats/501/files", {"kind": "document", "files": page})
    response = client.get(f"/simulator/api/files/{window()['messages'][0]['document']['file_unique_id']}")
    assert response.headers["Content-Type"] == "application/octet-stream"
    assert response.headers["Content-Disposition"].startswith("attachment")


def test_it_sends_places_contacts_and_stickers(act, ana, window):
    act("location", latitude=40.4, longitude=-3.7)
    act("contact")
    act("sticker", name="heart")
    place, contact, sticker = window()["messages"]
    assert place["location"] == {"latitude": 40.4, "longitude": -3.7}
    assert contact["contact"]["user_id"] == 501
    assert sticker["sticker"]["emoji"] == "❤️"


def test_it_blocks_edits_and_switches_autopilot(act, ana, window):
    act("text", text="Old")
    act("edit", message_id=1, text="New")
    act("autopilot", on=True)
    act("blocked", on=True)
    shown = window()
    assert (shown["messages"][0]["text"], shown["persona"]["autopilot"], shown["blocked"]) == ("New", True, True)


@pytest.mark.parametrize(
    ("name", "body", "status"),
    [
        ("text", {"text": ""}, 400),
        ("text", {}, 400),
        ("tap", {"message_id": 1, "data": "x"}, 400),
        ("edit", {"message_id": 9, "text": "x"}, 400),
        ("location", {"latitude": 91, "longitude": 0}, 400),
        ("sticker", {"name": "../x"}, 400),
        ("files", {"kind": "virus"}, 400),
        ("dance", {}, 404),
    ],
)
def test_it_refuses_what_makes_no_sense(act, ana, name, body, status):
    assert act(name, **body).status_code == status


def test_it_knows_nothing_of_strangers(client, act, db):
    assert client.get("/simulator/api/chats/9").status_code == 404
    assert act("text", chat=9, text="x").status_code == 404
    assert client.get("/simulator/api/events", {"chat": "x", "after": "0"}).status_code == 400


def test_it_pages_back_through_a_long_chat(client, ana, window):
    for number in range(105):
        say(501, str(number))
    newest = window()
    assert (len(newest["messages"]), newest["has_earlier"]) == (100, True)
    earlier = client.get("/simulator/api/chats/501", {"before": newest["messages"][0]["id"]}).json()
    assert ([m["text"] for m in earlier["messages"]], earlier["has_earlier"]) == (["0", "1", "2", "3", "4"], False)


def test_it_shows_a_keyboard_that_comes_just_while_the_browser_asks(api, ana):
    asked_for = Persona.objects.get(pk=ana.pk)
    api("sendMessage", chat_id=501, text="Where?", reply_markup={"keyboard": [["Here"]]})
    assert windows.news(asked_for, after=0)["state"]["reply_keyboard"]["keyboard"] == [[{"text": "Here"}]]


def test_it_opens_a_chat_with_a_keyboard_that_comes_just_then(api, ana):
    asked_for = Persona.objects.get(pk=ana.pk)
    api("sendMessage", chat_id=501, text="Where?", reply_markup={"keyboard": [["Here"]]})
    assert windows.open_window(asked_for)["reply_keyboard"]["keyboard"] == [[{"text": "Here"}]]
