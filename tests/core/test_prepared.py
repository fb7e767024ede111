"""Queries compiled once: they answer as the plain ones do, with each caller's own values."""

import contextlib
import time
from datetime import timedelta
from unittest.mock import patch

import pytest
from django.contrib.auth.models import Group
from django.db import (
    DataError,
    IntegrityError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
    connection,
    transaction,
)
from django.db.models import Q
from django.test.utils import CaptureQueriesContext
from psycopg.types.json import Jsonb

from apps.conversations.models import Message
from apps.conversations.services import conversation_for
from apps.core.postgres.preparing import MOST_STATEMENTS
from apps.core.prepared import Given, Prepared, PreparedInsert, PreparedPair, ask
from apps.matching.services import record_swipe
from apps.notifications.models import Delivery
from apps.notifications.services import Outgoing, enqueue
from apps.users.models import User
from tests.concurrency import at_once
from tests.factories import member
from tests.plans import forget_plans, planned

pytestmark = pytest.mark.django_db


def test_a_model_comes_with_what_is_joined_and_without_another_query():
    ann, ben = member("Ann"), member("Ben")
    asked = Prepared(
        lambda: User.objects.select_related("profile", "preferences", "dialogue").filter(pk=Given("user_id"))
    )

    for person in (ann, ben):
        plain = User.objects.get(pk=person.pk)
        with CaptureQueriesContext(connection) as queries:
            found = asked.get(user_id=person.pk)
            assert (found.profile.name, found.preferences.user_id) == (person.profile.name, person.pk)
            assert found.profile.user is found
        assert len(queries) == 1
        assert columns(found) == columns(plain)
        assert not found._state.adding


def columns(user):
    return {field.attname: getattr(user, field.attname) for field in User._meta.concrete_fields}


def test_what_is_joined_and_not_there_is_none():
    enqueue([Outgoing(71, "sendMessage", {"text": "to a stranger"})])

    [delivery] = Prepared(lambda: Delivery.objects.select_related("user").filter(chat_id=Given("chat"))).all(chat=71)

    assert delivery.user is None


def test_an_encrypted_column_is_read_as_its_field_has_it():
    enqueue([Outgoing(71, "sendMessage", {"text": "hush"})])

    found = Prepared(lambda: Delivery.objects.filter(chat_id=Given("chat")))

    assert found.get(chat=71).params == {"text": "hush"}


def test_values_come_flat_or_in_rows_as_the_queryset_says():
    ann, ben = member("Ann"), member("Ben")
    either = Q(pk=Given("one")) | Q(pk=Given("other"))

    flat = Prepared(
        lambda: User.objects.filter(either).order_by("profile__name").values_list("profile__name", flat=True)
    )
    rows = Prepared(lambda: User.objects.filter(either).order_by("profile__name").values_list("pk", "profile__name"))

    assert flat.all(one=ben.pk, other=ann.pk) == ["Ann", "Ben"]
    assert flat.first(one=ben.pk, other=ben.pk) == "Ben"
    assert rows.all(one=ben.pk, other=ann.pk) == [(ann.pk, "Ann"), (ben.pk, "Ben")]


def test_nobody_there_is_none_and_a_row_that_must_be_there_is_missed():
    ann = member("Ann")
    found = Prepared(lambda: User.objects.filter(telegram_id=Given("telegram_id")))

    assert found.exists(telegram_id=ann.telegram_id)
    assert not found.exists(telegram_id=5)
    assert found.first(telegram_id=5) is None
    with pytest.raises(ValueError, match="not enough values"):
        found.get(telegram_id=5)


def test_a_forgotten_value_is_a_mistake_and_not_a_null():
    found = Prepared(lambda: User.objects.filter(telegram_id=Given("telegram_id")))

    with pytest.raises(KeyError, match="telegram_id"):
        found.first()


def test_hostile_text_is_a_value_and_never_sql():
    member("Ann")
    named = Prepared(lambda: User.objects.filter(profile__name=Given("name")))

    assert named.all(name="' OR TRUE --") == []
    assert named.all(name="%s %(name)s") == []


def test_the_sql_is_written_once_whoever_asks():
    built = []

    def build():
        built.append(1)
        return Message.objects.filter(source_message_id=Given("number"))

    asked = Prepared(build)
    for number in range(20):
        asked.exists(number=number)

    assert len(built) == 1


