"""Staff see why a deck is as it is and how models did, and choose which one ranks, with a reason."""

from collections.abc import Iterator
from datetime import date

import pytest
from django.contrib.admin.models import LogEntry
from django.urls import reverse

from apps.matching.engine.ranker import starting_model
from apps.matching.learning import running
from apps.matching.learning.models import Impression, RankerModel, TasteFit
from apps.matching.services import record_swipe
from tests.admin.conftest import SignIn
from tests.factories import member

pytestmark = pytest.mark.django_db
State = RankerModel.State
ROLES = pytest.mark.parametrize(("role", "expected"), [(None, 200), ("Moderator", 403), ("Product manager", 200)])


@pytest.fixture(autouse=True)
def _nothing_learned_yet() -> Iterator[None]:
    running.forget()
    yield
    running.forget()


@pytest.fixture
def versions() -> list[RankerModel]:
    model = starting_model(running.unlearned_population()).to_json()
    figures = {who: {"auc": auc, "log_loss": 0.4} for who, auc in (("new", 0.7123), ("running", 0.65))}
    return [
        RankerModel.objects.create(number=number, state=state, model=model, figures=figures, why="trained")
        for number, state in ((1, State.RETIRED), (2, State.RUNNING))
    ]


def states() -> list[str]:
    return list(RankerModel.objects.order_by("number").values_list("state", flat=True))


# ---- A member's deck


def test_it_shows_what_a_members_deck_is_made_of_and_why(sign_in: SignIn) -> None:
    ann, bob = member("Ann", gender="woman", interests=["chess"]), member("Bob", gender="man", interests=["chess"])
    record_swipe(bob, ann, liked=True)
    page = sign_in("Moderator").get(reverse("admin:matching_member_deck", args=[ann.pk])).content.decode()
    for word in ("Bob", "Likes the viewer", "interests of both", "shared.interests", "nearness", "start"):
        assert word in page
    assert not Impression.objects.exists()


def test_it_leads_there_from_the_members_page(sign_in: SignIn) -> None:
    ann = member("Ann")
    page = sign_in("Moderator").get(reverse("admin:users_member_change", args=[ann.pk])).content.decode()
    assert reverse("admin:matching_member_deck", args=[ann.pk]) in page


def test_it_says_who_has_no_deck(sign_in: SignIn) -> None:
    draft = member("Ann", published_at=None)
    page = sign_in().get(reverse("admin:matching_member_deck", args=[draft.pk])).content.decode()
    assert "Only listed members have a deck." in page


def test_it_shows_decks_to_nobody_who_may_not_see_members(sign_in: SignIn) -> None:
    ann = member("Ann")
    assert sign_in("Product manager").get(reverse("admin:matching_member_deck", args=[ann.pk])).status_code == 403


# ---- Model versions


def test_it_shows_how_models_did(versions: list[RankerModel], sign_in: SignIn) -> None:
    client = sign_in("Product manager")
    for page in (
        reverse("admin:matching_rankermodel_changelist"),
        reverse("admin:matching_rankermodel_change", args=[versions[0].pk]),
    ):
        assert "0.7123 (0.6500)" in client.get(page).content.decode()


@ROLES
def test_it_lets_product_managers_choose_a_model(
    versions: list[RankerModel], sign_in: SignIn, role: str | None, expected: int
) -> None:
    client, page = sign_in(role), reverse("admin:matching_rankermodel_run", args=[versions[0].pk])
    assert client.get(page).status_code == expected
    client.post(page, {"reason": "r2 shows the same faces"})
    assert states() == ([State.RUNNING, State.RETIRED] if expected == 200 else [State.RETIRED, State.RUNNING])


def test_it_keeps_who_chose_a_model_and_why(versions: list[RankerModel], sign_in: SignIn) -> None:
    sign_in("Product manager").post(
        reverse("admin:matching_rankermodel_run", args=[versions[0].pk]), {"reason": "r2 shows the same faces"}
    )
    entry = LogEntry.objects.get()
    assert (entry.user.username, entry.object_repr) == ("product-manager", "r1")
    assert "r2 shows the same faces" in entry.change_message
    assert RankerModel.objects.get(number=1).why == "r2 shows the same faces"


def test_it_chooses_nothing_without_a_reason(versions: list[RankerModel], sign_in: SignIn) -> None:
    answer = sign_in().post(reverse("admin:matching_rankermodel_run", args=[versions[0].pk]), {"reason": " "})
    assert "needs a reason" in answer.content.decode()
    assert states() == [State.RETIRED, State.RUNNING]


def test_it_goes_back_to_the_starting_model(versions: list[RankerModel], sign_in: SignIn) -> None:
    sign_in().post(reverse("admin:matching_rankermodel_stop", args=[versions[1].pk]), {"reason": "start over"})
    assert states() == [State.RETIRED, State.RETIRED]


# ---- Tastes


def test_it_shows_what_became_of_a_nights_fit_of_tastes(sign_in: SignIn) -> None:
    losses = {"log_loss_none": 0.6931, "log_loss_before": 0.6500}
    TasteFit.objects.create(
        until=date(2026, 11, 24), is_kept=True, why="better", figures={"members": 80_000, "swipes": 9, **losses}
    )
    fit = TasteFit.objects.create(
        until=date(2026, 11, 25), is_kept=False, why="not surely better", figures={"members": 9, "swipes": 9}
    )
    client = sign_in("Product manager")
    page = client.get(reverse("admin:matching_tastefit_changelist")).content.decode()
    for word in ("Kept", "Dropped", "80,000", "0.6931", "0.6500", "not surely better"):
        assert word in page
    assert client.get(reverse("admin:matching_tastefit_change", args=[fit.pk])).status_code == 200
