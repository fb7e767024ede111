"""The books: every payment that has arrived."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.core.models import UUIDModel


class Purchase(UUIDModel):
    """One payment in Telegram Stars. A line of the books, which outlives whoever paid.

    PostgreSQL, too, refuses to delete one, or to change more of it than this: the buyer is forgotten when they erase
    their account, and a refund is noted, once. What somebody's purchases come to is kept in `User.plus_until`.
    """

    class State(models.TextChoices):
        PAID = "paid", _("Paid")
        ORDERED = "ordered", _("Refund ordered")
        RETURNED = "returned", _("Refunded")

    buyer = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="purchases"
    )
    charge_id = models.CharField(max_length=255, unique=True, help_text=_("Telegram's id of the payment."))
    stars = models.PositiveIntegerField()
    item = models.CharField(max_length=128, help_text=_("What the invoice was for, as it says itself."))
    days = models.PositiveSmallIntegerField(help_text=_("Of Plus. 0: nobody knows any more what the invoice was for."))
    bought_at = models.DateTimeField(default=timezone.now)
    refunded_at = models.DateTimeField(null=True, blank=True, help_text=_("From then on the days do not count."))
    refunded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text=_("Who of the staff; empty: it came about by itself."),
    )
    refund_reason = models.CharField(max_length=500, blank=True)
    returned_at = models.DateTimeField(
        null=True, blank=True, help_text=_("When Telegram said that the Stars are back with the member.")
    )

    class Meta:
        verbose_name = _("purchase")
        verbose_name_plural = _("purchases")
        default_permissions = ("view",)
        permissions = [("refund_purchase", "Can give Stars back")]
        constraints = [
            models.CheckConstraint(name="purchase_costs_something", condition=Q(stars__gt=0)),
            models.CheckConstraint(
                name="purchase_refunded_for_a_reason",
                condition=Q(refunded_at=None, refunded_by=None, refund_reason="", returned_at=None)
                | (Q(refunded_at__isnull=False) & ~Q(refund_reason="")),
            ),
        ]
        indexes = [
            # the admin's newest-first list
            models.Index(fields=["-bought_at"], name="purchase_newest"),
        ]

    def __str__(self) -> str:
        return f"payment {self.number}"

    @property
    def number(self) -> str:
        """By which a member and staff talk of it."""
        return str(self.id)[:8]

    @property
    def state(self) -> State:
        if self.returned_at:
            return self.State.RETURNED
        return self.State.ORDERED if self.refunded_at else self.State.PAID
