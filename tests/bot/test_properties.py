"""Random lives of two to five members, their updates interleaved: what must hold whatever they do, and whenever.

The oracle below says in plain Python who may see whom; it shares no code with the engine that it judges.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone
from h3.api import basic_int as h3
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from apps.conversations.models import Message
from apps.matching.models import Block, Match, Swipe
from apps.notifications.models import Delivery
from apps.users.models import User
from tests.concurrency import at_once
from tests.factories import member
from tests.fakes import FakeBotApi, RecordedCall
from tests.phone import NoSuchButtonError, Phone, post_update

KILOMETRE = 1 / 111  # degrees of latitude
NAMES = ("Ann", "Bob", "Cid", "Dot", "Eve")
PEOPLE = st.fixed_dictionaries(
    {
        "gender": st.sampled_from(["woman", "man"]),
        "seeking": st.sampled_from([("woman",), ("man",), ("woman", "man")]),
        "age": st.integers(19, 60),
        "ages": st.sampled_from([(18, 99), (18, 40), (30, 60)]),
        "place": st.sampled_from([(41.7, 44.8), (41.7 + 30 * KILOMETRE, 44.8)]),
        "max_distance_km": st.sampled_from([10, 50, None]),
        "photos": st.integers(1, 2),
    }
)
WHO = st.integers(0, 4)


def fits(chooser: User, chosen: User) -> bool:
    wishes, them = chooser.preferences, chosen.profile
    near = wishes.max_distance_km is None or _km(chooser, chosen) <= wishes.max_distance_km
    return them.gender in wishes.genders and wishes.age_min <= _age(chosen) <= wishes.age_max and near


def may_see(viewer: User, other: User) -> bool:
    """Both sides' preferences hold, nobody is hidden, and neither blocked the other. Who looks is reachable by that."""
    hidden = viewer.paused_at or viewer.banned_at or other.paused_at or other.banned_at or other.unreachable_at
    pairs = Block.objects.filter(blocker__in=[viewer, other], blocked__in=[viewer, other])
    return viewer != other and not hidden and fits(viewer, other) and fits(other, viewer) and not pairs.exists()


def _age(user: User) -> int:
    born, today = user.profile.birth_date, timezone.localdate()
    assert born
    return today.year - born.year - (today < born.replace(year=today.year))


def _km(one: User, other: User) -> float:
    assert one.profile.cell
    assert other.profile.cell
    return float(
        h3.great_circle_distance(h3.cell_to_latlng(one.profile.cell), h3.cell_to_latlng(other.profile.cell), "km")
    )


@dataclass
class Life:
    """One member: the phone, every card they were ever shown, and what their swipes must be."""

    phone: Phone
    cards: list[tuple[RecordedCall, UUID]] = field(default_factory=list)
    swipes: dict[UUID, bool] = field(default_factory=dict)
    calls_seen: int = 0
    is_erased: bool = False


