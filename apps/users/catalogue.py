"""The interests that members choose from, in the order in which they are offered: twelve to a theme."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

PAGE_SIZE = 12


@dataclass(frozen=True)
class Interest:
    """One entry. The slug is what profiles store: it never changes, and a retired one is not used again."""

    slug: str
    emoji: str
    name: Promise

    def __str__(self) -> str:
        return f"{self.emoji} {self.name}"


_ALL = (
    # outdoors and sport
    Interest("hiking", "🥾", _("Hiking")),
    Interest("running", "🏃", _("Running")),
    Interest("cycling", "🚴", _("Cycling")),
    Interest("swimming", "🏊", _("Swimming")),
    Interest("climbing", "🧗", _("Climbing")),
    Interest("skiing", "⛷️", _("Skiing")),
    Interest("football", "⚽", _("Football")),
    Interest("tennis", "🎾", _("Tennis")),
    Interest("yoga", "🧘", _("Yoga")),
    Interest("gym", "🏋️", _("Gym")),
    Interest("dancing", "💃", _("Dancing")),
    Interest("camping", "🏕️", _("Camping")),
    # arts and entertainment
    Interest("books", "📚", _("Books")),
    Interest("cinema", "🎬", _("Cinema")),
    Interest("series", "📺", _("Series")),
    Interest("theatre", "🎭", _("Theatre")),
    Interest("museums", "🏛️", _("Museums")),
    Interest("concerts", "🎤", _("Concerts")),
    Interest("vinyl", "🎧", _("Vinyl records")),
    Interest("guitar", "🎸", _("Playing guitar")),
    Interest("photography", "📷", _("Photography")),
    Interest("drawing", "🎨", _("Drawing")),
    Interest("writing", "✍️", _("Writing")),
    Interest("anime", "🌸", _("Anime")),
    # food, home and company
    Interest("coffee", "☕", _("Coffee")),
    Interest("tea", "🍵", _("Tea")),
    Interest("cooking", "🍳", _("Cooking")),
    Interest("baking", "🥐", _("Baking")),
    Interest("wine", "🍷", _("Wine")),
    Interest("street-food", "🌮", _("Street food")),
    Interest("vegetarian", "🥦", _("Vegetarian food")),
    Interest("gardening", "🪴", _("Gardening")),
    Interest("cats", "🐈", _("Cats")),
    Interest("dogs", "🐕", _("Dogs")),
    Interest("board-games", "🎲", _("Board games")),
    Interest("karaoke", "🎶", _("Karaoke")),
    # mind, making and the wide world
    Interest("travel", "✈️", _("Travel")),
    Interest("city-walks", "🌆", _("City walks")),
    Interest("sea", "🌊", _("The sea")),
    Interest("languages", "🗣️", _("Languages")),
    Interest("history", "🏺", _("History")),
    Interest("science", "🔬", _("Science")),
    Interest("astronomy", "🔭", _("Astronomy")),
    Interest("programming", "💻", _("Programming")),
    Interest("video-games", "🎮", _("Video games")),
    Interest("chess", "♟️", _("Chess")),
    Interest("crafts", "🧶", _("Crafts")),
    Interest("volunteering", "🤝", _("Volunteering")),
)
INTERESTS: dict[str, Interest] = {interest.slug: interest for interest in _ALL}


def label(slug: str) -> str | None:
    """Emoji and name in the active language; None for a slug that has been retired: such a one is not shown."""
    interest = INTERESTS.get(slug)
    return str(interest) if interest else None
