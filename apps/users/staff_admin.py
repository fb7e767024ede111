"""The page on which somebody of the staff chooses their pseudonym, and how pictures are shown to them."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _

from apps.users.staff_settings import PseudonymError, choose, settings_of


class SettingsForm(forms.Form):
    pseudonym = forms.CharField(
        max_length=30, label=_("Pseudonym"), help_text=_("Members read it in place of your name.")
    )
    blur = forms.BooleanField(required=False, label=_("Blur photos until I ask for them"))
    grey = forms.BooleanField(required=False, label=_("Show photos in grey until I ask for them"))
    mute = forms.BooleanField(required=False, label=_("Start videos without sound"))


def own_settings_urls() -> list[URLPattern]:
    return [path("my-settings/", admin.site.admin_view(own_settings), name="users_own_settings")]


def own_settings(request: HttpRequest) -> HttpResponse:
    """One's own, for everybody who may sign in."""
    person: Any = request.user
    now = settings_of(person.pk)
    initial = {"pseudonym": now.pseudonym, "blur": now.blur, "grey": now.grey, "mute": now.mute}
    form = SettingsForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            choose(person.pk, username=person.username, **form.cleaned_data)
        except PseudonymError as error:
            form.add_error("pseudonym", str(error))
        else:
            messages.success(request, _("Saved."))
            return redirect("admin:users_own_settings")
    context = {**admin.site.each_context(request), "title": _("My settings"), "form": form}
    return TemplateResponse(request, "admin/users/own_settings.html", context)


def viewing(person: Any) -> dict[str, object]:
    """For templates: `veil`, the classes that lift what this person does not want, and `mute`."""
    chosen = settings_of(person.pk)
    veil = ("" if chosen.blur else " mm-not-blurred") + ("" if chosen.grey else " mm-not-grey")
    return {"veil": veil, "mute": chosen.mute}
