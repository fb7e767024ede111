"""The form of one rule: what is wrong with an expression is said at the field, with the place marked."""

from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from apps.moderation.errors import ExpressionError, ModerationError
from apps.moderation.models import Rule
from apps.moderation.rules.services import WORDING, check_rule

if TYPE_CHECKING:
    _RuleForm = forms.ModelForm[Rule]
else:
    _RuleForm = forms.ModelForm


class RuleForm(_RuleForm):
    """Knows the version that it shows: when somebody else has changed the rule since, it saves nothing."""

    reason = forms.CharField(
        label=_("Reason"), help_text=_("Why, for the history."), max_length=200, widget=UnfoldAdminTextInputWidget
    )
    seen_version = forms.IntegerField(widget=forms.HiddenInput)

    class Meta:
        model = Rule
        fields: ClassVar[list[str]] = ["name", *WORDING]
        widgets: ClassVar[dict[str, Any]] = {
            "expression": UnfoldAdminTextareaWidget(attrs={"rows": 4, "class": "mm-code", "spellcheck": "false"})
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["seen_version"] = self.instance.version

    def clean_expression(self) -> str:
        """With one kind of line end, so that a place means the same to whoever reads and whoever checks."""
        return str(self.cleaned_data["expression"]).replace("\r\n", "\n").strip()

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if self.errors:
            return data
        wanted = Rule(pk=self.instance.pk, **{name: data[name] for name in WORDING})
        try:
            check_rule(wanted, seen_version=data["seen_version"])
        except ExpressionError as error:
            self.add_error("expression", place_marked(error, wanted.expression))
        except ModerationError as error:
            self.add_error("mode", str(error))
        return data


def place_marked(error: ExpressionError, source: str) -> SafeString:
    """The message, and the line with a mark below the place."""
    line = [*source.splitlines(), ""][error.line - 1]
    where = gettext("Line {line}, column {column}:").format(line=error.line, column=error.column)
    mark = " " * (error.column - 1) + "^"
    return format_html('{} {}<code class="mm-place">{}\n{}</code>', where, error, line, mark)
