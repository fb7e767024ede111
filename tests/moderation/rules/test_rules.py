"""Rules at work: what one finds, what follows from it, and how it becomes live."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.conversations.models import Conversation, Message
from apps.matching.models import Match
from apps.moderation.decisions import services as decisions
from apps.moderation.decisions.actions import Order
from apps.moderation.errors import ConflictError, InvalidDecisionError, NotAllowedError
from apps.moderation.models import Backtest, Case, Decision, Evidence, Finding, Rule, RuleVersion
from apps.moderation.rules import backtest
from apps.moderation.rules.live import rules_in_force
from apps.moderation.rules.services import judge, save_rule
from apps.moderation.services import file_report
from apps.users.models import Photo, Profile, Staff, User
from apps.users.services import erase
from tests.factories import member
from tests.moderation.conftest import decide, fresh
from tests.staff import Hire


@pytest.fixture
def edda(hire: Hire) -> Staff:
    """A policy editor."""
    return hire("edda", "Policy editor")


@pytest.fixture(autouse=True)
def _no_rules_yet(db: None) -> None:
    Rule.objects.update(mode="off")


def rule(expression: str = "links > 0", **fields: object) -> Rule:
    """One in force, as if it had been there for long."""
    name = str(fields.pop("name", "Links"))
    return Rule.objects.create(name=name, expression=expression, version=1, **{"mode": "live", **fields})


def say(sender: User, receiver: User, text: str, **fields: object) -> Message:
    low, high = sorted((sender, receiver), key=lambda user: user.pk)
    conversation, __ = Conversation.objects.get_or_create(match=Match.objects.get_or_create(low=low, high=high)[0])
    number = Message.objects.count() + 1
    return Message.objects.create(
        conversation=conversation, sender=sender, kind="text", text=text, source_message_id=number, **fields
    )


def found(user: User, subject: str = "message:1", **facts: object) -> list[Finding]:
    return judge("message", {"links": 1, **facts}, member=user, subject=subject)  # type: ignore[dict-item]


# ---- What follows


def test_it_opens_a_case_with_the_message_as_evidence(ann: User, bob: User) -> None:
    rule(severity=3)
    say(bob, ann, "hello")
    message = say(bob, ann, "look at coins.example")
    (finding,) = judge("message", {"links": 1, "text": "x"}, member=bob, subject="message:1", message=message)
    case = Case.objects.get(member=bob)
    assert (case.severity, case.finding_count, case.report_count, finding.case) == (3, 1, 0, case)
    assert finding.facts == {"links": 1}
    kept = Evidence.objects.get(finding=finding).messages
    assert [(each["text"], each["is_reported"]) for each in kept] == [("hello", False), ("look at coins.example", True)]


def test_it_finds_a_thing_once_however_often_it_is_asked(bob: User) -> None:
    rule()
    assert len(found(bob)) == 1
    assert found(bob) == []
    assert len(found(bob, "message:2")) == 1
    assert Case.objects.get().finding_count == 2


def test_it_joins_the_case_that_reports_have_opened(case: Case, bob: User) -> None:
    rule(severity=4)
    before = case.stamp
    found(bob)
    case.refresh_from_db()
    assert (Case.objects.count(), case.severity, case.report_count, case.finding_count) == (1, 4, 1, 1)
    assert case.stamp != before


def test_it_does_not_let_decide_who_has_not_seen_a_finding(case: Case, bob: User, mona: Staff) -> None:
    rule()
    seen = case.stamp
    found(bob)
    with pytest.raises(ConflictError, match="finding came in"):
        decisions.decide(case.pk, by=mona, seen=seen, order=Order("dismiss"))


def test_it_only_notes_what_it_finds_in_shadow(bob: User) -> None:
    rule(mode="shadow")
    (finding,) = found(bob)
    assert finding.is_shadow
    assert not Case.objects.exists()
    assert not Evidence.objects.exists()


def test_it_is_not_asked_while_a_fact_is_missing(bob: User) -> None:
    rule("toxicity < 50")
    assert found(bob) == []
    assert len(found(bob, toxicity=10)) == 1


def test_it_shows_a_rule_that_cannot_be_worked_out(bob: User) -> None:
    broken = rule("1 / length > 0")
    assert found(bob, length=0) == []
    broken.refresh_from_db()
    assert "divide by zero" in broken.error


def test_it_learns_from_decisions_how_far_a_rule_is_to_be_trusted(bob: User, mona: Staff) -> None:
    rule()
    for name, action in (("Cid", "dismiss"), ("Dot", "dismiss"), ("Eve", "warn")):
        (finding,) = found(member(name), f"message:{name}")
        assert finding.case
        decide(finding.case, mona, action)
    assert set(Finding.objects.values_list("outcome", flat=True)) == {"dismissed", "upheld"}
    (latest,) = found(bob)
    assert latest.accuracy == pytest.approx(2 / 5)


def test_it_leaves_nothing_of_an_erased_member_but_the_closed_case(bob: User) -> None:
    rule()
    found(bob)
    erase(fresh(bob))
    assert not Finding.objects.exists()
    assert not Evidence.objects.exists()


# ---- A photo that is hidden until somebody has looked


@pytest.fixture
def withheld(bob: User) -> Photo:
    rule("nudity >= 80", about="photo", action="hide_photo")
    photo = Photo.objects.filter(user=bob).first()
    assert photo
    judge("photo", {"nudity": 95}, member=bob, subject="photo:1", photo=photo)
    photo.refresh_from_db()
    assert photo.hidden_at
    return photo


def is_shown(photo: Photo) -> bool:
    return Photo.objects.filter(pk=photo.pk, hidden_at=None).exists()


@pytest.mark.parametrize("action", ["dismiss", "warn"])
def test_it_shows_the_photo_again_unless_the_moderator_hides_it(withheld: Photo, mona: Staff, action: str) -> None:
    decision = decide(Case.objects.get(), mona, action)
    assert is_shown(withheld)
    decisions.undo(decision.pk, by=mona)
    assert not is_shown(withheld)


def test_it_lets_a_moderator_hide_what_a_rule_has_hidden(withheld: Photo, mona: Staff) -> None:
    decision = decide(Case.objects.get(), mona, "hide_photo", photo_id=withheld.pk)
    assert not is_shown(withheld)
    decisions.undo(decision.pk, by=mona)
    assert not is_shown(withheld)
    decide(Case.objects.get(), mona, "dismiss")
    assert is_shown(withheld)


def test_it_does_not_show_what_a_moderator_had_hidden_before(bob: User, case: Case, mona: Staff) -> None:
    photo = Photo.objects.filter(user=bob).first()
    assert photo
    decide(case, mona, "hide_photo", photo_id=photo.pk)
    rule("nudity >= 80", about="photo", action="hide_photo")
    judge("photo", {"nudity": 95}, member=bob, subject="photo:1", photo=photo)
    decide(Case.objects.get(status="open"), mona, "dismiss")
    assert not is_shown(photo)


def test_it_never_bans(bob: User) -> None:
    for number, (about, action) in enumerate([("message", "open_case"), ("photo", "hide_photo")]):
        rule("account_age_days >= 0", name=str(number), about=about, action=action, severity=4)
        judge(
            about, {"account_age_days": 1}, member=bob, subject=f"x:{number}", photo=Photo.objects.filter(user=bob)[0]
        )
    assert not Decision.objects.exists()
    assert fresh(bob).banned_at is None


# ---- Writing


def written(by: Staff, seen: int = 0, **fields: object) -> Rule:
    draft = Rule.objects.filter(name="Links").first() or Rule(name="Links", expression="links > 0")
    for name, value in fields.items():
        setattr(draft, name, value)
    return save_rule(draft, by=by, reason="so", seen_version=seen)


def test_it_keeps_every_version_for_good(edda: Staff) -> None:
    written(edda)
    written(edda, 1, expression="links > 1")
    assert list(RuleVersion.objects.filter(rule__name="Links").values_list("number", "expression")) == [
        (2, "links > 1"),
        (1, "links > 0"),
    ]
    with pytest.raises(IntegrityError), transaction.atomic():
        RuleVersion.objects.filter(number=1).update(expression="true")


def test_it_lets_the_second_of_two_editors_know(edda: Staff) -> None:
    written(edda)
    written(edda, 1, severity=4)
    with pytest.raises(ConflictError, match="Somebody else has changed this rule"):
        written(edda, 1, severity=1)


def test_it_goes_live_only_after_a_backtest_of_this_very_expression(edda: Staff) -> None:
    with pytest.raises(InvalidDecisionError, match="run a backtest"):
        written(edda, mode="live")
    saved = written(edda, mode="shadow")
    with pytest.raises(InvalidDecisionError):
        written(edda, 1, mode="live")
    backtest.run(backtest.order(saved, days=7, by=edda))
    with pytest.raises(InvalidDecisionError):
        written(edda, 1, mode="live", expression="links > 5")
    assert written(edda, 1, mode="live").version == 2


def test_it_changes_what_is_asked_at_once(edda: Staff, bob: User) -> None:
    live = rule()
    assert [each.name for each in rules_in_force()] == ["Links"]
    live.mode = "off"
    save_rule(live, by=edda, reason="too many", seen_version=1)
    assert rules_in_force() == ()
    assert found(bob) == []


@pytest.mark.parametrize("role", ["Moderator", "Senior moderator", "Analyst", "Product manager"])
def test_it_lets_nobody_else_write(hire: Hire, role: str) -> None:
    with pytest.raises(NotAllowedError):
        written(hire("visitor", role))
    with pytest.raises(NotAllowedError):
        backtest.order(rule(), days=7, by=hire("other", role))


# ---- Backtests


def test_it_says_how_a_rule_would_have_done(ann: User, bob: User, mona: Staff, edda: Staff) -> None:
    cid, dot = member("Cid"), member("Dot")
    long_ago = timezone.now() - timedelta(days=20)
    for sender, text in ((bob, "see coins.top"), (bob, "or www.coins.example"), (cid, "hi"), (dot, "my.site.org")):
        say(sender, ann, text, created_at=timezone.now() - timedelta(hours=1))
    say(bob, ann, "www.old.example", created_at=long_ago)
    for who, action in ((bob, "warn"), (dot, "dismiss")):
        report = file_report(ann, who, reason="spam")
        assert report.case
        decide(report.case, mona, action)
    test = backtest.order(rule("links > 0", mode="shadow"), days=14, by=edda)
    backtest.run(test)
    test.refresh_from_db()
    assert (test.status, test.asked_of, test.fired, test.members) == ("done", 4, 3, 2)
    assert (test.upheld, test.dismissed, test.errors) == (2, 1, 0)
    assert not Finding.objects.exists()


def test_it_asks_of_the_time_when_a_message_was_written(ann: User, bob: User, edda: Staff) -> None:
    now = timezone.now()
    User.objects.filter(pk=bob.pk).update(date_joined=now - timedelta(days=9))
    for days in (8, 3, 1):
        say(bob, ann, f"day {days}", created_at=now - timedelta(days=days))
    test = backtest.order(rule("account_age_days < 7 && number <= 2", mode="shadow"), days=30, by=edda)
    backtest.run(test)
    assert test.fired == 2


@pytest.mark.parametrize(
    ("about", "expression", "asked_of"), [("profile", "links > 0", 1), ("member", "account_age_days < 3", 2)]
)
def test_it_tests_rules_about_profiles_and_members_on_those_of_the_last_days(
    ann: User, bob: User, edda: Staff, about: str, expression: str, asked_of: int
) -> None:
    now = timezone.now()
    Profile.objects.update(bio="", bio_changed_at=now)
    Profile.objects.filter(user=bob).update(bio="More of me on www.coins.example")
    User.objects.filter(pk=ann.pk).update(date_joined=now - timedelta(days=5))
    Profile.objects.filter(user=ann).update(bio="www.old.example", bio_changed_at=now - timedelta(days=40))
    test = backtest.order(rule(expression, about=about, mode="shadow"), days=14, by=edda)
    backtest.run(test)
    assert (test.asked_of, test.fired, test.errors) == (asked_of, 1, 0)


def test_it_does_not_run_a_version_that_is_gone(edda: Staff) -> None:
    changed = rule(mode="shadow")
    test = backtest.order(changed, days=7, by=edda)
    changed.expression = "links > 7"
    save_rule(changed, by=edda, reason="so", seen_version=1)
    test = Backtest.objects.select_related("rule").get(pk=test.pk)
    backtest.run(test)
    assert (test.status, test.fired) == ("failed", 0)
