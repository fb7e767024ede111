"""Tastes as they are kept: sixteen bytes in a member's standing, what they look for and what they are."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from apps.matching.engine.eligibility import Bools
from apps.matching.engine.factors import RANK, Factors

Stored = NDArray[np.void]

# What `Standing.tastes` holds. Half precision is good to a thousandth of each number.
TASTES: Final = np.dtype([("taste", "<f2", RANK), ("looks", "<f2", RANK)])
NOTHING: Final = bytes(TASTES.itemsize)


def stored(factors: Factors) -> Stored:
    """A row for each member; all zeros, which are not kept, for those of whom nothing is known."""
    rows = np.zeros(len(factors.taste), dtype=TASTES)
    rows["taste"], rows["looks"] = factors.taste, factors.looks
    return rows


def factors_of(rows: Stored) -> Factors:
    return Factors(rows["taste"].astype(np.float32), rows["looks"].astype(np.float32))


def is_known(factors: Factors) -> Bools:
    """By member: is anything known?"""
    known: Bools = np.any(np.concatenate([factors.taste, factors.looks], axis=1) != 0, axis=1)
    return known
