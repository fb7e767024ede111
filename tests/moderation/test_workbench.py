"""The moderators' pages: the queue, a case, and what each button does."""

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from apps.conversations.models import Conversation, Message
from apps.matching.models import Match
from apps.moderation.decisions.appeals import file_appeal
from apps.moderation.models import Appeal, Case, Decision, Evidence, Policy, ReasonTemplate
from apps.moderation.services import claim, file_report
from apps.users.models import Photo, Staff, User
from tests.factories import member
from tests.moderation.conftest import decide, fresh, reason
from tests.staff import browser

QUEUE = "admin:moderation_case_changelist"


def page_of(case: Case) -> str:
    return reverse("admin:moderation_case_change", args=[case.pk])


def act(case: Case, verb: str) -> str:
    return reverse("admin:moderation_case_act", args=[case.pk, verb])


@pytest.fixture
def talk(ann: User, bob: User) -> Case:
    """Ann has reported Bob for what he wrote."""
    low, high = sorted((ann, bob), key=lambda user: user.pk)
    conversation = Conversation.objects.create(match=Match.objects.create(low=low, high=high))
    Message.objects.create(
        conversation=conversation, sender=bob, kind="text", text="quokka for sale", source_message_id=1
    )
    case = file_report(ann, bob, reason="harassment", conversation=conversation).case
    assert case
    return case


# ---- The queue


def test_it_lists_the_most_urgent_case_first_with_its_clock(ann: User, mona: Staff) -> None:
    for name, why in (("Cid", "other"), ("Dot", "underage"), ("Eve", "spam")):
        file_report(ann, member(name), reason=why)
    Case.objects.filter(severity=4).update(due_at=timezone.now() - timedelta(hours=2))
    page = browser(mona).get(reverse(QUEUE))
    assert [case.member.profile.name for case in page.context["cl"].result_list] == ["Dot", "Eve", "Cid"]
    assert "2\xa0hours late" in page.content.decode()
    assert "left" in page.content.decode()
    assert all(f">{severity}<" in page.content.decode() for severity in ("Critical", "Medium", "Low"))


@pytest.mark.parametrize(
    ("which", "expected"),
    [("", 2), ("free", 1), ("mine", 1), ("overdue", 1), ("held", 0), ("closed", 1), ("all", 3)],
)
def test_it_narrows_the_queue_down(ann: User, mona: Staff, milo: Staff, which: str, expected: int) -> None:
    busy, late, done = (file_report(ann, member(name), reason="other").case for name in ("Cid", "Dot", "Eve"))
    assert busy and late and done  # noqa: PT018
    claim(busy.pk, by=milo)
    Case.objects.filter(pk=late.pk).update(due_at=timezone.now() - timedelta(hours=1))
    decide(done, mona, "dismiss")
    who = milo if which == "mine" else mona
    assert browser(who).get(reverse(QUEUE), {"queue": which}).context["cl"].result_count == expected


