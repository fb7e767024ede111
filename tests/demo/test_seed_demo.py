import io
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.db.models import F, Model
from django.utils import timezone

from apps.bot.models import Dialogue
from apps.conversations.models import Conversation, Message
from apps.matching.models import Match, Swipe
from apps.moderation.models import Report
from apps.simulator.models import Persona
from apps.users.models import Photo, Preferences, Profile, User

MEMBERS = 48
WRITTEN: tuple[type[Model], ...] = (
    User, Profile, Preferences, Photo, Dialogue, Swipe, Match, Conversation, Message, Report, Persona,
)  # fmt: skip

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_files(settings: LazySettings, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


def seed(*, members: int = MEMBERS, **options: object) -> str:
    out = io.StringIO()
    call_command("seed_demo", members=members, force=True, stdout=out, **options)
    return out.getvalue()


def everything() -> dict[str, list[dict[str, object]]]:
    return {model.__name__: list(model._default_manager.order_by("pk").values()) for model in WRITTEN}


def test_it_fills_an_empty_service_with_published_members() -> None:
    seed()
    members = User.objects.filter(telegram_id__isnull=False).select_related("profile", "preferences", "dialogue")
    assert members.count() == MEMBERS
    for member in members:
        assert member.consented_at
        assert member.consent_version
        assert member.profile.published_at
        assert member.profile.area
        assert member.preferences.genders
        assert member.date_joined < member.profile.published_at < member.last_active_at
        assert timezone.now() - member.last_active_at < timedelta(days=15)


def test_it_stores_every_photo_that_a_profile_shows() -> None:
    seed(members=6)
    for photo in Photo.objects.all():
        assert photo.file_id == ""
        assert default_storage.size(photo.file.name) > 5_000
    assert Photo.objects.filter(position=0).count() == 6


def test_it_gives_every_member_a_persona_with_a_face() -> None:
    seed()
    members = set(User.objects.values_list("telegram_id", flat=True))
    assert set(Persona.objects.values_list("pk", flat=True)) == members
    assert all(default_storage.exists(persona.avatar) for persona in Persona.objects.all())
    assert MEMBERS / 4 < Persona.objects.filter(autopilot=True).count() < MEMBERS / 2


def test_it_changes_nothing_when_run_twice() -> None:
    seed()
    before = everything()
    assert "Demo members are there." in seed()
    assert everything() == before


def test_it_completes_what_an_interrupted_run_left() -> None:
    seed()
    before = everything()
    User.objects.filter(telegram_id__lt=9_000_100_010).delete()
    Persona.objects.filter(pk__gt=9_000_100_040).delete()
    seed()
    after = everything()
    for model in ("User", "Profile", "Preferences", "Photo", "Dialogue", "Persona"):
        assert [row.get("id", row.get("user_id")) for row in after[model]] == [
            row.get("id", row.get("user_id")) for row in before[model]
        ]


def test_it_leaves_a_member_alone_who_signed_up_anew_with_a_made_up_account() -> None:
    seed(members=6)
    user = User.objects.get(telegram_id=9_000_100_000)
    user.delete()
    again = User.objects.create(telegram_id=9_000_100_000)
    seed()
    assert User.objects.get(telegram_id=9_000_100_000) == again


def test_it_adds_only_those_who_are_missing_for_a_bigger_crowd() -> None:
    seed(members=12)
    first = everything()["Profile"]
    assert "36 demo members made" in seed()
    profiles = everything()["Profile"]
    assert len(profiles) == MEMBERS
    assert all(profile in profiles for profile in first)


def test_it_lets_members_have_met_and_talked() -> None:
    seed()
    assert Swipe.objects.filter(liked=True).exists()
    assert Report.objects.exists()
    for conversation in Conversation.objects.select_related("match"):
        pair = {conversation.match.low_id, conversation.match.high_id}
        messages = list(conversation.messages.order_by("created_at"))
        assert {message.sender_id for message in messages} == pair
        assert all(message.created_at < timezone.now() for message in messages)
        assert Swipe.objects.filter(swiper__in=pair, target__in=pair, liked=True).count() == 2
    assert Conversation.objects.count() == Match.objects.count() > 0
    assert not Match.objects.filter(low__gte=F("high")).exists()


def test_it_stays_away_from_a_service_with_a_real_bot(settings: LazySettings) -> None:
    settings.SIMULATOR = False
    with pytest.raises(CommandError, match="simulator"):
        seed()


def test_it_stays_away_from_production_unless_forced() -> None:
    with pytest.raises(CommandError, match="--force"):
        call_command("seed_demo", members=1)
    assert not User.objects.exists()


def test_it_makes_no_guessable_logins_outside_development() -> None:
    assert "admin" not in seed(members=0)
    assert not User.objects.exists()


def test_it_makes_and_prints_the_logins_of_the_staff_in_development(settings: LazySettings) -> None:
    settings.DEBUG = True
    assert "moderator" in seed(members=0)
    assert User.objects.get(username="admin").is_superuser
    moderator = User.objects.get(username="moderator")
    assert moderator.is_staff
    assert not moderator.is_superuser
    assert moderator.check_password("moderator")
    assert [group.name for group in moderator.groups.all()] == ["Moderator"]


def test_it_does_not_reset_a_login_that_is_there(settings: LazySettings) -> None:
    settings.DEBUG = True
    User.objects.create_superuser("admin", "a better one")
    seed(members=0)
    assert User.objects.get(username="admin").check_password("a better one")
