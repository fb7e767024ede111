"""The form of one flag: everything that can be set, in the words that rules are typed in, and why."""

from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.utils import timezone
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from apps.flags import services
from apps.flags.effect import Effect, effect
from apps.flags.errors import FlagError
from apps.flags.models import Flag
from apps.flags.state import read_segment

if TYPE_CHECKING:
    _FlagForm = forms.ModelForm[Flag]
else:
    _FlagForm = forms.ModelForm

RULE_EXAMPLES = (
    "language in en, es",
    "country in ES, MX",
    "gender in woman",
    "age >= 25",
    "age <= 34",
    "account_age_days >= 7",
    "group in Testers",
    "source not in ads",
    "telegram_premium is yes",
    "staff is yes",
    "release at least 1.4.2",
)
EVERYONE = {"": None, "on": True, "off": False}


class SwitchForm(forms.Form):
    """One click's change to a flag, in the version that was shown."""

    reason = forms.CharField(
        label=_("Reason"), help_text=_("Why, for the history."), max_length=500, widget=UnfoldAdminTextInputWidget
    )
    seen_version = forms.IntegerField(widget=forms.HiddenInput)


class FlagForm(_FlagForm):
    """Knows the version that it shows: when somebody else has changed the flag since, it says so and saves nothing."""

    killed = forms.BooleanField(
        label=_("Kill switch"),
        help_text=_("Off for everyone, whatever else is set."),
        required=False,
        widget=UnfoldBooleanSwitchWidget,
    )
    everyone = forms.ChoiceField(
        label=_("Everyone"),
        choices=[("", _("As the rules say")), ("on", _("On for everyone")), ("off", _("Off for everyone"))],
        required=False,
        widget=UnfoldAdminSelectWidget,
    )
    segment = forms.CharField(
        label=_("Rules"),
        help_text=format_lazy(_("One a line; all must fit. Such as: {examples}"), examples=" · ".join(RULE_EXAMPLES)),
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
    )
    percent = forms.DecimalField(
        label=_("Percent"),
        help_text=_("Of those who fit all rules. Empty: all. Raising it keeps those who are in."),
        required=False,
        min_value=0,
        max_value=100,
        decimal_places=2,
        widget=UnfoldAdminDecimalFieldWidget(attrs={"data-slider": ""}),
    )
    value = forms.CharField(label=_("Value"), required=False, widget=UnfoldAdminTextInputWidget)
    reason = forms.CharField(
        label=_("Reason"),
        help_text=_("Why, for the history."),
        max_length=500,
        widget=UnfoldAdminTextInputWidget,
    )
    due_at = forms.DateTimeField(
        label=_("Make the change at"),
        help_text=_("Empty: at once. It is made only if nobody changes the flag before."),
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"type": "datetime-local"}),
    )
    seen_version = forms.IntegerField(widget=forms.HiddenInput)

    class Meta:
        model = Flag
        fields: ClassVar[list[str]] = []

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        flag: Flag = kwargs["instance"]
        state = flag.state
        everyone = next(choice for choice, meant in EVERYONE.items() if meant is state.everyone)
        shown = {
            "killed": state.killed,
            "everyone": everyone,
            "percent": state.percent,
            "segment": "\n".join(map(str, state.segment)),
            "value": state.value,
            "seen_version": flag.version,
        }
        super().__init__(*args, **{**kwargs, "initial": shown})
        definition = flag.definition
        assert definition is not None, "flags that no code asks for have no form"
        if not definition.is_value:
            del self.fields["value"]
        else:
            self.fields["value"].help_text = _("Empty: {default}. {bounds}").format(
                default=definition.default, bounds=definition.bounds
            )

    def clean_due_at(self) -> datetime | None:
        due_at: datetime | None = self.cleaned_data["due_at"]
        if due_at is not None and due_at <= timezone.now():
            raise forms.ValidationError(_("This is over. Choose a time to come, or leave it empty."))
        return due_at

    def clean(self) -> dict[str, Any]:
        """Locks the flag until the request's transaction ends, so that what is right here is right when it is saved."""
        cleaned = super().clean() or {}
        if not self.errors:
            try:
                services.check(self.instance.name, expected_version=cleaned["seen_version"], **self.change())
            except FlagError as error:
                self.add_error(None, str(error))
        return cleaned

    def change(self) -> services.Fields:
        """What to hand to the service. Raises InvalidChangeError."""
        data = self.cleaned_data
        fields = services.Fields(
            killed=data["killed"],
            everyone=EVERYONE[data["everyone"]],
            percent=data["percent"],
            segment=read_segment(data["segment"]),
        )
        if "value" in self.fields:
            definition = self.instance.definition
            assert definition is not None
            fields["value"] = definition.read(data["value"]) if data["value"] else None
        return fields

    def effect(self) -> Effect:
        """What the valid form would do."""
        flag = Flag.objects.get(pk=self.instance.pk)
        assert flag.definition is not None, "flags that no code asks for have no form"
        return effect(flag.definition, flag.state, flag.state_with(**self.change()))


class PreviewForm(FlagForm):
    """What has been typed so far: nobody has said yet why, or when."""

    reason = None  # type: ignore[assignment]
    due_at = None  # type: ignore[assignment]
    clean_due_at = None  # type: ignore[assignment]
