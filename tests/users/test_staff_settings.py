"""What staff choose for themselves: the name that members read, and how pictures are shown to them."""

import pytest
from django.test import Client
from django.urls import reverse

from apps.users.models import Photo, Staff, StaffSettings
from apps.users.staff_settings import PseudonymError, choose, settings_of
from tests.factories import member

PAGE = "admin:users_own_settings"
ALL = {"blur": True, "grey": True, "mute": True}


@pytest.fixture
def mona(db: None) -> Staff:
    return Staff.objects.create_superuser("mona", "a long password")


@pytest.fixture
def milo(db: None) -> Staff:
    return Staff.objects.create_superuser("milo", "a long password")


@pytest.fixture
def client(mona: Staff) -> Client:
    client = Client()
    client.force_login(mona, backend="django.contrib.auth.backends.ModelBackend")
    return client


def test_it_draws_a_pseudonym_once_and_veils_everything(mona: Staff) -> None:
    drawn = settings_of(mona.pk)
    assert settings_of(mona.pk).pseudonym == drawn.pseudonym
    assert "mona" not in drawn.pseudonym.lower()
    assert (drawn.blur, drawn.grey, drawn.mute) == (True, True, True)


def test_it_draws_another_one_when_the_first_is_taken(
    mona: Staff, milo: Staff, monkeypatch: pytest.MonkeyPatch
) -> None:
    draws = iter([1, 1, 2])
    monkeypatch.setattr("apps.users.staff_settings.secrets.choice", lambda _names: "Elm")
    monkeypatch.setattr("apps.users.staff_settings.secrets.randbelow", lambda _most: next(draws))
    assert settings_of(mona.pk).pseudonym == "Elm 101"
    assert settings_of(milo.pk).pseudonym == "Elm 102"


@pytest.mark.parametrize("name", ["", "x", "  ", "7 of 9", "MONA", "<b>", "a" * 31])
def test_it_takes_no_pseudonym_that_is_none_or_ones_own_name(mona: Staff, name: str) -> None:
    with pytest.raises(PseudonymError):
        choose(mona.pk, username="mona", pseudonym=name, **ALL)


def test_it_gives_a_pseudonym_to_one_only(mona: Staff, milo: Staff) -> None:
    choose(mona.pk, username="mona", pseudonym="  Silver   Fox ", **ALL)
    assert settings_of(mona.pk).pseudonym == "Silver Fox"
    with pytest.raises(PseudonymError, match="Somebody else"):
        choose(milo.pk, username="milo", pseudonym="silver fox", **ALL)


def test_it_saves_what_was_chosen_on_the_page(client: Client, mona: Staff) -> None:
    assert settings_of(mona.pk).pseudonym in client.get(reverse(PAGE)).content.decode()
    answer = client.post(reverse(PAGE), {"pseudonym": "Night Owl", "mute": "on"}, follow=True)
    assert "Saved." in answer.content.decode()
    saved = StaffSettings.objects.get(user=mona.pk)
    assert (saved.pseudonym, saved.blur, saved.grey, saved.mute) == ("Night Owl", False, False, True)
    assert "sign in with" in client.post(reverse(PAGE), {"pseudonym": "Mona"}).content.decode()


@pytest.mark.parametrize(
    ("blur", "grey", "classes"),
    [
        (True, True, "mm-photos mm-blurred"),
        (False, True, "mm-photos mm-blurred mm-not-blurred"),
        (True, False, "mm-photos mm-blurred mm-not-grey"),
        (False, False, "mm-photos mm-blurred mm-not-blurred mm-not-grey"),
    ],
)
def test_it_veils_a_members_photos_as_chosen(client: Client, mona: Staff, blur: bool, grey: bool, classes: str) -> None:
    bob = member("Bob")
    Photo.objects.update(file="photos/x.jpg")
    choose(mona.pk, username="mona", pseudonym="Night Owl", blur=blur, grey=grey, mute=True)
    page = client.get(reverse("admin:users_member_change", args=[bob.pk])).content.decode()
    assert f'class="{classes}"' in page


def test_it_is_open_to_staff_only(db: None) -> None:
    assert Client().get(reverse(PAGE)).status_code == 302
