"""The pages of flags, where every change has a reason and goes through the service. The rest is waffle's."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Model, QuerySet
from django.forms import ModelForm, Script
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import formats, timezone
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST
from unfold.decorators import action, display
from waffle.admin import SampleAdmin as WaffleSampleAdmin
from waffle.admin import SwitchAdmin as WaffleSwitchAdmin
from waffle.models import Sample, Switch

from apps.core.admin import BaseAdmin
from apps.flags import services
from apps.flags.effect import effect
from apps.flags.errors import FlagError
from apps.flags.experiments import admin as _experiments  # noqa: F401 registers its pages
from apps.flags.flag_list import LOOKS, FlagList, KindFilter, OwnerFilter, StaleFilter, StateFilter, look
from apps.flags.forms import FlagForm, PreviewForm, SwitchForm
from apps.flags.models import Flag, FlagRevision, PlannedChange
from apps.flags.pages import person
from apps.flags.rollout import admin as _rollout  # noqa: F401 registers its pages
from apps.flags.rollout.selectors import notices
from apps.flags.selectors import history
from apps.flags.texts import audience_in_words, diff_in_words
from apps.flags.who_has_it import panel

for _model in (Flag, Sample, Switch):
    if admin.site.is_registered(_model):
        admin.site.unregister(_model)


# In unfold's words; a state without one is grey.
_STATE_COLOURS = {"on": "success", "part": "info", "off": "warning", "killed": "danger", "unknown": None}
_DONE = {True: _("{name} is killed."), False: _("{name} is not killed any more.")}
_REASON = {True: "killed from the list of flags", False: "kill taken back from the list of flags"}


@admin.register(Flag)
class FlagAdmin(BaseAdmin):
    """Flags come from the catalogue: nobody adds one here. One that is not in it (any more) can only be deleted."""

    form = FlagForm
    list_display = ("known_as", "state", "audience", "to_know", "owner", "removed_by", "modified")
    list_filter = (StateFilter, KindFilter, OwnerFilter, StaleFilter)
    search_fields = ("name",)
    ordering = ("name",)
    fields = (
        "purpose",
        "owner",
        "killed",
        "everyone",
        "segment",
        "percent",
        "value",
        "reason",
        "due_at",
        "seen_version",
    )
    readonly_fields = ("purpose", "owner")
    actions = ("kill", "revive")
    change_form_outer_before_template = "admin/flags/rollout/notices.html"
    change_form_after_template = "admin/flags/preview_place.html"
    change_form_outer_after_template = "admin/flags/who_has_it.html"

    class Media:
        js = (Script("meetsmatch/flags.js", defer=True),)

    # ---- The list

    @display(description=_("flag"))
    def known_as(self, flag: Flag) -> str:
        return format_html('{}<small class="mm-under">{}</small>', flag.name, self.purpose(flag))

    @display(description=_("state"), label=_STATE_COLOURS)
    def state(self, flag: Flag) -> tuple[str, object]:
        found = look(flag)
        return found, LOOKS[found]

    @display(description=_("who has it"))
    def audience(self, flag: Flag) -> str:
        if flag.definition is None:
            return ""
        words = audience_in_words(flag.definition, flag.state)
        if look(flag) != "part" or flag.percent is None:
            return words
        bar = '{}<progress class="mm-bar" value="{}" max="100" aria-hidden="true"></progress>'
        return format_html(bar, words, str(flag.percent))

    @display(description=_("to know"))
    def to_know(self, flag: Flag) -> str:
        """What the list has found out about its flags; nothing on other pages."""
        return render_to_string("admin/flags/marks.html", {"marks": getattr(flag, "marks", ())})

    @display(description=_("purpose"))
    def purpose(self, flag: Flag) -> str | Promise:
        return flag.definition.purpose if flag.definition else flag.note

    @display(description=_("owner"))
    def owner(self, flag: Flag) -> str:
        return flag.definition.owner if flag.definition else ""

    @display(description=_("remove by"), label={"late": "danger", "due": None})
    def removed_by(self, flag: Flag) -> tuple[str, object] | None:
        remove_by = flag.definition.remove_by if flag.definition else None
        if remove_by is None:
            return None
        return "late" if remove_by < timezone.localdate() else "due", remove_by

    @display(description=_("switch"))
    def switch(self, flag: Flag) -> SafeString | str:
        """Leads to the page that asks why, and then switches; empty for what is not on or off."""
        if flag.definition is None or flag.definition.is_value:
            return ""
        is_on = look(flag) in ("on", "part")
        text = _("{name} is on: switch it off") if is_on else _("{name} is off: switch it on")
        return format_html(
            '<a class="mm-switch{}" href="{}" data-dialog aria-label="{}"></a>',
            " mm-switch-on" if is_on else "",
            reverse(f"admin:flags_flag_switch_{'off' if is_on else 'on'}", args=[flag.pk]),
            text.format(name=flag.name),
        )

    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        if not self.has_change_permission(request):
            return self.list_display
        return ("known_as", "switch", *self.list_display[1:])

    def get_changelist(self, request: HttpRequest, **kwargs: object) -> type[FlagList]:
        return FlagList

    # ---- Who may do what

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        is_known = not isinstance(obj, Flag) or obj.definition is not None
        return is_known and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return isinstance(obj, Flag) and obj.definition is None and super().has_delete_permission(request, obj)

    # ---- Changing

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        if not self.has_change_permission(request, obj):
            return ("name", "state", "audience", "purpose", "owner")
        has_value = isinstance(obj, Flag) and obj.definition is not None and obj.definition.is_value
        return self.fields if has_value else tuple(name for name in self.fields if name != "value")

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        return self.readonly_fields if self.has_change_permission(request, obj) else self.get_fields(request, obj)

    def get_form(
        self, request: HttpRequest, obj: Model | None = None, change: bool = False, **kwargs: Any
    ) -> "type[ModelForm[Any]]":
        if not self.has_change_permission(request, obj):
            kwargs["form"] = ModelForm
        form: type[ModelForm[Any]] = super().get_form(request, obj, change, **kwargs)
        return form

    def render_change_form(
        self, request: HttpRequest, context: dict[str, object], *args: Any, obj: Model | None = None, **kwargs: Any
    ) -> HttpResponse:
        # a form with mistakes has written them onto `obj`
        context["panel"] = panel(request, obj.pk) if isinstance(obj, Flag) else None
        context["notices"] = notices(obj.name) if isinstance(obj, Flag) else None
        context["preview_url"] = (
            reverse("admin:flags_flag_preview", args=[obj.pk])
            if obj and self.has_change_permission(request, obj)
            else ""
        )
        response: HttpResponse = super().render_change_form(request, context, *args, obj=obj, **kwargs)
        return response

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """A change that touches many is shown with all that it does, and asked about, before it is made."""
        if request.method == "POST" and object_id and "confirmed" not in request.POST:
            page = self._confirmation(request, object_id)
            if page is not None:
                return page
        response: HttpResponse = super().changeform_view(request, object_id, form_url, extra_context)
        return response

    def _confirmation(self, request: HttpRequest, object_id: str) -> HttpResponse | None:
        """None where nothing is to be asked, or where the form itself has to answer."""
        flag = self.get_object(request, unquote(object_id))
        if not isinstance(flag, Flag) or not self.has_change_permission(request, flag):
            return None
        with transaction.atomic():
            form = FlagForm(request.POST, instance=flag)
            if not form.is_valid():
                return None
        effect = form.effect()
        if not effect.is_wide:
            return None
        return self._page(
            request,
            "confirm",
            flag,
            title=_("Change {name}?").format(name=flag.name),
            form=form,
            effect=effect,
            goes_on="_continue" in request.POST,
        )

    def _page(self, request: HttpRequest, template: str, flag: Flag, **context: object) -> HttpResponse:
        shared = {**self.admin_site.each_context(request), "opts": self.opts, "flag": flag}
        return TemplateResponse(request, f"admin/flags/{template}.html", {**shared, **context})

    def save_model(self, request: HttpRequest, obj: Model, form: "ModelForm[Any]", change: bool) -> None:
        assert isinstance(form, FlagForm)
        data = form.cleaned_data
        made = services.propose(
            form.instance.name,
            by=person(request),
            reason=data["reason"],
            expected_version=data["seen_version"],
            due_at=data["due_at"],
            **form.change(),
        )
        self._tell(request, made, done=_("Changed."))

    def response_change(self, request: HttpRequest, obj: Model) -> HttpResponse:
        """What was done has been said where it was done."""
        page = request.path if "_continue" in request.POST else reverse("admin:flags_flag_changelist")
        return redirect(page)

    def _tell(self, request: HttpRequest, made: FlagRevision | PlannedChange | None, *, done: object) -> None:
        if made is None:
            self.message_user(request, _("Nothing was different: nothing has changed."), messages.INFO)
        elif isinstance(made, FlagRevision):
            self.message_user(request, done, messages.SUCCESS)
        elif made.needs_approval:
            text = _("Nothing has changed yet: somebody else has to approve it, among the planned changes.")
            self.message_user(request, text, messages.WARNING)
        else:
            text = _("Nothing has changed yet: it is planned for {time}.")
            when = formats.date_format(timezone.localtime(made.due_at), "DATETIME_FORMAT")
            self.message_user(request, text.format(time=when), messages.INFO)

    @action(description=_("Kill: off for everyone"), permissions=["change"])
    def kill(self, request: HttpRequest, flags: QuerySet[Flag]) -> None:
        self._set_killed(request, flags, killed=True)

    @action(description=_("Take the kill back"), permissions=["change"])
    def revive(self, request: HttpRequest, flags: QuerySet[Flag]) -> None:
        self._set_killed(request, flags, killed=False)

    def _set_killed(self, request: HttpRequest, flags: QuerySet[Flag], *, killed: bool) -> None:
        for flag in flags:
            try:
                made = services.propose(flag.name, by=person(request), reason=_REASON[killed], killed=killed)
                self._tell(request, made, done=_DONE[killed].format(name=flag.name))
            except FlagError as error:
                self.message_user(request, str(error), messages.ERROR)

    def get_urls(self) -> list[URLPattern]:
        site = self.admin_site
        switch = site.admin_view(self.switch_view)
        restore = site.admin_view(require_POST(self.restore_view))
        preview = site.admin_view(require_POST(self.preview_view))
        return [
            path("<path:object_id>/restore/<int:sequence>/", restore, name="flags_flag_restore"),
            path("<path:object_id>/preview/", preview, name="flags_flag_preview"),
            path("<path:object_id>/switch-on/", switch, {"on": True}, name="flags_flag_switch_on"),
            path("<path:object_id>/switch-off/", switch, {"on": False}, name="flags_flag_switch_off"),
            *super().get_urls(),
        ]

    # ---- Before a change

    def preview_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """A piece of the flag's page: what the form as it is typed would do. Nothing is saved."""
        flag = self._changeable(request, object_id)
        form = PreviewForm(request.POST, instance=flag)
        with transaction.atomic():
            is_valid = form.is_valid()
        context = {"form": form, "effect": form.effect() if is_valid else None}
        return TemplateResponse(request, "admin/flags/preview.html", context)

    # ---- One click

    def switch_view(self, request: HttpRequest, object_id: str, *, on: bool) -> HttpResponse:
        """Shows what will change and for how many, and asks why; then does it, if that is still what there is."""
        flag = self._changeable(request, object_id)
        definition = flag.definition
        if definition is None or definition.is_value:
            raise Http404
        fields = services.switched(definition, flag.state, on=on)
        form = SwitchForm(request.POST or None, initial={"seen_version": flag.version})
        if form.is_valid():
            return self._switch(request, flag, form, fields, on=on)
        title = _("Switch {name} on") if on else _("Switch {name} off")
        return self._page(
            request,
            "switch",
            flag,
            title=title.format(name=flag.name),
            on=on,
            form=form,
            effect=effect(definition, flag.state, flag.state_with(**fields)),
        )

    def _switch(
        self, request: HttpRequest, flag: Flag, form: SwitchForm, fields: services.Fields, *, on: bool
    ) -> HttpResponse:
        data = form.cleaned_data
        try:
            made = services.propose(
                flag.name, by=person(request), reason=data["reason"], expected_version=data["seen_version"], **fields
            )
        except FlagError as error:
            self.message_user(request, str(error), messages.ERROR)
            return redirect(request.path)
        self.log_change(request, flag, "Switched on." if on else "Switched off.")
        self._tell(request, made, done=_("Switched on.") if on else _("Switched off."))
        return redirect(reverse("admin:flags_flag_changelist"))

    # ---- The history

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        flag = self._flag(request, object_id)
        revisions = list(history(flag.name)[:200])
        return self._page(
            request,
            "history",
            flag,
            title=_("History of {name}").format(name=flag.name),
            revisions=[(revision, list(diff_in_words(revision.diff))) for revision in revisions],
            may_restore=self.has_change_permission(request, flag),
        )

    def restore_view(self, request: HttpRequest, object_id: str, sequence: int) -> HttpResponse:
        flag = self._changeable(request, object_id)
        revision = get_object_or_404(history(flag.name), sequence=sequence)
        version, reason = request.POST.get("version", ""), request.POST.get("reason", "")
        if not version.isdecimal():
            raise Http404
        try:
            made = services.restore(revision, by=person(request), reason=reason, expected_version=int(version))
        except FlagError as error:
            self.message_user(request, str(error), messages.ERROR)
        else:
            self.log_change(request, flag, f"Restored #{sequence}.")
            self._tell(request, made, done=_("Restored."))
        return redirect(reverse("admin:flags_flag_history", args=[flag.pk]))

    def _changeable(self, request: HttpRequest, object_id: str) -> Flag:
        flag = self._flag(request, object_id)
        if not self.has_change_permission(request, flag):
            raise PermissionDenied
        return flag

    def _flag(self, request: HttpRequest, object_id: str) -> Flag:
        flag = self.get_object(request, unquote(object_id))
        if flag is None:
            raise Http404
        if not self.has_view_permission(request, flag):
            raise PermissionDenied
        assert isinstance(flag, Flag)
        return flag


@admin.register(Switch)
class SwitchAdmin(WaffleSwitchAdmin, BaseAdmin):
    fields = ("name", "note", "active")


@admin.register(Sample)
class SampleAdmin(WaffleSampleAdmin, BaseAdmin):
    fields = ("name", "note", "percent")
