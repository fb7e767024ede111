"""Why a card is shown: a few plain reasons for the member, and everything that counted for staff."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from django.utils.translation import gettext_lazy as _

from apps.matching.engine.features import NEAR_SCALE_KM, Columns
from apps.matching.engine.history import Column
from apps.matching.engine.ranker import Model
from apps.matching.learning.facts import columns, from_bytes
from apps.matching.learning.impressions import Placement

MOST_REASONS = 3
NEAR_KM, SAME_AGE_YEARS = 10, 3


class Reason(StrEnum):
    """What a member may be told: never how liked or how choosy somebody is, nor who likes whom."""

    INTERESTS = "interests"
    NEAR = "near"
    LANGUAGE = "language"
    AGE = "age"


# What staff read beside a feature's name.
_IN_WORDS = {
    "baseline": _("how readily their gender likes"),
    "generosity": _("how readily they like"),
    "giver.age": _("age of who may like"),
    "appeal": _("how liked the other one is"),
    "activity": _("how lately the other one was here"),
    "replies": _("how reliably the other one answers"),
    "completeness": _("how much of the other one’s profile is filled in"),
    "receiver.age": _("age of who may be liked"),
    "nearness": _("how near the two live"),
    "age_gap": _("years between the two"),
    "outside_age_range": _("years outside of the wanted ages"),
    "likes_giver": _("the other one likes them already"),
    "shown_before": _("how often the card was shown without an answer"),
    "shared.interests": _("interests of both"),
    "shared.languages": _("languages of both"),
    "affinity": _("their kind: a taste that likes alone have told"),
}
_OF_FEATURE = {
    "shared.interests": Reason.INTERESTS,
    "nearness": Reason.NEAR,
    "shared.languages": Reason.LANGUAGE,
    "age_gap": Reason.AGE,
}


@dataclass(frozen=True)
class Contribution:
    """By how much one feature moves the log odds of a like: of the viewer's (`there`), and of the candidate's."""

    feature: str
    value_there: float
    there: float
    value_back: float
    back: float

    @property
    def in_words(self) -> str:
        """For staff."""
        return str(_IN_WORDS.get(self.feature, self.feature))


@dataclass(frozen=True)
class Story:
    """How likely either is to like the other, by the model, and what that comes from, the weightiest first."""

    placement: Placement
    likes: float
    is_liked: float
    contributions: list[Contribution]


def reasons(placement: Placement, model: Model) -> list[Reason]:
    """What counts most for the two, as far as it is so and may be told; at most three, the strongest first."""
    (story,) = stories([placement], model)
    value = {each.feature: each.value_there for each in story.contributions}
    holds = {
        Reason.INTERESTS: value.get("shared.interests", 0) > 0,
        Reason.NEAR: value.get("nearness", 0) > np.exp(-NEAR_KM / NEAR_SCALE_KM),
        Reason.LANGUAGE: value.get("shared.languages", 0) > 0,
        Reason.AGE: value.get("age_gap", np.inf) <= SAME_AGE_YEARS,
    }
    told = [each for each in story.contributions if each.feature in _OF_FEATURE and each.there + each.back > 0]
    told.sort(key=lambda each: -(each.there + each.back))
    return [reason for each in told if holds[reason := _OF_FEATURE[each.feature]]][:MOST_REASONS]


def stories(placements: Sequence[Placement], model: Model) -> list[Story]:
    """One for each, in their order."""
    if not placements:
        return []
    numbers = from_bytes([placement.facts for placement in placements])
    there, back = (columns(numbers, model.population, back=way) for way in (False, True))
    tables = _tables(model, there, back)
    likes, is_liked = model.predict(there), model.predict(back)
    return [
        Story(placement, float(likes[row]), float(is_liked[row]), tables[row])
        for row, placement in enumerate(placements)
    ]


def _tables(model: Model, there: Columns, back: Columns) -> list[list[Contribution]]:
    """A table for each row of the columns."""
    moved, moved_back = model.contributions(there), model.contributions(back)

    def row_of(name: str, row: int) -> Contribution:
        found: list[Column] = [there[name], moved[name], back[name], moved_back[name]]
        return Contribution(name, *(float(column[row]) for column in found))

    return [
        sorted((row_of(name, row) for name in moved), key=lambda each: -(abs(each.there) + abs(each.back)))
        for row in range(len(next(iter(there.values()))))
    ]
