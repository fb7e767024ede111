"""Members, who are looked at, and staff, who look."""

import mimetypes
import re
from datetime import date
from typing import Any, cast
from uuid import UUID

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.db.models import Model, Prefetch, Q, QuerySet
from django.forms import ModelForm
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.admin import StackedInline
from unfold.contrib.filters.admin import ChoicesDropdownFilter, DropdownFilter, RangeNumericListFilter, TextFilter
from unfold.decorators import display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from apps.core.admin import BaseAdmin, ReadOnlyMixin, RecentFilter, SuperuserOnlyMixin, link
from apps.core.errors import AwayError
from apps.users.cards import card_path
from apps.users.models import Member, MemberQuerySet, MemberState, Photo, Preferences, Profile, Staff, User
from apps.users.staff_admin import own_settings_urls, viewing

# What a photo may be served as: never a type that a browser would run.
IMAGE_TYPES = frozenset({"image/jpeg", "image/png", "image/webp"})

# In unfold's words; a state without one is grey.
STATE_COLOURS = {
    MemberState.ONBOARDING: "info",
    MemberState.LISTED: "success",
    MemberState.PAUSED: "warning",
    MemberState.PHOTOLESS: "warning",
    MemberState.SUSPENDED: "danger",
    MemberState.BANNED: "danger",
}


def member_link(user: User | None) -> SafeString | str:
    """The member's name (an id while there is none), linked to their page; a dash for somebody erased."""
    if user is None:
        return "–"
    name = (hasattr(user, "profile") and user.profile.name) or user
    return link(reverse("admin:users_member_change", args=[user.pk]), name)


def id_range(start: str) -> tuple[UUID, UUID] | None:
    """The first and the last id that begin so; None for what is no beginning of an id (eight digits at least)."""
    digits = start.replace("-", "").lower()
    if not re.fullmatch("[0-9a-f]{8,32}", digits):
        return None
    return UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))


class MemberSearchMixin:
    """Lists of what members do, searched by the members in it: `member_fields` are paths to their ids."""

    member_fields: tuple[str, ...]
    search_fields = ("pk",)  # only switches the search box on
    search_help_text = _("Name or id of a member")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Model], search_term: str
    ) -> tuple[QuerySet[Model], bool]:
        if not search_term:
            return queryset, False
        term = search_term.strip()
        # An id goes straight to the indexes of the foreign keys; as a subquery it would cost a pass over the table.
        ids = id_range(term)
        lookup, found = ("range", ids) if ids else ("in", Profile.objects.filter(name__istartswith=term).values("pk"))
        anyone = Q()
        for field in self.member_fields:
            anyone |= Q(**{f"{field}__{lookup}": found})
        return queryset.filter(anyone), False


class StateFilter(DropdownFilter):
    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: "admin.ModelAdmin[Model]") -> list[tuple[str, object]]:
        return list(MemberState.choices)

    def queryset(self, request: HttpRequest, queryset: MemberQuerySet) -> MemberQuerySet:
        return queryset.in_state(MemberState(self.value())) if self.value() in MemberState.values else queryset


def _day_years_ago(years: int) -> date:
    """Who was born on that day or before has lived the full years."""
    today = timezone.localdate()
    try:
        return today.replace(year=today.year - years)
    except ValueError:  # 29 February
        return today.replace(year=today.year - years, day=28)


class AgeFilter(RangeNumericListFilter):
    title = _("age")
    parameter_name = "age"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Member]) -> QuerySet[Member]:
        youngest, oldest = (self._years(end) for end in ("from", "to"))
        if youngest is not None:
            queryset = queryset.filter(profile__birth_date__lte=_day_years_ago(youngest))
        if oldest is not None:
            queryset = queryset.filter(profile__birth_date__gt=_day_years_ago(oldest + 1))
        return queryset

    def _years(self, end: str) -> int | None:
        value = str(self.used_parameters.get(f"age_{end}") or "")
        return min(int(value), 150) if value.isdecimal() else None


class PlaceFilter(TextFilter):
    title = _("place")
    parameter_name = "place"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Member]) -> QuerySet[Member]:
        return queryset.filter(profile__place__istartswith=self.value()) if self.value() else queryset


class JoinedFilter(RecentFilter):
    title = _("joined")
    parameter_name = "date_joined"


class ActiveFilter(RecentFilter):
    title = _("last active")
    parameter_name = "last_active_at"


class ProfileInline(ReadOnlyMixin, StackedInline):
    model = Profile
    verbose_name_plural = _("Profile")
    hide_title = True
    fields = (("name", "age"), ("gender", "birth_date"), ("place", "published_at"), "interests", "bio")
    readonly_fields = ("age",)

    @display(description=_("age"))
    def age(self, profile: Profile) -> int | None:
        return profile.age if profile.birth_date else None


class PreferencesInline(ReadOnlyMixin, StackedInline):
    model = Preferences
    verbose_name_plural = _("Preferences")
    hide_title = True
    fields = (("genders", "max_distance_km"), ("age_min", "age_max"))


