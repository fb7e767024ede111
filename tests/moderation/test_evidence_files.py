"""Pictures, voice and videos of a reported conversation: shown when asked, each look written down."""

from collections.abc import Iterator
from unittest.mock import patch

import pytest
from django.contrib.admin.models import LogEntry
from django.urls import reverse

from apps.conversations.models import Conversation, Message
from apps.core.errors import GatewayError
from apps.matching.models import Match
from apps.moderation.evidence_files import type_of
from apps.moderation.models import Case, Evidence
from apps.moderation.services import file_report
from apps.users.models import Staff, User
from apps.users.staff_settings import choose
from tests.staff import Hire, browser

FILES = {
    "photo-id": b"\xff\xd8\xff jpeg",
    "video-id": b"\x00\x00\x00 ftypmp42",
    "voice-id": b"OggS opus",
    "document-id": b"<html><script>",
}


@pytest.fixture
def case(ann: User, bob: User) -> Case:
    """Bob has sent one of each; Ann reports him, and he deletes everything."""
    low, high = sorted((ann, bob), key=lambda user: user.pk)
    conversation = Conversation.objects.create(match=Match.objects.create(low=low, high=high))
    for number, kind in enumerate(("photo", "video", "voice", "document"), 1):
        Message.objects.create(
            conversation=conversation,
            sender=bob,
            kind=kind,
            text="look" if kind == "photo" else "",
            file_id=f"{kind}-id",
            source_message_id=number,
        )
    case = file_report(ann, bob, reason="harassment", conversation=conversation).case
    Message.objects.all().delete()
    assert case
    return case


@pytest.fixture
def telegram() -> Iterator[None]:
    async def download(file_id: str) -> bytes:
        if file_id not in FILES:
            raise GatewayError("gone", permanent=True)
        return FILES[file_id]

    with patch("apps.moderation.evidence_files._download", download):
        yield


def file_at(case: Case, number: int) -> str:
    return reverse("admin:moderation_case_media", args=[case.pk, Evidence.objects.get().pk, number])


def opened(case: Case, person: Staff) -> str:
    address = reverse("admin:moderation_case_act", args=[case.pk, "read"])
    return browser(person).post(address, {"evidence": Evidence.objects.get().pk}).content.decode()


def test_it_shows_what_was_sent_blurred_until_asked(case: Case, mona: Staff) -> None:
    closed = browser(mona).get(reverse("admin:moderation_case_change", args=[case.pk])).content.decode()
    assert "/media/" not in closed
    page = opened(case, mona)
    assert 'class="mm-talk mm-blurred"' in page
    assert f'<img src="{file_at(case, 0)}"' in page
    assert f'<video src="{file_at(case, 1)}" controls preload="none" muted' in page
    assert f'<audio src="{file_at(case, 2)}"' in page
    assert file_at(case, 3) not in page
    assert "A file of this kind is not opened here." in page


def test_it_plays_and_shows_as_a_moderator_has_chosen(case: Case, mona: Staff) -> None:
    choose(mona.pk, username="mona", pseudonym="Night Owl", blur=False, grey=True, mute=False)
    page = opened(case, mona)
    assert 'class="mm-talk mm-blurred mm-not-blurred"' in page
    assert " muted" not in page


@pytest.mark.parametrize(("number", "kind"), [(0, "image/jpeg"), (1, "video/mp4"), (2, "audio/ogg")])
def test_it_serves_a_file_that_was_deleted_since_and_writes_down_who_looked(
    case: Case, mona: Staff, telegram: None, number: int, kind: str
) -> None:
    answer = browser(mona).get(file_at(case, number))
    assert (answer.status_code, answer["Content-Type"]) == (200, kind)
    assert LogEntry.objects.filter(user=mona, change_message__startswith="looked at a file").count() == 1


@pytest.mark.parametrize("number", [3, 4])
def test_it_serves_nothing_that_a_browser_would_run_or_that_is_not_there(
    case: Case, mona: Staff, telegram: None, number: int
) -> None:
    assert browser(mona).get(file_at(case, number)).status_code == 404
    assert not LogEntry.objects.filter(change_message__startswith="looked at a file").exists()


def test_it_says_when_telegram_has_it_no_more(case: Case, mona: Staff) -> None:
    async def gone(_file_id: str) -> bytes:
        raise GatewayError("gone", permanent=True)

    with patch("apps.moderation.evidence_files._download", gone):
        assert browser(mona).get(file_at(case, 0)).status_code == 404


@pytest.mark.parametrize("role", [None, "Moderator", "Senior moderator", "Policy editor", "Analyst", "Product manager"])
def test_it_shows_files_to_those_who_may_read_evidence(
    case: Case, hire: Hire, telegram: None, role: str | None
) -> None:
    may = role in (None, "Moderator", "Senior moderator")
    assert browser(hire("visitor", role)).get(file_at(case, 0)).status_code == (200 if may else 403)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\x89PNG\r\n", "image/png"),
        (b"RIFF\x00\x00\x00\x00WEBP", "image/webp"),
        (b"\x1a\x45\xdf\xa3", "video/webm"),
        (b"<svg xmlns", None),
        (b"\x1f\x8b tgs", None),
        (b"%PDF", None),
        (b"", None),
    ],
)
def test_it_knows_files_by_how_they_begin(content: bytes, kind: str | None) -> None:
    assert type_of(content) == kind
