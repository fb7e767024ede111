"""What happened among the made-up members before anybody came: likes, matches, talk, a few reports."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from apps.conversations.models import Conversation, Message
from apps.matching.models import Match, Swipe
from apps.moderation.models import Report
from meetsmatch.demo.people import CITIES, Person
from meetsmatch.demo.words import WORDS

SWIPES_EACH = 4
PASS_SHARE = 0.3
REASONS = (Report.Reason.FAKE, Report.Reason.SPAM, Report.Reason.HARASSMENT, Report.Reason.OTHER)


@dataclass
class Society:
    """Rows to be written, in this order."""

    swipes: list[Swipe] = field(default_factory=list)
    matches: list[Match] = field(default_factory=list)
    conversations: list[Conversation] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)


def invent_society(people: Sequence[Person], newcomers: Collection[Person], now: datetime) -> Society:
    """What these newcomers had to do with people of lower numbers in their city: a bigger crowd only adds to it."""
    society = Society()
    for person in newcomers:
        turn = person.number // len(CITIES)
        earlier = [other for other in people if other.city == person.city and other.number < person.number]
        earlier = [other for other in earlier if person.would_like(other)]
        if turn % 8 == 5:
            _add_match(society, person, earlier, now)
        if turn % 3 == 1:
            _add_swipes(society, person, earlier, now)
        if turn % 20 == 7:
            _add_report(society, person, earlier)
    return society


def _add_swipes(society: Society, person: Person, others: Sequence[Person], now: datetime) -> None:
    dice = person.dice("swipes")
    done = {swipe.target_id for swipe in society.swipes if swipe.swiper_id == person.id}
    strangers = [other for other in others if other.id not in done]
    for other in dice.sample(strangers, min(len(strangers), SWIPES_EACH)):
        society.swipes.append(_swipe(person, other, now, liked=dice.random() > PASS_SHARE))


def _add_match(society: Society, person: Person, others: Sequence[Person], now: datetime) -> None:
    """A match with the first of the others who likes them back and speaks their language, and what the two said."""
    partner = next((other for other in others if other.language == person.language and other.would_like(person)), None)
    if partner is None:
        return
    society.swipes += [_swipe(person, partner, now, liked=True), _swipe(partner, person, now, liked=True)]
    dice = person.dice("match")
    at = now - timedelta(days=dice.randint(1, 10), minutes=dice.randint(0, 600))
    low, high = sorted((person.id, partner.id))
    match = Match(id=person.uuid("match"), low_id=low, high_id=high, created_at=at)
    conversation = Conversation(id=person.uuid("conversation"), match=match)
    for turn, text in enumerate(dice.choice(WORDS[person.language].talk)):
        at += timedelta(minutes=dice.randint(2, 40))
        society.messages.append(
            Message(
                id=person.uuid("message", turn),
                conversation=conversation,
                sender_id=(partner if turn % 2 else person).id,
                kind=Message.Kind.TEXT,
                text=text,
                # below all ids that Telegram gives, and of this match alone
                source_message_id=-(person.number * 100 + turn + 1),
                created_at=at,
            )
        )
    society.matches.append(match)
    society.conversations.append(conversation)


def _add_report(society: Society, person: Person, others: Sequence[Person]) -> None:
    if others:
        dice = person.dice("report")
        reported, reason = dice.choice(others), dice.choice(REASONS)
        words = dice.choice(WORDS[person.language].complaints)
        society.reports.append(
            Report(id=person.uuid("report"), reporter_id=person.id, reported_id=reported.id, reason=reason, words=words)
        )


def _swipe(person: Person, other: Person, now: datetime, *, liked: bool) -> Swipe:
    return Swipe(
        id=person.uuid("swipe", other.number),
        swiper_id=person.id,
        target_id=other.id,
        liked=liked,
        created_at=now - person.idle - timedelta(minutes=person.dice(f"swipe {other.number}").randint(1, 900)),
    )
