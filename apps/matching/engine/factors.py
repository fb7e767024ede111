"""Tastes that no column names: a few numbers for what each member looks for and for what each is, learned from swipes.

Log odds of a like = what a ranker says of the two + taste of the giver · looks of the receiver: logistic matrix
factorisation (Johnson, "Logistic Matrix Factorization for Implicit Feedback Data", 2014), here of likes and passes, and
only of what the ranker leaves unexplained. Pure numpy; `engine.fitting` learns them. Without swipes a member's numbers
are 0 and say nothing.
"""

from dataclasses import dataclass

import numpy as np

from apps.matching.engine.eligibility import Ints
from apps.matching.engine.history import Column

RANK = 4


@dataclass(frozen=True)
class Factors:
    """Rows of RANK numbers, one a member."""

    taste: Column
    looks: Column

    @classmethod
    def none(cls, members: int) -> "Factors":
        return cls(*np.zeros((2, members, RANK), dtype=np.float32))

    def affinity(self, giver: Ints, receiver: Ints) -> Column:
        """By pair: by how much the receiver is the giver's kind, in log odds of a like; 0 where nothing is known."""
        result: Column = np.einsum("ij,ij->i", self.taste[giver], self.looks[receiver])
        return result