class Lives(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.rollback = transaction.atomic()
        self.rollback.__enter__()
        self.lives: list[Life] = []
        self.words = Counter[str]()
        self.updates: list[dict[str, Any]] = []

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.rollback.__exit__(None, None, None)

    @initialize(people=st.lists(PEOPLE, min_size=2, max_size=5))
    def people_join(self, people: list[dict[str, Any]]) -> None:
        api = FakeBotApi()
        for number, person in enumerate(people):
            user = member(NAMES[number], telegram_id=100 + number, **person)
            assert user.telegram_id
            self.lives.append(Life(Phone(api, user.telegram_id, NAMES[number])))

    # ---- What they do

    @rule(who=WHO)
    def browses(self, who: int) -> None:
        self.act(who, lambda life: life.phone.write("/browse"))

    @rule(who=WHO, liked=st.booleans())
    def swipes_the_newest_card(self, who: int, liked: bool) -> None:
        self.swipe(who, -1, liked)

    @rule(who=WHO, which=st.integers(0, 20), liked=st.booleans())
    def swipes_an_old_card(self, who: int, which: int, liked: bool) -> None:
        self.swipe(who, which, liked)

    @rule(who=WHO)
    def takes_the_last_swipe_back(self, who: int) -> None:
        life = self.life(who)
        if life is None:
            return
        last = Swipe.objects.filter(swiper=life.phone.user).order_by("-created_at").first()
        undoable = last and not Match.objects.filter(low__in=_pair(last), high__in=_pair(last)).exists()
        self.act(who, lambda life: life.phone.tap_data("undo"))
        if last and undoable:
            del life.swipes[last.target_id]

    @rule(who=WHO, which=st.integers(0, 20))
    def blocks_somebody_from_a_card(self, who: int, which: int) -> None:
        life = self.life(who)
        if life and life.cards:
            card, target = life.cards[which % len(life.cards)]
            self.act(who, lambda life: life.phone.tap_data(f"block:{target.hex}", on=card))

    @rule(who=WHO, which=st.sampled_from(["on", "off"]))
    def pauses_or_goes_on(self, who: int, which: str) -> None:
        self.act(who, lambda life: life.phone.tap_data(f"pause:{which}"))

    @rule(who=WHO, ages=st.sampled_from([(18, 99), (18, 30), (40, 70)]))
    def changes_the_age_range(self, who: int, ages: tuple[int, int]) -> None:
        self.act(who, lambda life: life.phone.tap_data(f"widen_age:{ages[0]}:{ages[1]}"))

    @rule(who=WHO)
    def blocks_the_bot_for_a_while(self, who: int) -> None:
        self.act(who, lambda life: life.phone.blocks_the_bot())

    @rule(who=WHO)
    def comes_back_to_the_bot(self, who: int) -> None:
        self.act(who, lambda life: life.phone.unblocks_the_bot())

    @rule(who=WHO)
    def opens_the_newest_chat(self, who: int) -> None:
        self.act(who, lambda life: self.tap_if_shown(life, "chat:"))

    @rule(who=WHO)
    def writes(self, who: int) -> None:
        """Goes to the partner of the open chat once, and to nobody else."""
        life = self.life(who)
        if life is None:
            return
        text = f"message {sum(self.words.values())} of {life.phone.name}"
        before = Message.objects.count()
        self.act(who, lambda life: life.phone.write(text))
        self.words[text] = Message.objects.count() - before

    @rule(who=WHO)
    def ends_a_match(self, who: int) -> None:
        life = self.life(who)
        match = life and Match.objects.filter(ended_at=None).filter(low__telegram_id=life.phone.telegram_id).first()
        if match:
            self.act(who, lambda life: life.phone.tap_data(f"unmatch_yes:{match.pk.hex}"))

    @rule(who=WHO)
    def leaves_for_good(self, who: int) -> None:
        life = self.life(who)
        if life is None:
            return
        gone = life.phone.user.pk
        self.act(who, lambda life: life.phone.tap_data("delete_yes"))
        life.is_erased = True
        for other in self.lives:
            other.swipes.pop(gone, None)

    @rule(which=st.integers(0, 200))
    def telegram_posts_an_earlier_update_again(self, which: int) -> None:
        if self.updates:
            before = _everything()
            again = post_update(self.lives[0].phone.client, self.updates[which % len(self.updates)])
            assert again.status_code == 200
            assert _everything() == before

    # ---- What must hold

    @invariant()
    def every_swipe_is_there_once_and_none_is_lost(self) -> None:
        for life in self.lives:
            swipes = Swipe.objects.filter(swiper__telegram_id=life.phone.telegram_id)
            assert dict(swipes.values_list("target_id", "liked")) == ({} if life.is_erased else life.swipes)

    @invariant()
    def every_pair_of_likes_is_one_match(self) -> None:
        likes = set(Swipe.objects.filter(liked=True).values_list("swiper_id", "target_id"))
        mutual = {frozenset(pair) for pair in likes if pair[::-1] in likes}
        assert {frozenset(pair) for pair in Match.objects.values_list("low_id", "high_id")} == mutual
        assert Match.objects.count() == len(mutual)

    @invariant()
    def every_message_arrives_once(self) -> None:
        for text, times in self.words.items():
            assert times <= 1
            arrived = sum(text in call.text for life in self.lives for call in life.phone.screen())
            assert arrived == times

    @invariant()
    def nothing_failed(self) -> None:
        assert not any("went wrong" in call.text for life in self.lives for call in life.phone.screen())

    # ---- How they do it

    def life(self, who: int) -> Life | None:
        life = self.lives[who % len(self.lives)]
        return None if life.is_erased else life

    def act(self, who: int, action: Any) -> None:
        """The action of one member; whoever is shown somebody's card by it must be allowed to see them."""
        life = self.life(who)
        if life is None:
            return
        action(life)
        self.updates.append(life.phone.last_update)
        for call in life.phone.api.sent_to(life.phone.telegram_id)[life.calls_seen :]:
            for target_id in _cards_on(call):
                life.cards.append((call, target_id))
                viewer, target = life.phone.user, User.objects.get(pk=target_id)
                assert may_see(viewer, target), f"{life.phone.name} was shown {target.profile.name}"
                assert target_id not in _swiped(viewer)
        life.calls_seen = len(life.phone.api.sent_to(life.phone.telegram_id))

    def swipe(self, who: int, which: int, liked: bool) -> None:
        life = self.life(who)
        if life is None or not life.cards:
            return
        card, target_id = life.cards[which % len(life.cards)]
        target = User.objects.filter(pk=target_id).first()
        counts = target is not None and may_see(life.phone.user, target) and target_id not in life.swipes
        if counts:
            life.swipes[target_id] = liked
        self.act(who, lambda life: life.phone.tap_data(f"{'like' if liked else 'pass'}:{target_id.hex}", on=card))

    @staticmethod
    def tap_if_shown(life: Life, button: str) -> None:
        try:
            life.phone.tap(button)
        except NoSuchButtonError:
            life.phone.write("/matches")


def _cards_on(call: RecordedCall) -> list[UUID]:
    rows = (call.params.get("reply_markup") or {}).get("inline_keyboard", [])
    data = [button["callback_data"] for row in rows for button in row]
    return [UUID(each.removeprefix("like:")) for each in data if each.startswith("like:")]


def _swiped(user: User) -> set[UUID]:
    return set(Swipe.objects.filter(swiper=user).values_list("target_id", flat=True))


def _pair(swipe: Swipe) -> list[UUID]:
    return [swipe.swiper_id, swipe.target_id]


def _everything() -> list[Any]:
    models = (User, Swipe, Match, Block, Message)
    return [list(model.objects.order_by("pk").values()) for model in models] + [Delivery.objects.count()]


@pytest.mark.django_db
def test_it_holds_whatever_two_to_five_members_do() -> None:
    run_state_machine_as_test(
        Lives,
        settings=settings(
            max_examples=30,
            phases=[Phase.generate],
            stateful_step_count=40,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("attempt", range(5))
def test_it_makes_one_match_when_two_like_each_other_at_the_same_moment(attempt: int) -> None:
    ann, bob = member("Ann", telegram_id=100), member("Bob", telegram_id=101)
    at_once(lambda: _like(ann, bob, 1), lambda: _like(bob, ann, 2))
    assert Match.objects.count() == 1
    assert sum("match" in str(delivery.params) for delivery in Delivery.objects.all()) == 2


@pytest.mark.django_db(transaction=True)
def test_it_takes_the_turns_of_one_member_one_after_the_other() -> None:
    """A tap and a message of one member can arrive together: the second sees what the first has done."""
    ann = member("Ann", telegram_id=100)
    texts = [{"update_id": number, "callback_query": _tap(ann, f"interest:{slug}:0")} for number, slug in _TOGGLES]
    at_once(*[lambda update=update: _post(update) for update in texts])
    assert sorted(User.objects.get(pk=ann.pk).profile.interests) == sorted(slug for _, slug in _TOGGLES)


@pytest.mark.django_db(transaction=True)
def test_it_handles_an_update_once_when_it_arrives_several_timesat_once() -> None:
    ann = member("Ann", telegram_id=100)
    update = {"update_id": 1, "callback_query": _tap(ann, "interest:hiking:0")}
    at_once(*[lambda: _post(update)] * 4)
    assert User.objects.get(pk=ann.pk).profile.interests == ["hiking"]


_TOGGLES = [(1, "hiking"), (2, "running"), (3, "cycling"), (4, "swimming")]


def _like(who: User, whom: User, update_id: int) -> None:
    _post({"update_id": update_id, "callback_query": _tap(who, f"like:{whom.pk.hex}")})


def _tap(who: User, data: str) -> dict[str, Any]:
    sender = {"id": who.telegram_id, "is_bot": False, "first_name": "x"}
    message = {"message_id": 1, "date": 1_800_000_000, "chat": {"id": who.telegram_id, "type": "private"}, "text": "…"}
    return {"id": "1", "from": sender, "chat_instance": "1", "data": data, "message": message}


def _post(update: dict[str, Any]) -> None:
    assert post_update(Client(), update).status_code == 200
