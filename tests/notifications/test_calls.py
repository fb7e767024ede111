"""What deliveries become: photos, replies, edits and deletions."""

from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from pytest_django import Settings

from apps.core.errors import GatewayError
from apps.notifications.models import Delivery
from apps.users.models import Photo, User
from tests.fakes import FakeBotApi, deliver_all
from tests.notifications.conftest import tell

pytestmark = pytest.mark.django_db
BUTTONS = {"inline_keyboard": [[{"text": "Like", "callback_data": "like"}]]}


def refusal(description: str) -> GatewayError:
    return GatewayError(description, permanent=True)


@pytest.fixture(autouse=True)
def _own_media(settings: Settings, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def stored(ann: User) -> Photo:
    """A photo that Telegram does not have."""
    return Photo.objects.create(user=ann, position=0, file=ContentFile(b"a picture", name="one.jpg"))


@pytest.fixture
def known(ann: User) -> Photo:
    """A photo that Telegram has."""
    return Photo.objects.create(user=ann, position=1, file_id="known-file")


def card(photo: Photo, caption: str = "Ann, 27") -> dict[str, object]:
    return {"type": "photo", "media": {"$photo": str(photo.pk)}, "caption": caption, "parse_mode": "HTML"}


# ---- Photos


def test_it_shows_a_photo_that_telegram_has_by_its_file_id(ben: User, known: Photo, api: FakeBotApi) -> None:
    tell(ben, method="sendPhoto", photo={"$photo": str(known.pk)})

    [call] = deliver_all(api).calls

    assert call.params == {"chat_id": ben.telegram_id, "photo": "known-file"}
    assert call.files == {}


def test_it_uploads_a_photo_once(ben: User, stored: Photo, api: FakeBotApi) -> None:
    tell(ben, method="sendPhoto", photo={"$photo": str(stored.pk)})
    tell(ben, method="sendPhoto", photo={"$photo": str(stored.pk)})

    first, second = deliver_all(api).calls

    assert list(first.files.values()) == [b"a picture"]
    assert (second.params["photo"], second.files) == ("file-1", {})
    stored.refresh_from_db()
    assert (stored.file_id, stored.file_unique_id) == ("file-1", "file-1-unique")


def test_it_uploads_into_an_edited_card(ben: User, stored: Photo, api: FakeBotApi) -> None:
    tell(ben, method="editMessageMedia", message_id=7, media=card(stored))

    [call] = deliver_all(api).calls

    assert list(call.files.values()) == [b"a picture"]
    stored.refresh_from_db()
    assert stored.file_id == "file-1"


def test_it_learns_which_photo_of_an_album_is_which(ben: User, stored: Photo, known: Photo, api: FakeBotApi) -> None:
    tell(ben, method="sendMediaGroup", media=[card(known), card(stored)])

    deliver_all(api)

    stored.refresh_from_db()
    known.refresh_from_db()
    assert (known.file_id, stored.file_id) == ("known-file", "file-1")


def test_it_sends_no_card_whose_photo_is_gone(ben: User, known: Photo, api: FakeBotApi) -> None:
    tell(ben, method="sendPhoto", photo={"$photo": str(known.pk)}, caption="Ann, 27")
    known.delete()

    assert deliver_all(api).attempts == []
    assert ben.deliveries.get().error == "the photo is gone"


def test_it_does_not_wait_for_a_stored_file_that_is_missing(ben: User, stored: Photo, api: FakeBotApi) -> None:
    tell(ben, method="sendPhoto", photo={"$photo": str(stored.pk)})
    Path(stored.file.path).unlink()

    assert deliver_all(api).attempts == []
    assert ben.deliveries.get().status == Delivery.Status.FAILED


@pytest.fixture
def _media_away(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise ConnectionError

    monkeypatch.setattr("django.core.files.storage.FileSystemStorage.open", away)


@pytest.mark.usefixtures("_media_away")
def test_it_sends_a_card_as_words_while_the_media_store_is_away(ben: User, stored: Photo, api: FakeBotApi) -> None:
    keyboard = {"inline_keyboard": [[{"text": "Like", "callback_data": "like"}]]}
    tell(ben, method="sendPhoto", reply_markup=keyboard, protect_content=True, **_as_photo(card(stored)))
    tell(ben, method="editMessageMedia", message_id=7, media=card(stored, "Ann, 28"), reply_markup=keyboard)

    deliver_all(api)

    assert api.texts_to(ben.telegram_id) == ["Ann, 27", "Ann, 28"]
    assert [call.method for call in api.calls] == ["sendMessage", "sendMessage"]
    assert all(call.params["reply_markup"] == keyboard for call in api.calls)
    assert api.calls[0].params["protect_content"] is True


def _as_photo(medium: dict[str, object]) -> dict[str, object]:
    return {"photo": medium["media"], **{name: medium[name] for name in ("caption", "parse_mode")}}


@pytest.mark.usefixtures("_media_away")
def test_it_waits_for_a_media_store_that_is_away_where_there_are_no_words(
    ben: User, stored: Photo, api: FakeBotApi
) -> None:
    tell(ben, method="sendPhoto", photo={"$photo": str(stored.pk)})

    deliver_all(api)

    delivery = ben.deliveries.get()
    assert (delivery.status, delivery.error) == (Delivery.Status.PENDING, "media store: ConnectionError")


# ---- Earlier messages


def test_it_replies_to_the_message_that_an_earlier_delivery_became(ben: User, api: FakeBotApi) -> None:
    [original] = tell(ben, "hello")
    tell(ben, "I said", reply_parameters={"message_id": {"$message": original.pk}})

    _, reply = deliver_all(api).calls

    assert reply.params["reply_parameters"] == {"message_id": 101}


def test_it_sends_a_reply_to_nothing_as_a_message_of_its_own(ben: User, api: FakeBotApi) -> None:
    tell(ben, "I said", reply_parameters={"message_id": {"$message": 0}})

    [call] = deliver_all(api).calls

    assert call.params == {"chat_id": ben.telegram_id, "text": "I said"}


def test_it_never_points_to_a_message_in_another_chat(ann: User, ben: User, api: FakeBotApi) -> None:
    [elsewhere] = tell(ann, "hello")
    deliver_all(api)
    tell(ben, "edited", method="editMessageText", message_id={"$message": elsewhere.pk})

    deliver_all(api)

    assert ben.deliveries.get().error == "nothing to edit or reply to"


def test_it_edits_what_an_earlier_delivery_became(ben: User, api: FakeBotApi) -> None:
    [original] = tell(ben, "hello")
    [edit] = tell(ben, "hullo", method="editMessageText", message_id={"$message": original.pk})
    tell(ben, "hi", method="editMessageText", message_id={"$message": edit.pk})

    _, *edits = deliver_all(api).calls

    assert [(edit.params["message_id"], edit.text) for edit in edits] == [(101, "hullo"), (101, "hi")]


def test_it_is_content_when_there_is_nothing_to_delete(ben: User, api: FakeBotApi) -> None:
    api.fail(refusal("message to delete not found"))
    tell(ben, method="deleteMessage", message_id=7)
    tell(ben, method="deleteMessage", message_id={"$message": 0})

    deliver_all(api)

    assert len(api.attempts) == 1
    assert set(ben.deliveries.values_list("status", flat=True)) == {"sent"}


def test_it_answers_a_tap_without_naming_the_chat(ben: User, api: FakeBotApi) -> None:
    tell(ben, "Liked", method="answerCallbackQuery", callback_query_id="1")

    [call] = deliver_all(api).calls

    assert call.params == {"text": "Liked", "callback_query_id": "1"}


# ---- Edits that Telegram refuses


@pytest.mark.parametrize(
    "description",
    [
        "message to edit not found",
        "message can't be edited",
        "there is no text in the message to edit",
        "MESSAGE_ID_INVALID",
    ],
)
def test_it_sends_a_new_message_where_the_old_one_cannot_be_edited(
    ben: User, api: FakeBotApi, description: str
) -> None:
    api.fail(refusal(description), method="editMessageText")
    tell(ben, "hi", method="editMessageText", message_id=7, reply_markup=BUTTONS, protect_content=True)

    [call] = deliver_all(api).calls

    assert call.method == "sendMessage"
    assert call.params == {
        "chat_id": ben.telegram_id,
        "text": "hi",
        "reply_markup": BUTTONS,
        "protect_content": True,
    }
    assert ben.deliveries.get().message_id == 101


def test_it_sends_a_new_card_where_the_old_one_cannot_be_edited(ben: User, stored: Photo, api: FakeBotApi) -> None:
    api.fail(refusal("message can't be edited"), method="editMessageMedia")
    tell(ben, method="editMessageMedia", message_id=7, media=card(stored), reply_markup=BUTTONS)

    [call] = deliver_all(api).calls

    assert (call.method, call.text, call.params["reply_markup"]) == ("sendPhoto", "Ann, 27", BUTTONS)
    assert list(call.files.values()) == [b"a picture"]
    stored.refresh_from_db()
    assert stored.file_id == "file-1"


def test_it_does_not_protect_an_edit_which_telegram_does_not_know(ben: User, api: FakeBotApi) -> None:
    tell(ben, "hi", method="editMessageText", message_id=7, protect_content=True)

    [call] = deliver_all(api).calls

    assert call.params == {"chat_id": ben.telegram_id, "text": "hi", "message_id": 7}


def test_it_is_content_when_the_message_is_as_it_should_be(ben: User, api: FakeBotApi) -> None:
    api.fail(refusal("message is not modified: specified new message content and reply markup are the same"))
    tell(ben, "hi", method="editMessageText", message_id=7)

    deliver_all(api)

    delivery = ben.deliveries.get()
    assert (delivery.status, delivery.message_id) == (Delivery.Status.SENT, 7)


@pytest.mark.parametrize("method", ["editMessageCaption", "editMessageReplyMarkup"])
def test_it_gives_up_on_an_edit_that_says_nothing_by_itself(ben: User, api: FakeBotApi, method: str) -> None:
    api.fail(refusal("message can't be edited"))
    tell(ben, method=method, message_id=7)

    assert deliver_all(api).calls == []
    assert ben.deliveries.get().status == Delivery.Status.FAILED


def test_it_does_not_send_anew_while_telegram_is_away(ben: User, api: FakeBotApi) -> None:
    api.fail(GatewayError("Bad Gateway", permanent=False))
    tell(ben, "hi", method="editMessageText", message_id=7)

    assert deliver_all(api).calls == []
    assert ben.deliveries.get().status == Delivery.Status.PENDING


@pytest.mark.parametrize("is_paid", [True, False])
def test_it_says_that_a_message_may_be_paid_for_where_that_is_bought(
    ann: User, api: FakeBotApi, settings: Settings, is_paid: bool
) -> None:
    settings.TELEGRAM_PAID_BROADCASTS = is_paid
    tell(ann, "hello")
    tell(ann, method="sendChatAction", action="typing")

    deliver_all(api)

    assert [call.params.get("allow_paid_broadcast", False) for call in api.calls] == [is_paid, False]
