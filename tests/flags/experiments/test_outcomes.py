"""What members do next counts in the experiments that they were exposed in."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from threading import Event

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from waffle.testutils import override_flag

from apps import flags
from apps.conversations.models import Conversation
from apps.conversations.services import Content, Kind, conversation_for, relay
from apps.flags.experiments import services
from apps.flags.experiments.models import Experiment, Exposure, Metric, Outcome
from apps.flags.experiments.selectors import results
from apps.matching.services import block, record_swipe
from apps.moderation.services import file_report
from apps.payments.selectors import offer
from apps.payments.services import take_payment
from apps.users.models import User
from apps.users.services import erase
from tests.concurrency import at_once
from tests.factories import member

Design = Callable[..., Experiment]
pytestmark = pytest.mark.django_db


@pytest.fixture
def ann() -> User:
    return member("Ann")


@pytest.fixture
def bob() -> User:
    return member("Bob")


@pytest.fixture
def study(running: Design, new_deck: str, ann: User, bob: User) -> Experiment:
    """Both were exposed in it."""
    experiment = running()
    flags.is_enabled(new_deck, ann)
    flags.is_enabled(new_deck, bob)
    return experiment


def of(user: User) -> set[str]:
    return set(Outcome.objects.filter(exposure__member=user).values_list("metric", flat=True))


def match(ann: User, bob: User) -> Conversation:
    record_swipe(ann, bob, liked=True)
    made = record_swipe(bob, ann, liked=True).match
    assert made
    return conversation_for(made)


def write(conversation: Conversation, sender: User, number: int) -> None:
    relay(conversation, sender, Content(Kind.TEXT, f"message {number}"), source_message_id=number)


def test_it_counts_a_like_of_who_liked(study: Experiment, ann: User, bob: User) -> None:
    record_swipe(ann, bob, liked=True)
    record_swipe(bob, ann, liked=False)

    assert (of(ann), of(bob)) == ({Metric.LIKE}, set())


def test_it_counts_a_match_for_both(study: Experiment, ann: User, bob: User) -> None:
    match(ann, bob)

    assert of(ann) == of(bob) == {Metric.LIKE, Metric.MATCH}


def test_it_counts_the_first_reply_for_both_once_there_is_one(study: Experiment, ann: User, bob: User) -> None:
    conversation = match(ann, bob)
    for number in range(3):
        write(conversation, ann, number)
    assert Metric.FIRST_REPLY not in of(ann) | of(bob)

    write(conversation, bob, 0)

    assert Metric.FIRST_REPLY in of(ann) & of(bob)


def test_it_counts_no_reply_that_came_before_the_exposure(running: Design, new_deck: str, ann: User, bob: User) -> None:
    conversation = match(ann, bob)
    write(conversation, ann, 0)
    write(conversation, bob, 0)
    running()
    flags.is_enabled(new_deck, ann)

    write(conversation, ann, 1)
    write(conversation, bob, 1)

    assert of(ann) == set()


def test_it_counts_the_answer_to_a_long_monologue(study: Experiment, ann: User, bob: User) -> None:
    conversation = match(ann, bob)
    for number in range(12):
        write(conversation, ann, number)

    write(conversation, bob, 0)

    assert Metric.FIRST_REPLY in of(ann) & of(bob)


def test_it_counts_a_conversation_at_its_tenth_message(study: Experiment, ann: User, bob: User) -> None:
    conversation = match(ann, bob)
    for number in range(9):
        write(conversation, (ann, bob)[number % 2], number)
    assert Metric.TEN_MESSAGES not in of(ann) | of(bob)

    write(conversation, bob, 9)

    assert Metric.TEN_MESSAGES in of(ann) & of(bob)


def test_it_counts_a_report_and_a_block_of_who_made_them(study: Experiment, ann: User, bob: User) -> None:
    file_report(ann, bob, reason="spam")
    block(ann, bob)

    assert (of(ann), of(bob)) == ({Metric.REPORT, Metric.BLOCK}, set())


def test_it_counts_a_purchase_of_who_bought(study: Experiment, ann: User, bob: User) -> None:
    take_payment(ann, charge_id="a charge", stars=250, item="plus:30")

    assert (of(ann), of(bob)) == ({Metric.PURCHASE}, set())


def test_it_tells_which_of_two_prices_more_members_pay(running: Design) -> None:
    prices = [{"name": "as it is", "weight": 1, "value": 250}, {"name": "dearer", "weight": 1, "value": 400}]
    study = running(flag="plus.stars", variants=prices, metric=Metric.PURCHASE)
    members = [member(f"Ann{number}") for number in range(60)]
    shown, paid = Counter[str](), Counter[str]()
    with override_flag("plus.on_sale", active=True):
        for number, each in enumerate(members):
            on_offer = offer(each)
            assert on_offer
            variant = "dearer" if on_offer.stars == 400 else "as it is"
            shown[variant] += 1
            if number % (4 if variant == "dearer" else 2) == 0:
                paid[variant] += 1
                take_payment(each, charge_id=f"charge {number}", stars=on_offer.stars, item=on_offer.item)

    found = results(study, timezone.now() + timedelta(days=study.window_days, hours=1))

    assert {arm.variant: (arm.tally.members, arm.tally.converted) for arm in found.metrics[0].arms} == {
        variant: (shown[variant], paid[variant]) for variant in ("as it is", "dearer")
    }
    assert found.metrics[0].metric.label == "bought Plus"


def test_it_counts_what_somebody_does_twice_once(study: Experiment, ann: User, bob: User) -> None:
    for _ in range(2):
        flags.record(Metric.LIKE, ann, bob.pk)

    assert Outcome.objects.count() == 2


def test_it_keeps_the_counts_when_a_member_is_erased(study: Experiment, ann: User) -> None:
    exposure = Exposure.objects.get(member=ann)

    erase(ann)

    exposure.refresh_from_db()
    assert exposure.member is None
    assert [outcome.metric for outcome in exposure.outcomes.all()] == [Metric.DELETION]


def test_it_counts_for_nobody_who_was_not_exposed_and_nothing_after_the_end(
    study: Experiment, ann: User, bob: User
) -> None:
    record_swipe(member("Cleo"), ann, liked=True)
    services.stop(study, by=None, reason="enough")
    record_swipe(ann, bob, liked=True)

    assert not Outcome.objects.exists()


def queries(act: Callable[[], object]) -> list[str]:
    with CaptureQueriesContext(connection) as captured:
        act()
    return [query["sql"] for query in captured if "SAVEPOINT" not in query["sql"]]


def test_it_costs_a_statement_or_two_while_a_study_runs_and_none_otherwise(draft: Design, ann: User, bob: User) -> None:
    def acts() -> list[list[str]]:
        ann, bob = member("Ann"), member("Bob")
        conversation = match(member("Cleo"), member("Dan"))
        sender = conversation.match.low
        return [
            queries(lambda: record_swipe(ann, bob, liked=True)),
            queries(lambda: record_swipe(bob, ann, liked=True)),  # a like and a match
            queries(lambda: write(conversation, sender, 1)),  # locks, and looks whether it is a milestone
            queries(lambda: file_report(ann, bob, reason="spam")),
            queries(lambda: block(ann, bob)),
            queries(lambda: erase(bob)),
        ]

    before = acts()
    services.start(draft(), by=None)
    after = acts()

    assert not any("flags_outcome" in sql for statements in before for sql in statements if sql.startswith("INSERT"))
    assert [len(now) - len(then) for then, now in zip(before, after, strict=True)] == [1, 2, 2, 1, 1, 1]


@pytest.mark.django_db(transaction=True)
def test_it_counts_for_two_members_at_the_same_moment_whatever_their_order(
    study: Experiment, ann: User, bob: User
) -> None:
    at_once(
        *[lambda: flags.record(Metric.MATCH, ann, bob), lambda: flags.record(Metric.MATCH, bob, ann)] * 4,
    )

    assert of(ann) == of(bob) == {Metric.MATCH}


@pytest.mark.django_db(transaction=True)
def test_it_counts_the_tenth_message_when_it_is_written_before_the_ninth_is_seen(
    study: Experiment, ann: User, bob: User
) -> None:
    conversation, ninth, tenth = match(ann, bob), Event(), Event()
    for number in range(8):
        write(conversation, (ann, bob)[number % 2], number)

    def hesitate() -> None:
        with transaction.atomic():
            write(conversation, ann, 8)
            ninth.set()
            tenth.wait(0.5)

    def follow() -> None:
        ninth.wait()
        write(conversation, bob, 9)
        tenth.set()

    at_once(hesitate, follow)

    assert Metric.TEN_MESSAGES in of(ann) & of(bob)
