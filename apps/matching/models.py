"""Who liked or passed whom, who matched, who blocked whom; and what decks are searched in."""

from typing import Final

from django.conf import settings
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import F, Func, Q
from django.db.models.expressions import CombinedExpression
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

# Django looks for an app's models here
import apps.matching.batches.models
import apps.matching.learning.models  # noqa: F401
from apps.core.models import EncryptedTextField, UUIDModel
from apps.users.models import Gender, User

MAX_NOTE = 200
# Decks are searched in districts (about 250 km²) near by, and in regions (about 12,400 km²) farther off.
DISTRICT_RESOLUTION, REGION_RESOLUTION = 5, 3
GENDER_BIT: Final = {gender: 1 << position for position, gender in enumerate(Gender.values)}


_COVERED = ("packed", "seeks", "born", "age_min", "age_max")


class Swipe(UUIDModel):
    """One member's like or pass on another. At most one for each ordered pair."""

    # the indexes below begin with one or the other
    swiper = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="swipes_made", db_index=False
    )
    target = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="swipes_received", db_index=False
    )
    liked = models.BooleanField()
    note = EncryptedTextField(blank=True, help_text=_("A few words sent along with a like."))
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["swiper", "target"], name="swipe_once"),
            models.CheckConstraint(name="swipe_not_oneself", condition=~Q(swiper=F("target"))),
            models.CheckConstraint(name="swipe_note_needs_like", condition=Q(liked=True) | Q(note="")),
        ]
        indexes = [
            # undo: the member's latest swipe; likes: how many of them lie within a day
            models.Index(fields=["swiper", "-created_at"], name="swipe_latest"),
            # decks: who has come to like this member since their history was compacted
            models.Index(fields=["target", "created_at"], name="swipe_newest_likes", condition=Q(liked=True)),
            # batches: what others did about a member, from the index alone; erasure: all swipes on a member
            models.Index(fields=["target"], name="swipe_received", include=["swiper", "liked"]),
            # learning tastes: the swipes of a day; rows come in the order of time
            BrinIndex(fields=["created_at"], name="swipe_by_age", autosummarize=True),
        ]

    def __str__(self) -> str:
        return "like" if self.liked else "pass"


class Match(UUIDModel):
    """Two members who like each other. The pair is stored in the order of their ids, so that it exists once."""

    low = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="matches_as_low", db_index=False
    )
    high = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="matches_as_high", db_index=False
    )
    created_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    opened_by_low = models.BooleanField(null=True, blank=True, help_text=_("Who wrote first; empty: nobody has yet."))
    answered_at = models.DateTimeField(null=True, blank=True, help_text=_("When the other one first wrote."))

    class Meta:
        verbose_name = _("match")
        verbose_name_plural = _("matches")
        constraints = [
            models.UniqueConstraint(fields=["low", "high"], name="match_once"),
            models.CheckConstraint(name="match_pair_ordered", condition=Q(low__lt=F("high"))),
            models.CheckConstraint(
                name="match_answer_needs_opening", condition=Q(answered_at=None) | Q(opened_by_low__isnull=False)
            ),
        ]
        indexes = [
            # /matches of the member with the higher id; the unique constraint serves the other
            models.Index(fields=["high", "low"], name="match_by_high"),
            # the admin's newest-first list
            models.Index(fields=["-created_at"], name="match_newest"),
        ]

    def __str__(self) -> str:
        return f"match {str(self.id)[:8]}"

    def partner_of(self, user: User) -> User:
        """The other one of the two."""
        return self.high if self.low_id == user.pk else self.low


class Block(UUIDModel):
    """One member never wants to meet another again. Neither sees the other from then on."""

    blocker = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="blocks_made", db_index=False
    )
    blocked = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="blocks_received")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["blocker", "blocked"], name="block_once"),
            models.CheckConstraint(name="block_not_oneself", condition=~Q(blocker=F("blocked"))),
        ]

    def __str__(self) -> str:
        return f"block {str(self.id)[:8]}"


