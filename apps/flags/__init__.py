"""Flags: what operators and product managers change while the product runs.

All code asks through the two names here, and only for what apps.flags.catalogue lists.
"""

from apps.flags.asking import is_enabled, value

__all__ = ["is_enabled", "value"]
