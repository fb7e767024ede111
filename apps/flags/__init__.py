"""Flags: what operators and product managers change while the product runs.

All code asks through the first two names here, and only for what apps.flags.catalogue lists. Services `record` what
members did, for whatever study they are in.
"""

from apps.flags.asking import is_enabled, value
from apps.flags.experiments.recording import is_recording, record

__all__ = ["is_enabled", "is_recording", "record", "value"]
