"""Banned members are known when they come back, and nobody else is taken for them."""

import random
from io import BytesIO, StringIO

import pytest
from django.core.files.base import ContentFile
from django.core.management import call_command
from django.urls import reverse
from PIL import Image, ImageDraw, ImageFilter
from pytest_django import Settings

from apps.moderation.checks import models_bundled, services
from apps.moderation.decisions import services as decisions
from apps.moderation.evasion.services import bands, distance, note_phone
from apps.moderation.models import AccountLink, BanMark, Case, PhotoCheck, Rule
from apps.moderation.services import file_report
from apps.users.models import Photo, Staff, User
from apps.users.services import erase
from tests.factories import member
from tests.moderation.conftest import decide, fresh
from tests.staff import Hire, browser

TELEGRAM_ID = 7_312_000_001


def picture(seed: int, *, width: int = 600, quality: int = 90) -> bytes:
    """A picture of its own for each seed, as large and as good as asked for."""
    chance = random.Random(seed)
    image = Image.new("RGB", (600, 750), (chance.randrange(256),) * 3)
    draw = ImageDraw.Draw(image)
    for _ in range(14):
        x, y, size = chance.randrange(600), chance.randrange(750), chance.randrange(60, 300)
        draw.ellipse((x, y, x + size, y + size), fill=tuple(chance.randrange(256) for _ in range(3)))
    out = BytesIO()
    image.filter(ImageFilter.GaussianBlur(3)).resize((width, width * 5 // 4)).save(out, "JPEG", quality=quality)
    return out.getvalue()


@pytest.fixture(autouse=True)
def _media(settings: Settings, tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Photos in a folder of the test's own; the two slow models say nothing here."""
    settings.MEDIA_ROOT = tmp_path
    monkeypatch.setattr(models_bundled, "nudity", lambda _: 1)
    monkeypatch.setattr(models_bundled, "faces", lambda _: 1)


def give_photo(user: User, content: bytes) -> Photo:
    photo = Photo.objects.filter(user=user).first() or Photo(user=user, position=0)
    photo.file.save(f"{user.pk}.jpg", ContentFile(content))
    services.check_photo(photo.pk)
    return photo


def banned(mona: Staff, name: str = "Bob", **fields: object) -> tuple[User, Case]:
    user = member(name, **fields)  # type: ignore[arg-type]
    give_photo(user, picture(1))
    case = file_report(member("Ann"), user, reason="spam").case
    assert case
    decide(case, mona, "ban")
    return user, case


def case_of(user: User) -> Case | None:
    services.check_member(user.pk)
    return Case.objects.filter(member=user).first()


# ---- The same account


def test_it_knows_who_erases_themselves_and_comes_back(mona: Staff) -> None:
    user, old = banned(mona, telegram_id=TELEGRAM_ID)
    erase(fresh(user))
    back = member("Robert", telegram_id=TELEGRAM_ID)
    new = case_of(back)
    assert new
    assert new.severity == 3
    assert AccountLink.objects.get().decision == old.decisions.get()
    page = browser(mona).get(reverse("admin:moderation_case_change", args=[new.pk])).content.decode()
    assert "same Telegram id" in page
    assert reverse("admin:moderation_case_change", args=[old.pk]) in page
    assert "A banned member comes back" in page


def test_it_shows_an_analyst_no_linked_accounts(mona: Staff, hire: Hire) -> None:
    user, __ = banned(mona, telegram_id=TELEGRAM_ID)
    erase(fresh(user))
    new = case_of(member("Robert", telegram_id=TELEGRAM_ID))
    assert new
    address = reverse("admin:moderation_case_change", args=[new.pk])
    assert "same Telegram id" not in browser(hire("ada", "Analyst")).get(address).content.decode()


def test_it_takes_nobody_else_for_them(mona: Staff) -> None:
    banned(mona, telegram_id=TELEGRAM_ID)
    assert case_of(member("Cid", telegram_id=TELEGRAM_ID + 1)) is None


def test_it_forgets_who_was_banned_wrongly(mona: Staff) -> None:
    user, case = banned(mona, telegram_id=TELEGRAM_ID)
    assert BanMark.objects.exists()
    decisions.undo(case.decisions.get(action="ban").pk, by=mona)
    assert not BanMark.objects.exists()
    erase(fresh(user))
    assert case_of(member("Robert", telegram_id=TELEGRAM_ID)) is None


def test_it_knows_them_after_the_keys_were_rotated(mona: Staff, settings: Settings) -> None:
    user, __ = banned(mona, telegram_id=TELEGRAM_ID)
    erase(fresh(user))
    new_key = "bmV3LWtleS1uZXcta2V5LW5ldy1rZXktbmV3LWtleSE="
    settings.FIELD_ENCRYPTION_KEYS = [new_key, *settings.FIELD_ENCRYPTION_KEYS]
    call_command("reencrypt", stdout=StringIO())
    settings.FIELD_ENCRYPTION_KEYS = [new_key]
    assert case_of(member("Robert", telegram_id=TELEGRAM_ID))


def test_it_stores_no_telegram_id(mona: Staff) -> None:
    banned(mona, telegram_id=TELEGRAM_ID)
    assert not any(str(TELEGRAM_ID) in mark.digest for mark in BanMark.objects.all())


def test_it_knows_a_phone_number_that_was_shared(mona: Staff) -> None:
    user = member("Bob")
    note_phone(user, "+995 555 12 34 56")
    case = file_report(member("Ann"), user, reason="spam").case
    assert case
    decide(case, mona, "ban")
    back = member("Robert")
    assert case_of(back) is None
    note_phone(back, "995555123456")
    assert case_of(back)
    assert AccountLink.objects.get(member=back).kind == "phone"


# ---- The same photo


@pytest.mark.parametrize("variant", [{"width": 600}, {"width": 320}, {"quality": 35}], ids=str)
def test_it_knows_the_photo_of_somebody_banned_also_smaller_and_worse(mona: Staff, variant: dict[str, int]) -> None:
    user, __ = banned(mona)
    erase(fresh(user))
    back = member("Robert")
    give_photo(back, picture(1, **variant))
    assert AccountLink.objects.get(member=back).kind == "photo"
    assert Case.objects.get(member=back).findings.get().rule.name == "A photo of a banned member"


def test_it_does_not_know_other_photos(mona: Staff) -> None:
    banned(mona)
    for seed in range(2, 30):
        give_photo(member(f"Cid {seed}"), picture(seed))
    assert not AccountLink.objects.exists()
    assert Case.objects.count() == 1


@pytest.mark.django_db
def test_it_links_members_with_the_same_photo() -> None:
    Rule.objects.filter(name="The same photo on several members").update(
        mode="live", expression="copies_on_others >= 1"
    )
    first, second = member("Ann"), member("Eve")
    give_photo(first, picture(5))
    assert not Case.objects.exists()
    give_photo(second, picture(5, width=400))
    assert AccountLink.objects.get().other == first
    assert Case.objects.get().member == second


def test_it_marks_a_photo_that_was_looked_at_after_the_ban(mona: Staff) -> None:
    user = member("Bob")
    case = file_report(member("Ann"), user, reason="spam").case
    assert case
    decide(case, mona, "ban")
    assert not BanMark.objects.filter(kind="photo").exists()
    photo = give_photo(user, picture(1))
    services.check_photo(photo.pk)
    assert BanMark.objects.filter(kind="photo").count() == 16


def test_it_compares_hashes_by_their_bits() -> None:
    one, other = "0f" * 32, "0f" * 31 + "0e"
    assert distance(one, other) == 1
    assert len(set(bands(one)) & set(bands(other))) == 15


def test_it_takes_blank_pictures_for_no_sign_of_anybody(mona: Staff) -> None:
    out = BytesIO()
    Image.new("RGB", (300, 300), "white").save(out, "JPEG")
    for name in ("Ann", "Eve"):
        give_photo(member(name), out.getvalue())
    assert not AccountLink.objects.exists()


def test_it_keeps_no_check_of_a_photo_that_is_gone(mona: Staff) -> None:
    user, __ = banned(mona)
    erase(fresh(user))
    assert not PhotoCheck.objects.exists()
