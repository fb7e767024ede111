from datetime import timedelta

from django.utils import timezone

from apps import flags
from apps.conversations.models import Conversation
from apps.flags.experiments.models import Metric
from apps.moderation.models import Report
from apps.users.models import User
from apps.users.services import clean_text

MAX_WORDS = 1000
SAME_REPORT_WITHIN = timedelta(hours=1)


def file_report(reporter: User, reported: User, *, reason: str, conversation: Conversation | None = None) -> Report:
    """The report; the same complaint again within an hour is the one that was filed already."""
    since = timezone.now() - SAME_REPORT_WITHIN
    earlier = Report.objects.filter(reporter=reporter, reported=reported, reason=reason, created_at__gt=since).first()
    if earlier:
        return earlier
    report = Report.objects.create(
        reporter=reporter, reported=reported, reason=Report.Reason(reason), conversation=conversation
    )
    flags.record(Metric.REPORT, reporter)
    return report


def add_words(report: Report, text: str) -> None:
    """What the reporter has to say about it, cut at 1000 characters."""
    report.words = clean_text(text)[:MAX_WORDS]
    report.save(update_fields=["words"])
