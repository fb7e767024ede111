"""The pages of flags, where every change has a reason and goes through the service. The rest is waffle's."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.forms import ModelForm
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
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
from apps.flags.errors import FlagError
from apps.flags.forms import FlagForm, SwitchForm
from apps.flags.headcount import headcount
from apps.flags.models import Flag, state_diff
from apps.flags.rollout import admin as _rollout  # noqa: F401 registers its pages
from apps.flags.selectors import history
from apps.flags.texts import audience_in_words, diff_in_words
from apps.flags.who_has_it import panel

for _model in (Flag, Sample, Switch):
    if admin.site.is_registered(_model):
        admin.site.unregister(_model)


# In unfold's words; a state without one is grey.
_STATE_COLOURS = {"on": "success", "part": "info", "off": "warning", "killed": "danger", "unknown": None}
_REASON = {True: "killed from the list of flags", False: "kill taken back from the list of flags"}


@admin.register(Flag)
class FlagAdmin(BaseAdmin):
    """Flags come from the catalogue: nobody adds one here. One that is not in it (any more) can only be deleted."""

    form = FlagForm
    list_display = ("name", "state", "audience", "purpose", "owner", "removed_by", "modified")
    search_fields = ("name",)
    ordering = ("name",)
    fields = ("purpose", "owner", "killed", "everyone", "segment", "percent", "value", "reason", "seen_version")
    readonly_fields = ("purpose", "owner")
    actions = ("kill", "revive")
    change_form_outer_after_template = "admin/flags/who_has_it.html"

    # ---- The list

    @display(description=_("state"), label=_STATE_COLOURS)
    def state(self, flag: Flag) -> tuple[str, object]:
        if flag.definition is None:
            return "unknown", _("not in the code")
        state = flag.state
        if state.killed:
            return "killed", _("Killed")
        is_split = state.everyone is None and (state.percent is not None or state.segment)
        if is_split:
            return "part", _("Part")
        is_on = flag.definition.default if state.everyone is None else state.everyone
        return ("on", _("On")) if is_on else ("off", _("Off"))

    @display(description=_("who has it"))
    def audience(self, flag: Flag) -> str:
        return audience_in_words(flag.definition, flag.state) if flag.definition else ""

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
        """A link to the page that asks why, and then switches; empty for what is not on or off."""
        if flag.definition is None or flag.definition.is_value:
            return ""
        is_on = self.state(flag)[0] in ("on", "part")
        url = reverse(f"admin:flags_flag_switch_{'off' if is_on else 'on'}", args=[flag.pk])
        return format_html('<a class="mm-switch" href="{}">{}</a>', url, _("Switch off") if is_on else _("Switch on"))

    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        return (*self.list_display, "switch") if self.has_change_permission(request) else self.list_display

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
        response: HttpResponse = super().render_change_form(request, context, *args, obj=obj, **kwargs)
        return response

    def save_model(self, request: HttpRequest, obj: Model, form: "ModelForm[Any]", change: bool) -> None:
        assert isinstance(form, FlagForm)
        data = form.cleaned_data
        services.change(
            form.instance.name,
            by=_person(request),
            reason=data["reason"],
            expected_version=data["seen_version"],
            **form.change(),
        )

    @action(description=_("Kill: off for everyone"), permissions=["change"])
    def kill(self, request: HttpRequest, flags: QuerySet[Flag]) -> None:
        self._set_killed(request, flags, killed=True)

    @action(description=_("Take the kill back"), permissions=["change"])
    def revive(self, request: HttpRequest, flags: QuerySet[Flag]) -> None:
        self._set_killed(request, flags, killed=False)

    def _set_killed(self, request: HttpRequest, flags: QuerySet[Flag], *, killed: bool) -> None:
        for flag in flags:
            try:
                services.change(flag.name, by=_person(request), reason=_REASON[killed], killed=killed)
            except FlagError as error:
                self.message_user(request, str(error), messages.ERROR)

    def get_urls(self) -> list[URLPattern]:
        restore = self.admin_site.admin_view(require_POST(self.restore_view))
        switch = self.admin_site.admin_view(self.switch_view)
        return [
            path("<path:object_id>/restore/<int:sequence>/", restore, name="flags_flag_restore"),
            path("<path:object_id>/switch-on/", switch, {"on": True}, name="flags_flag_switch_on"),
            path("<path:object_id>/switch-off/", switch, {"on": False}, name="flags_flag_switch_off"),
            *super().get_urls(),
        ]

    # ---- One click

    def switch_view(self, request: HttpRequest, object_id: str, *, on: bool) -> HttpResponse:
        """Shows what will change and for how many, and asks why; then does it, if that is still what there is."""
        flag = self._flag(request, object_id)
        if not self.has_change_permission(request, flag):
            raise PermissionDenied
        if flag.definition is None or flag.definition.is_value:
            raise Http404
        form = SwitchForm(request.POST or None, initial={"seen_version": flag.version})
        if form.is_valid():
            return self._switch(request, flag, form, on=on)
        return TemplateResponse(request, "admin/flags/switch.html", self._switch_context(request, flag, form, on=on))

    def _switch_context(self, request: HttpRequest, flag: Flag, form: SwitchForm, *, on: bool) -> dict[str, Any]:
        assert flag.definition is not None, "the page is for flags of the catalogue"
        now = flag.state
        then = flag.state_with(**services.switched(flag.definition, now, on=on))
        before, after = headcount(flag.definition, now), headcount(flag.definition, then)
        title = _("Switch {name} on") if on else _("Switch {name} off")
        return {
            **self.admin_site.each_context(request),
            "title": title.format(name=flag.name),
            "opts": self.opts,
            "flag": flag,
            "on": on,
            "form": form,
            "changes": list(diff_in_words(state_diff(now.as_json(), then.as_json()))),
            "before": before,
            "after": after,
            "affected": abs(after.included - before.included),
        }

    def _switch(self, request: HttpRequest, flag: Flag, form: SwitchForm, *, on: bool) -> HttpResponse:
        assert flag.definition is not None, "the page is for flags of the catalogue"
        data = form.cleaned_data
        try:
            services.change(
                flag.name,
                by=_person(request),
                reason=data["reason"],
                expected_version=data["seen_version"],
                **services.switched(flag.definition, flag.state, on=on),
            )
        except FlagError as error:
            self.message_user(request, str(error), messages.ERROR)
            return redirect(request.path)
        self.log_change(request, flag, "Switched on." if on else "Switched off.")
        self.message_user(request, _("Switched on.") if on else _("Switched off."), messages.SUCCESS)
        return redirect(reverse("admin:flags_flag_changelist"))

    # ---- The history

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        flag = self._flag(request, object_id)
        revisions = list(history(flag.name)[:200])
        context = {
            **self.admin_site.each_context(request),
            "title": _("History of {name}").format(name=flag.name),
            "opts": self.opts,
            "flag": flag,
            "revisions": [(revision, list(diff_in_words(revision.diff))) for revision in revisions],
            "may_restore": self.has_change_permission(request, flag),
        }
        return TemplateResponse(request, "admin/flags/history.html", context)

    def restore_view(self, request: HttpRequest, object_id: str, sequence: int) -> HttpResponse:
        flag = self._flag(request, object_id)
        if not self.has_change_permission(request, flag):
            raise PermissionDenied
        revision = get_object_or_404(history(flag.name), sequence=sequence)
        version, reason = request.POST.get("version", ""), request.POST.get("reason", "")
        if not version.isdecimal():
            raise Http404
        try:
            services.restore(revision, by=_person(request), reason=reason, expected_version=int(version))
        except FlagError as error:
            self.message_user(request, str(error), messages.ERROR)
        else:
            self.log_change(request, flag, f"Restored #{sequence}.")
            self.message_user(request, _("Restored."), messages.SUCCESS)
        return redirect(reverse("admin:flags_flag_history", args=[flag.pk]))

    def _flag(self, request: HttpRequest, object_id: str) -> Flag:
        flag = self.get_object(request, unquote(object_id))
        if flag is None:
            raise Http404
        if not self.has_view_permission(request, flag):
            raise PermissionDenied
        assert isinstance(flag, Flag)
        return flag


def _person(request: HttpRequest) -> AbstractBaseUser:
    assert request.user.is_authenticated, "the admin lets nobody else in"
    return request.user


@admin.register(Switch)
class SwitchAdmin(WaffleSwitchAdmin, BaseAdmin):
    fields = ("name", "note", "active")


@admin.register(Sample)
class SampleAdmin(WaffleSampleAdmin, BaseAdmin):
    fields = ("name", "note", "percent")
