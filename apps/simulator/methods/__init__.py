"""The Bot API's methods, by name. ``call`` runs one."""

from apps.simulator.methods import editing, files, payments, profile, receiving, sending, service
from apps.simulator.methods.registry import call

__all__ = ["call", "editing", "files", "payments", "profile", "receiving", "sending", "service"]
