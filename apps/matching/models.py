"""Who liked or passed whom, who matched, who blocked whom."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.core.models import EncryptedTextField, UUIDModel
from apps.users.models import User

MAX_NOTE = 200


class Swipe(UUIDModel):
    """One member's like or pass on another. At most one for each ordered pair."""

    swiper = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="swipes_made")
    target = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="swipes_received")
    liked = models.BooleanField()
    note = EncryptedTextField(blank=True, help_text=_("A few words sent along with a like."))
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["swiper", "target"], name="swipe_once"),
            models.CheckConstraint(name="swipe_not_oneself", condition=~Q(swiper=F("target"))),
            models.CheckConstraint(name="swipe_note_needs_like", condition=Q(liked=True) | Q(note="")),
        ]
        indexes = [
            # undo: the member's latest swipe
            models.Index(fields=["swiper", "-created_at"], name="swipe_latest"),
            # decks: who already likes this member
            models.Index(fields=["target", "swiper"], name="swipe_likes_received", condition=Q(liked=True)),
        ]

    def __str__(self) -> str:
        return "like" if self.liked else "pass"


class Match(UUIDModel):
    """Two members who like each other. The pair is stored in the order of their ids, so that it exists once."""

    low = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="matches_as_low")
    high = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="matches_as_high")
    created_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )

    class Meta:
        verbose_name = _("match")
        verbose_name_plural = _("matches")
        constraints = [
            models.UniqueConstraint(fields=["low", "high"], name="match_once"),
            models.CheckConstraint(name="match_pair_ordered", condition=Q(low__lt=F("high"))),
        ]
        indexes = [
            # /matches of the member with the higher id; the unique constraint serves the other
            models.Index(fields=["high", "low"], name="match_by_high"),
            # the admin's newest-first list
            models.Index(fields=["-created_at"], name="match_newest"),
        ]

    def __str__(self) -> str:
        return f"match {str(self.id)[:8]}"

    def partner_of(self, user: User) -> User:
        """The other one of the two."""
        return self.high if self.low_id == user.pk else self.low


class Block(UUIDModel):
    """One member never wants to meet another again. Neither sees the other from then on."""

    blocker = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="blocks_made")
    blocked = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="blocks_received")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["blocker", "blocked"], name="block_once"),
            models.CheckConstraint(name="block_not_oneself", condition=~Q(blocker=F("blocked"))),
        ]

    def __str__(self) -> str:
        return f"block {str(self.id)[:8]}"