def test_it_shows_a_queue_of_any_size_in_few_queries(
    ann: User, mona: Staff, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(30):
        file_report(ann, member(f"Cid {number}"), reason="spam")
    client = browser(mona)
    client.get(reverse(QUEUE))
    with django_assert_max_num_queries(15):
        client.get(reverse(QUEUE))


def test_it_dismisses_many_at_once_and_takes_all_of_it_back(ann: User, mona: Staff) -> None:
    cases = [file_report(ann, member(name), reason="other").case for name in ("Cid", "Dot")]
    client = browser(mona)
    form = {"action": "dismiss_all", "_selected_action": [str(case.pk) for case in cases if case]}
    assert "2 decided: Dismiss." in client.post(reverse(QUEUE), form, follow=True).content.decode()
    batch = Decision.objects.values_list("batch", flat=True).distinct().get()
    log = reverse("admin:moderation_decision_changelist")
    shown = client.get(log, {"batch": str(batch)}).context["cl"].result_list
    form = {"action": "undo_all", "_selected_action": [str(decision.pk) for decision in shown]}
    client.post(f"{log}?batch={batch}", form)
    assert Case.objects.filter(status="open").count() == 2


# ---- One case


def test_it_claims_a_case_by_opening_it(case: Case, mona: Staff, milo: Staff) -> None:
    assert 'name="action"' in browser(mona).get(page_of(case)).content.decode()
    case.refresh_from_db()
    assert case.claimed_by == User.objects.get(pk=mona.pk)
    second = browser(milo).get(page_of(case)).content.decode()
    assert "mona is working on this case" in second
    assert 'name="action"' not in second


def test_it_lets_go_of_a_case_that_is_skipped(case: Case, ann: User, mona: Staff, milo: Staff) -> None:
    other = file_report(ann, member("Cid"), reason="other").case
    assert other
    client = browser(mona)
    client.get(page_of(case))
    skip = client.get(reverse("admin:moderation_case_next"), {"after": str(case.pk)})
    assert skip["Location"] == page_of(other)
    assert claim(case.pk, by=milo)


def test_it_shows_a_case_in_few_queries(
    talk: Case, bob: User, mona: Staff, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(10):
        file_report(member(f"Cid {number}"), bob, reason="spam")
    decide(talk, mona, "warn")
    for number in range(10):
        file_report(member(f"Dot {number}"), bob, reason="spam")
    newer = Case.objects.get(status="open")
    client = browser(mona)
    client.get(page_of(newer))
    with django_assert_max_num_queries(15):
        page = client.get(page_of(newer)).content.decode()
    assert page.count('class="mm-report"') == 10
    assert "I sell coins" in page
    assert "of weight 1" in page


def test_it_goes_on_to_the_next_case_after_a_decision(case: Case, ann: User, mona: Staff) -> None:
    other = file_report(ann, member("Cid"), reason="other").case
    assert other
    client = browser(mona)
    client.get(page_of(case))
    case.refresh_from_db()
    form = {"action": "warn", "reason": reason().pk, "seen": case.stamp, "words": "Stop it"}
    answer = client.post(act(case, "decide"), form)
    assert answer["Location"] == page_of(other)
    assert Decision.objects.get().words == "Stop it"
    assert LogEntry.objects.filter(object_id=str(case.pk)).count() == 1


def test_it_says_who_was_first(case: Case, mona: Staff, milo: Staff) -> None:
    seen = case.stamp
    decide(case, mona, "dismiss")
    answer = browser(milo).post(
        act(case, "decide"), {"action": "ban", "reason": reason().pk, "seen": seen}, follow=True
    )
    assert "mona was first" in answer.content.decode()
    assert Decision.objects.count() == 1


def test_it_undoes_the_last_decision_from_the_next_case(case: Case, ann: User, bob: User, mona: Staff) -> None:
    other = file_report(ann, member("Cid"), reason="other").case
    client = browser(mona)
    client.post(act(case, "decide"), {"action": "ban", "reason": reason().pk, "seen": case.stamp})
    assert other
    page = client.get(page_of(other))
    client.post(act(other, "undo"), {"decision": page.context["last_decision"]})
    assert fresh(bob).banned_at is None
    assert client.get(page_of(other)).context["last_decision"] == ""


def test_it_explains_what_is_missing(case: Case, mona: Staff) -> None:
    answer = browser(mona).post(act(case, "decide"), {"action": "warn", "seen": case.stamp}, follow=True)
    assert "Pick a reason" in answer.content.decode()


# ---- Evidence


def test_it_shows_a_conversation_only_when_asked_and_writes_that_down(talk: Case, mona: Staff) -> None:
    client = browser(mona)
    assert "quokka" not in client.get(page_of(talk)).content.decode()
    evidence = Evidence.objects.get()
    for times in (1, 2):
        assert "quokka" in client.post(act(talk, "read"), {"evidence": evidence.pk}).content.decode()
        assert LogEntry.objects.filter(change_message__contains="read the conversation").count() == times


def test_it_shows_no_evidence_of_another_case(talk: Case, ann: User, mona: Staff) -> None:
    other = file_report(ann, member("Cid"), reason="other").case
    assert other
    evidence = Evidence.objects.get(report__case=talk)
    assert browser(mona).post(act(other, "read"), {"evidence": evidence.pk}).status_code == 404


def test_it_blurs_photos_until_asked(case: Case, bob: User, mona: Staff) -> None:
    Photo.objects.filter(user=bob).update(file="photos/x.jpg")
    page = browser(mona).get(page_of(case)).content.decode()
    assert 'class="mm-photos mm-blurred"' in page
    assert page.count("<img") >= 2


def test_it_offers_a_photo_that_was_removed_since_the_report(case: Case, bob: User, mona: Staff) -> None:
    Photo.objects.filter(user=bob, position=1).delete()
    evidence = Evidence.objects.get()
    address = reverse("admin:moderation_case_photo", args=[case.pk, evidence.pk, 1])
    assert address in browser(mona).get(page_of(case)).content.decode()


# ---- The second person and appeals


def test_it_lets_a_senior_approve_what_is_held(case: Case, bob: User, mona: Staff, sena: Staff) -> None:
    User.objects.filter(pk=bob.pk).update(date_joined=timezone.now() - timedelta(days=200))
    held = decide(case, mona, "ban")
    client = browser(sena)
    listed = client.get(reverse("admin:moderation_decision_changelist"), {"stage": "held"})
    assert list(listed.context["cl"].result_list) == [held]
    assert "Approve" in client.get(page_of(case)).content.decode()
    assert "Approve" not in browser(mona).get(page_of(case)).content.decode()
    client.post(act(case, "release"), {"decision": held.pk})
    assert fresh(bob).banned_at


def test_it_lets_a_senior_refuse_what_is_held(case: Case, bob: User, mona: Staff, sena: Staff) -> None:
    User.objects.filter(pk=bob.pk).update(date_joined=timezone.now() - timedelta(days=200))
    held = decide(case, mona, "ban")
    browser(sena).post(act(case, "refuse"), {"decision": held.pk, "words": "Too hard"})
    assert Case.objects.get().status == "open"
    assert "Too hard" in browser(mona).get(page_of(case)).content.decode()


@pytest.fixture
def appeal(case: Case, bob: User, mona: Staff) -> Appeal:
    return file_appeal(fresh(bob), decide(case, mona, "ban").pk, "I collect them")


def test_it_shows_an_appeal_beside_the_statement(appeal: Appeal, sena: Staff) -> None:
    client = browser(sena)
    assert list(client.get(reverse("admin:moderation_appeal_changelist")).context["cl"].result_list) == [appeal]
    page = client.get(reverse("admin:moderation_appeal_change", args=[appeal.pk])).content.decode()
    for words in ("I collect them", "By which rule", "Overturn"):
        assert words in page


def test_it_overturns_with_an_answer(appeal: Appeal, bob: User, sena: Staff) -> None:
    address = reverse("admin:moderation_appeal_act", args=[appeal.pk, "overturn"])
    client = browser(sena)
    assert "Say why" in client.post(address, {"words": ""}, follow=True).content.decode()
    client.post(address, {"words": "So you do"})
    assert fresh(bob).banned_at is None


def test_it_tells_who_decided_that_the_appeal_is_not_theirs(case: Case, bob: User, sena: Staff) -> None:
    appeal = file_appeal(fresh(bob), decide(case, sena, "ban").pk, "I collect them")
    client = browser(sena)
    page = client.get(reverse("admin:moderation_appeal_change", args=[appeal.pk])).content.decode()
    assert "You had a part in this decision" in page
    assert "Overturn" not in page
    client.post(reverse("admin:moderation_appeal_act", args=[appeal.pk, "overturn"]), {"words": "I was wrong"})
    assert fresh(bob).banned_at


# ---- Texts and addresses


def test_it_lets_a_policy_editor_reword_a_policy(hire: object) -> None:
    editor = hire("pola", "Policy editor")  # type: ignore[operator]
    policy = Policy.objects.get(key="kindness")
    english = policy.texts.get(language="en")
    form = {
        "key": policy.key,
        "clause": "2a",
        "is_active": "on",
        "texts-TOTAL_FORMS": "1",
        "texts-INITIAL_FORMS": "1",
        "texts-0-id": str(english.pk),
        "texts-0-policy": str(policy.pk),
        "texts-0-language": "en",
        "texts-0-title": "Be gentle",
        "texts-0-text": english.text,
    }
    browser(editor).post(reverse("admin:moderation_policy_change", args=[policy.pk]), form)
    policy.refresh_from_db()
    assert str(Policy.objects.get(pk=policy.pk)) == "2a Be gentle"


def test_it_ships_policies_and_reasons_in_every_language(db: None) -> None:
    for row in (*Policy.objects.prefetch_related("texts"), *ReasonTemplate.objects.prefetch_related("texts")):
        assert sorted(text.language for text in row.texts.all()) == ["en", "es", "ru"]


@pytest.mark.parametrize("address", ["nonsense", "34c365dd-b686-4900-ba1c-460217d94622"])
def test_it_finds_no_case_where_there_is_none(mona: Staff, address: str) -> None:
    assert browser(mona).get(reverse("admin:moderation_case_change", args=[address])).status_code == 404


def test_it_refuses_verbs_that_do_not_exist_and_acts_by_link(case: Case, mona: Staff) -> None:
    client = browser(mona)
    assert client.post(act(case, "dance")).status_code == 404
    assert client.get(act(case, "decide")).status_code == 405
