from datetime import datetime

from django.contrib import admin
from django.db.models import Count, IntegerField, Model, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils.formats import date_format
from django.utils.safestring import SafeString
from django.utils.timezone import localtime
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from apps.conversations.models import Conversation, Message
from apps.core.admin import BaseAdmin, ReadOnlyMixin, RecentFilter
from apps.users.admin import MemberSearchMixin, member_link


class LastMessageFilter(RecentFilter):
    title = _("last message")
    parameter_name = "last_message_at"

    def since(self, queryset: QuerySet[Model], moment: datetime) -> QuerySet[Model]:
        return queryset.filter(pk__in=Message.objects.filter(created_at__gte=moment).values("conversation"))


@admin.register(Conversation)
class ConversationAdmin(MemberSearchMixin, ReadOnlyMixin, BaseAdmin):
    """Who talks with whom and when; what they say is nobody's business here."""

    member_fields = ("match__low__pk", "match__high__pk")
    list_display = ("conversation", "one", "other", "standing", "created_at", "last_message_at", "messages")
    list_select_related = ("match__low__profile", "match__high__profile")
    list_filter = (LastMessageFilter,)
    ordering = ("-created_at",)
    fields = (("one", "other"), ("created_at", "last_message_at"), "messages")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Conversation]:
        of_this = Message.objects.filter(conversation=OuterRef("pk"))
        counted = of_this.values("conversation").annotate(count=Count("pk")).values("count")
        conversations: QuerySet[Conversation] = super().get_queryset(request)
        return conversations.annotate(
            message_count=Coalesce(Subquery(counted, output_field=IntegerField()), 0),
            newest_at=Subquery(of_this.order_by("-created_at").values("created_at")[:1]),
        )

    @display(description=_("conversation"))
    def conversation(self, conversation: Conversation) -> str:
        return str(conversation.id)[:8]

    @display(description=_("one"))
    def one(self, conversation: Conversation) -> SafeString | str:
        return member_link(conversation.match.low)

    @display(description=_("other"))
    def other(self, conversation: Conversation) -> SafeString | str:
        return member_link(conversation.match.high)

    @display(description=_("state"), label={"open": "success"})
    def standing(self, conversation: Conversation) -> tuple[str, object]:
        return ("closed", _("Closed")) if conversation.match.ended_at else ("open", _("Open"))

    @display(description=_("last message"))
    def last_message_at(self, conversation: Conversation) -> str | None:
        moment: datetime | None = conversation.newest_at  # type: ignore[attr-defined]
        return date_format(localtime(moment), "DATETIME_FORMAT") if moment else None

    @display(description=_("messages"))
    def messages(self, conversation: Conversation) -> int:
        count: int = conversation.message_count  # type: ignore[attr-defined]
        return count