def test_each_thread_asks_through_its_own_connection():
    roles = Prepared(lambda: Group.objects.filter(name=Given("name")).values_list("name", flat=True))
    roles.all(name="Moderator")  # compiled here, asked there
    answers: list[list[str]] = []

    at_once(*[lambda: answers.append(roles.all(name="Moderator"))] * 8)

    assert answers == [["Moderator"]] * 8


def test_a_row_is_written_as_save_would_write_it():
    ann = member("Ann")
    said = {"user": ann, "chat_id": 71, "method": "sendMessage", "params": {"text": "hush"}}

    PreparedInsert(lambda: Delivery).once(Delivery(**said, key="once"))
    saved = Delivery.objects.create(**said, key="twice")

    kept = Delivery.objects.get(key="once")
    assert kept.params == {"text": "hush"}
    assert (kept.user, kept.status) == (ann, "pending")
    assert abs(kept.created_at - saved.created_at) < timedelta(minutes=1)
    assert abs(kept.due_at - saved.due_at) < timedelta(minutes=1)  # the database's default
    with connection.cursor() as cursor:
        cursor.execute("SELECT params LIKE '%%hush%%' FROM notifications_delivery WHERE id = %s", [kept.pk])
        assert cursor.fetchone() == (False,)


def test_a_row_with_an_id_of_its_own_keeps_it():
    message = said_by_ann()

    PreparedInsert(lambda: Message).once(message)

    assert Message.objects.get(pk=message.pk).text == "Hi"


def test_a_row_that_is_there_already_is_not_written_once_more():
    write, first = PreparedInsert(lambda: Message), said_by_ann()

    write.once(first)
    write.once(
        Message(conversation=first.conversation, sender=first.sender, kind="text", text="!", source_message_id=7)
    )

    assert [message.text for message in Message.objects.all()] == ["Hi"]


def test_what_another_constraint_forbids_fails_the_transaction():
    with pytest.raises(IntegrityError, match="delivery_key_not_empty"), transaction.atomic():
        PreparedInsert(lambda: Delivery).once(Delivery(chat_id=71, method="sendMessage", key=""))

    assert not Delivery.objects.filter(chat_id=71).exists()


def test_two_rows_of_which_one_refers_to_the_other_are_both_written():
    message = said_by_ann()
    write = PreparedPair[Message, Delivery](lambda: Message, "delivery")

    write.once(message, Delivery(chat_id=71, method="sendMessage", params={"text": "Hi"}, key="pair"))

    kept = Message.objects.select_related("delivery").get(pk=message.pk)
    assert (kept.delivery.chat_id, kept.delivery.params, kept.delivery.key) == (71, {"text": "Hi"}, "pair")
    assert (kept.delivery.status, kept.delivery.user, kept.text) == ("pending", None, "Hi")


def test_neither_of_the_two_is_written_when_the_first_is_there_already():
    message = said_by_ann()
    message.save()
    again = Message(conversation=message.conversation, sender=message.sender, kind="text", source_message_id=7)

    PreparedPair[Message, Delivery](lambda: Message, "delivery").once(again, Delivery(chat_id=71, method="sendMessage"))

    assert Message.objects.get().delivery is None
    assert not Delivery.objects.exists()


def test_a_value_that_is_too_long_fails_and_is_not_cut():
    pair = PreparedPair[Message, Delivery](lambda: Message, "delivery")

    with pytest.raises(DataError, match="too long"), transaction.atomic():
        pair.once(said_by_ann(), Delivery(chat_id=71, method="send" * 20))


def said_by_ann() -> Message:
    """Not written yet."""
    ann, ben = member("Ann"), member("Ben")
    record_swipe(ann, ben, liked=True)
    match = record_swipe(ben, ann, liked=True).match
    assert match
    return Message(conversation=conversation_for(match), sender=ann, kind="text", text="Hi", source_message_id=7)


# ---- What PostgreSQL keeps of them


def test_postgresql_plans_it_once_in_a_connection_whatever_the_size_of_a_number():
    forget_plans()
    found = Prepared(lambda: User.objects.filter(telegram_id=Given("telegram_id")).values_list("pk"))
    for number in (1, 70_000, 7_000_000_000):
        found.all(telegram_id=number)

    assert sum("telegram_id" in plan for plan in planned()) == 1


