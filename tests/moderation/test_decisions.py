"""What a decision does to a member, that undoing it leaves nothing of it, and who needs a second person."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.core.errors import RuleError
from apps.matching.selectors import next_card
from apps.moderation.decisions import services
from apps.moderation.decisions.actions import Order, next_step
from apps.moderation.errors import ConflictError, InvalidDecisionError, NotAllowedError
from apps.moderation.models import Case, Decision, Report, Strike
from apps.moderation.selectors import next_case, strike_weight
from apps.moderation.services import claim, file_report
from apps.notifications.models import Delivery
from apps.users.models import Member, MemberState, Photo, Profile, Staff, User
from apps.users.restrictions import check_may_write
from apps.users.services import add_photo, erase, set_bio
from tests.concurrency import at_once
from tests.factories import member
from tests.moderation.conftest import decide, fresh, reason


def state(user: User) -> dict[str, Any]:
    """All that a decision could change."""
    now = fresh(user)
    return {
        "banned": bool(now.banned_at),
        "suspended": now.suspended_until,
        "limited": now.limited_until,
        "photoless": bool(now.photoless_at),
        "bio": now.profile.bio,
        "shown": list(Photo.objects.shown_of(now).values_list("pk", flat=True)),
        "strikes": strike_weight(now.pk, timezone.now()),
        "state": Member.objects.get(pk=now.pk).state,
    }


def texts_to(user: User) -> list[str]:
    return [delivery.params["text"] for delivery in Delivery.objects.filter(user=user).order_by("pk")]


# ---- What each does


def test_it_dismisses_and_tells_only_the_reporter(case: Case, ann: User, bob: User, mona: Staff) -> None:
    before = state(bob)
    decide(case, mona, "dismiss")
    assert state(bob) == before
    assert texts_to(bob) == []
    assert "found nothing against the rules" in texts_to(ann)[0]
    assert Report.objects.get().outcome == "dismissed"


def test_it_warns_with_a_statement_of_reasons(case: Case, ann: User, bob: User, mona: Staff) -> None:
    decide(case, mona, "warn", words="Coins are <b>not</b> wanted here")
    (statement,) = texts_to(bob)
    for part in ("warning", "asked for money", "clause 3", "No business", "&lt;b&gt;not", "appeal", "automatically"):
        assert part in statement, part
    assert "Ann" not in statement
    assert texts_to(ann) == [texts_to(ann)[0]]
    assert "Bob" not in texts_to(ann)[0]
    assert strike_weight(bob.pk, timezone.now()) == 1


def test_it_writes_the_statement_in_the_members_language(case: Case, bob: User, mona: Staff) -> None:
    User.objects.filter(pk=bob.pk).update(language="es")
    decide(case, mona, "warn")
    assert "pidió dinero" in texts_to(bob)[0]


def test_it_lets_a_limited_member_look_but_not_write(case: Case, bob: User, mona: Staff) -> None:
    decide(case, mona, "limit", hours=24)
    assert fresh(bob).is_listed
    with pytest.raises(RuleError, match="limited"):
        check_may_write(fresh(bob))


@pytest.mark.parametrize(("action", "order"), [("suspend", {"hours": 24}), ("ban", {})])
def test_it_takes_a_member_out_of_decks_at_once(
    case: Case, ann: User, bob: User, mona: Staff, action: str, order: dict[str, int]
) -> None:
    assert next_card(fresh(ann))
    decide(case, mona, action, **order)
    assert next_card(fresh(ann)) is None
    assert fresh(bob).is_kept_out


def test_it_hides_one_photo_and_takes_who_has_no_other_out_of_decks(
    case: Case, ann: User, bob: User, mona: Staff
) -> None:
    first, second = Photo.objects.filter(user=bob)
    decide(case, mona, "hide_photo", photo_id=first.pk)
    card = next_card(fresh(ann))
    assert card
    assert card.photos == [second]
    again = file_report(ann, bob, reason="photo").case
    decide(again, mona, "hide_photo", photo_id=second.pk)
    assert next_card(fresh(ann)) is None
    assert Member.objects.get(pk=bob.pk).state == MemberState.PHOTOLESS
    add_photo(fresh(bob), file_id="decent", file_unique_id="decent")
    assert next_card(fresh(ann))


def test_it_takes_the_words_out_of_a_profile(case: Case, bob: User, mona: Staff) -> None:
    decide(case, mona, "edit_bio")
    assert fresh(bob).profile.bio == ""


@pytest.mark.parametrize(
    ("action", "order", "why"),
    [
        ("hide_photo", {}, "Pick a photo"),
        ("limit", {}, "for how long"),
        ("limit", {"hours": 5}, "for how long"),
        ("dance", {}, "Pick what to do"),
    ],
)
def test_it_refuses_what_is_not_said_in_full(
    case: Case, mona: Staff, action: str, order: dict[str, int], why: str
) -> None:
    with pytest.raises(InvalidDecisionError, match=why):
        decide(case, mona, action, **order)
    assert not Decision.objects.exists()


def test_it_wants_a_reason_for_whatever_touches_a_member(case: Case, mona: Staff) -> None:
    with pytest.raises(InvalidDecisionError, match="Pick a reason"):
        services.decide(case.pk, by=mona, seen=case.stamp, order=Order("warn"))


# ---- Undoing


@pytest.mark.parametrize(
    ("action", "order"),
    [
        ("dismiss", lambda _: {}),
        ("warn", lambda _: {}),
        ("hide_photo", lambda bob: {"photo_id": Photo.objects.filter(user=bob)[0].pk}),
        ("edit_bio", lambda _: {}),
        ("limit", lambda _: {"hours": 24}),
        ("suspend", lambda _: {"hours": 720}),
        ("ban", lambda _: {}),
    ],
)
def test_it_restores_exactly_what_was_there(
    case: Case, bob: User, mona: Staff, action: str, order: Callable[[User], dict[str, Any]]
) -> None:
    before, stamp = state(bob), case.report_count
    decision = decide(case, mona, action, **order(bob))
    services.undo(decision.pk, by=mona)
    assert state(bob) == before
    case.refresh_from_db()
    assert (case.status, case.report_count) == ("open", stamp)
    assert Report.objects.get().outcome == "pending"


def test_it_keeps_another_restriction_of_the_same_kind(case: Case, ann: User, bob: User, mona: Staff) -> None:
    longer = decide(case, mona, "limit", hours=168)
    shorter = decide(file_report(ann, bob, reason="fake").case, mona, "limit", hours=24)
    services.undo(longer.pk, by=mona)
    assert fresh(bob).limited_until == shorter.until
    services.undo(shorter.pk, by=mona)
    assert fresh(bob).limited_until is None


def test_it_does_not_put_old_words_over_what_the_member_wrote_since(case: Case, bob: User, mona: Staff) -> None:
    decision = decide(case, mona, "edit_bio")
    set_bio(fresh(bob), "I like tea")
    services.undo(decision.pk, by=mona)
    assert fresh(bob).profile.bio == "I like tea"


def test_it_undoes_only_once(case: Case, mona: Staff) -> None:
    decision = decide(case, mona, "warn")
    services.undo(decision.pk, by=mona)
    with pytest.raises(ConflictError):
        services.undo(decision.pk, by=mona)


def test_it_lets_others_decisions_be_undone_by_seniors_only(case: Case, mona: Staff, milo: Staff, sena: Staff) -> None:
    decision = decide(case, mona, "warn")
    with pytest.raises(NotAllowedError):
        services.undo(decision.pk, by=milo)
    services.undo(decision.pk, by=sena)


def test_it_moves_reports_to_the_open_case_when_an_older_one_comes_back(
    case: Case, ann: User, bob: User, mona: Staff
) -> None:
    decision = decide(case, mona, "dismiss")
    newer = file_report(member("Cid"), bob, reason="fake").case
    services.undo(decision.pk, by=mona)
    newer.refresh_from_db()
    case.refresh_from_db()
    assert (newer.report_count, case.report_count, case.status) == (2, 0, "closed")


def test_it_never_lets_the_log_be_changed_or_deleted(case: Case, mona: Staff) -> None:
    decision = decide(case, mona, "warn")
    with pytest.raises(IntegrityError), transaction.atomic():
        Decision.objects.filter(pk=decision.pk).update(action="dismiss")
    with pytest.raises(IntegrityError), transaction.atomic():
        Decision.objects.filter(pk=decision.pk)._raw_delete("default")


# ---- Two at once


def test_it_refuses_who_saw_an_older_state_and_says_who_was_first(case: Case, mona: Staff, milo: Staff) -> None:
    seen = case.stamp
    decide(case, mona, "dismiss")
    with pytest.raises(ConflictError, match="mona was first"):
        services.decide(case.pk, by=milo, seen=seen, order=Order("dismiss"))


def test_it_refuses_who_has_not_seen_the_newest_report(case: Case, bob: User, mona: Staff) -> None:
    seen = case.stamp
    file_report(member("Cid"), bob, reason="underage")
    with pytest.raises(ConflictError, match="new report"):
        services.decide(case.pk, by=mona, seen=seen, order=Order("dismiss"))


def test_it_gives_a_case_to_one_moderator_until_the_claim_expires(case: Case, mona: Staff, milo: Staff) -> None:
    assert claim(case.pk, by=mona)
    assert not claim(case.pk, by=milo)
    assert next_case(milo.pk) is None
    with pytest.raises(ConflictError, match="mona is working on this case"):
        decide(case, milo, "dismiss")
    Case.objects.update(claim_expires_at=timezone.now() - timedelta(seconds=1))
    assert claim(case.pk, by=milo)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("what", ["claim", "decide"])
def test_it_lets_exactly_one_of_two_moderators_win(what: str) -> None:
    mona = Staff.objects.create_superuser("mona", "a long password")
    milo = Staff.objects.create_superuser("milo", "a long password")
    case = file_report(member("Ann"), member("Bob"), reason="spam").case
    assert case
    won: list[object] = []

    def act(who: Staff) -> None:
        try:
            if what == "claim":
                won.extend([who] if claim(case.pk, by=who) else [])
            else:
                won.append(services.decide(case.pk, by=who, seen=case.stamp, order=Order("dismiss")))
        except ConflictError:
            pass

    at_once(lambda: act(mona), lambda: act(milo))
    assert len(won) == 1


# ---- The second moderator


@pytest.fixture
def veteran(ann: User, bob: User) -> Case:
    """Bob has been here for long, and is reported."""
    User.objects.filter(pk=bob.pk).update(date_joined=timezone.now() - timedelta(days=200))
    case = file_report(ann, fresh(bob), reason="spam").case
    assert case
    return case


def test_it_holds_the_ban_of_who_has_been_here_for_long(veteran: Case, bob: User, mona: Staff, sena: Staff) -> None:
    before = state(bob)
    decision = decide(veteran, mona, "ban")
    assert decision.is_held
    assert state(bob) == before
    assert texts_to(bob) == []
    services.release(decision.pk, by=sena)
    assert fresh(bob).banned_at
    assert "banned" in texts_to(bob)[0]
    services.undo(decision.pk, by=sena)
    assert state(bob) == before


def test_it_does_not_let_the_decider_be_the_second_person(veteran: Case, sena: Staff, mona: Staff) -> None:
    decision = decide(veteran, sena, "ban")
    for who in (sena, mona):
        with pytest.raises(NotAllowedError):
            services.release(decision.pk, by=who)


def test_it_sends_a_refused_decision_back_into_the_queue(veteran: Case, bob: User, mona: Staff, sena: Staff) -> None:
    decision = decide(veteran, mona, "ban")
    assert next_case(mona.pk) is None
    services.refuse(decision.pk, by=sena, words="A warning does")
    assert next_case(mona.pk) == veteran
    decide(veteran, mona, "warn")
    with pytest.raises(ConflictError):
        services.release(decision.pk, by=sena)


def test_it_lets_who_asked_withdraw_what_is_held(veteran: Case, bob: User, mona: Staff) -> None:
    decision = decide(veteran, mona, "ban")
    services.undo(decision.pk, by=mona)
    assert next_case(mona.pk) == veteran
    assert texts_to(bob) == []


# ---- Time, strikes, erasure, batches


def test_it_ends_a_suspension_when_its_time_is_over_and_says_so_once(case: Case, bob: User, mona: Staff) -> None:
    decide(case, mona, "suspend", hours=24)
    assert services.lift_expired() == 0
    over = timezone.now() - timedelta(seconds=1)
    User.objects.filter(pk=bob.pk).update(suspended_until=over)
    assert not fresh(bob).is_kept_out
    assert services.lift_expired() == 1
    assert services.lift_expired() == 0


def test_it_suggests_the_next_step_from_strikes_that_have_not_expired(case: Case, bob: User, mona: Staff) -> None:
    assert next_step(0) == "warn"
    decide(case, mona, "limit", hours=24)
    assert next_step(strike_weight(bob.pk, timezone.now())) == "limit"
    Strike.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert next_step(strike_weight(bob.pk, timezone.now())) == "warn"
    assert (next_step(4), next_step(9)) == ("suspend", "ban")


def test_it_has_nothing_to_decide_about_who_was_erased(case: Case, bob: User, mona: Staff) -> None:
    erase(bob)
    with pytest.raises(InvalidDecisionError, match="erased"):
        decide(case, mona, "dismiss")


def test_it_erases_a_member_about_whom_much_was_decided(case: Case, ann: User, bob: User, mona: Staff) -> None:
    decide(case, mona, "edit_bio")
    erase(fresh(bob))
    assert not Profile.objects.filter(bio="I sell coins").exists()
    assert Decision.objects.get().case.member is None


def test_it_dismisses_many_as_one_batch_and_takes_that_back(ann: User, mona: Staff, milo: Staff) -> None:
    cases = [file_report(ann, member(name), reason="other").case for name in ("Cid", "Dot", "Eve")]
    claim(cases[2].pk, by=milo)
    batch, done, refused = services.decide_all(
        {case.pk: Case.objects.get(pk=case.pk).stamp for case in cases}, by=mona, order=Order("dismiss")
    )
    assert (len(done), len(refused)) == (2, 1)
    assert services.undo_batch(batch, by=mona) == 2
    assert services.undo_batch(batch, by=mona) == 0
    assert Case.objects.filter(status="open").count() == 3


def test_it_names_no_reason_that_is_out_of_use(case: Case, mona: Staff) -> None:
    template = reason()
    template.is_active = False
    template.save()
    with pytest.raises(InvalidDecisionError, match="not in use"):
        decide(case, mona, "warn")
