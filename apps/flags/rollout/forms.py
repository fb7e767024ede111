"""How a ramp is started: typed in words, checked before anything is written."""

from collections.abc import Iterator
from typing import Any

from django import forms
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from apps.flags.catalogue import CATALOGUE, Value
from apps.flags.errors import FlagError
from apps.flags.experiments.models import HARMFUL, Metric
from apps.flags.rollout.design import MAX_MEMBERS, MAX_WINDOW_HOURS, Design, Guardrail, read_steps

PRESETS: dict[str, tuple[Promise, str]] = {
    "daily": (_("A day each"), "5 % for 1 day\n25 % for 1 day\n50 % for 1 day\n100 % for 1 day"),
    "hourly": (_("An hour each"), "5 % for 1 hour\n25 % for 1 hour\n50 % for 1 hour\n100 % for 1 hour"),
    "careful": (_("Careful"), "1 % for 1 day\n5 % for 2 days\n10 % for 2 days\n25 % for 3 days\n50 % for 3 days"),
}


class RampForm(forms.Form):
    """`design` and `value_given` are there once it is valid."""

    flag = forms.ChoiceField(label=_("Flag"), widget=UnfoldAdminSelectWidget)
    steps = forms.CharField(
        label=_("Steps"),
        help_text=_("One a line, how many per cent for how long: “5 % for 1 day”, “25 % for 12 hours”."),
        initial=PRESETS["daily"][1],
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 5}),
    )
    value = forms.CharField(
        label=_("Value"),
        help_text=_("What those who are in get, of a flag with a value. Empty: what is set on it."),
        required=False,
        widget=UnfoldAdminTextInputWidget,
    )
    window_hours = forms.IntegerField(
        label=_("Hours that count"),
        help_text=_("What a member does within these hours after asking for the flag counts."),
        initial=24,
        min_value=1,
        max_value=MAX_WINDOW_HOURS,
        widget=UnfoldAdminIntegerFieldWidget,
    )
    min_members = forms.IntegerField(
        label=_("Members to wait for"),
        help_text=_("A step lasts until so many members were observed with the flag, and without it. 0: by time only."),
        initial=100,
        min_value=0,
        max_value=MAX_MEMBERS,
        widget=UnfoldAdminIntegerFieldWidget,
    )
    reason = forms.CharField(
        label=_("Reason"), help_text=_("Why, for the history."), max_length=400, widget=UnfoldAdminTextInputWidget
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["flag"].choices = [(name, name) for name in sorted(CATALOGUE)]  # type: ignore[attr-defined]
        for metric in Metric:
            self.fields[f"bound_{metric}"] = forms.DecimalField(
                label=metric.label,
                required=False,
                min_value=0,
                decimal_places=1,
                initial=20 if metric in HARMFUL else None,
                widget=UnfoldAdminDecimalFieldWidget,
            )

    @property
    def bounds(self) -> Iterator[tuple[forms.BoundField, bool]]:
        """The field of each metric, and whether more of it is worse."""
        return ((self[f"bound_{metric}"], metric in HARMFUL) for metric in Metric)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if not self.errors:
            try:
                self.design = self._design(data)
                self.value_given = self._value(data)
            except FlagError as error:
                self.add_error(None, str(error))
        return data

    def _design(self, data: dict[str, Any]) -> Design:
        bounds = ((metric, data[f"bound_{metric}"]) for metric in Metric)
        return Design(
            read_steps(data["steps"].splitlines()),
            tuple(Guardrail(metric, bound) for metric, bound in bounds if bound is not None),
            data["window_hours"],
            data["min_members"],
        )

    def _value(self, data: dict[str, Any]) -> Value | None:
        return CATALOGUE[data["flag"]].read(data["value"]) if data["value"] else None
