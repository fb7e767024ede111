"""Decks that are built ahead, and how far a build has come."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.core.models import UUIDModel


class Deck(models.Model):
    """A member's deck as the last build made it: all of it in one row.

    It promises nothing: who may be shown is asked when a card is (`decks.next_of`). A missing row is an empty one.
    """

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="+")
    numbers = ArrayField(models.IntegerField(), help_text=_("Of the candidates, in the order of the cards."))
    cards = models.BinaryField(help_text=_("Source, propensity and score of each card (decks.CARD)."))
    model_version = models.CharField(max_length=16)
    built_at = models.DateTimeField()

    class Meta:
        verbose_name = _("deck")
        verbose_name_plural = _("decks")

    def __str__(self) -> str:
        return f"{len(self.numbers)} cards"


class DeckBuild(UUIDModel):
    """One round over all territories whose members may have changed. At most one runs."""

    class State(models.TextChoices):
        RUNNING = "running", _("Running")
        FINISHED = "finished", _("Finished")
        STOPPED = "stopped", _("Stopped")

    state = models.CharField(max_length=12, choices=State, default=State.RUNNING)
    why = models.CharField(max_length=200)
    started_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("building of decks")
        verbose_name_plural = _("building of decks")
        constraints = [
            models.UniqueConstraint(fields=["state"], name="deck_build_running_once", condition=Q(state="running")),
            models.CheckConstraint(
                name="deck_build_ends_when_it_does_not_run", condition=Q(state="running") ^ Q(ended_at__isnull=False)
            ),
        ]
        indexes = [
            # the admin's newest-first list
            models.Index(fields=["-started_at"], name="deck_build_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.started_at:%Y-%m-%d %H:%M}"


class DeckTerritory(UUIDModel):
    """The members of one H3 cell of resolution 2, whose decks are built together, in one build.

    Taken by one worker at a time, for as long as its lease is renewed; what a worker left behind is taken again.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        TAKEN = "taken", _("Being built")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")

    build = models.ForeignKey(DeckBuild, on_delete=models.CASCADE, related_name="territories", db_index=False)
    cell = models.BigIntegerField()
    members = models.PositiveIntegerField()
    state = models.CharField(max_length=12, choices=State, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    built = models.PositiveIntegerField(default=0, help_text=_("Members looked at so far."))
    taken_at = models.DateTimeField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    done_at = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=200, blank=True)

    class Meta:
        verbose_name = _("territory")
        verbose_name_plural = _("territories")
        constraints = [
            # what a build asks for by itself is served by this too
            models.UniqueConstraint(fields=["build", "cell"], name="deck_territory_once"),
            models.CheckConstraint(
                name="deck_territory_taken_has_lease",
                condition=~Q(state="taken") | Q(taken_at__isnull=False, lease_until__isnull=False),
            ),
            models.CheckConstraint(name="deck_territory_built_of_members", condition=Q(built__lte=F("members"))),
        ]
        indexes = [
            # what changed since a territory was last built
            models.Index(fields=["cell", "-done_at"], name="deck_territory_last", condition=Q(state="done")),
        ]

    def __str__(self) -> str:
        return f"{self.cell:x}"
