"""Freezes what a report or a finding is about, at the moment when it is made."""

from collections.abc import Iterable
from typing import Any

from apps.conversations.models import Conversation, Message
from apps.moderation.models import Evidence, Finding, Report
from apps.users.models import Photo, Profile, User

# How many messages are kept around the reported one, or of the end of a reported conversation.
BEFORE, AFTER = 14, 5


def freeze(report: Report, *, message: Message | None = None) -> Evidence:
    """What the reported member shows now, and what was said around the reported message, if a conversation is."""
    assert report.reported
    messages = list(_messages(report.reported, report.conversation, message))
    return Evidence.objects.create(
        report=report, profile=_profile(report.reported), messages=messages, has_messages=bool(messages)
    )


def freeze_finding(finding: Finding, *, message: Message | None = None) -> Evidence:
    """The same of a finding; `message` is the one on which the rule fired."""
    conversation = message.conversation if message else None
    messages = list(_messages(finding.member, conversation, message))
    return Evidence.objects.create(
        finding=finding, profile=_profile(finding.member), messages=messages, has_messages=bool(messages)
    )


def _profile(user: User) -> dict[str, Any]:
    profile = Profile.objects.filter(user=user).first()
    if profile is None:
        return {}
    return {
        "name": profile.name,
        "age": profile.age if profile.birth_date else None,
        "gender": profile.get_gender_display(),
        "place": profile.place,
        "interests": profile.interests,
        "bio": profile.bio,
        "photos": [{"id": str(photo.pk), "file_id": photo.file_id} for photo in Photo.objects.filter(user=user)],
    }


def _messages(member: User, conversation: Conversation | None, message: Message | None) -> Iterable[dict[str, Any]]:
    for each in _around(conversation, message):
        yield {
            "by_reported": each.sender_id == member.pk,
            "kind": each.get_kind_display(),
            "sort": each.kind,
            "text": each.text,
            "file_id": each.file_id,
            "at": each.created_at.isoformat(),
            "was_edited": each.edited_at is not None,
            "is_reported": message is not None and each.pk == message.pk,
        }


def _around(conversation: Conversation | None, message: Message | None) -> list[Message]:
    """Oldest first."""
    if conversation is None:
        return []
    every = Message.objects.filter(conversation=conversation)
    if message is None:
        return list(every.order_by("-created_at")[: BEFORE + 1])[::-1]
    before = every.filter(created_at__lte=message.created_at).order_by("-created_at")[: BEFORE + 1]
    after = every.filter(created_at__gt=message.created_at).order_by("created_at")[:AFTER]
    return [*list(before)[::-1], *after]
