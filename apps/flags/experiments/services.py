"""How an experiment begins and ends. In between nothing about it changes."""

import json
from hashlib import blake2b

from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.utils import timezone

from apps.flags import live
from apps.flags.catalogue import CATALOGUE, Definition
from apps.flags.errors import ClosedError, ConflictError, InTheWayError, InvalidChangeError, NotAllowedError
from apps.flags.experiments.assignment import SLOTS, free_slots, read_spans, read_variants
from apps.flags.experiments.models import Experiment
from apps.flags.rollout.models import Ramp
from apps.flags.services import check
from apps.flags.state import State

DESIGN = (
    "name",
    "flag",
    "hypothesis",
    "variants",
    "segment",
    "layer",
    "share",
    "metric",
    "also_watched",
    "window_days",
    "expected_percent",
    "smallest_lift_percent",
)
_STARTS = 0x666C6167  # the key of the lock that makes starts happen one after the other


def save_draft(experiment: Experiment, *, by: AbstractBaseUser | None, seen: str | None = None) -> Experiment:
    """A new draft, or changes of one; made by whoever changed it last, so that a second person starts what they saw.

    `seen`: the fingerprint of the draft that the changes were made from; None: whatever it is now. Raises
    InvalidChangeError as `check_design`; ClosedError once it has started; ConflictError when somebody else has
    changed it since.
    """
    with transaction.atomic():
        stored = None if experiment._state.adding else _locked(experiment)
        if stored is not None:
            _check_is_draft(stored)
            _check_is_unchanged(stored, seen)
        check_design(experiment)
        if stored is None or fingerprint(stored) != fingerprint(experiment):
            experiment.created_by_id = by.pk if by else None
        experiment.save()
    return experiment


def discard(experiment: Experiment) -> None:
    """The draft is gone. Raises ClosedError once it has started."""
    with transaction.atomic():
        draft = _locked(experiment)
        _check_is_draft(draft)
        draft.delete()


def check_design(experiment: Experiment) -> Definition:
    """The flag's entry in the catalogue. The first of the variants is the control.

    Raises InvalidChangeError with what is wrong with the fields, or does not fit the flag.
    """
    definition = CATALOGUE.get(experiment.flag)
    if definition is None:
        raise InvalidChangeError(f"flag: {experiment.flag!r} is not in the catalogue")
    try:
        experiment.full_clean(exclude=["created_by", "started_by", "ended_by"])
    except ValidationError as error:
        problems = (f"{field}: {' '.join(texts)}" for field, texts in error.message_dict.items())
        raise InvalidChangeError("; ".join(problems)) from error
    read_variants(experiment.variants, definition)
    State.read({"segment": experiment.segment})
    if experiment.metric in experiment.also_watched:
        raise InvalidChangeError("also_watched: the metric that decides is watched anyway")
    if float(experiment.expected_percent) * (1 + experiment.smallest_lift_percent / 100) >= 100:
        raise InvalidChangeError("smallest_lift_percent: more than 100 of 100 members cannot do it")
    return definition


def fingerprint(experiment: Experiment) -> str:
    """Of the design: the same as long as nobody changes it, saved or as it was typed."""
    design = [getattr(experiment, name) for name in DESIGN]
    as_text = json.dumps(design, sort_keys=True, default=lambda number: f"{number:.1f}")
    return blake2b(as_text.encode(), digest_size=16).hexdigest()


def start(experiment: Experiment, *, by: AbstractBaseUser | None, seen: str | None = None) -> Experiment:
    """From now on members are told their variants; the running experiment.

    `seen`: the fingerprint of the design that whoever starts it has looked at; None: whatever it is now. Raises
    InvalidChangeError as `check_design`; ClosedError when it was started before; ConflictError when somebody has
    changed the draft since; NotAllowedError on a dangerous flag for who made the draft; InTheWayError when the flag is
    killed or set for everyone, has another experiment or a ramp, or the layer has not enough places left.
    """
    with transaction.atomic():
        draft = check_start(experiment, by=by, seen=seen)
        draft.started_by_id, draft.started_at = by.pk if by else None, timezone.now()
        draft.save(update_fields=["slots", "started_by", "started_at"])
        live.changed()
    return draft


