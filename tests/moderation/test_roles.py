"""Who may do what, also by typing the address: every act of the workbench for every role."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.moderation.decisions.appeals import file_appeal
from apps.moderation.models import Appeal, Case, Decision, Evidence, Policy, ReasonTemplate
from apps.moderation.services import file_report
from apps.users.models import Staff, User
from tests.factories import member
from tests.moderation.conftest import decide, fresh, reason
from tests.staff import Hire, browser

ROLES = (None, "Moderator", "Senior moderator", "Policy editor", "Analyst", "Product manager", "Flag approver")
LOOKS = {None, "Moderator", "Senior moderator", "Analyst"}
DECIDES = {None, "Moderator", "Senior moderator"}
SECOND = {None, "Senior moderator"}
WRITES = {None, "Policy editor"}
as_every_role = pytest.mark.parametrize("role", ROLES, ids=str)


@pytest.fixture
def visit(hire: Hire) -> Callable[[str | None], Client]:
    return lambda role: browser(hire("visitor", role))


Visit = Callable[[str | None], Client]


@as_every_role
@pytest.mark.parametrize(
    ("model", "open_to"),
    [
        ("case", LOOKS),
        ("decision", LOOKS),
        ("appeal", LOOKS),
        ("report", DECIDES),
        ("policy", LOOKS | WRITES),
        ("reasontemplate", LOOKS | WRITES),
        ("rule", LOOKS | WRITES),
        ("finding", LOOKS | WRITES),
        ("check", LOOKS | WRITES),
    ],
)
def test_it_opens_each_list_to_its_roles(visit: Visit, role: str | None, model: str, open_to: set[str | None]) -> None:
    answer = visit(role).get(reverse(f"admin:moderation_{model}_changelist"))
    assert answer.status_code == (200 if role in open_to else 403)


@as_every_role
def test_it_shows_a_case_to_those_who_look_and_claims_it_for_those_who_decide(
    case: Case, visit: Visit, role: str | None
) -> None:
    client = visit(role)
    answer = client.get(reverse("admin:moderation_case_change", args=[case.pk]))
    assert answer.status_code == (200 if role in LOOKS else 403)
    assert client.get(reverse("admin:moderation_case_next")).status_code == (302 if role in LOOKS else 403)
    case.refresh_from_db()
    assert (case.claimed_by is not None) == (role in DECIDES)


@as_every_role
def test_it_lets_only_those_decide_who_may(case: Case, visit: Visit, role: str | None) -> None:
    form = {"action": "warn", "reason": reason().pk, "seen": case.stamp}
    answer = visit(role).post(reverse("admin:moderation_case_act", args=[case.pk, "decide"]), form)
    assert answer.status_code == (302 if role in DECIDES else 403)
    assert Decision.objects.exists() == (role in DECIDES)


@as_every_role
@pytest.mark.parametrize("verb", ["read", "claim"])
def test_it_lets_only_those_claim_and_read_who_may(case: Case, visit: Visit, role: str | None, verb: str) -> None:
    form = {"evidence": Evidence.objects.get().pk}
    answer = visit(role).post(reverse("admin:moderation_case_act", args=[case.pk, verb]), form)
    assert (answer.status_code in (200, 302)) == (role in DECIDES)
    assert answer.status_code in (200, 302, 403)


@as_every_role
def test_it_shows_removed_photos_to_those_who_may_read_evidence(case: Case, visit: Visit, role: str | None) -> None:
    address = reverse("admin:moderation_case_photo", args=[case.pk, Evidence.objects.get().pk, 99])
    assert visit(role).get(address).status_code == (404 if role in DECIDES else 403)


@as_every_role
def test_it_lets_others_undo_only_with_the_right_to(case: Case, mona: Staff, visit: Visit, role: str | None) -> None:
    decision = decide(case, mona, "warn")
    visit(role).post(reverse("admin:moderation_case_act", args=[case.pk, "undo"]), {"decision": decision.pk})
    assert Decision.objects.filter(action="undo").exists() == (role in SECOND)


@as_every_role
@pytest.mark.parametrize(("verb", "entry"), [("release", "release"), ("refuse", "refuse")])
def test_it_lets_only_seniors_be_the_second_person(
    case: Case, bob: User, mona: Staff, visit: Visit, role: str | None, verb: str, entry: str
) -> None:
    User.objects.filter(pk=bob.pk).update(date_joined=timezone.now() - timedelta(days=200))
    held = decide(case, mona, "ban")
    form = {"decision": held.pk, "words": "so"}
    answer = visit(role).post(reverse("admin:moderation_case_act", args=[case.pk, verb]), form)
    assert answer.status_code == (302 if role in SECOND else 403)
    assert Decision.objects.filter(action=entry).exists() == (role in SECOND)


@as_every_role
@pytest.mark.parametrize("verb", ["uphold", "overturn"])
def test_it_lets_only_seniors_decide_appeals(
    case: Case, bob: User, mona: Staff, visit: Visit, role: str | None, verb: str
) -> None:
    appeal = file_appeal(fresh(bob), decide(case, mona, "ban").pk, "not me")
    answer = visit(role).post(reverse("admin:moderation_appeal_act", args=[appeal.pk, verb]), {"words": "so"})
    assert answer.status_code == (302 if role in SECOND else 403)
    assert Appeal.objects.exclude(status="waiting").exists() == (role in SECOND)


@as_every_role
def test_it_lets_only_those_dismiss_many_who_may(ann: User, visit: Visit, role: str | None) -> None:
    case = file_report(ann, member("Cid"), reason="other").case
    assert case
    form = {"action": "dismiss_all", "_selected_action": [str(case.pk)]}
    visit(role).post(reverse("admin:moderation_case_changelist"), form)
    assert Decision.objects.exists() == (role in DECIDES)


@as_every_role
def test_it_lets_nobody_undo_many_of_others_without_the_right(
    case: Case, mona: Staff, visit: Visit, role: str | None
) -> None:
    decision = decide(case, mona, "warn")
    form = {"action": "undo_all", "_selected_action": [str(decision.pk)]}
    visit(role).post(reverse("admin:moderation_decision_changelist"), form)
    assert Decision.objects.filter(action="undo").exists() == (role in SECOND)


@as_every_role
@pytest.mark.parametrize("model", ["policy", "reasontemplate"])
def test_it_lets_only_editors_write_texts_and_nobody_delete_them(visit: Visit, role: str | None, model: str) -> None:
    row = (Policy if model == "policy" else ReasonTemplate).objects.all()[0]
    client = visit(role)
    assert client.get(reverse(f"admin:moderation_{model}_add")).status_code == (200 if role in WRITES else 403)
    assert client.get(reverse(f"admin:moderation_{model}_delete", args=[row.pk])).status_code == 403


@pytest.mark.parametrize("model", ["case", "decision", "appeal", "report"])
def test_it_lets_not_even_superusers_write_records_by_hand(case: Case, visit: Visit, model: str) -> None:
    client = visit(None)
    assert client.get(reverse(f"admin:moderation_{model}_add")).status_code == 403
    assert client.post(reverse("admin:moderation_case_delete", args=[case.pk])).status_code == 403


def test_it_shows_an_analyst_appeals_without_their_words(case: Case, bob: User, mona: Staff, visit: Visit) -> None:
    appeal = file_appeal(fresh(bob), decide(case, mona, "ban").pk, "a quokka did it")
    page = visit("Analyst").get(reverse("admin:moderation_appeal_change", args=[appeal.pk])).content.decode()
    assert "By which rule" in page
    assert "quokka" not in page


def test_it_shows_an_analyst_neither_words_nor_photos_nor_the_profile(case: Case, bob: User, visit: Visit) -> None:
    file_report(member("Cid"), bob, reason="spam")
    page = visit("Analyst").get(reverse("admin:moderation_case_change", args=[case.pk])).content.decode()
    assert "I sell coins" not in page
    assert "mm-photos" not in page
    assert "Cid" not in page
