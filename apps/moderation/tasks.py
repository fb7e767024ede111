"""What the clock does for moderators. Every task is safe to run twice."""

from celery import shared_task

from apps.moderation import services
from apps.moderation.decisions.services import lift_expired as lift
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