def _parent(resolution: int) -> CombinedExpression:
    """The coarser H3 cell around `cell`. The resolution stands in bits 52 to 55; unused digits are sevens."""
    every_bit, unused_digits = (1 << 63) - 1, (1 << 3 * (15 - resolution)) - 1
    return F("cell").bitand(every_bit ^ (15 << 52)).bitor(resolution << 52 | unused_digits)


_SENT_AS = {
    "number": "int4send",
    "cell": "int8send",
    "gender": "int2send",
    "seeks": "int2send",
    "born": "int4send",
    "age_min": "int2send",
    "age_max": "int2send",
    "max_km": "int2send",
    "active_hour": "int4send",
    "published_hour": "int4send",
}


def _packed() -> Func:
    """The bytes of these columns, one after the other in network order."""
    return Func(
        *(Func(F(name), function=send) for name, send in _SENT_AS.items()),
        template="(%(expressions)s)",
        arg_joiner=" || ",
        output_field=models.BinaryField(),
    )


class Candidate(models.Model):
    """One row for each member who has ever been listed: all that reach depends on, narrow enough for a covering index.

    Kept by triggers on the tables of users, in the transaction that changes them (migration 0003): never written by
    code. Of those who are not `listed` only the number counts. All columns are integers that are never null, so that
    thousands of rows come over as one array.
    """

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True)
    # an identity column (migration 0003); never given twice and kept as long as the member is, for bitmaps hold it
    number = models.IntegerField(unique=True)
    listed = models.BooleanField()
    cell = models.BigIntegerField()
    district = models.GeneratedField(
        expression=_parent(DISTRICT_RESOLUTION), output_field=models.BigIntegerField(), db_persist=True
    )
    region = models.GeneratedField(
        expression=_parent(REGION_RESOLUTION), output_field=models.BigIntegerField(), db_persist=True
    )
    # GENDER_BIT: one bit, and all that they want to meet
    gender = models.SmallIntegerField()
    seeks = models.SmallIntegerField()
    # the birth date as a number: 19980824
    born = models.IntegerField()
    # its decade (199), by which those of other ages are skipped
    decade = models.GeneratedField(expression=F("born") / 100_000, output_field=models.IntegerField(), db_persist=True)
    age_min = models.SmallIntegerField()
    age_max = models.SmallIntegerField()
    # 30,000, the engine's ANYWHERE_KM: no limit
    max_km = models.SmallIntegerField()
    # full hours since 1970
    active_hour = models.IntegerField()
    published_hour = models.IntegerField()
    # the row as `candidates.read` takes it apart: one value comes over far quicker than ten
    packed = models.GeneratedField(expression=_packed(), output_field=models.BinaryField(), db_persist=True)

    class Meta:
        verbose_name = _("candidate")
        verbose_name_plural = _("candidates")
        indexes = [
            # on demand: the most recently active of a gender and age in the districts near by, from the index alone
            models.Index(
                fields=["district", "gender", "decade", "-active_hour"],
                name="candidate_by_district",
                include=_COVERED,
                condition=Q(listed=True),
            ),
            # the same in the regions farther off; batches: the members of a region
            models.Index(
                fields=["region", "gender", "decade", "-active_hour"],
                name="candidate_by_region_and_km",
                include=(*_COVERED, "max_km"),
                condition=Q(listed=True),
            ),
            # beyond a thousand kilometres: those who have no limit
            models.Index(
                fields=["gender", "decade", "-active_hour"],
                name="candidate_anywhere",
                include=_COVERED,
                condition=Q(listed=True, max_km=30_000),
            ),
        ]

    def __str__(self) -> str:
        return f"candidate {self.number}"


class SwipeHistory(models.Model):
    """Whom a member has swiped and who likes them, until a moment, as roaring bitmaps of candidates' numbers.

    It can be made again from the swipes at any time, and is: a missing row is an empty one. What is newer stands in the
    swipes alone. Somebody in `liked_by` may have taken the like back.
    """

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="+")
    swiped = models.BinaryField()
    liked_by = models.BinaryField()
    until = models.DateTimeField()

    class Meta:
        verbose_name = _("swipe history")
        verbose_name_plural = _("swipe histories")

    def __str__(self) -> str:
        return f"history until {self.until:%Y-%m-%d %H:%M}"