def test_postgresql_keeps_no_plan_behind_a_pooler_that_knows_none(settings):
    forget_plans()
    settings.PREPARED_STATEMENTS = False
    found = Prepared(lambda: User.objects.filter(username=Given("name")).values_list("pk"))
    for _ in range(3):
        found.all(name="Ann")

    assert not planned()


def test_other_queries_of_the_connection_are_not_kept():
    forget_plans()
    for _ in range(10):
        assert not User.objects.filter(username="nobody").exists()

    assert not planned()


def test_a_rollback_costs_no_plan():
    query = "SELECT %s::integer"

    def ask_and_roll_back():
        for number in range(3):
            with contextlib.suppress(IntegrityError), transaction.atomic():
                assert ask(query, [number]) == [(number,)]
                raise IntegrityError
        assert planned() == {"SELECT $1::integer": (3, 0)}

    at_once(ask_and_roll_back)


def test_a_connection_keeps_so_many_plans_and_no_more():
    def ask_much():
        for number in range(MOST_STATEMENTS + 10):
            assert ask(f"SELECT {number}", []) == [(number,)]
        assert len(planned()) == 10

    at_once(ask_much)


def test_values_stand_in_their_order_or_by_name_and_a_percent_sign_is_one():
    assert ask("SELECT %s::text, %s::text, 'a%%'", ["one", "two"]) == [("one", "two", "a%")]
    assert ask("SELECT %(b)s::text, %(a)s::text, %(b)s::text", {"a": "one", "b": "two"}) == [("two", "one", "two")]
    assert ask("SELECT %s::text, %s::jsonb, %s::bigint[]", [None, Jsonb({"a": 1}), [1, 2**40]]) == [
        (None, '{"a": 1}', [1, 2**40])  # JSON is for its field to read, as everywhere in Django
    ]


def test_a_mistake_in_it_is_told_as_other_cursors_tell_it():
    with pytest.raises(ProgrammingError, match="no_such_table"), transaction.atomic():
        ask("SELECT * FROM no_such_table", [])
    with pytest.raises(DataError, match="invalid input syntax"), transaction.atomic():
        ask("SELECT %s::integer", ["seven"])


def test_what_somebody_has_deallocated_is_planned_anew():
    def ask_forget_and_ask():
        ask("SELECT 7", [])
        with connection.cursor() as cursor:
            cursor.execute("DEALLOCATE ALL")
        with pytest.raises(ProgrammingError):
            ask("SELECT 7", [])
        assert ask("SELECT 7", []) == [(7,)]

    at_once(ask_forget_and_ask)


def test_a_connection_that_was_cut_is_made_anew():
    def ask_cut_and_ask():
        [(number,)] = ask("SELECT pg_backend_pid()", [])
        at_once(lambda: ask("SELECT pg_terminate_backend(%s::integer, 5000)", [number]))
        with pytest.raises(OperationalError):
            ask("SELECT 7", [])
        connection.close_if_unusable_or_obsolete()
        assert ask("SELECT 7", []) == [(7,)]

    at_once(ask_cut_and_ask)


def test_a_column_that_was_added_meanwhile_fails_one_transaction_and_no_more():
    def ask_change_and_ask():
        with connection.cursor() as cursor:
            cursor.execute("CREATE TEMPORARY TABLE changing AS SELECT 1 AS one")
            assert ask("SELECT * FROM changing", []) == [(1,)]
            cursor.execute("ALTER TABLE changing ADD COLUMN two integer")
        with pytest.raises(NotSupportedError), transaction.atomic():
            ask("SELECT * FROM changing", [])
        assert ask("SELECT * FROM changing", []) == [(1, None)]

    at_once(ask_change_and_ask)


# ---- Whether the connection is well


def test_a_connection_that_has_just_committed_is_trusted_and_one_that_was_idle_is_asked():
    idle = connection.copy()
    try:
        for pause, questions in ((0.0, 0), (0.5, 0), (5.0, 1)):
            idle.connect() if idle.connection is None else None
            idle.set_autocommit(False)
            idle.commit()
            idle.set_autocommit(True)
            with patch("apps.core.postgres.base.monotonic", lambda pause=pause: time.monotonic() + pause):
                idle.close_if_unusable_or_obsolete()  # as before each request
                with patch.object(idle, "is_usable", wraps=idle.is_usable) as asked:
                    idle.preparing_cursor()
            assert asked.call_count == questions
    finally:
        idle.close()
