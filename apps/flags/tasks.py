"""What time brings about: planned changes that are due, and the next steps of ramps."""

from celery import shared_task

from apps.flags.rollout import plans, ramps


@shared_task(name="flags.apply_due_changes")
def apply_due_changes() -> None:
    """Makes the planned changes whose time has come. Safe to run twice: each is made once, under its lock."""
    plans.apply_due_changes()


@shared_task(name="flags.advance_ramps")
def advance_ramps() -> None:
    """Looks at every ramp that is going. Safe to run twice: a step is taken once, under the ramp's lock."""
    ramps.advance_ramps()
