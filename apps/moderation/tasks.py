"""What the clock does for moderators. Every task is safe to run twice."""

from uuid import UUID

from celery import shared_task

from apps.moderation import services
from apps.moderation.checks import services as checks
from apps.moderation.decisions.services import lift_expired as lift
from apps.moderation.evasion.services import purge_marks
from apps.moderation.models import Backtest
from apps.moderation.rules import services as rules
from apps.moderation.rules.backtest import run
from apps.moderation.verification import services as verification


@shared_task(name="moderation.lift_expired")
def lift_expired() -> int:
    """Ends limits and suspensions whose time is over; how many."""
    return lift()


@shared_task(name="moderation.adopt_reports")
def adopt_reports() -> int:
    """Makes cases of reports that have none; how many."""
    return services.adopt_reports()


@shared_task(name="moderation.close_cases")
def close_cases() -> int:
    """Closes cases about members who were erased; how many."""
    return services.close_cases_of_erased()


@shared_task(name="moderation.purge_evidence")
def purge_evidence() -> int:
    """Deletes evidence that has been kept long enough; how much."""
    return services.purge_evidence()


@shared_task(name="moderation.purge_selfies")
def purge_selfies() -> int:
    """Lets go of selfies that have been decided on, or that nobody looked at in time; how many."""
    return verification.purge_selfies()


# ---- Automatic checks and rules


@shared_task(name="moderation.check_texts")
def check_texts() -> int:
    """Asks the rules about new messages, words of profiles and members; how many."""
    return checks.check_messages() + checks.check_profiles() + checks.check_members()


@shared_task(name="moderation.check_member")
def check_member(member_id: str) -> None:
    """Asks the rules about one member again."""
    checks.check_member(UUID(member_id))


@shared_task(
    name="moderation.check_photo", autoretry_for=(OSError,), retry_backoff=True, retry_kwargs={"max_retries": 5}
)
def check_photo(photo_id: str) -> None:
    """Looks at one photo and asks the rules about it."""
    checks.check_photo(UUID(photo_id))


@shared_task(name="moderation.check_missed_photos")
def check_missed_photos() -> None:
    """Queues what a lost broker or a failed model left out."""
    for key in checks.unchecked_photos():
        check_photo.delay(str(key))


@shared_task(name="moderation.run_backtest")
def run_backtest(backtest_id: str) -> None:
    """Runs a backtest that somebody has ordered. Does nothing when it is done."""
    ordered = Backtest.objects.select_related("rule").filter(pk=backtest_id, status=Backtest.Status.WAITING).first()
    if ordered:
        run(ordered)


@shared_task(name="moderation.purge_findings")
def purge_findings() -> int:
    """Deletes notes of rules in shadow mode, and marks of the banned, that have been kept long enough; how many."""
    return rules.purge_notes() + purge_marks()
