"""waffle's flag with what members need, and the history of every flag."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import PermissionDenied
from django.db import models, transaction
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from waffle.models import AbstractUserFlag

from apps.flags import asking, live
from apps.flags.catalogue import CATALOGUE, Definition
from apps.flags.errors import InvalidChangeError
from apps.flags.experiments.models import Experiment, Exposure, Outcome
from apps.flags.rollout.models import PlannedChange, Ramp, RampStep
from apps.flags.state import State

__all__ = ["Experiment", "Exposure", "Flag", "FlagRevision", "Outcome", "PlannedChange", "Ramp", "RampStep"]

# waffle's criteria that are OR-ed with each other or ask about a web request: a segment says the same, and more.
WAFFLES_OWN = ("authenticated", "languages", "rollout", "staff", "testing")


class Flag(AbstractUserFlag):
    """One flag. For names in the catalogue the answers are those of `apps.flags`; for others they are waffle's."""

    percent = models.DecimalField(
        max_digits=5, decimal_places=2, null=True, blank=True, help_text=_("Of those who fit all rules. Empty: all.")
    )
    killed = models.BooleanField(default=False, help_text=_("Off for everyone, whatever else is set."))
    segment = models.JSONField(default=list, blank=True)
    value = models.JSONField(null=True, blank=True)
    version = models.PositiveIntegerField(default=0, editable=False)

    class Meta(AbstractUserFlag.Meta):
        constraints = [
            models.CheckConstraint(
                name="flag_percent_in_range", condition=models.Q(percent=None) | models.Q(percent__range=(0, 100))
            ),
        ]

    @property
    def definition(self) -> Definition | None:
        """The entry in the catalogue; None for a name that no code can ask for."""
        return CATALOGUE.get(self.name)

    @property
    def state(self) -> State:
        """Raises InvalidChangeError when what is stored cannot be read."""
        return self.state_with()

    def state_with(self, **fields: object) -> State:
        """With these fields in place of what is stored. Raises InvalidChangeError."""
        return State.read({**{name: getattr(self, name) for name in State.model_fields}, **fields})

    def apply(self, state: State) -> None:
        for name, value in {**state.as_json(), "percent": state.percent}.items():
            setattr(self, name, value)

    def is_active(self, request: HttpRequest, read_only: bool = False) -> bool | None:
        """waffle's question, in templates and views."""
        if self.definition is None:
            return super().is_active(request, read_only)
        user = getattr(request, "user", None)
        return asking.is_enabled(self.name, user if user and user.pk else None)

    def is_active_for_user(self, user: Any) -> bool | None:
        if self.definition is None:
            return super().is_active_for_user(user)
        return asking.is_enabled(self.name, user if user.pk else None)

    def save(self, *args: Any, by: AbstractBaseUser | None = None, reason: str = "", **kwargs: Any) -> None:
        """Writes the revision along, whoever saves: the service, waffle's tools or a shell.

        Raises InvalidChangeError for one of waffle's own criteria on a flag of the catalogue.
        """
        with transaction.atomic():
            if self.definition is not None:
                self._refuse_waffles_own()
                self.version = FlagRevision.objects.record(self.name, self.state, by=by, reason=reason)
                kwargs.pop("update_fields", None)  # the revision states all fields, so all are written
            super().save(*args, **kwargs)
            live.changed()

    def flush(self) -> None:
        """waffle calls this when its cache is out of date."""
        super().flush()
        live.changed()

    def _refuse_waffles_own(self) -> None:
        wrong = [name for name in WAFFLES_OWN if getattr(self, name)]
        if wrong:
            raise InvalidChangeError(f"{self.name}: waffle’s {', '.join(wrong)} cannot be set, a segment can")


def state_diff(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Field by field what was and what is, where they differ."""
    return {name: [before.get(name), value] for name, value in now.items() if before.get(name) != value}


class FlagRevisionManager(models.Manager["FlagRevision"]):
    def record(self, name: str, state: State, *, by: AbstractBaseUser | None, reason: str) -> int:
        """Writes what has changed since the last revision, if anything; the number of the last revision now.

        The caller holds the flag's row, or is about to insert it.
        """
        last = self.filter(name=name).order_by("-sequence").first()
        now = state.as_json()
        diff = state_diff(last.state if last else State().as_json(), now)
        if not diff:
            return last.sequence if last else 0
        sequence = last.sequence + 1 if last else 1
        self.create(name=name, sequence=sequence, state=now, diff=diff, by_id=by.pk if by else None, reason=reason)
        return sequence


class FlagRevision(models.Model):
    """One change of one flag: who, when, why, what. Never changed or deleted; PostgreSQL refuses it, too.

    It has the flag's name and not its row, which may be deleted. `by` is None for what no signed-in person did.
    """

    name = models.CharField(max_length=100)
    sequence = models.PositiveIntegerField()
    state = models.JSONField()
    diff = models.JSONField(help_text=_("Per field, what was before and what is since."))
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="flag_revisions"
    )
    reason = models.CharField(max_length=500, blank=True)
    at = models.DateTimeField(auto_now_add=True)

    objects = FlagRevisionManager()

    class Meta:
        verbose_name = _("revision of a flag")
        verbose_name_plural = _("revisions of flags")
        constraints = [
            models.UniqueConstraint(fields=["name", "sequence"], name="revision_number_once"),
        ]

    def __str__(self) -> str:
        return f"{self.name} #{self.sequence}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise PermissionDenied("A revision is never changed.")
        super().save(*args, **kwargs)
