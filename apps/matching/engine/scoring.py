"""In which order those in reach are shown, by a heuristic: who likes the viewer, shared interests, nearness, recency.

Pure numpy; scores are finite and higher is better.
"""

import numpy as np

from apps.matching.engine.eligibility import Bools, Floats, Ints

SHARED_INTEREST, NEARNESS, RECENCY, LIKES_ME = 1.0, 2.0, 2.0, 100.0
NEAR_SCALE_KM, RECENT_SCALE_DAYS = 20.0, 7.0


def score(*, shared_interests: Ints, distance_km: Floats, inactive_days: Floats, likes_viewer: Bools) -> Floats:
    """Monotone: more in common, nearer, more recently active and liking the viewer each only raise it."""
    result: Floats = (
        SHARED_INTEREST * np.log1p(shared_interests)
        + NEARNESS * np.exp(-distance_km / NEAR_SCALE_KM)
        + RECENCY * np.exp(-inactive_days / RECENT_SCALE_DAYS)
        + LIKES_ME * likes_viewer
    )
    return result


def ranking(scores: Floats) -> Ints:
    """Positions from best to worst; equal scores keep their order."""
    return np.argsort(-scores, kind="stable")
