"""What the admin shows first: numbers to begin the day with, each leading to the list behind it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from waffle.models import Switch

from apps.bot.models import SyntheticRun, Update
from apps.conversations.models import Conversation, Message
from apps.flags.models import Flag, PlannedChange, Ramp
from apps.flags.rollout.selectors import rolled_back_lately, to_decide
from apps.matching.models import Match
from apps.moderation.models import Appeal, Case, Report, Verification
from apps.moderation.selectors import overdue, queue, waiting_appeals
from apps.moderation.verification.services import waiting
from apps.notifications.models import Delivery
from apps.users.models import Member, MemberState

DAY, WEEK = timedelta(days=1), timedelta(days=7)


@dataclass(frozen=True)
class Figure:
    """One number. `listed` and `query` are the list it leads to, for those who may see that list."""

    title: str | Promise
    icon: str
    count: Callable[[], int]
    listed: type[Model]
    query: str = ""
    is_alarm: bool = False
    """Anything but zero wants somebody to look."""

    def is_for(self, request: HttpRequest) -> bool:
        options = self.listed._meta
        return request.user.has_perm(f"{options.app_label}.view_{options.model_name}")

    def render(self) -> dict[str, object]:
        options = self.listed._meta
        count = self.count()
        url = reverse(f"admin:{options.app_label}_{options.model_name}_changelist")
        return {
            "title": self.title,
            "icon": self.icon,
            "count": count,
            "shown": number_format(count, force_grouping=True),
            "url": f"{url}?{self.query}" if self.query else url,
            "is_alarm": self.is_alarm and count > 0,
        }


# The comments name the index that each count reads.
FIGURES: list[tuple[str | Promise, list[Figure]]] = [
    (
        _("Members"),
        [
            # none: one pass over users and profiles
            Figure(
                _("listed"),
                "group",
                lambda: Member.objects.in_state(MemberState.LISTED).count(),
                Member,
                "state=listed",
            ),
            # none: one pass over users and profiles
            Figure(
                _("onboarding"),
                "hourglass_top",
                lambda: Member.objects.in_state(MemberState.ONBOARDING).count(),
                Member,
                "state=onboarding",
            ),
            # user_newest
            Figure(
                _("joined in 24 h"),
                "person_add",
                lambda: Member.objects.filter(date_joined__gte=timezone.now() - DAY).count(),
                Member,
                "date_joined=day",
            ),
        ],
    ),
    (
        _("Meeting"),
        [
            # match_newest
            Figure(
                _("matches in 24 h"),
                "favorite",
                lambda: Match.objects.filter(created_at__gte=timezone.now() - DAY).count(),
                Match,
                "created_at=day",
            ),
            # message_by_age
            Figure(
                _("messages in 24 h"),
                "forum",
                lambda: Message.objects.filter(created_at__gte=timezone.now() - DAY).count(),
                Conversation,
                "last_message_at=day",
            ),
        ],
    ),
    (
        _("To look at"),
        [
            # report_newest
            Figure(
                _("reports in 7 days"),
                "flag",
                lambda: Report.objects.filter(created_at__gte=timezone.now() - WEEK).count(),
                Report,
                "created_at=week",
            ),
            # case_queue
            Figure(_("cases to decide"), "gavel", lambda: queue().count(), Case),
            # case_due
            Figure(
                _("cases overdue"),
                "alarm",
                lambda: overdue(timezone.now()).count(),
                Case,
                "queue=overdue",
                is_alarm=True,
            ),
            # appeal_waiting
            Figure(_("appeals to decide"), "balance", lambda: waiting_appeals().count(), Appeal),
            # verification_waiting
            Figure(_("verifications to decide"), "how_to_reg", lambda: waiting().count(), Verification),
            # delivery_waiting
            Figure(
                _("deliveries waiting"),
                "outgoing_mail",
                lambda: Delivery.objects.filter(status=Delivery.Status.PENDING).count(),
                Delivery,
                "status__exact=pending",
            ),
            # delivery_failed
            Figure(
                _("deliveries failed"),
                "unsubscribe",
                lambda: Delivery.objects.filter(status=Delivery.Status.FAILED).count(),
                Delivery,
                "status__exact=failed",
                is_alarm=True,
            ),
            # synthetic_run_newest
            Figure(
                _("synthetic walks stuck in 10 min"),
                "directions_walk",
                lambda: SyntheticRun.objects.filter(
                    started_at__gte=timezone.now() - timedelta(minutes=10), error__gt=""
                ).count(),
                SyntheticRun,
                is_alarm=True,
            ),
            # update_undone
            Figure(
                _("updates parked"),
                "sync_problem",
                lambda: Update.objects.filter(status=Update.Status.PARKED).count(),
                Update,
                "status=parked",
                is_alarm=True,
            ),
        ],
    ),
    (
        _("Product"),
        [
            # small tables
            Figure(_("flags"), "toggle_on", lambda: Flag.objects.count(), Flag),
            Figure(
                _("changes to approve"),
                "pending_actions",
                lambda: to_decide().count(),
                PlannedChange,
                "stage=approval",
            ),
            Figure(
                _("ramps rolled back in 3 days"),
                "undo",
                lambda: rolled_back_lately().count(),
                Ramp,
                "lately=rolled_back",
                is_alarm=True,
            ),
            Figure(
                _("switches on"),
                "power_settings_new",
                lambda: Switch.objects.filter(active=True).count(),
                Switch,
                "active__exact=1",
            ),
        ],
    ),
]


def add_figures(request: HttpRequest, context: dict[str, object]) -> dict[str, object]:
    """unfold's hook for the first page: the figures that this person may see, by group."""
    groups = [(title, [figure.render() for figure in figures if figure.is_for(request)]) for title, figures in FIGURES]
    return {**context, "figure_groups": [(title, figures) for title, figures in groups if figures]}