@admin.register(Member)
class MemberAdmin(MemberSearchMixin, ReadOnlyMixin, BaseAdmin):
    member_fields = ("pk",)
    list_display = ("name", "standing", "age", "gender", "place", "language", "date_joined", "last_active_at")
    list_select_related = ("profile",)
    list_filter = (
        StateFilter,
        ("profile__gender", ChoicesDropdownFilter),
        AgeFilter,
        PlaceFilter,
        ("language", ChoicesDropdownFilter),
        JoinedFilter,
        ActiveFilter,
    )
    ordering = ("-date_joined",)
    sortable_by = ("date_joined", "last_active_at")
    inlines = (ProfileInline, PreferencesInline)
    change_form_before_template = "admin/users/member_header.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Member]:
        members: QuerySet[Member] = super().get_queryset(request)
        return members.select_related("profile")  # the member's own page needs it too

    def get_fieldsets(self, request: HttpRequest, obj: Member | None = None) -> list[tuple[object, dict[str, object]]]:
        fields = ["language", "source", "date_joined", "last_active_at", "consent_version", "consented_at"]
        fields += ["paused_at", "unreachable_at", "banned_at", "suspended_until", "limited_until", "shadowed_until"]
        fields += ["photoless_at", "plus_until"]
        if request.user.is_superuser:
            fields.append("telegram_id")
        return [(_("Account"), {"fields": [tuple(fields[first : first + 2]) for first in range(0, len(fields), 2)]})]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, object], *args: Any, obj: Member | None = None, **kwargs: Any
    ) -> HttpResponse:
        context |= {"state_colour": STATE_COLOURS.get(obj.state) if obj else None, **viewing(request.user)}
        if obj and settings.EDGE_URL:
            context["public_card"] = settings.EDGE_URL + card_path(obj.pk, viewer_id=cast(UUID, request.user.pk))
        response: HttpResponse = super().render_change_form(request, context, *args, obj=obj, **kwargs)
        return response

    def get_urls(self) -> list[URLPattern]:
        photo = path("photos/<uuid:photo_id>/", self.admin_site.admin_view(self.photo_view), name="users_photo_file")
        return [photo, *own_settings_urls(), *super().get_urls()]

    def photo_view(self, request: HttpRequest, photo_id: UUID) -> FileResponse | HttpResponse:
        """Our copy of a photo, through Django because the media store is not public. 404 while there is none.

        503 while the media store is away.
        """
        if not request.user.has_perm("users.view_photo"):
            raise PermissionDenied
        photo = get_object_or_404(Photo, ~Q(file=""), pk=photo_id)
        try:
            file = photo.file.open()
        except FileNotFoundError:
            raise Http404 from None
        except AwayError:
            return HttpResponse(status=503, headers={"Retry-After": "5"})
        guessed, _encoding = mimetypes.guess_type(str(photo.file.name))
        response = FileResponse(file, content_type=guessed if guessed in IMAGE_TYPES else "application/octet-stream")
        response["Cache-Control"] = "private, max-age=600"
        return response

    @display(description=_("name"))
    def name(self, member: Member) -> str:
        return (hasattr(member, "profile") and member.profile.name) or str(member)

    @display(description=_("state"), label=STATE_COLOURS)
    def standing(self, member: Member) -> tuple[MemberState, object]:
        return member.state, member.state.label

    @display(description=_("age"))
    def age(self, member: Member) -> int | None:
        return member.profile.age if hasattr(member, "profile") and member.profile.birth_date else None

    @display(description=_("gender"))
    def gender(self, member: Member) -> str | None:
        return member.profile.get_gender_display() if hasattr(member, "profile") else None

    @display(description=_("place"))
    def place(self, member: Member) -> str | None:
        return member.profile.place if hasattr(member, "profile") else None


@admin.register(Staff)
class StaffAdmin(SuperuserOnlyMixin, DjangoUserAdmin, BaseAdmin):  # type: ignore[type-arg]
    """Accounts are locked out, never deleted: the audit log would lose what they did."""

    form = UserChangeForm
    add_form = UserCreationForm
    add_form_template = "admin/auth/user/add_form.html"
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "is_active", "is_superuser", "roles", "last_login", "date_joined")
    list_filter = ("is_active", "is_superuser", "groups")
    search_fields = ("username",)
    ordering = ("username",)
    filter_horizontal = ("groups",)
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        (_("Access"), {"fields": ("is_active", "is_superuser", "groups")}),
        (_("Dates"), {"fields": (("last_login", "date_joined"),)}),
    )
    readonly_fields = ("last_login", "date_joined")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Staff]:
        return super().get_queryset(request).prefetch_related(Prefetch("groups", Group.objects.order_by("name")))

    def get_form(
        self, request: HttpRequest, obj: Staff | None = None, change: bool = False, **kwargs: Any
    ) -> "type[ModelForm[Staff]]":
        form: type[ModelForm[Staff]] = super().get_form(request, obj, change=change, **kwargs)
        username = form.base_fields["username"]
        # The column is null for members; staff must have a name, and Django's field cannot measure None.
        username.required, username.empty_value = True, ""  # type: ignore[attr-defined]
        return form

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Staff, form: object, change: bool) -> None:
        obj.is_staff = True
        super().save_model(request, obj, form, change)

    @display(description=_("roles"), label=True)
    def roles(self, staff: Staff) -> list[str]:
        return [group.name for group in staff.groups.all()]


admin.site.unregister(Group)


@admin.register(Group)
class RoleAdmin(SuperuserOnlyMixin, DjangoGroupAdmin, BaseAdmin):
    """What Django calls a group: a set of permissions that staff are given."""
