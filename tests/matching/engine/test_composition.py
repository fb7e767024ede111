"""What a deck is made of: likes first, new faces, some chance, variety, and nobody twice."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.matching.engine.composition import Candidates, Decks, Mix, Source, compose

PLAIN = Mix(likes=0, new_faces=0, explore=0, alike=1000)
unhurried = settings(deadline=None, max_examples=60)


def _candidates(sizes: list[int], seed: int) -> Candidates:
    rng = np.random.default_rng(seed)
    total = sum(sizes)
    return Candidates(
        indptr=np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        score=np.round(rng.normal(size=total), 1).astype(np.float32),
        likes_viewer=rng.random(total) < 0.2,
        is_new=rng.random(total) < 0.2,
        kind=rng.integers(0, 3, total).astype(np.int32),
    )


def _compose(candidates: Candidates, mix: Mix, seed: int = 1) -> Decks:
    return compose(candidates, mix, viewer=np.arange(len(candidates.indptr) - 1), seed=seed)


def _each(decks: Decks) -> list[slice]:
    return [slice(start, end) for start, end in zip(decks.indptr, decks.indptr[1:], strict=False)]


many = st.builds(_candidates, st.lists(st.integers(0, 40), min_size=1, max_size=6), st.integers(0, 10**6))
shares = st.sampled_from([0.0, 0.1, 0.3, 1.0])
mixes = st.builds(
    Mix,
    size=st.integers(1, 50),
    likes=shares,
    new_faces=st.sampled_from([0.0, 0.1, 0.3]),
    explore=shares,
    alike=st.integers(1, 4),
)


@unhurried
@given(many, mixes)
def test_it_shows_nobody_twice_and_leaves_no_place_empty(candidates: Candidates, mix: Mix) -> None:
    decks = _compose(candidates, mix)
    for deck, cards in enumerate(_each(decks)):
        start, end = candidates.indptr[deck], candidates.indptr[deck + 1]
        shown = decks.position[cards]
        assert len(shown) == len(set(shown)) == min(mix.size, end - start)
        assert all(start <= position < end for position in shown)


@unhurried
@given(many)
def test_it_ranks_by_the_score_when_nothing_else_is_asked_for(candidates: Candidates) -> None:
    decks = _compose(candidates, PLAIN)
    for cards in _each(decks):
        assert np.all(np.diff(candidates.score[decks.position[cards]]) <= 0)
    assert set(decks.source) <= {Source.RANKED}
    assert np.all(decks.propensity == 1)


@unhurried
@given(many)
def test_it_puts_those_who_like_the_viewer_first(candidates: Candidates) -> None:
    decks = _compose(candidates, replace(PLAIN, likes=1.0))
    for cards in _each(decks):
        liking = candidates.likes_viewer[decks.position[cards]]
        assert not np.any(np.diff(liking.astype(int)) > 0)
        assert np.array_equal(decks.source[cards] == Source.LIKES_YOU, liking)


def test_it_puts_them_on_every_other_card_at_half_the_rate() -> None:
    candidates = _candidates([40], seed=4)
    candidates = replace(candidates, score=np.where(candidates.likes_viewer, -9, 0).astype(np.float32))
    decks = _compose(candidates, replace(PLAIN, likes=0.5))
    assert (decks.source[:8] == Source.LIKES_YOU).tolist() == [False, True] * 4


@unhurried
@given(many, st.sampled_from([0.1, 0.25, 0.5]), shares)
def test_it_gives_new_faces_their_share_as_long_as_there_are_any(
    candidates: Candidates, share: float, likes: float
) -> None:
    decks = _compose(candidates, replace(PLAIN, new_faces=share, likes=likes))
    for deck, cards in enumerate(_each(decks)):
        new = candidates.is_new[decks.position[cards]]
        there_are = candidates.is_new[candidates.indptr[deck] : candidates.indptr[deck + 1]].sum()
        owed = np.floor(np.arange(1, len(new) + 1) * share + 1e-6)
        assert np.all(np.cumsum(new) >= np.minimum(owed, there_are))


@unhurried
@given(many, mixes)
def test_it_has_no_more_of_a_kind_in_a_row_while_there_are_others(candidates: Candidates, mix: Mix) -> None:
    decks = _compose(candidates, mix)
    for deck, cards in enumerate(_each(decks)):
        shown = decks.position[cards]
        kinds = candidates.kind[shown]
        everybody = set(range(candidates.indptr[deck], candidates.indptr[deck + 1]))
        for place in range(mix.alike, len(kinds)):
            if len(set(kinds[place - mix.alike : place + 1])) == 1:
                left = everybody - set(shown[:place].tolist())
                assert {int(candidates.kind[position]) for position in left} == {int(kinds[place])}


@unhurried
@given(many, mixes)
def test_it_logs_how_likely_each_card_was(candidates: Candidates, mix: Mix) -> None:
    decks = _compose(candidates, mix)
    by_chance = np.isin(decks.source, [Source.RANKED, Source.EXPLORE])
    assert np.all((decks.propensity > 0) & (decks.propensity <= 1))
    assert np.all(decks.propensity[~by_chance] == 1)


def test_it_draws_as_often_as_it_says() -> None:
    """First cards of many decks of the same five candidates: frequencies agree with the logged propensities."""
    decks_count, score = 20_000, np.tile(np.arange(5, dtype=np.float32), 20_000)
    no = np.zeros(len(score), dtype=bool)
    candidates = Candidates(np.arange(decks_count + 1) * 5, score, no, no, no.astype(np.int32))
    decks = _compose(candidates, replace(PLAIN, explore=0.3, size=1))
    chosen = score[decks.position].astype(int)
    for candidate, expected in enumerate([0.06, 0.06, 0.06, 0.06, 0.76]):
        assert np.mean(chosen == candidate) == pytest.approx(expected, abs=0.01)
        assert decks.propensity[chosen == candidate] == pytest.approx(expected)


@unhurried
@given(many, mixes)
def test_it_composes_a_deck_the_same_whatever_others_are_in_the_batch(candidates: Candidates, mix: Mix) -> None:
    together = _compose(candidates, mix)
    last = len(candidates.indptr) - 2
    start = candidates.indptr[last]
    columns = {name: column[start:] for name, column in vars(candidates).items() if name != "indptr"}
    alone = Candidates(indptr=candidates.indptr[last:] - start, **columns)
    deck = compose(alone, mix, viewer=np.array([last]), seed=1)
    cards = _each(together)[last]
    assert np.array_equal(deck.position + start, together.position[cards])
    assert np.array_equal(deck.propensity, together.propensity[cards])


def test_it_explores_otherwise_with_another_seed() -> None:
    candidates, mix = _candidates([40] * 5, seed=5), replace(PLAIN, explore=0.5)
    assert not np.array_equal(_compose(candidates, mix, 1).position, _compose(candidates, mix, 2).position)
