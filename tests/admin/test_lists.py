"""The lists and the first page stay quick, however long the tables are."""

from collections.abc import Callable
from unittest.mock import patch

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.bot.models import Update
from apps.conversations.models import Conversation
from apps.core.admin import CappedPaginator
from apps.flags.models import Flag
from apps.users.models import Member
from tests.admin.conftest import MakeMember, SignIn

Acquaintance = Callable[[], Conversation]
QUERIES = {
    "users_member": 5,
    "matching_match": 5,
    "conversations_conversation": 5,
    "moderation_report": 5,
    "notifications_delivery": 5,
    "bot_update": 5,
    "flags_flag": 9,  # five of them for what runs on the flags, waits for them, or makes them stale
}


def queries_of(client: Client, page: str) -> int:
    with CaptureQueriesContext(connection) as queries:
        assert client.get(page).status_code == 200
    return len(queries)


def add_rows(make_acquaintance: Acquaintance, number: int) -> None:
    for _ in range(number):
        make_acquaintance()
        done = Update.objects.count()
        Update.objects.create(bot_id=1, update_id=done, status="failed", error="KeyError")
        Flag.objects.create(name=f"flag {done}")


@pytest.mark.parametrize("model", QUERIES)
def test_it_lists_thirty_rows_with_the_queries_of_three(
    make_acquaintance: Acquaintance,
    sign_in: SignIn,
    django_assert_max_num_queries: Callable[[int], CaptureQueriesContext],
    model: str,
) -> None:
    client, page = sign_in(), reverse(f"admin:{model}_changelist")
    add_rows(make_acquaintance, 3)
    client.get(page)  # content types and the like are read once for each process
    queries = queries_of(client, page)

    add_rows(make_acquaintance, 27)

    assert queries <= QUERIES[model]
    with django_assert_max_num_queries(queries):
        client.get(page)


def test_it_stops_counting_where_nobody_would_page_to(make_member: MakeMember, sign_in: SignIn) -> None:
    for _ in range(4):
        make_member()

    with patch.object(CappedPaginator, "MAX_COUNTED", 3):
        answer = sign_in().get(reverse("admin:users_member_changelist"))

    assert answer.context["cl"].result_count == 3
    assert "more than 3 members" in answer.content.decode()


def test_it_counts_a_short_list_to_the_end(make_member: MakeMember) -> None:
    make_member()
    paginator = CappedPaginator(Member.objects.order_by("date_joined"), 50)

    assert (paginator.count, paginator.is_capped) == (1, False)


def test_it_leads_from_each_number_of_the_first_page_to_that_many_rows(
    make_acquaintance: Acquaintance, make_member: MakeMember, sign_in: SignIn
) -> None:
    add_rows(make_acquaintance, 2)
    make_member(published=False)
    Update.objects.filter(update_id=0).update(status="parked")
    client = sign_in()

    groups = client.get(reverse("admin:index")).context["figure_groups"]
    counts = {figure["url"]: figure["count"] for _title, figures in groups for figure in figures}

    assert len(counts) == 18
    assert counts == {url: client.get(url).context["cl"].result_count for url in counts}
    assert {"/admin/users/member/?state=listed": 4, "/admin/bot/update/?status=parked": 1}.items() <= counts.items()


def test_it_raises_an_alarm_only_when_something_failed(make_acquaintance: Acquaintance, sign_in: SignIn) -> None:
    client = sign_in("Moderator")
    assert "mm-figure-alarm" not in client.get(reverse("admin:index")).content.decode()

    make_acquaintance()

    assert "mm-figure-alarm" in client.get(reverse("admin:index")).content.decode()


def test_it_shows_product_managers_no_numbers_about_members(sign_in: SignIn) -> None:
    groups = sign_in("Product manager").get(reverse("admin:index")).context["figure_groups"]

    assert [str(figure["title"]) for _title, figures in groups for figure in figures] == [
        "flags",
        "changes to approve",
        "ramps rolled back in 3 days",
        "switches on",
    ]


def test_it_opens_the_first_page_with_a_query_for_each_number(sign_in: SignIn) -> None:
    client = sign_in()
    client.get(reverse("admin:index"))

    assert queries_of(client, reverse("admin:index")) <= 20
