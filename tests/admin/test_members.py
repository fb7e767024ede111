from datetime import timedelta

import pytest
from django.conf import LazySettings
from django.core.files.base import ContentFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.users.models import Member, MemberState, Photo, Profile
from tests.admin.conftest import MakeMember, SignIn

LIST = "/admin/users/member/"
PNG = bytes.fromhex("89504e470d0a1a0a0000000d49484452")


def names(client: Client, query: str) -> list[str]:
    answer = client.get(f"{LIST}?{query}")
    return sorted(Profile.objects.get(pk=member.pk).name for member in answer.context["cl"].result_list)


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({}, MemberState.LISTED),
        ({"published": False}, MemberState.ONBOARDING),
        ({"paused_at": timezone.now()}, MemberState.PAUSED),
        ({"paused_at": timezone.now(), "unreachable_at": timezone.now()}, MemberState.UNREACHABLE),
        ({"unreachable_at": timezone.now(), "banned_at": timezone.now()}, MemberState.BANNED),
        ({"published": False, "banned_at": timezone.now()}, MemberState.BANNED),
    ],
)
def test_it_finds_a_member_by_the_state_that_it_shows(
    make_member: MakeMember, fields: dict[str, object], state: MemberState
) -> None:
    member = make_member(**fields)

    assert Member.objects.get(pk=member.pk).state == state
    assert [other for other in MemberState if Member.objects.in_state(other).exists()] == [state]


def test_it_counts_a_member_without_a_profile_as_onboarding(db: None) -> None:
    member = Member.objects.create(telegram_id=1)

    assert member.state == MemberState.ONBOARDING
    assert Member.objects.in_state(MemberState.ONBOARDING).get() == member


def test_it_keeps_members_and_staff_in_lists_of_their_own(make_member: MakeMember, sign_in: SignIn) -> None:
    member, client = make_member(), sign_in()

    assert [row.pk for row in client.get(LIST).context["cl"].result_list] == [member.pk]
    assert [row.username for row in client.get("/admin/users/staff/").context["cl"].result_list] == ["superuser"]


def test_it_links_a_member_to_the_card_that_the_edge_shows_of_them(
    make_member: MakeMember, sign_in: SignIn, settings: LazySettings
) -> None:
    member, client = make_member(), sign_in()
    page = f"{LIST}{member.pk}/change/"
    assert "Public card" not in client.get(page).content.decode()

    settings.EDGE_URL = "https://edge.test"
    assert f"https://edge.test/profiles/{member.pk}?e=" in client.get(page).content.decode()


@pytest.mark.parametrize("term", ["ann", "ANNA", "anna mar", "Анна"])
def test_it_finds_members_by_the_start_of_their_name_in_any_case(
    make_member: MakeMember, sign_in: SignIn, term: str
) -> None:
    for name in ("Anna Maria", "АННА", "Joanna"):
        make_member(name)

    assert names(sign_in(), f"q={term}") == (["АННА"] if term == "Анна" else ["Anna Maria"])


@pytest.mark.parametrize("digits", [8, 13, 36])
def test_it_finds_a_member_by_the_start_of_their_id(make_member: MakeMember, sign_in: SignIn, digits: int) -> None:
    member, _other = make_member("Anna"), make_member("Boris")

    assert names(sign_in(), f"q={str(member.pk)[:digits]}") == ["Anna"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("state=banned", ["Boris"]),
        ("profile__gender__exact=man", ["Boris"]),
        ("place=mad", ["Boris"]),
        ("language__exact=ru", ["Boris"]),
        ("age_from=18&age_to=20", ["Boris"]),
        ("age_from=21", ["Anna"]),
        ("date_joined=day", ["Anna"]),
        ("last_active_at=week", ["Anna"]),
        ("age_from=old&state=nonsense", ["Anna", "Boris"]),
    ],
)
def test_it_filters_members(make_member: MakeMember, sign_in: SignIn, query: str, found: list[str]) -> None:
    make_member("Anna")
    long_ago = timezone.now() - timedelta(days=40)
    boris = make_member("Boris", banned_at=long_ago, language="ru", date_joined=long_ago, last_active_at=long_ago)
    today = timezone.localdate()
    birthday_today = today.replace(year=today.year - 20, day=min(today.day, 28))
    Profile.objects.filter(pk=boris.pk).update(gender="man", place="Madrid", birth_date=birthday_today)

    assert names(sign_in(), query) == found


def test_it_shows_the_telegram_id_to_superusers_only(make_member: MakeMember, sign_in: SignIn) -> None:
    member = make_member()
    page = reverse("admin:users_member_change", args=[member.pk])

    assert str(member.telegram_id) in sign_in().get(page).content.decode()
    moderator = sign_in("Moderator")
    assert str(member.telegram_id) not in moderator.get(page).content.decode()
    assert str(member.telegram_id) not in moderator.get(LIST).content.decode()


def test_it_links_a_member_to_what_they_do(make_member: MakeMember, sign_in: SignIn) -> None:
    member = make_member()

    page = sign_in("Moderator").get(reverse("admin:users_member_change", args=[member.pk])).content.decode()

    for model in ("matching_match", "conversations_conversation", "moderation_report", "notifications_delivery"):
        assert f"{reverse(f'admin:{model}_changelist')}?q={member.pk}" in page


def test_it_does_not_let_a_member_be_edited(make_member: MakeMember, sign_in: SignIn) -> None:
    member = make_member()

    answer = sign_in().post(reverse("admin:users_member_change", args=[member.pk]), {"language": "ru"})

    assert answer.status_code == 403


@pytest.fixture
def photo(make_member: MakeMember, settings: LazySettings, tmp_path: object) -> Photo:
    settings.MEDIA_ROOT = tmp_path
    photo = Photo.objects.create(user=make_member(), position=0, file_id="telegram's")
    photo.file.save("face.png", ContentFile(PNG))
    return photo


@pytest.mark.parametrize(("role", "status"), [(None, 200), ("Moderator", 200), ("Product manager", 403)])
def test_it_shows_photos_to_those_who_may_see_them(
    photo: Photo, sign_in: SignIn, role: str | None, status: int
) -> None:
    assert sign_in(role).get(reverse("admin:users_photo_file", args=[photo.pk])).status_code == status


def test_it_serves_a_photo_from_our_own_copy(photo: Photo, sign_in: SignIn) -> None:
    answer = sign_in("Moderator").get(reverse("admin:users_photo_file", args=[photo.pk]))

    assert b"".join(answer.streaming_content) == PNG
    assert answer["Content-Type"] == "image/png"
    assert "private" in answer["Cache-Control"]


def test_it_sends_strangers_to_the_sign_in_page_instead_of_a_photo(photo: Photo, client: Client) -> None:
    assert client.get(reverse("admin:users_photo_file", args=[photo.pk])).status_code == 302


def test_it_never_serves_a_file_that_a_browser_would_run(photo: Photo, sign_in: SignIn) -> None:
    photo.file.save("face.svg", ContentFile(b"<svg/>"))

    answer = sign_in("Moderator").get(reverse("admin:users_photo_file", args=[photo.pk]))

    assert answer["Content-Type"] == "application/octet-stream"


def test_it_shows_a_placeholder_until_a_photo_is_fetched(make_member: MakeMember, sign_in: SignIn) -> None:
    photo = Photo.objects.create(user=make_member(), position=0, file_id="telegram's")
    client = sign_in("Moderator")

    assert "Not fetched yet" in client.get(reverse("admin:users_member_change", args=[photo.user_id])).content.decode()
    assert client.get(reverse("admin:users_photo_file", args=[photo.pk])).status_code == 404
