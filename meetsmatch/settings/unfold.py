"""The look and the navigation of the admin."""

from collections.abc import Callable

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _

Permission = Callable[[HttpRequest], bool]


def _may(permission: str) -> Permission:
    return lambda request: request.user.has_perm(permission)


def _is_superuser(request: HttpRequest) -> bool:
    return request.user.is_active and request.user.is_superuser


def _is_on_cases(request: HttpRequest) -> bool:
    """On the queue or a case; the page at a glance has an address below theirs, and a link of its own."""
    at_a_glance = str(reverse_lazy("admin:moderation_dashboard"))
    cases = str(reverse_lazy("admin:moderation_case_changelist"))
    return request.path.startswith(cases) and request.path != at_a_glance


def _list(title: object, icon: str, model: str, permission: Permission | None = None) -> dict[str, object]:
    """A link to a model's list, for those who may see it; `model` as in app_model."""
    app, name = model.rsplit("_", 1)
    return {
        "title": title,
        "icon": icon,
        "link": reverse_lazy(f"admin:{model}_changelist"),
        "permission": permission or _may(f"{app}.view_{name}"),
    }


def _own_settings(request: HttpRequest) -> list[dict[str, object]]:
    """For those who look at what members show and write; they choose how."""
    may = request.user.has_perm("users.view_photo")
    return [{"title": _("My settings"), "link": reverse_lazy("admin:users_own_settings")}] if may else []


UNFOLD = {
    "SITE_TITLE": "MeetsMatch",
    "SITE_HEADER": "MeetsMatch",
    "SITE_SUBHEADER": _("Moderation and product"),
    "SITE_URL": None,
    "SITE_ICON": lambda _request: static("meetsmatch/logo.svg"),
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": lambda _request: static("meetsmatch/logo.svg")}],
    "STYLES": [lambda _request: static("meetsmatch/admin.css")],
    "SHOW_VIEW_ON_SITE": False,
    "DASHBOARD_CALLBACK": "meetsmatch.dashboard.add_figures",
    "BORDER_RADIUS": "8px",
    "COLORS": {
        "primary": {
            "50": "255 241 242",
            "100": "255 228 230",
            "200": "254 205 211",
            "300": "253 164 175",
            "400": "251 113 133",
            "500": "244 63 94",
            "600": "225 29 72",
            "700": "190 18 60",
            "800": "159 18 57",
            "900": "136 19 55",
            "950": "76 5 25",
        }
    },
    "ACCOUNT": {"navigation": _own_settings},
    "SIDEBAR": {
        "navigation": [
            {"items": [{"title": _("Today"), "icon": "dashboard", "link": reverse_lazy("admin:index")}]},
            {
                "title": _("Members"),
                "separator": True,
                "items": [
                    _list(_("Members"), "group", "users_member"),
                    _list(_("Reports"), "flag", "moderation_report"),
                ],
            },
            {
                "title": _("Moderation"),
                "separator": True,
                "items": [
                    {
                        "title": _("At a glance"),
                        "icon": "monitoring",
                        "link": reverse_lazy("admin:moderation_dashboard"),
                        "permission": _may("moderation.see_dashboard"),
                    },
                    {**_list(_("Cases"), "gavel", "moderation_case"), "active": _is_on_cases},
                    _list(_("Appeals"), "balance", "moderation_appeal"),
                    _list(_("Verifications"), "how_to_reg", "moderation_verification"),
                    _list(_("Decisions"), "history_edu", "moderation_decision"),
                    _list(_("Policies"), "policy", "moderation_policy"),
                    _list(_("Reason templates"), "edit_note", "moderation_reasontemplate"),
                    _list(_("Rules"), "rule", "moderation_rule"),
                    _list(_("Findings"), "radar", "moderation_finding"),
                    _list(_("Automatic checks"), "monitor_heart", "moderation_check"),
                ],
            },
            {
                "title": _("Meeting"),
                "separator": True,
                "items": [
                    _list(_("Matches"), "favorite", "matching_match"),
                    _list(_("Conversations"), "forum", "conversations_conversation"),
                ],
            },
            {
                "title": _("Delivery"),
                "separator": True,
                "items": [
                    _list(_("Broadcasts"), "campaign", "notifications_broadcast"),
                    _list(_("Deliveries"), "outgoing_mail", "notifications_delivery"),
                    _list(_("Updates with errors"), "sync_problem", "bot_update"),
                    _list(_("Synthetic member"), "directions_walk", "bot_syntheticrun"),
                    _list(_("Dependencies and faults"), "monitor_heart", "core_fault"),
                ],
            },
            {
                "title": _("Product"),
                "separator": True,
                "items": [
                    _list(_("Flags"), "toggle_on", "flags_flag"),
                    _list(_("Planned changes"), "pending_actions", "flags_plannedchange"),
                    _list(_("Ramps"), "stairs", "flags_ramp"),
                    _list(_("Model versions"), "model_training", "matching_rankermodel"),
                    _list(_("Learned tastes"), "interests", "matching_tastefit"),
                    _list(_("Market and decks"), "balance", "matching_deckbuild"),
                    _list(_("Experiments"), "science", "flags_experiment"),
                    _list(_("Purchases"), "payments", "payments_purchase"),
                    _list(_("Switches"), "power_settings_new", "waffle_switch"),
                    _list(_("Samples"), "percent", "waffle_sample"),
                ],
            },
            {
                "title": _("Access"),
                "separator": True,
                "items": [
                    _list(_("Staff"), "badge", "users_staff", _is_superuser),
                    _list(_("Roles"), "admin_panel_settings", "auth_group", _is_superuser),
                    _list(_("Failed sign-ins"), "lock", "axes_accessattempt"),
                    _list(_("Sign-ins"), "login", "axes_accesslog"),
                    _list(_("Audit log"), "history", "admin_logentry"),
                    _list(_("Periodic tasks"), "schedule", "django_celery_beat_periodictask"),
                ],
            },
        ],
    },
}
