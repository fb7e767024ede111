from typing import Any

from django.apps import AppConfig
from django.db.models.signals import m2m_changed, post_delete, post_migrate


class FlagsConfig(AppConfig):
    name = "apps.flags"

    def ready(self) -> None:
        from django.contrib.auth import get_user_model

        from apps.flags import live, selectors
        from apps.flags.models import Flag

        live.read_with(selectors.read_snapshot)
        post_migrate.connect(_add_rows, sender=self)
        post_delete.connect(_record_deletion, sender=Flag)
        m2m_changed.connect(_refuse_waffles_own, sender=Flag.groups.through)
        m2m_changed.connect(_refuse_waffles_own, sender=Flag.users.through)
        m2m_changed.connect(_read_groups_again, sender=get_user_model().groups.through)


def _add_rows(**_: object) -> None:
    """A row for each flag of the catalogue, so that lists show all of them."""
    from apps.flags.catalogue import CATALOGUE
    from apps.flags.models import Flag

    Flag.objects.bulk_create([Flag(name=name) for name in CATALOGUE], ignore_conflicts=True)


def _record_deletion(instance: Any, **_: object) -> None:
    from apps.flags import live
    from apps.flags.models import FlagRevision
    from apps.flags.state import State

    if instance.definition is not None:
        FlagRevision.objects.record(instance.name, State(), by=None, reason="deleted")
        live.changed()


def _refuse_waffles_own(instance: Any, action: str, reverse: bool, pk_set: set[int] | None, **_: object) -> None:
    from apps.flags.errors import InvalidChangeError
    from apps.flags.models import Flag

    if action != "pre_add":
        return
    touched = Flag.objects.filter(pk__in=pk_set or ()) if reverse else [instance]
    if any(flag.definition for flag in touched):
        raise InvalidChangeError("waffle’s groups and users cannot be set on a flag of the catalogue, a segment can")


def _read_groups_again(action: str, **_: object) -> None:
    from apps.flags import live

    if action.startswith("post_"):
        live.changed()
