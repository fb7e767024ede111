"""The keys are rotated: everything is written anew with the new one, and the old one can be taken away."""

from collections.abc import Iterator
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from pytest_django import Settings

from apps.core import encryption, reencryption
from apps.core.encryption import UndecryptableError
from apps.core.models import EncryptedJSONField, EncryptedTextField
from apps.matching.models import Swipe
from apps.matching.services import record_swipe
from apps.moderation.models import Decision, Evidence, Report
from apps.moderation.services import add_words, file_report
from apps.notifications.models import Delivery
from tests.factories import member
from tests.guards.test_models import MODELS
from tests.moderation.conftest import decide
from tests.staff import Hire

NEW_KEY = "bmV3LWtleS1uZXcta2V5LW5ldy1rZXktbmV3LWtleSE="
pytestmark = pytest.mark.django_db


@pytest.fixture
def liked(settings: Settings) -> list[Swipe]:
    """Five likes with a note, under the old key; then there is a new one."""
    ann = member("Ann")
    for number in range(5):
        record_swipe(ann, member(f"Bob {number}"), liked=True, note=f"Hello {number}")
    settings.FIELD_ENCRYPTION_KEYS = [NEW_KEY, *settings.FIELD_ENCRYPTION_KEYS]
    return list(Swipe.objects.order_by("pk"))


@pytest.fixture(autouse=True)
def _three_rows_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reencryption, "ROWS_AT_ONCE", 3)


def reencrypt(*options: str) -> str:
    out = StringIO()
    call_command("reencrypt", *options, stdout=out)
    return out.getvalue()


def notes() -> list[str]:
    return sorted(Swipe.objects.values_list("note", flat=True))


def stored() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT note FROM matching_swipe ORDER BY id")
        return [note for (note,) in cursor.fetchall()]


def test_it_reads_everything_with_the_new_key_alone(liked: list[Swipe], settings: Settings) -> None:
    with pytest.raises(CommandError, match=r"need an older key: .*matching_swipe \(5\)"):
        reencrypt("--check")
    assert "matching_swipe (5)" in reencrypt()
    settings.FIELD_ENCRYPTION_KEYS = [NEW_KEY]
    assert notes() == [f"Hello {number}" for number in range(5)]
    assert "The first key reads everything." in reencrypt("--check")


def test_it_leaves_alone_what_the_new_key_reads(liked: list[Swipe]) -> None:
    reencrypt()
    before = stored()
    assert "Rows written anew: none." in reencrypt()
    assert stored() == before


def test_it_knows_every_table_that_has_something_encrypted() -> None:
    wanted = {
        model._meta.db_table
        for model in MODELS
        if any(isinstance(field, (EncryptedTextField, EncryptedJSONField)) for field in model._meta.fields)
    }
    assert len(wanted) > 10
    assert {table.name.strip('"') for table in reencryption.tables()} == wanted


def test_it_goes_on_where_it_was_stopped(liked: list[Swipe], monkeypatch: pytest.MonkeyPatch) -> None:
    real, calls = encryption.renewed, []

    def stop_at_the_fourth(token: str) -> str:
        calls.append(token)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return real(token)

    monkeypatch.setattr(encryption, "renewed", stop_at_the_fourth)
    with pytest.raises(CommandError, match="Start it again"):
        reencrypt()
    half = stored()
    monkeypatch.setattr(encryption, "renewed", lambda token: calls.append(token) or real(token))
    calls.clear()
    assert "matching_swipe (2)" in reencrypt()
    assert not {half[0], half[1], half[2]} & set(calls)
    assert stored()[:3] == half[:3]
    assert reencryption.rows()[1] == 0  # the next run begins again


def test_it_begins_again_for_another_key(liked: list[Swipe], settings: Settings) -> None:
    lots: Iterator[reencryption.Lot] = reencryption.reencrypt()
    while next(lots).table.name != '"matching_swipe"':
        pass
    lots.close()
    assert reencryption.rows()[1] > 0
    settings.FIELD_ENCRYPTION_KEYS = settings.FIELD_ENCRYPTION_KEYS[1:]
    assert reencryption.rows()[1] == 0


def test_it_keeps_what_was_written_meanwhile(liked: list[Swipe], monkeypatch: pytest.MonkeyPatch) -> None:
    real, changed = encryption.renewed, liked[1]

    def change(token: str) -> str:
        if encryption.decrypt(token) == changed.note:
            Swipe.objects.filter(pk=changed.pk).update(note="Changed")
        return real(token)

    monkeypatch.setattr(encryption, "renewed", change)
    reencrypt()
    assert "Changed" in notes()
    assert len(notes()) == 5
    assert "The first key reads everything." in reencrypt("--check")


def test_it_says_what_no_key_reads_and_goes_on(liked: list[Swipe], settings: Settings) -> None:
    lost = "bG9zdC1rZXktbG9zdC1rZXktbG9zdC1rZXktbG9zdCE="
    keys = settings.FIELD_ENCRYPTION_KEYS
    settings.FIELD_ENCRYPTION_KEYS = [lost]
    Swipe.objects.filter(pk=liked[0].pk).update(note="Unreadable")
    settings.FIELD_ENCRYPTION_KEYS = keys
    with pytest.raises(CommandError, match=r"No key reads some values of matching_swipe \(1\).*at the end"):
        reencrypt()
    settings.FIELD_ENCRYPTION_KEYS = [NEW_KEY]
    assert Swipe.objects.get(pk=liked[4].pk).note == liked[4].note
    with pytest.raises(UndecryptableError):
        Swipe.objects.get(pk=liked[0].pk)


def test_it_writes_json_and_decisions_anew_and_nothing_else_may_change_those(hire: Hire, settings: Settings) -> None:
    ann, bob, mona = member("Ann"), member("Bob", bio="I sell coins"), hire("mona", "Moderator")
    report = file_report(ann, bob, reason="spam")
    add_words(report, "wants money")
    assert report.case
    decide(report.case, mona, "warn", words="Stop selling coins")
    before = Evidence.objects.get().profile, Decision.objects.get().words, Report.objects.get().words
    deliveries = list(Delivery.objects.order_by("pk").values_list("params", flat=True))
    settings.FIELD_ENCRYPTION_KEYS = [NEW_KEY, *settings.FIELD_ENCRYPTION_KEYS]
    reencrypt()
    settings.FIELD_ENCRYPTION_KEYS = [NEW_KEY]
    assert (Evidence.objects.get().profile, Decision.objects.get().words, Report.objects.get().words) == before
    assert list(Delivery.objects.order_by("pk").values_list("params", flat=True)) == deliveries
    assert any(deliveries)


@pytest.mark.parametrize(
    "change", ["action = 'dismiss'", "words = ''", "words = 'x', number = number + 1"], ids=["action", "words", "both"]
)
def test_it_keeps_the_log_of_decisions_as_it_is(hire: Hire, change: str) -> None:
    report = file_report(member("Ann"), member("Bob"), reason="spam")
    assert report.case
    decide(report.case, hire("mona", "Moderator"), "warn", words="Stop selling coins")
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL meetsmatch.reencrypts = 'on'")
        with pytest.raises(IntegrityError, match="never changed"):
            cursor.execute(f"UPDATE moderation_decision SET {change}")


def test_it_keeps_the_words_of_decisions_from_all_who_do_not_say_so(hire: Hire) -> None:
    report = file_report(member("Ann"), member("Bob"), reason="spam")
    assert report.case
    decide(report.case, hire("mona", "Moderator"), "warn", words="Stop selling coins")
    with pytest.raises(IntegrityError, match="never changed"), transaction.atomic():
        Decision.objects.update(words="Other words")
