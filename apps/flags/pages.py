"""What the pages of planned changes, ramps and experiments share: one row, and buttons that each post what they do."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_POST

from apps.core.admin import BaseAdmin, ReadOnlyMixin
from apps.core.errors import MeetsMatchError
from apps.flags.errors import FlagError
from apps.flags.models import Flag


@dataclass(frozen=True)
class Act:
    """One button: the permission it takes, the service behind it, and which fields of the form that is told."""

    permission: str
    do: Callable[..., object]
    asks: tuple[str, ...] = ()


class ActsPage(ReadOnlyMixin, BaseAdmin):
    """A page of one row with buttons, each a POST to an address of its own."""

    acts: dict[str, Act] = {}
    """By the last part of the address."""
    refusal: type[MeetsMatchError] = FlagError
    """What a service raises to say no, in words for staff."""
    templates = "admin/flags"

    def get_urls(self) -> list[URLPattern]:
        act = self.admin_site.admin_view(require_POST(self.act_view))
        return [path("<uuid:key>/do/<slug:verb>/", act, name=self._route("act")), *super().get_urls()]

    def act_view(self, request: HttpRequest, key: UUID, verb: str) -> HttpResponse:
        row = self.row(request, str(key))
        act = self.acts.get(verb)
        if act is None:
            raise Http404
        if not request.user.has_perm(act.permission):
            raise PermissionDenied
        said = {name: request.POST.get(name, "") for name in act.asks}
        try:
            act.do(key, by=person(request), **said)
        except self.refusal as error:
            self.message_user(request, str(error), messages.ERROR)
            return redirect(self.page_of(row))
        self.log_change(request, row, f"{verb}: {said.get('reason', '')}".rstrip(": "))
        row = self.get_object(request, str(key))
        self.tell(request, row)
        return redirect(self.page_of(row))

    def tell(self, request: HttpRequest, row: Any) -> None:
        """What has become of the row; None: it is gone."""
        raise NotImplementedError

    def page_of(self, row: Any) -> str:
        """Where to look at the row; None: it is gone."""
        if row is None:
            return reverse(f"admin:{self._route('changelist')}")
        return reverse(f"admin:{self._route('change')}", args=[row.pk])

    def row(self, request: HttpRequest, object_id: str) -> Any:
        if not self.has_view_permission(request):
            raise PermissionDenied
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404
        return row

    def page(self, request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
        shared = {**self.admin_site.each_context(request), "opts": self.opts}
        return TemplateResponse(request, f"{self.templates}/{template}.html", {**shared, **context})

    def _route(self, page: str) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_{page}"


def person(request: HttpRequest) -> Any:
    assert request.user.is_authenticated, "the admin lets nobody else in"
    return request.user


def flag_named(name: object) -> Flag | None:
    return Flag.objects.filter(name=name).first()
