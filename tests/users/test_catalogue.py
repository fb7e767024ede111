import pytest
from django.utils import translation
from django.utils.functional import Promise

from apps.users import catalogue
from apps.users.catalogue import INTERESTS, PAGE_SIZE


def test_it_names_each_interest_once() -> None:
    assert len(INTERESTS) == len(catalogue._ALL)
    assert len({interest.emoji for interest in INTERESTS.values()}) == len(INTERESTS)
    assert len({str(interest.name) for interest in INTERESTS.values()}) == len(INTERESTS)


def test_it_fills_whole_pages() -> None:
    assert len(INTERESTS) % PAGE_SIZE == 0


@pytest.mark.parametrize("slug", INTERESTS)
def test_it_has_slugs_that_a_profile_and_a_button_can_hold(slug: str) -> None:
    assert len(slug) <= 24
    assert slug.replace("-", "").isascii()
    assert slug == slug.lower()


@pytest.mark.parametrize("slug", INTERESTS)
def test_it_can_be_translated(slug: str) -> None:
    assert isinstance(INTERESTS[slug].name, Promise)


def test_it_shows_emoji_and_name() -> None:
    with translation.override("en"):
        assert catalogue.label("hiking") == "🥾 Hiking"


def test_it_shows_nothing_for_a_retired_interest() -> None:
    assert catalogue.label("stamp-collecting") is None
