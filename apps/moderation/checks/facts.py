"""Everything that rules may ask, worked out for messages, profiles, photos and members: in a worker, never in a reply.

What a model could not say is missing in the facts, and rules that need it are not asked: a broken model finds nothing,
which its `Check` shows in the admin.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count, Sum
from django.utils import timezone

from apps.conversations.models import Message
from apps.moderation.checks import models_bundled as models
from apps.moderation.checks.health import watched
from apps.moderation.checks.text import text_facts
from apps.moderation.evasion.services import banned_before, copies_on_banned, copies_on_others
from apps.moderation.models import PhotoCheck, Report, Strike
from apps.moderation.rules.facts import CATALOGUE, Value
from apps.users.models import Profile, User

Everything = dict[str, Value]
ALL = frozenset(CATALOGUE)
_TALK = {"messages_last_hour", "conversations_last_hour", "same_elsewhere", "number"}


def cheap_facts(text: str, sender: User, *, now: datetime | None = None) -> Everything:
    """What is known before a message is sent: no query, no model."""
    age = (now or timezone.now()) - sender.date_joined
    return {
        **asdict(text_facts(text)),
        "account_age_days": max(0, age // timedelta(days=1)),
        "account_age_hours": max(0, age // timedelta(hours=1)),
    }


def message_facts(messages: Sequence[Message], *, wanted: Collection[str] = ALL) -> list[Everything]:
    """For each message; `wanted` spares what is dear and needed by no rule. Each model is asked once for all."""
    members = _member_facts({message.sender_id for message in messages}, wanted)
    talks = _talk_facts(messages) if _TALK & set(wanted) else [{} for _ in messages]
    texts = _model_facts([message.text for message in messages], wanted)
    return [
        {
            **cheap_facts(message.text, message.sender, now=message.created_at),
            "kind": message.kind,
            **members[message.sender_id],
            **talk,
            **text,
        }
        for message, talk, text in zip(messages, talks, texts, strict=True)
    ]


def profile_facts(profiles: Sequence[Profile], *, wanted: Collection[str] = ALL) -> list[Everything]:
    members = _member_facts({profile.user_id for profile in profiles}, wanted)
    texts = _model_facts([profile.bio for profile in profiles], wanted)
    return [
        {**cheap_facts(profile.bio, profile.user), **members[profile.user_id], **text}
        for profile, text in zip(profiles, texts, strict=True)
    ]


def photo_facts(found: PhotoCheck, *, wanted: Collection[str] = ALL) -> Everything:
    """What was stored of the photo, and whose it is besides."""
    member = found.photo.user
    facts: Everything = {**_ages(member), **_member_facts({member.pk}, wanted)[member.pk]}
    stored = {"nudity": found.nudity, "faces": found.faces}
    facts |= {name: value for name, value in stored.items() if value is not None}
    if found.phash:
        facts["copies_on_others"] = len(copies_on_others(found))
        facts["copies_on_banned"] = len(copies_on_banned(found))
    return facts


def member_facts(member: User) -> Everything:
    known = _member_facts({member.pk}, ALL)[member.pk]
    return {**_ages(member), **known, "banned_before": len(banned_before(member))}


def _ages(member: User) -> Everything:
    age = timezone.now() - member.date_joined
    return {"account_age_days": age // timedelta(days=1), "account_age_hours": age // timedelta(hours=1)}


def _member_facts(ids: Collection[UUID], wanted: Collection[str]) -> Mapping[UUID, Everything]:
    """Reports and strikes of several members, in two queries; in none when nobody wants them."""
    facts: dict[UUID, Everything] = {key: {"reports": 0, "strikes": 0} for key in ids}
    if "reports" in wanted:
        reports = Report.objects.filter(reported__in=ids).exclude(outcome=Report.Outcome.DISMISSED)
        for row in reports.values("reported").annotate(count=Count("pk")):
            facts[row["reported"]]["reports"] = row["count"]
    if "strikes" in wanted:
        strikes = Strike.objects.filter(member__in=ids, expires_at__gt=timezone.now())
        for strike in strikes.values("member").annotate(sum=Sum("weight")):
            facts[strike["member"]]["strikes"] = strike["sum"]
    return facts


def _talk_facts(messages: Sequence[Message]) -> list[Everything]:
    """How much and to how many the senders wrote before each message: one query for each sender's last day."""
    earliest: dict[UUID, datetime] = {}
    for message in messages:
        at = message.created_at
        earliest[message.sender_id] = min(at, earliest.get(message.sender_id, at))
    logs = {sender: _log(sender, at - timedelta(days=1)) for sender, at in earliest.items()}
    numbers = _numbers(messages)
    return [{**_pace(message, logs[message.sender_id]), "number": numbers[message.pk]} for message in messages]


def _log(sender: UUID, since: datetime) -> list[tuple[datetime, UUID, str]]:
    rows = Message.objects.filter(sender=sender, created_at__gte=since).order_by("-created_at")
    return [(row.created_at, row.conversation_id, _gist(row.text)) for row in rows[:1000]]


def _pace(message: Message, log: Iterable[tuple[datetime, UUID, str]]) -> Everything:
    before = [entry for entry in log if entry[0] <= message.created_at]
    hour = [entry for entry in before if entry[0] > message.created_at - timedelta(hours=1)]
    gist = _gist(message.text)
    same = {to for at, to, text in before if text == gist and at > message.created_at - timedelta(days=1)}
    return {
        "messages_last_hour": len(hour),
        "conversations_last_hour": len({entry[1] for entry in hour}),
        "same_elsewhere": len(same - {message.conversation_id}) if len(gist) >= 20 else 0,
    }


def _gist(text: str) -> str:
    """Two texts with the same gist are the same but for case, spaces and signs."""
    return "".join(each for each in text.casefold() if each.isalnum())


def _numbers(messages: Sequence[Message]) -> dict[UUID, int]:
    """Which message of its sender in its conversation each is."""
    talks = {message.conversation_id for message in messages}
    rows = Message.objects.filter(conversation__in=talks).order_by("created_at")
    counts: Counter[tuple[UUID, UUID]] = Counter()
    numbers: dict[UUID, int] = defaultdict(int)
    for key, talk, sender in rows.values_list("pk", "conversation", "sender"):
        counts[talk, sender] += 1
        numbers[key] = counts[talk, sender]
    return numbers


def _model_facts(texts: Sequence[str], wanted: Collection[str]) -> list[Everything]:
    """Language and toxicity, as far as they are wanted and their models work."""
    facts: list[Everything] = [{} for _ in texts]
    languages: list[str] = []
    if {"language", "toxicity"} & set(wanted):
        with watched("language"):
            languages = [models.language(text) for text in texts]
            _put(facts, "language", languages)
    if "toxicity" in wanted and languages:
        with watched("toxicity"):
            scores = models.toxicity(texts)
            _put(
                facts,
                "toxicity",
                [score if is_english(lang) else 0 for score, lang in zip(scores, languages, strict=True)],
            )
    return facts


def is_english(language: str) -> bool:
    """Short texts are often told wrongly or not at all; what is not known is taken for English."""
    return language in ("en", "")


def _put(facts: Sequence[Everything], name: str, values: Iterable[Any]) -> None:
    for each, value in zip(facts, values, strict=True):
        each[name] = value
