"""Random sequences of report, decide, undo, appeal and time passing: a member is always what the log says they are.

The oracle below replays the log in plain Python; it shares no code with what it judges.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.contrib.auth.models import Group
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from apps.core.errors import MeetsMatchError
from apps.moderation.decisions import services
from apps.moderation.decisions.actions import Order
from apps.moderation.decisions.appeals import decide_appeal, file_appeal
from apps.moderation.models import Appeal, Case, Decision, Finding, Rule, Strike
from apps.moderation.rules.services import judge
from apps.moderation.services import file_report
from apps.notifications.models import Delivery
from apps.users.models import Photo, Staff, User
from apps.users.services import set_bio
from tests.factories import member
from tests.moderation.conftest import fresh, reason

ACTIONS = ("dismiss", "warn", "hide_photo", "edit_bio", "limit", "suspend", "ban", "shadow_limit")
WHO = st.integers(0, 1)
STRIKES = {"warn": 1, "hide_photo": 1, "edit_bio": 1, "limit": 2, "suspend": 4, "ban": 8, "shadow_limit": 2}


def replayed(member_id: Any, now: datetime) -> dict[str, Any]:
    """What the log of all cases of a member says about them."""
    standing: dict[Any, Decision] = {}
    waiting: dict[Any, Decision] = {}
    for entry in Decision.objects.filter(case__member=member_id).order_by("created_at", "number"):
        if entry.action in ("undo", "refuse"):
            standing.pop(entry.about_id, None)
            waiting.pop(entry.about_id, None)
        elif entry.action == "release":
            standing[entry.about_id] = waiting.pop(entry.about_id)
        else:
            (waiting if entry.is_held else standing)[entry.pk] = entry
    of = [(each.action, each.until) for each in standing.values()]
    return {
        "is_banned": any(action == "ban" for action, _ in of),
        "limited": max((until for action, until in of if action == "limit" and until > now), default=None),
        "suspended": max((until for action, until in of if action == "suspend" and until > now), default=None),
        "shadowed": max((until for action, until in of if action == "shadow_limit" and until > now), default=None),
        "hidden": {entry.kept.content["photo"] for entry in standing.values() if entry.action == "hide_photo"},
        "strikes": sum(STRIKES.get(action, 0) for action, _ in of),
        "bio_taken_at": [entry.created_at for entry in standing.values() if entry.action == "edit_bio"],
    }


def actual(member_id: Any) -> dict[str, Any]:
    user = User.objects.get(pk=member_id)
    hidden = Photo.objects.filter(user=user, hidden_at__isnull=False)
    return {
        "is_banned": user.banned_at is not None,
        "limited": user.limited_until,
        "suspended": user.suspended_until,
        "shadowed": user.shadowed_until,
        "hidden": {str(photo.pk) for photo in hidden},
        "strikes": sum(Strike.objects.filter(member=user).values_list("weight", flat=True)),
    }


def withheld(member_id: Any) -> set[str]:
    """Photos that a rule hid until its finding is decided."""
    pending = Finding.objects.filter(member=member_id, hides_photo=True, outcome="pending")
    return {str(photo) for photo in pending.values_list("photo", flat=True)}


class Moderation(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.rollback = transaction.atomic()
        self.rollback.__enter__()
        self.now = timezone.now()
        self.clock = patch("django.utils.timezone.now", lambda: self.now)
        self.clock.start()

    def teardown(self) -> None:
        self.clock.stop()
        transaction.set_rollback(True)
        self.rollback.__exit__(None, None, None)

    @initialize(is_veteran=st.booleans(), photos=st.integers(1, 3))
    def people_join(self, is_veteran: bool, photos: int) -> None:
        self.bob = member("Bob", bio="first words", photos=photos)
        if is_veteran:
            User.objects.filter(pk=self.bob.pk).update(date_joined=self.now - timedelta(days=400))
        self.reporters = [member(name) for name in ("Ann", "Cid")]
        self.staff = [Staff.objects.create_user(name, "a long password", is_staff=True) for name in ("sena", "sila")]
        for person in self.staff:
            person.groups.add(Group.objects.get(name="Senior moderator"))
        Rule.objects.create(name="Nude", about="photo", expression="nudity > 90", action="hide_photo", mode="live")
        self.words, self.written_at = "first words", self.now

    # ---- What happens

    @rule(who=WHO, why=st.sampled_from(["spam", "underage", "other"]))
    def reports(self, who: int, why: str) -> None:
        file_report(self.reporters[who], fresh(self.bob), reason=why)

    @rule(who=WHO, action=st.sampled_from(ACTIONS), photo=st.integers(0, 2), hours=st.sampled_from([24, 72]))
    def decides(self, who: int, action: str, photo: int, hours: int) -> None:
        case = Case.objects.filter(member=self.bob, status="open").first()
        if case:
            photos = list(Photo.objects.filter(user=self.bob).values_list("pk", flat=True))
            order = Order(action, template_id=reason().pk, hours=hours, photo_id=photos[photo % len(photos)])
            self.attempt(
                lambda: services.decide(case.pk, by=self.staff[who], seen=case.stamp, order=order), undone_at_once=True
            )

    @rule(photo=st.integers(0, 2))
    def a_rule_withholds_a_photo(self, photo: int) -> None:
        self.now += timedelta(seconds=1)
        photos = list(Photo.objects.filter(user=self.bob))
        found = photos[photo % len(photos)]
        judge("photo", {"nudity": 95}, member=self.bob, subject=f"photo:{self.now}", photo=found)

    @rule(who=WHO, which=st.integers(0, 30))
    def undoes(self, who: int, which: int) -> None:
        self.with_decision(which, lambda decision: services.undo(decision.pk, by=self.staff[who]))

    @rule(who=WHO, which=st.integers(0, 30), is_right=st.booleans())
    def judges_what_is_held(self, who: int, which: int, is_right: bool) -> None:
        def judges(decision: Decision) -> object:
            if is_right:
                return services.release(decision.pk, by=self.staff[who])
            return services.refuse(decision.pk, by=self.staff[who], words="no")

        self.with_decision(which, judges)

    @rule(which=st.integers(0, 30))
    def appeals(self, which: int) -> None:
        self.with_decision(which, lambda decision: file_appeal(fresh(self.bob), decision.pk, "not me"))

    @rule(who=WHO, overturn=st.booleans())
    def judges_an_appeal(self, who: int, overturn: bool) -> None:
        appeal = Appeal.objects.filter(status="waiting").first()
        if appeal:
            self.attempt(lambda: decide_appeal(appeal.pk, by=self.staff[who], overturn=overturn, words="so"))

    @rule(hours=st.sampled_from([1, 25, 80]))
    def time_passes(self, hours: int) -> None:
        self.now += timedelta(hours=hours)
        services.lift_expired()
        services.lift_expired()

    @rule(words=st.sampled_from(["other words", "third words"]))
    def writes_new_words(self, words: str) -> None:
        self.now += timedelta(seconds=1)
        set_bio(fresh(self.bob), words)
        self.words, self.written_at = words, self.now

    # ---- What holds

    @invariant()
    def the_member_is_what_the_log_says(self) -> None:
        if hasattr(self, "words"):
            says = replayed(self.bob.pk, self.now)
            says["hidden"] |= withheld(self.bob.pk)
            assert actual(self.bob.pk) == {name: says[name] for name in actual(self.bob.pk)}

    @invariant()
    def the_profile_has_the_members_own_words_or_none(self) -> None:
        if hasattr(self, "words"):
            taken_out = replayed(self.bob.pk, self.now)["bio_taken_at"]
            is_taken = any(at > self.written_at for at in taken_out)
            assert fresh(self.bob).profile.bio == ("" if is_taken else self.words)

    @invariant()
    def nobody_is_told_of_a_shadow_limit(self) -> None:
        if hasattr(self, "words"):
            told = Delivery.objects.filter(user=self.bob, key__startswith="statement:").values_list("key", flat=True)
            quiet = Decision.objects.filter(action="shadow_limit").values_list("pk", flat=True)
            assert not {f"statement:{key}" for key in quiet} & set(told)

    @invariant()
    def nobody_is_worked_on_twice(self) -> None:
        if hasattr(self, "words"):
            assert Case.objects.filter(member=self.bob, status__in=["open", "held"]).count() <= 1

    # ---- How

    def with_decision(self, which: int, act: Callable[[Decision], object]) -> None:
        every = list(Decision.objects.filter(about=None).order_by("created_at", "number"))
        if every:
            self.attempt(lambda: act(every[which % len(every)]))

    def attempt(self, act: Callable[[], Any], *, undone_at_once: bool = False) -> None:
        """What is refused changes nothing; a decision that is undone at once leaves nothing."""
        self.now += timedelta(seconds=1)
        before = self.everything()
        try:
            with transaction.atomic():
                made = act()
        except MeetsMatchError:
            assert self.everything() == before
            return
        if undone_at_once:
            with transaction.atomic():
                services.undo(made.pk, by=User.objects.get(pk=made.by_id))
                assert self.everything() == before
                transaction.set_rollback(True)

    def everything(self) -> dict[str, Any]:
        return {**actual(self.bob.pk), "bio": fresh(self.bob).profile.bio}


@pytest.mark.django_db
def test_it_always_agrees_with_the_replay_of_its_log() -> None:
    run_state_machine_as_test(
        Moderation,
        settings=settings(
            max_examples=40,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
