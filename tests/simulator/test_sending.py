"""What a bot gets back when it sends."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from apps.simulator.personas import say, set_blocked

KEYBOARD = {
    "inline_keyboard": [[{"text": "Yes", "callback_data": "yes"}, {"text": "Site", "url": "https://example.org"}]]
}


def test_it_answers_with_the_message_it_sent(api, ana):
    sent = api("sendMessage", chat_id=501, text="Hello", reply_markup=KEYBOARD, protect_content=True)
    assert sent["text"] == "Hello"
    assert sent["chat"] == {"id": 501, "first_name": "Ana", "type": "private", "username": "ana_sim"}
    assert sent["from"]["is_bot"] is True
    assert sent["reply_markup"] == KEYBOARD
    assert sent["has_protected_content"] is True


def test_it_numbers_the_messages_of_each_chat_upwards(api, ana, boris):
    numbers = [api("sendMessage", chat_id=chat, text="Hi")["message_id"] for chat in (501, 501, 502, 501)]
    assert numbers == [1, 2, 1, 3]


def test_it_takes_forms_as_well_as_json(api, ana, client):
    url = f"/simulator/bot{api.token}/sendmessage"
    assert client.post(url, {"chat_id": "501", "text": "By form"}).json()["result"]["text"] == "By form"
    assert client.get(url, {"chat_id": "501", "text": "By address"}).json()["result"]["text"] == "By address"


def test_it_shows_what_a_message_replies_to(api, ana):
    original = say(501, "First")
    sent = api("sendMessage", chat_id=501, text="Re", reply_parameters={"message_id": original.message_id})
    assert sent["reply_to_message"]["text"] == "First"


@pytest.mark.parametrize(
    ("method", "field", "name"),
    [
        ("sendVoice", "voice", "v.ogg"),
        ("sendVideo", "video", "v.mp4"),
        ("sendVideoNote", "video_note", "n.mp4"),
        ("sendDocument", "document", "d.pdf"),
        ("sendAnimation", "animation", "a.mp4"),
        ("sendAudio", "audio", "a.mp3"),
    ],
)
def test_it_sends_every_kind_of_file_and_sends_it_again_by_its_id(api, ana, boris, method, field, name):
    first = api(method, chat_id=501, **{field: SimpleUploadedFile(name, b"some bytes")})
    again = api(method, chat_id=502, **{field: first[field]["file_id"]})
    assert again[field] == first[field]


def test_it_sends_stickers(api, ana, client):
    webp = client.get("/simulator/api/stickers/heart").content
    sent = api("sendSticker", chat_id=501, sticker=SimpleUploadedFile("s.webp", webp, "image/webp"))
    assert (sent["sticker"]["width"], sent["sticker"]["height"]) == (512, 512)


def test_it_keeps_a_photo_in_several_sizes(api, ana, picture):
    sent = api("sendPhoto", chat_id=501, photo=picture(2000, 1000), caption="<b>Sea</b>", parse_mode="HTML")
    assert [size["width"] for size in sent["photo"]] == [90, 320, 800, 1280]
    assert sent["caption_entities"] == [{"type": "bold", "offset": 0, "length": 3}]


def test_it_sends_a_photo_again_by_any_of_its_sizes(api, ana, picture):
    sizes = api("sendPhoto", chat_id=501, photo=picture())["photo"]
    assert api("sendPhoto", chat_id=501, photo=sizes[0]["file_id"])["photo"] == sizes


def test_it_gives_the_same_bytes_the_same_name(api, ana, picture):
    one, two, other = (
        api("sendPhoto", chat_id=501, photo=picture(colour=colour))["photo"][-1]["file_unique_id"]
        for colour in ("red", "red", "blue")
    )
    assert one == two != other


def test_it_sends_an_album_with_uploads_and_known_files(api, ana, picture):
    known = api("sendPhoto", chat_id=501, photo=picture())["photo"][-1]["file_id"]
    media = [{"type": "photo", "media": "attach://new", "caption": "Two"}, {"type": "photo", "media": known}]
    first, second = api("sendMediaGroup", chat_id=501, media=media, new=picture(colour="red"))
    assert first["media_group_id"] == second["media_group_id"]
    assert first["caption"] == "Two"


def test_it_sends_contacts_and_places(api, ana):
    assert api("sendContact", chat_id=501, phone_number="+15550001", first_name="Al")["contact"]["first_name"] == "Al"
    assert api("sendLocation", chat_id=501, latitude=52.5, longitude=13.4)["location"]["latitude"] == 52.5


def test_it_copies_a_message_into_another_chat(api, ana, boris, picture, client):
    original = api("sendPhoto", chat_id=501, photo=picture(), caption="Look")
    copied = api("copyMessage", chat_id=502, from_chat_id=501, message_id=original["message_id"], caption="New")
    assert copied == {"message_id": 1}
    shown = client.get("/simulator/api/chats/502").json()["messages"][0]
    assert (shown["photo"], shown["caption"]) == (original["photo"], "New")


@pytest.mark.parametrize(
    ("params", "refusal"),
    [
        ({"chat_id": 9, "text": "x"}, "400 Bad Request: chat not found"),
        ({"chat_id": "@nobody", "text": "x"}, "400 Bad Request: chat not found"),
        ({"text": "x"}, "400 Bad Request: chat_id is empty"),
        ({"chat_id": 501, "text": " "}, "400 Bad Request: message text is empty"),
        ({"chat_id": 501, "text": "x" * 4097}, "400 Bad Request: message is too long"),
        (
            {"chat_id": 501, "text": "a < b", "parse_mode": "HTML"},
            "400 Bad Request: can't parse entities: Unclosed start tag at byte offset 2",
        ),
        (
            {"chat_id": 501, "text": "x", "reply_parameters": {"message_id": 77}},
            "400 Bad Request: message to be replied not found",
        ),
        (
            {
                "chat_id": 501,
                "text": "x",
                "reply_markup": {"inline_keyboard": [[{"text": "x", "callback_data": "é" * 33}]]},
            },
            "400 Bad Request: BUTTON_DATA_INVALID",
        ),
    ],
)
def test_it_refuses_bad_messages_in_telegrams_words(api, ana, params, refusal):
    assert api.refusal("sendMessage", **params) == refusal


def test_it_refuses_long_captions_and_foreign_files(api, ana, picture):
    voice = api("sendVoice", chat_id=501, voice=SimpleUploadedFile("v.ogg", b"bytes"))["voice"]["file_id"]
    too_long = api.refusal("sendVoice", chat_id=501, voice=voice, caption="x" * 1025)
    assert too_long == "400 Bad Request: message caption is too long"
    assert "wrong file identifier" in api.refusal("sendPhoto", chat_id=501, photo="no-such-file")
    assert "can't use file of type Voice as Photo" in api.refusal("sendPhoto", chat_id=501, photo=voice)
    broken = SimpleUploadedFile("p.jpg", b"no picture")
    assert api.refusal("sendPhoto", chat_id=501, photo=broken) == "400 Bad Request: IMAGE_PROCESS_FAILED"


def test_it_refuses_albums_of_one(api, ana, picture):
    media = [{"type": "photo", "media": "attach://a"}]
    assert api.refusal("sendMediaGroup", chat_id=501, media=media, a=picture()).startswith("400")


def test_it_says_when_the_bot_was_blocked(api, ana):
    set_blocked(501, True)
    assert api.refusal("sendMessage", chat_id=501, text="x") == "403 Forbidden: bot was blocked by the user"


def test_it_knows_only_its_own_token_and_its_own_methods(api, ana, client):
    assert client.get("/simulator/bot1:wrong/getMe").json() == {
        "ok": False,
        "error_code": 401,
        "description": "Unauthorized",
    }
    assert api.refusal("sendLove") == "404 Not Found: method not found"
    assert client.post(f"/simulator/bot{api.token}/getMe", "{", content_type="application/json").status_code == 400
