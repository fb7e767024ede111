"""The form of a draft, in the words in which people think of an experiment."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from apps.flags.catalogue import CATALOGUE
from apps.flags.errors import FlagError
from apps.flags.experiments.assignment import read_variants
from apps.flags.experiments.models import Experiment, Metric
from apps.flags.experiments.results import Plan
from apps.flags.experiments.services import fingerprint
from apps.flags.experiments.words import example_for, read_variants_typed, variants_typed
from apps.flags.forms import RULE_EXAMPLES
from apps.flags.state import State, read_segment, rule_in_words

if TYPE_CHECKING:
    _ExperimentForm = forms.ModelForm[Experiment]
else:
    _ExperimentForm = forms.ModelForm


class OutlookForm(_ExperimentForm):
    """All that decides for how many and for how long an experiment is."""

    flag = forms.ChoiceField(label=_("Flag"), widget=UnfoldAdminSelectWidget)
    variants = forms.CharField(
        label=_("Variants"),
        help_text=_(
            "One a line: a name, a share, and what the flag answers, such as “old 50 % = off” and “new 50 % = on”, "
            "or “short 50 % = 10”. The first is the control, with which the others are compared."
        ),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4, "spellcheck": "false"}),
    )
    segment = forms.CharField(
        label=_("Only for"),
        help_text=format_lazy(
            _("Rules, one a line; all must fit. Empty: all members. Such as: {examples}"),
            examples=" · ".join(RULE_EXAMPLES),
        ),
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2, "spellcheck": "false"}),
    )

    class Meta:
        model = Experiment
        fields = ["flag", "variants", "segment", "share", "window_days", "expected_percent", "smallest_lift_percent"]
        labels = {
            "name": _("Name"),
            "hypothesis": _("Hypothesis"),
            "layer": _("Layer"),
            "share": _("Share, %"),
            "metric": _("Deciding metric"),
            "window_days": _("Window, days"),
            "expected_percent": _("Expected today, %"),
            "smallest_lift_percent": _("Smallest lift, %"),
        }
        widgets = {
            "name": UnfoldAdminTextInputWidget,
            "hypothesis": UnfoldAdminTextareaWidget(attrs={"rows": 3}),
            "layer": UnfoldAdminTextInputWidget,
            "share": UnfoldAdminIntegerFieldWidget(attrs={"min": 1, "max": 100}),
            "metric": UnfoldAdminSelectWidget,
            "window_days": UnfoldAdminIntegerFieldWidget(attrs={"min": 1, "max": 60}),
            "expected_percent": UnfoldAdminDecimalFieldWidget,
            "smallest_lift_percent": UnfoldAdminIntegerFieldWidget(attrs={"min": 1, "max": 1000}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        draft: Experiment | None = kwargs.get("instance")
        asked: dict[str, Any] = kwargs.get("initial", {})
        shown = _as_typed(draft) if draft else _to_begin_with(asked.get("flag", ""))
        super().__init__(*args, **{**kwargs, "initial": {**asked, **shown}})
        self.fields["flag"].choices = _flag_choices()  # type: ignore[attr-defined]

    def clean_variants(self) -> list[dict[str, Any]]:
        definition = CATALOGUE.get(self.cleaned_data.get("flag", ""))
        if definition is None:
            return []
        try:
            variants = read_variants_typed(self.cleaned_data["variants"], definition)
            read_variants(variants, definition)
        except FlagError as error:
            raise forms.ValidationError(str(error)) from error
        return variants

    def clean_segment(self) -> list[dict[str, Any]]:
        try:
            rules = State.read({"segment": read_segment(self.cleaned_data["segment"])})
        except FlagError as error:
            raise forms.ValidationError(str(error)) from error
        segment: list[dict[str, Any]] = rules.as_json()["segment"]
        return segment

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        if not self.errors:
            try:
                Plan.of(self.instance).needed  # noqa: B018 whether it can be computed
            except ValueError as error:
                self.add_error("smallest_lift_percent", str(error))


class ExperimentForm(OutlookForm):
    """A whole draft. `seen` is the fingerprint of the one that was shown, empty for a new one."""

    also_watched = forms.MultipleChoiceField(
        label=_("Also watched"),
        help_text=_("What else to show. Harm is told of as soon as it is seen; none of these decides."),
        choices=Metric.choices,
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
    )
    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    class Meta(OutlookForm.Meta):
        fields = [
            "name",
            "flag",
            "hypothesis",
            "variants",
            "segment",
            "share",
            "layer",
            "metric",
            "also_watched",
            "window_days",
            "expected_percent",
            "smallest_lift_percent",
        ]

    def clean_also_watched(self) -> list[str]:
        """The one that decides is watched anyway."""
        return [name for name in self.cleaned_data["also_watched"] if name != self.cleaned_data.get("metric")]


def _flag_choices() -> list[tuple[str, str]]:
    """With what each of them can answer."""
    answers = {name: each.bounds if each.is_value else "on, off" for name, each in CATALOGUE.items()}
    return [("", "–"), *((name, f"{name} ({answers[name]})".replace(" ()", "")) for name in sorted(CATALOGUE))]


def _as_typed(draft: Experiment) -> dict[str, str]:
    return {
        "variants": variants_typed(draft.variants),
        "segment": "\n".join(rule_in_words(rule) for rule in draft.segment),
        "seen": fingerprint(draft),
    }


def _to_begin_with(flag: str) -> dict[str, str]:
    definition = CATALOGUE.get(flag)
    return {"variants": example_for(definition)} if definition else {}
