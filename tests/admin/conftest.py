from collections.abc import Callable
from datetime import date
from itertools import count

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone

from apps.conversations.models import Conversation, Message
from apps.matching.models import Match
from apps.moderation.models import Report
from apps.notifications.models import Delivery
from apps.users.models import Member, Preferences, Profile, Staff

_numbers = count(7_000_000_001)

MakeMember = Callable[..., Member]
SignIn = Callable[..., Client]


@pytest.fixture
def make_member(db: None) -> MakeMember:
    """A listed member; other states through the user's fields, a draft by published=False."""

    def make(name: str = "Anna", *, published: bool = True, **user_fields: object) -> Member:
        member = Member.objects.create(telegram_id=next(_numbers), **user_fields)
        Profile.objects.create(
            user=member,
            name=name,
            birth_date=date(1990, 5, 17),
            gender="woman",
            cell=599718724986994687,
            place="Berlin",
            published_at=timezone.now() if published else None,
        )
        Preferences.objects.create(user=member, genders=["man"])
        return member

    return make


@pytest.fixture
def sign_in(db: None) -> SignIn:
    """A browser signed in as staff: with one role, or as a superuser without any."""

    def enter(role: str | None = None) -> Client:
        username = (role or "superuser").lower().replace(" ", "-")
        staff = Staff.objects.create_user(username, "a long password", is_staff=True, is_superuser=role is None)
        if role:
            staff.groups.add(Group.objects.get(name=role))
        client = Client()
        client.force_login(staff, backend="django.contrib.auth.backends.ModelBackend")
        return client

    return enter


@pytest.fixture
def make_acquaintance(make_member: MakeMember) -> Callable[[], Conversation]:
    """Two members who matched, talked, and of whom one reported the other; with a failed delivery."""

    def make() -> Conversation:
        low, high = sorted((make_member("Anna"), make_member("Boris")), key=lambda member: member.pk)
        match = Match.objects.create(low=low, high=high)
        conversation = Conversation.objects.create(match=match)
        Message.objects.create(
            conversation=conversation, sender=low, kind="text", text="meet me at the lake", source_message_id=1
        )
        Report.objects.create(
            reporter=low, reported=high, conversation=conversation, reason="spam", words="sells coins"
        )
        Delivery.objects.create(
            user=high,
            chat_id=high.telegram_id,
            method="sendMessage",
            params={"text": "meet me at the lake"},
            status=Delivery.Status.FAILED,
            error="Bad Request",
        )
        return conversation

    return make
