"""Every text that a member reads. Called while the member's language is active; HTML-escaped here and nowhere else."""

from apps.bot.texts import account, meeting, profile

__all__ = ["account", "meeting", "profile"]
