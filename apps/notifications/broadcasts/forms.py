"""The form of a draft."""

from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.text import format_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextareaWidget

from apps.flags.errors import FlagError
from apps.flags.forms import RULE_EXAMPLES
from apps.flags.state import State, read_segment, rule_in_words
from apps.notifications.broadcasts.models import Broadcast

if TYPE_CHECKING:
    _Form = forms.ModelForm[Broadcast]
else:
    _Form = forms.ModelForm

TAGS = {"b", "i", "u", "s", "a", "code", "pre", "blockquote", "tg-spoiler"}


class BroadcastForm(_Form):
    segment = forms.CharField(
        label=_("Only for"),
        help_text=format_lazy(
            _("Rules, one a line; all must fit. Empty: all members. Such as: {examples}"),
            examples=" · ".join(RULE_EXAMPLES),
        ),
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3, "spellcheck": "false"}),
    )

    class Meta:
        model = Broadcast
        fields = ["name", "text_en", "text_es", "text_ru", "segment", "per_minute", "starts_at"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        draft: Broadcast | None = kwargs.get("instance")
        if draft:
            rules = "\n".join(map(rule_in_words, draft.segment))
            kwargs["initial"] = {**(kwargs.get("initial") or {}), "segment": rules}
        super().__init__(*args, **kwargs)
        for text in ("text_en", "text_es", "text_ru"):
            self.fields[text].widget.attrs["rows"] = 5

    def clean_segment(self) -> list[Any]:
        try:
            state = State.read({"segment": read_segment(self.cleaned_data["segment"])})
        except FlagError as error:
            raise forms.ValidationError(str(error)) from error
        segment: list[Any] = state.as_json()["segment"]
        return segment

    def clean_text_en(self) -> str:
        return _telegram_html(self.cleaned_data["text_en"])

    def clean_text_es(self) -> str:
        return _telegram_html(self.cleaned_data["text_es"])

    def clean_text_ru(self) -> str:
        return _telegram_html(self.cleaned_data["text_ru"])


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)
        self.wrong = self.wrong or ("" if tag in TAGS else tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong = self.wrong or tag


def _telegram_html(text: str) -> str:
    """The text, if Telegram can read its tags: an error would come back once for each member."""
    tags = _Tags()
    tags.feed(text)
    tags.close()
    if wrong := tags.wrong or "".join(tags.open[-1:]):
        raise forms.ValidationError(gettext("Telegram cannot read this: look at the tag “%s”.") % wrong)
    return text