def check_start(experiment: Experiment, *, by: AbstractBaseUser | None, seen: str | None = None) -> Experiment:
    """The draft with the places that it would take, locked until the caller's transaction ends. Raises as `start`."""
    _one_start_at_a_time()
    draft = _locked(experiment)
    if draft.started_at is not None:
        raise ClosedError(f"{draft.name} has been started already.")
    _check_is_unchanged(draft, seen)
    definition = check_design(draft)
    if definition.dangerous and (by is None or by.pk == draft.created_by_id):
        raise NotAllowedError(f"{draft.flag} is dangerous: somebody else than who made the draft has to start it.")
    _check_flag_is_free(draft)
    draft.slots = _places(draft)
    return draft


def stop(experiment: Experiment, *, by: AbstractBaseUser | None, reason: str) -> Experiment:
    """Members are told the flag's regular answer again; what was found stays.

    Raises InvalidChangeError without a reason; ClosedError when it does not run.
    """
    if not reason.strip():
        raise InvalidChangeError("stopping needs a reason")
    with transaction.atomic():
        running = _locked(experiment)
        if running.status != Experiment.Status.RUNNING:
            raise ClosedError(f"{running.name} does not run.")
        running.ended_by_id, running.ended_at = by.pk if by else None, timezone.now()
        running.end_reason = reason.strip()[:500]
        running.save(update_fields=["ended_by", "ended_at", "end_reason"])
        live.changed()
    return running


def _check_is_draft(stored: Experiment) -> None:
    if stored.started_at is not None:
        raise ClosedError(f"{stored.name} has started: its design stays. Stop it and make another one.")


def _check_is_unchanged(stored: Experiment, seen: str | None) -> None:
    if seen is not None and seen != fingerprint(stored):
        raise ConflictError(f"{stored.name} has been changed meanwhile. Look at it again.")


def _locked(experiment: Experiment) -> Experiment:
    return Experiment.objects.select_for_update().get(pk=experiment.pk)


def _one_start_at_a_time() -> None:
    """Until the transaction ends: two at once could take the same places."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_STARTS])


def _check_flag_is_free(draft: Experiment) -> None:
    # holds the flag's row, as whoever changes or ramps it does
    state = check(draft.flag)[1]
    if state.killed:
        raise InTheWayError(f"{draft.flag} is killed: everybody would get the default. Take the kill back first.")
    if state.everyone is not None:
        setting = "on" if state.everyone else "off"
        raise InTheWayError(f"{draft.flag} is set {setting} for everyone, which wins. Take that back first.")
    other = Experiment.objects.running().filter(flag=draft.flag).first()
    if other is not None:
        raise InTheWayError(f"{other.name} runs on {draft.flag}. Stop it first.")
    ramp = Ramp.objects.filter(flag=draft.flag, status__in=Ramp.OPEN).first()
    if ramp is not None:
        raise InTheWayError(f"A ramp is open on {draft.flag} ({ramp}). Stop it, or let it finish first.")


def _places(draft: Experiment) -> list[tuple[int, int]]:
    neighbours = list(Experiment.objects.in_layer(draft.layer))
    taken = [span for each in neighbours for span in read_spans(each.slots)]
    places = free_slots(taken, draft.share)
    if places is None:
        shares = ", ".join(f"{each.name} ({each.share} %)" for each in neighbours)
        left = 100 * (SLOTS - sum(end - first for first, end in taken)) // SLOTS
        raise InTheWayError(
            f"Layer {draft.layer} has {left} % left, and {draft.share} % are wanted. There run: {shares}."
        )
    return places
