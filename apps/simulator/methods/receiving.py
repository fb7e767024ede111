"""How the bot receives updates: setWebhook and its kin, or getUpdates."""

import time

from django.utils import timezone

from apps.simulator.errors import ApiError
from apps.simulator.methods.registry import Uploads, api_method
from apps.simulator.models import BotUpdate, Webhook
from apps.simulator.schemas import DeleteWebhook, GetUpdates, JsonObject, Params, SetWebhook
from apps.simulator.updates import drop_pending, pending
from apps.simulator.wakeups import wake

MAX_POLL_SECS = 50
POLL_GAP_SECS = 0.2


@api_method("setWebhook", params=SetWebhook)
def set_webhook(params: SetWebhook, _: Uploads) -> bool:
    """Unlike Telegram, takes plain http addresses too: the bot runs next door."""
    if params.drop_pending_updates:
        drop_pending()
    values: JsonObject = {
        "url": params.url,
        "secret_token": params.secret_token,
        "max_connections": params.max_connections,
        "last_error_at": None,
        "last_error": "",
    }
    if params.allowed_updates is not None:
        values["allowed_updates"] = params.allowed_updates
    Webhook.objects.update_or_create(pk=1, defaults=values)
    wake()
    return True


@api_method("deleteWebhook", params=DeleteWebhook)
def delete_webhook(params: DeleteWebhook, _: Uploads) -> bool:
    if params.drop_pending_updates:
        drop_pending()
    Webhook.objects.filter(pk=1).update(url="", secret_token="")
    return True


@api_method("getWebhookInfo", params=Params)
def get_webhook_info(_: Params, __: Uploads) -> JsonObject:
    webhook = Webhook.objects.filter(pk=1).first() or Webhook()
    info: JsonObject = {
        "url": webhook.url,
        "has_custom_certificate": False,
        "pending_update_count": pending().count(),
    }
    if webhook.url:
        info |= {"max_connections": webhook.max_connections, "ip_address": "127.0.0.1"}
    if webhook.last_error_at:
        info |= {
            "last_error_date": int(webhook.last_error_at.timestamp()),
            "last_error_message": webhook.last_error,
        }
    if webhook.allowed_updates:
        info["allowed_updates"] = webhook.allowed_updates
    return info


@api_method("getUpdates", params=GetUpdates, atomic=False)
def get_updates(params: GetUpdates, _: Uploads) -> list[JsonObject]:
    """Long polling. ``offset`` confirms all updates before it."""
    webhook, _created = Webhook.objects.get_or_create(pk=1)
    if webhook.url:
        raise ApiError(
            409,
            "Conflict: can't use getUpdates method while webhook is active; "
            "use deleteWebhook to delete the webhook first",
        )
    if params.allowed_updates is not None:
        Webhook.objects.filter(pk=1).update(allowed_updates=params.allowed_updates)
    pending().filter(update_id__lt=params.offset).update(status=BotUpdate.Status.DELIVERED)
    deadline = time.monotonic() + min(params.timeout, MAX_POLL_SECS)
    while True:
        found = pending().filter(expires_at__gt=timezone.now()).order_by("update_id")[: params.limit]
        updates: list[JsonObject] = [{"update_id": update.update_id, **update.payload} for update in found]
        if updates or time.monotonic() >= deadline:
            return updates
        time.sleep(POLL_GAP_SECS)
