from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.matching.engine.eligibility import ANYWHERE_KM, People
from apps.matching.engine.factors import Factors
from apps.matching.engine.features import Members, Pairs, features, is_known
from apps.matching.engine.history import History, Population, Swipes, population_of, rarity

WOMAN, MAN = 1, 2
CATALOGUE = {"chess": 1, "hiking": 50, "cinema": 80}
USUAL = Population(
    like_rate={WOMAN: 0.3, MAN: 0.6},
    overall_like_rate=0.45,
    reply_rate=0.5,
    giver_strength=6,
    receiver_strength=3,
    rarity={"interests": rarity(CATALOGUE, members=100)},
)


def people(ages: list[int], **columns: list[float]) -> People:
    size = len(ages)
    usual = {
        "gender": [WOMAN, MAN] * size,
        "latitude": [0.0] * size,
        "longitude": [0.0] * size,
        "seeks": [WOMAN | MAN] * size,
        "age_min": [18] * size,
        "age_max": [99] * size,
        "max_km": [ANYWHERE_KM] * size,
    }
    return People(age=np.array(ages), **{name: np.array(own)[:size] for name, own in (usual | columns).items()})


def members(ages: list[int], *interests: list[str], **columns: list[float]) -> Members:
    """Members without any history; two of them are a woman and a man."""
    return Members(
        people=people(ages, **columns),
        history=History.none(len(ages)),
        inactive_days=np.zeros(len(ages), dtype=np.float32),
        completeness=np.ones(len(ages), dtype=np.float32),
        sets={"interests": USUAL.pack("interests", interests or [[]] * len(ages))},
    )


def of_pair(known: Members, population: Population = USUAL) -> dict[str, float]:
    """What is known of the first member's liking the second."""
    pair = Pairs.of(np.array([0]), np.array([1]))
    return {name: float(column[0]) for name, column in features(known, pair, population).items()}


def test_it_counts_a_rare_shared_interest_for_more_than_a_common_one() -> None:
    rare = of_pair(members([30, 30], ["chess", "hiking"], ["chess"]))
    common = of_pair(members([30, 30], ["cinema", "hiking"], ["cinema"]))
    assert rare["shared.interests"] > common["shared.interests"] > 0


def test_it_leaves_out_an_interest_that_is_not_in_the_catalogue_any_more() -> None:
    known = of_pair(members([30, 30], ["stamps", "chess"], ["stamps", "chess"]))
    assert known["shared.interests"] == pytest.approx(np.log(101 / 2))


@given(
    ours=st.sets(st.sampled_from([f"interest {number}" for number in range(20)])),
    theirs=st.sets(st.sampled_from([f"interest {number}" for number in range(20)])),
)
def test_it_adds_up_what_shared_interests_weigh(ours: set[str], theirs: set[str]) -> None:
    weights = {f"interest {number}": number / 4 for number in range(20)}
    population = replace(USUAL, rarity={"interests": weights})
    bits = population.pack("interests", [sorted(ours), sorted(theirs)])
    known = of_pair(replace(members([30, 30]), sets={"interests": bits}), population)
    assert known["shared.interests"] == pytest.approx(sum(weights[each] for each in ours & theirs), abs=1e-4)


def test_it_counts_the_years_outside_of_what_the_giver_asked_for() -> None:
    picky = members([30, 41], age_min=[25, 18], age_max=[35, 99])
    assert of_pair(picky)["outside_age_range"] == 6
    assert of_pair(members([30, 41]))["outside_age_range"] == 0


def test_it_forgets_the_distance_only_as_far_as_it_matters() -> None:
    here, near, far = (of_pair(members([30, 30], latitude=[0.0, degrees])) for degrees in (0.0, 0.1, 1.0))
    assert here["nearness"] == 1 > near["nearness"] > far["nearness"] > 0


def test_it_takes_a_member_without_history_for_a_usual_one_of_their_gender() -> None:
    known = of_pair(members([30, 30]))
    assert known["generosity"] == known["appeal"] == 0
    assert known["baseline"] == pytest.approx(np.log(0.3 / 0.7), abs=1e-5)


@given(likes=st.integers(0, 40), more=st.integers(1, 40), passes=st.integers(0, 40))
def test_it_rates_those_higher_who_give_or_get_more_likes(likes: int, more: int, passes: int) -> None:
    def after(given: int) -> dict[str, float]:
        swipes = Swipes(
            np.array([0] * (likes + more + passes)),
            np.array([1] * (likes + more + passes)),
            np.arange(likes + more + passes) < given,
        )
        known = members([30, 30])
        gender = known.people.gender
        # whoever swiped on them is as picky either way: only what the receiver got differs
        history = USUAL.history(gender, swipes)
        return of_pair(replace(known, history=replace(history, likes_expected=np.full(2, 5, dtype=np.float32))))

    few, many = after(likes), after(likes + more)
    assert many["generosity"] > few["generosity"]
    assert many["appeal"] > few["appeal"]
    assert np.isfinite([*few.values(), *many.values()]).all()


def test_it_thinks_more_of_a_like_from_somebody_picky() -> None:
    generous, picky, liked_by_generous, liked_by_picky = range(4)
    giver = np.repeat([generous, picky], 11)
    receiver = np.r_[liked_by_generous, range(4, 14), liked_by_picky, range(4, 14)]
    liked = (giver == generous) | (receiver == liked_by_picky)
    appeal = USUAL.appeal_of(USUAL.history(np.full(14, MAN), Swipes(giver, receiver, liked)))
    assert appeal[liked_by_picky] > appeal[liked_by_generous] > 0


def test_it_learns_what_is_usual_from_swipes() -> None:
    rng = np.random.default_rng(1)
    gender = np.repeat([WOMAN, MAN], 200)
    rate = np.where(gender == MAN, rng.beta(6, 4, 400), rng.beta(3, 7, 400))
    giver, receiver = np.repeat(np.arange(400), 50), rng.integers(0, 400, 20_000)
    usual = population_of(gender, Swipes(giver, receiver, rng.random(20_000) < rate[giver]))
    assert usual.like_rate[MAN] == pytest.approx(0.6, abs=0.03)
    assert usual.like_rate[WOMAN] == pytest.approx(0.3, abs=0.03)
    assert usual.giver_strength == pytest.approx(10, abs=3)
    # nobody is liked more than others here, so a like says next to nothing
    assert usual.receiver_strength > 10


def test_it_knows_a_population_again_after_it_was_stored() -> None:
    assert Population.from_json(USUAL.to_json()) == USUAL


def test_it_says_which_names_it_can_answer_for() -> None:
    assert is_known("appeal")
    assert is_known("giver.go_out")
    assert not is_known("zodiac")


def test_it_knows_whose_kind_somebody_is_in_one_direction_and_only_when_that_was_learned() -> None:
    taste = np.array([[1, 2, 0, 0], [0, 0, 0, 0]], dtype=np.float32)
    looks = np.array([[9, 9, 9, 9], [3, 1, 7, 7]], dtype=np.float32)
    known = replace(members([30, 30]), factors=Factors(taste, looks))
    there, back = (Pairs.of(np.array([one]), np.array([1 - one])) for one in (0, 1))
    assert features(known, there, USUAL)["affinity"].tolist() == [5]
    assert features(known, back, USUAL)["affinity"].tolist() == [0]
    assert "affinity" not in of_pair(members([30, 30]))
