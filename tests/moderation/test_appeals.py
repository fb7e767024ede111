"""A member objects, and another moderator decides."""

import pytest

from apps.core.errors import RuleError
from apps.moderation.decisions import services
from apps.moderation.decisions.appeals import decide_appeal, file_appeal
from apps.moderation.errors import ConflictError, InvalidDecisionError, NotAllowedError
from apps.moderation.models import Appeal, Case, Decision, Report
from apps.users.models import Staff, User
from tests.moderation.conftest import decide, fresh
from tests.moderation.test_decisions import state, texts_to
from tests.staff import Hire


@pytest.fixture
def ban(case: Case, mona: Staff) -> Decision:
    return decide(case, mona, "ban")


@pytest.fixture
def appeal(ban: Decision, bob: User) -> Appeal:
    return file_appeal(fresh(bob), ban.pk, "I never sold a coin")


def test_it_restores_everything_when_the_appeal_is_right(case: Case, bob: User, mona: Staff, sena: Staff) -> None:
    before = state(bob)
    appeal = file_appeal(fresh(bob), decide(case, mona, "ban").pk, "I never sold a coin")
    decide_appeal(appeal.pk, by=sena, overturn=True, words="You collect them")
    assert state(bob) == before
    assert "agrees with you" in texts_to(bob)[-1]
    assert "You collect them" in texts_to(bob)[-1]
    case.refresh_from_db()
    assert case.status == "closed"
    assert Report.objects.get().outcome == "dismissed"


def test_it_leaves_everything_when_the_appeal_is_wrong(appeal: Appeal, bob: User, sena: Staff) -> None:
    decide_appeal(appeal.pk, by=sena, overturn=False, words="They are in the picture")
    assert fresh(bob).banned_at
    assert "The decision stays" in texts_to(bob)[-1]
    with pytest.raises(ConflictError):
        decide_appeal(appeal.pk, by=sena, overturn=True, words="Or not")


def test_it_takes_one_appeal_for_each_decision(appeal: Appeal, ban: Decision, bob: User) -> None:
    with pytest.raises(RuleError, match="appeal_twice"):
        file_appeal(fresh(bob), ban.pk, "Again")


def test_it_takes_an_appeal_from_nobody_else(ban: Decision, ann: User) -> None:
    with pytest.raises(RuleError, match="appeal_gone"):
        file_appeal(ann, ban.pk, "Leave Bob alone")


def test_it_takes_no_appeal_against_what_was_taken_back(ban: Decision, bob: User, mona: Staff) -> None:
    services.undo(ban.pk, by=mona)
    with pytest.raises(RuleError, match="appeal_gone"):
        file_appeal(fresh(bob), ban.pk, "Late")


def test_it_wants_words(ban: Decision, appeal: Appeal, bob: User, sena: Staff) -> None:
    with pytest.raises(RuleError, match="appeal_empty"):
        file_appeal(fresh(bob), ban.pk, " \n ")
    with pytest.raises(InvalidDecisionError):
        decide_appeal(appeal.pk, by=sena, overturn=True, words=" ")


def test_it_lets_nobody_decide_the_appeal_against_their_own_decision(
    case: Case, bob: User, sena: Staff, hire: Hire
) -> None:
    appeal = file_appeal(fresh(bob), decide(case, sena, "ban").pk, "I never sold a coin")
    with pytest.raises(NotAllowedError, match="another moderator"):
        decide_appeal(appeal.pk, by=sena, overturn=False, words="I was right")
    decide_appeal(appeal.pk, by=hire("sila", "Senior moderator"), overturn=True, words="She was not")


def test_it_lets_only_senior_moderators_decide_appeals(appeal: Appeal, milo: Staff, hire: Hire) -> None:
    for person in (milo, hire("lena", "Analyst"), hire("pola", "Policy editor")):
        with pytest.raises(NotAllowedError):
            decide_appeal(appeal.pk, by=person, overturn=True, words="So what")


def test_it_gives_in_to_the_appeal_when_the_decision_is_taken_back(appeal: Appeal, mona: Staff) -> None:
    services.undo(appeal.decision_id, by=mona)
    appeal.refresh_from_db()
    assert appeal.status == "overturned"
