"""What staff choose for themselves: a pseudonym for members to read, and how much of a picture they see at first."""

import re
import secrets
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from apps.core.errors import MeetsMatchError
from apps.users.models import StaffSettings

# Neither gender nor origin is in them.
_NAMES = "Alder Aspen Birch Cedar Elm Fir Hazel Juniper Larch Linden Maple Oak Olive Pine Rowan Willow".split()  # noqa: SIM905
_PSEUDONYM = re.compile(r"[^\W\d_][\w .’'-]{1,29}")


class PseudonymError(MeetsMatchError):
    """It cannot be had; `str` is a sentence for whoever wants it."""


def settings_of(user_id: UUID) -> StaffSettings:
    """As chosen; else with everything veiled and a pseudonym drawn by lot, which is kept. Safe to call at once."""
    found = StaffSettings.objects.filter(user=user_id).first()
    while found is None:
        drawn = f"{secrets.choice(_NAMES)} {secrets.randbelow(900) + 100}"
        try:
            with transaction.atomic():
                found, __ = StaffSettings.objects.get_or_create(user_id=user_id, defaults={"pseudonym": drawn})
        except IntegrityError:  # somebody else has this one
            continue
    return found


def choose(user_id: UUID, *, username: str, pseudonym: str, blur: bool, grey: bool, mute: bool) -> StaffSettings:
    """Raises PseudonymError: for a name that is none, one's own, or somebody else's."""
    name = " ".join(pseudonym.split())
    if not _PSEUDONYM.fullmatch(name):
        raise PseudonymError(_("Between 2 and 30 letters and digits, beginning with a letter."))
    if name.casefold() == username.casefold():
        raise PseudonymError(_("This is the name that you sign in with: members should not learn it."))
    if StaffSettings.objects.filter(pseudonym__iexact=name).exclude(user=user_id).exists():
        raise PseudonymError(_("Somebody else has this pseudonym."))
    chosen = settings_of(user_id)
    chosen.pseudonym, chosen.blur, chosen.grey, chosen.mute = name, blur, grey, mute
    try:
        with transaction.atomic():
            chosen.save()
    except IntegrityError:
        raise PseudonymError(_("Somebody else has this pseudonym.")) from None
    return chosen
