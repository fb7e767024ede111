"""waffle's own templates, helpers and tools with our flags: they give the answers that `apps.flags` gives."""

import pytest
import waffle
from django.contrib.auth.models import AnonymousUser, Group
from django.core.management import call_command
from django.db import transaction
from django.template import Context, Template
from django.test import RequestFactory
from waffle.decorators import waffle_flag
from waffle.tests import test_testutils
from waffle.testutils import override_flag

from apps import flags
from apps.flags.errors import InvalidChangeError
from apps.flags.models import Flag
from apps.flags.selectors import history
from apps.flags.services import change, kill
from tests.factories import member
from tests.flags.conftest import Define

db = pytest.mark.django_db
TEMPLATE = "{% load waffle_tags %}{% flag 'new_deck' %}new{% else %}old{% endflag %}"


def request_of(user: object) -> object:
    request = RequestFactory().get("/")
    request.user = user
    return request


@db
def test_it_shows_a_member_the_same_in_a_template_and_in_the_bot(new_deck: str) -> None:
    change(new_deck, by=None, reason="half", percent=50)

    for user in (member(f"Ann{number}") for number in range(20)):
        shown = Template(TEMPLATE).render(Context({"request": request_of(user)}))
        assert shown == ("new" if flags.is_enabled(new_deck, user) else "old")
        assert waffle.flag_is_active(request_of(user), new_deck) is flags.is_enabled(new_deck, user)
        assert Flag.objects.get(name=new_deck).is_active_for_user(user) is flags.is_enabled(new_deck, user)


@db
def test_it_keeps_visitors_out_of_a_part_of_the_members(new_deck: str) -> None:
    change(new_deck, by=None, reason="half", percent=99)

    assert waffle.flag_is_active(request_of(AnonymousUser()), new_deck) is False


@db
def test_it_guards_a_view_by_waffles_decorator(new_deck: str) -> None:
    change(new_deck, by=None, reason="launch", everyone=True)
    view = waffle_flag(new_deck)(lambda _request: "shown")

    assert view(request_of(member("Ann"))) == "shown"


@db
def test_it_is_overridden_as_waffle_documents_it() -> None:
    with override_flag("bot.notes", active=False):
        assert not flags.is_enabled("bot.notes")
        with override_flag("bot.notes", active=True):
            assert flags.is_enabled("bot.notes")
    assert flags.is_enabled("bot.notes")


@db
@override_flag("bot.notes", active=False)
def test_it_is_overridden_by_the_decorator() -> None:
    assert not flags.is_enabled("bot.notes")


@db
def test_it_stays_killed_whatever_overrides_it(new_deck: str) -> None:
    kill(new_deck, by=None, reason="it hurts")

    with override_flag(new_deck, active=True):
        assert not flags.is_enabled(new_deck)


@db
def test_it_writes_down_what_waffles_command_changes() -> None:
    call_command("waffle_flag", "bot.notes", "--create", "--deactivate")

    assert not flags.is_enabled("bot.notes")
    assert history("bot.notes")[0].diff == {"everyone": [None, False]}


@db
def test_it_refuses_criteria_of_waffle_that_it_would_not_obey() -> None:
    Group.objects.create(name="Testers")
    ann, (flag, _) = member("Ann"), Flag.objects.get_or_create(name="bot.notes")

    with pytest.raises(InvalidChangeError, match="staff cannot be set"):
        call_command("waffle_flag", "bot.notes", "--staff")
    with pytest.raises(InvalidChangeError, match="groups and users"), transaction.atomic():
        call_command("waffle_flag", "bot.notes", "--group", "Testers")
    with pytest.raises(InvalidChangeError, match="groups and users"), transaction.atomic():
        ann.flag_set.add(flag)


@db
def test_it_leaves_flags_of_other_packages_to_waffle() -> None:
    flag = Flag.objects.create(name="somebody_elses", superusers=False, authenticated=True)

    assert flag.is_active(request_of(member("Ann"))) is True
    assert not history("somebody_elses").exists()


# ---- waffle's own tests of its helpers, run against our model: for a name of another package, and for one of ours


class TestWafflesOverride(test_testutils.OverrideFlagsTestCase):
    pass


class TestWafflesOverrideOnClass(test_testutils.OverrideFlagOnClassTestCase):
    pass


class TestWafflesOverrideOfOurFlags(test_testutils.OverrideFlagsTestCase):
    @pytest.fixture(autouse=True)
    def _in_the_catalogue(self, define: Define) -> None:
        define("foo")
