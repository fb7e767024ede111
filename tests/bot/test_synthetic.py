"""The synthetic member: finds out whether the product works, and leaves no trace in it."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone
from waffle.testutils import override_flag

from apps.bot import synthetic, tasks
from apps.bot.models import SyntheticRun, Update
from apps.bot.routes import ROUTES
from apps.bot.turn import Reply, Turn
from apps.matching.models import Candidate, Match, Swipe
from apps.notifications.models import Delivery
from apps.users.models import Gender, User
from tests.factories import member

pytestmark = pytest.mark.django_db


def rows() -> dict[str, int]:
    return {model.__name__: model.objects.count() for model in (User, Update, Delivery, Swipe, Match, Candidate)}


def test_it_comes_through_and_leaves_nothing_but_how_it_went() -> None:
    member("Ann", gender=Gender.NONBINARY, place=(-49.35, 70.21))
    before = rows()
    assert tasks.walk_synthetic_member() is True
    assert rows() == before
    run = SyntheticRun.objects.get()
    assert (run.is_good, run.error) == (True, "")
    assert run.took_ms > 0


def test_it_says_where_it_is_stuck(monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(_: Turn) -> Reply:
        return Reply()

    def broken(_: Turn) -> Reply:
        raise ValueError("nobody's words")

    find_route = synthetic.receive.__globals__["find_route"]
    for handler, error in ((silent, "no answer"), (broken, "ValueError at")):

        def sabotaged(update, handler=handler):  # type: ignore[no-untyped-def]
            found = find_route(update)
            is_browse = update.message and update.message.text == "/browse"
            return (replace(ROUTES[0], handler=handler), ()) if is_browse else found

        monkeypatch.setattr("apps.bot.services.find_route", sabotaged)
        run = synthetic.run()
        assert run.stuck_at == "browse"
        assert run.error.startswith(error)
    assert not Update.objects.exists()


def test_it_says_that_nobody_is_taken_in() -> None:
    with override_flag("signup.open", active=False):
        run = synthetic.run()
    assert (run.stuck_at, run.error) == ("start", "nobody is taken in")


def test_it_forgets_old_walks() -> None:
    SyntheticRun.objects.create(started_at=timezone.now() - timedelta(days=8), took_ms=1)
    synthetic.run()
    assert SyntheticRun.objects.count() == 1
