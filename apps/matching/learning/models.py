"""What was shown and what was known then, what members' swipes amount to, and the models that were learned from it."""

from django.conf import settings
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Length
from django.db.models.lookups import Exact
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.core.models import UUIDModel


class Algorithm(models.TextChoices):
    """By what a deck is ordered; the choices of the flag `matching.algorithm`."""

    RECENCY = "recency", _("Most recently active first")
    HEURISTIC = "heuristic", _("Shared interests, nearness, recency")
    RECIPROCAL = "reciprocal", _("Probability of a match")
    MARKET = "market", _("Probability of a match, less the price of attention")


class Source(models.IntegerChoices):
    """Why a card stood where it did; the numbers are those of `engine.composition.Source`."""

    RANKED = 0, _("Ranked")
    LIKES_YOU = 1, _("Likes the viewer")
    NEW_FACE = 2, _("New face")
    EXPLORE = 3, _("Exploration")


class Impression(UUIDModel):
    """A card that was shown. One row for each viewer and candidate: of the last time, and of how often before.

    What came of it stands in the swipes alone. Written by `services.record_impression` in one statement.
    """

    # the unique constraint serves as the index
    viewer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False)
    candidate = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    first_shown_at = models.DateTimeField()
    shown_at = models.DateTimeField()
    times = models.PositiveIntegerField()
    place = models.PositiveSmallIntegerField(help_text=_("In the deck; 0 is the first."))
    algorithm = models.CharField(max_length=12, choices=Algorithm)
    source = models.PositiveSmallIntegerField(choices=Source)
    propensity = models.FloatField(help_text=_("How likely it was that this card stood here."))
    model_version = models.CharField(max_length=16, help_text=_("The model that ranked, or would have."))
    layout = models.PositiveSmallIntegerField()
    facts = models.BinaryField(help_text=_("What was known of the two, as numbers (learning.facts)."))

    class Meta:
        verbose_name = _("impression")
        verbose_name_plural = _("impressions")
        constraints = [
            models.UniqueConstraint(fields=["viewer", "candidate"], name="impression_once"),
            models.CheckConstraint(name="impression_not_oneself", condition=~Q(viewer=F("candidate"))),
            models.CheckConstraint(name="impression_propensity", condition=Q(propensity__gt=0, propensity__lte=1)),
        ]
        indexes = [
            # training reads the newest, retention deletes the oldest; rows come in the order of time
            BrinIndex(fields=["shown_at"], name="impression_by_age", autosummarize=True),
        ]

    def __str__(self) -> str:
        return f"impression {str(self.id)[:8]}"


class Standing(models.Model):
    """What a member's swipes, and those on them, amount to (`engine.history.History`). A missing row: none of it.

    Kept by `standings.refresh` from what is marked as outdated, never on the way of an update.
    """

    # `standing` is what the admin's lists call a member's state
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="counts"
    )
    swipes_given = models.PositiveIntegerField(default=0)
    likes_given = models.PositiveIntegerField(default=0)
    likes_received = models.PositiveIntegerField(default=0)
    swipes_received = models.PositiveIntegerField(default=0, help_text=_("How often their card was answered."))
    likes_expected = models.FloatField(default=0, help_text=_("From those who swiped on them, by how picky these are."))
    messages_due = models.PositiveIntegerField(default=0, help_text=_("Matches in which the partner wrote first."))
    messages_answered = models.PositiveIntegerField(default=0)
    price = models.FloatField(null=True, blank=True, help_text=_("Of their attention on the market; from batches."))
    tastes = models.BinaryField(
        null=True, blank=True, help_text=_("What they look for and what they are, as numbers (learning.factors).")
    )

    class Meta:
        verbose_name = _("standing")
        verbose_name_plural = _("standings")
        constraints = [
            models.CheckConstraint(name="standing_likes_are_swipes", condition=Q(likes_given__lte=F("swipes_given"))),
            models.CheckConstraint(
                name="standing_answers_were_due", condition=Q(messages_answered__lte=F("messages_due"))
            ),
            models.CheckConstraint(name="standing_tastes_are_whole", condition=Exact(Length("tastes"), 16)),
        ]

    def __str__(self) -> str:
        return f"{self.likes_given} of {self.swipes_given} liked"


class TasteFit(UUIDModel):
    """A night's fit of members' tastes: how it did on swipes that it had not seen, and whether members have it since.

    Written when all is done: without it the night's fit is made again.
    """

    until = models.DateField(unique=True, help_text=_("Swipes before this day were learned from, later ones judged."))
    is_kept = models.BooleanField(help_text=_("Members have these tastes since."))
    figures = models.JSONField(help_text=_("Its figures and those of the one before, on the same swipes."))
    why = models.CharField(max_length=500, help_text=_("Why it was kept or not."))
    fitted_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("fit of tastes")
        verbose_name_plural = _("fits of tastes")

    def __str__(self) -> str:
        return f"until {self.until:%Y-%m-%d}"


class OutdatedStanding(models.Model):
    """A member whose standing has to be counted again. Written by triggers on swipes and matches; a list to work off.

    The same member may stand there many times, and members who are gone may: nobody waits for anybody to write it.
    """

    user_id = models.UUIDField()

    class Meta:
        verbose_name = _("outdated standing")
        verbose_name_plural = _("outdated standings")

    def __str__(self) -> str:
        return f"#{self.pk}"


class RankerModel(UUIDModel):
    """A model that was trained, how it did on days it had not seen, and what became of it."""

    class State(models.TextChoices):
        CANDIDATE = "candidate", _("Candidate")  # good enough, while new models wait for a manager
        RUNNING = "running", _("Running")
        RETIRED = "retired", _("Retired")
        REJECTED = "rejected", _("Rejected")

    number = models.PositiveIntegerField(unique=True)
    state = models.CharField(max_length=12, choices=State)
    model = models.JSONField(help_text=_("The engine's Model."))
    figures = models.JSONField(help_text=_("Its figures and those of the model that ran then, on the same days."))
    why = models.CharField(max_length=500, help_text=_("Why it is in this state."))
    trained_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("model version")
        verbose_name_plural = _("model versions")
        constraints = [
            models.UniqueConstraint(fields=["state"], name="ranker_running_once", condition=Q(state="running")),
        ]

    def __str__(self) -> str:
        return self.version

    @property
    def version(self) -> str:
        return f"r{self.number}"
