"""The checks go through what is new; one that fails stops nothing, and says so in the admin."""

from datetime import timedelta
from io import BytesIO

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.urls import reverse
from django.utils import timezone
from PIL import Image, ImageDraw
from pytest_django import Settings

from apps.conversations.models import Message
from apps.moderation.checks import models_bundled, services
from apps.moderation.models import Case, Check, Finding, PhotoCheck, Rule
from apps.moderation.tasks import check_missed_photos, check_texts
from apps.users.models import Photo, Profile, Staff, User
from tests.moderation.rules.test_rules import say
from tests.staff import browser

SOON = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def _nobody_waits(monkeypatch: pytest.MonkeyPatch, db: None) -> None:
    monkeypatch.setattr(services, "SETTLED", timedelta(0))
    Rule.objects.update(mode="off")


def live(expression: str, about: str = "message", **fields: object) -> Rule:
    return Rule.objects.create(
        name=f"{about} {expression}"[:80], about=about, expression=expression, mode="live", version=1, **fields
    )


def found() -> set[str]:
    return {subject.partition(":")[0] for subject in Finding.objects.values_list("subject", flat=True)}


def test_it_asks_about_each_message_once(ann: User, bob: User) -> None:
    live("links > 0")
    say(bob, ann, "see coins.top")
    say(bob, ann, "hello")
    assert services.check_messages() == 2
    assert services.check_messages() == 0
    assert Finding.objects.count() == 1


def test_it_asks_again_about_what_was_changed(ann: User, bob: User) -> None:
    live("links > 0")
    message = say(bob, ann, "hello")
    services.check_messages()
    Message.objects.filter(pk=message.pk).update(text="see coins.top")
    changed = Message.objects.get(pk=message.pk)
    changed.text, changed.edited_at = "see coins.top", timezone.now()
    changed.save()
    assert services.check_messages() == 1
    assert Case.objects.get().member == bob


def test_it_catches_up_in_batches(ann: User, bob: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "BATCH", 3)
    live("links > 0")
    start = timezone.now() - timedelta(minutes=30)
    for number in range(8):
        say(bob, ann, f"{number} coins.top", created_at=start + number * timedelta(seconds=1))
    assert services.check_messages() == 8
    assert Finding.objects.count() == 8


def test_it_lets_one_worker_look_at_a_time(ann: User, bob: User) -> None:
    say(bob, ann, "hello")
    Check.objects.create(name="messages", busy_until=timezone.now() + SOON)
    assert services.check_messages() == 0
    Check.objects.update(busy_until=timezone.now() - SOON)
    assert services.check_messages() == 1


def test_it_knows_how_fast_and_to_how_many_somebody_writes(ann: User, bob: User) -> None:
    from tests.factories import member

    live("messages_last_hour == 3 && conversations_last_hour == 3 && same_elsewhere == 2 && number == 1")
    text = "Hello beautiful, I have a question for you"
    for receiver in (ann, member("Cid"), member("Dot")):
        say(bob, receiver, text)
    services.check_messages()
    assert Finding.objects.count() == 1


def test_it_asks_about_new_words_of_profiles(bob: User) -> None:
    live("links > 0", about="profile")
    Profile.objects.filter(user=bob).update(bio="see coins.top", bio_changed_at=timezone.now())
    assert services.check_profiles() == 1
    assert found() == {"profile"}


@pytest.mark.parametrize(
    ("text", "language", "is_toxic"),
    [
        ("You are a fucking idiot and everybody hates you", "en", True),
        ("Shall we have a coffee on Saturday afternoon?", "en", False),
        ("Hola, ¿quieres tomar un café el sábado por la tarde?", "es", False),
        ("Привет, выпьем кофе в субботу после обеда?", "ru", False),
        ("Hast du Lust auf einen Kaffee am Samstagnachmittag?", "de", False),
    ],
)
def test_it_tells_language_and_toxicity(ann: User, bob: User, text: str, language: str, is_toxic: bool) -> None:
    live(f"language == '{language}' && toxicity {'>' if is_toxic else '<'} 50")
    say(bob, ann, text)
    services.check_messages()
    assert Finding.objects.count() == 1


# ---- A model that fails


def _broken(*_: object) -> None:
    raise RuntimeError("quokka in the model")


def test_it_goes_on_without_a_model_that_fails_and_shows_it(
    ann: User, bob: User, mona: Staff, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models_bundled, "toxicity", _broken)
    live("toxicity >= 0")
    live("links > 0")
    say(bob, ann, "this is a longer text in English, see coins.top")
    check_texts()
    assert Finding.objects.get().rule.expression == "links > 0"
    failing = Check.objects.get(name="toxicity")
    assert failing.is_failing
    assert "RuntimeError" in failing.error
    assert "quokka" not in failing.error
    page = browser(mona).get(reverse("admin:moderation_check_changelist")).content.decode()
    assert "Fails" in page


def test_it_shows_that_a_model_works_again(ann: User, bob: User, monkeypatch: pytest.MonkeyPatch) -> None:
    live("toxicity > 50")
    with monkeypatch.context() as broken:
        broken.setattr(models_bundled, "toxicity", _broken)
        say(bob, ann, "this is a longer text in English")
        services.check_messages()
    say(bob, ann, "this is another text in English")
    services.check_messages()
    assert not Check.objects.get(name="toxicity").is_failing


# ---- Photos


def _jpeg() -> bytes:
    image = Image.new("RGB", (300, 400), "white")
    ImageDraw.Draw(image).rectangle((50, 50, 200, 300), fill="navy")
    out = BytesIO()
    image.save(out, "JPEG")
    return out.getvalue()


@pytest.fixture
def photo(bob: User, settings: Settings, tmp_path: object) -> Photo:
    settings.MEDIA_ROOT = tmp_path
    photo = Photo.objects.filter(user=bob)[0]
    photo.file.save("x.jpg", ContentFile(_jpeg()))
    return photo


def test_it_looks_at_a_photo_with_its_own_models(photo: Photo) -> None:
    live("faces == 0 && nudity < 50", about="photo")
    services.check_photo(photo.pk)
    found = PhotoCheck.objects.get()
    assert (found.faces, len(found.bands)) == (0, 16)
    assert found.nudity is not None
    assert Finding.objects.get().photo == photo


def test_it_tries_again_what_a_model_could_not_say(photo: Photo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models_bundled, "faces", lambda _: 1)
    with monkeypatch.context() as broken:
        broken.setattr(models_bundled, "nudity", _broken)
        services.check_photo(photo.pk)
    assert PhotoCheck.objects.get().nudity is None
    monkeypatch.setattr(models_bundled, "nudity", lambda _: 97)
    live("nudity > 90", about="photo", action="hide_photo")
    check_missed_photos()
    photo.refresh_from_db()
    assert photo.hidden_at
    assert services.unchecked_photos() == []


def test_it_tells_a_picture_that_cannot_be_read_by_its_check(photo: Photo) -> None:
    default_storage.delete(photo.file.name)
    default_storage.save(photo.file.name, ContentFile(b"no picture"))
    services.check_photo(photo.pk)
    assert {check.name for check in Check.objects.all() if check.is_failing} == {"nudity", "faces", "photo hash"}
