"""PostgreSQL plans the queries behind decks once in a connection, whatever they are asked about."""

import pytest

from apps.core.prepared import ask
from apps.matching.arrays import some
from apps.matching.selectors import best_of_deck
from apps.users.models import User
from tests.factories import member
from tests.plans import forget_plans, planned

pytestmark = pytest.mark.django_db
OLD_PLANS = 5  # so many times PostgreSQL plans for the very values, to compare


@pytest.fixture(autouse=True)
def _as_in_a_new_connection() -> None:
    forget_plans()


def test_it_plans_none_of_a_decks_queries_again() -> None:
    ann = member("Ann")
    for number in range(30):
        member(f"Bob {number}", photos=0)
    ann = User.objects.select_related("profile", "preferences").get(pk=ann.pk)
    for _ in range(OLD_PLANS):
        best_of_deck(ann, 3)
    before = planned()
    best_of_deck(ann, 3)
    best_of_deck(ann, 9)
    after = planned()
    assert len(before) == 5  # the history, steps outwards, interests, the shortlist, the last word
    assert {made for made, _ in after.values()} == {OLD_PLANS}
    assert all(after[statement][1] >= served + 2 for statement, (_, served) in before.items())


def test_it_takes_arrays_of_any_length_for_the_same_query() -> None:
    query = f"SELECT count(*) FROM users_user WHERE id = ANY({some('ids', 'uuid')})"
    ids = [str(member(f"M{place}", photos=0).pk) for place in range(3)]
    for length in (0, 1, 2, 3, 3, 3, 1):
        assert ask(query, {"ids": f"{{{','.join(ids[:length])}}}"}) == [(length,)]
    assert planned()[query.replace("%(ids)s", "$1")] == (OLD_PLANS, 2)
