"""Who somebody is, what they show of themselves and whom they look for."""

from datetime import date
from typing import ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import OpClass
from django.db import models
from django.db.models import F, Func, Q
from django.db.models.functions import Lower, Upper
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from apps.core.models import UUIDModel

MIN_AGE, MAX_AGE = 18, 99
MAX_PHOTOS = 6
MAX_NAME, MAX_BIO = 40, 500
# H3 resolutions: what is kept of a place (about 5 km²), and the wider area by which decks search (about 1,770 km²).
CELL_RESOLUTION, AREA_RESOLUTION = 7, 4


class Language(models.TextChoices):
    EN = "en", "English"
    ES = "es", "Español"
    RU = "ru", "Русский"


class Gender(models.TextChoices):
    WOMAN = "woman", _("Woman")
    MAN = "man", _("Man")
    NONBINARY = "nonbinary", _("Non-binary")


class UserManager(BaseUserManager["User"]):
    def create_user(self, username: str, password: str | None = None, **fields: object) -> "User":
        """A staff account with a password. Members come in through Telegram instead."""
        user = self.model(username=self.model.normalize_username(username), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, username: str, password: str | None = None, **fields: object) -> "User":
        return self.create_user(username, password, is_staff=True, is_superuser=True, **fields)


class User(UUIDModel, AbstractBaseUser, PermissionsMixin):
    """A member (has a `telegram_id`) or staff (has a `username` and a password), never both."""

    username = models.CharField(
        max_length=150, unique=True, null=True, blank=True, validators=[UnicodeUsernameValidator()]
    )
    telegram_id = models.BigIntegerField(unique=True, null=True, blank=True, editable=False)
    language = models.CharField(max_length=2, choices=Language, default=Language.EN)
    source = models.CharField(max_length=64, blank=True, help_text=_("Payload of the link they first came through."))
    has_telegram_premium = models.BooleanField(default=False, help_text=_("As Telegram said with their last update."))
    consent_version = models.CharField(max_length=16, blank=True, help_text=_("Version of the terms they agreed to."))
    consented_at = models.DateTimeField(null=True, blank=True)
    paused_at = models.DateTimeField(null=True, blank=True, help_text=_("They took themselves out of all decks."))
    banned_at = models.DateTimeField(null=True, blank=True)
    suspended_until = models.DateTimeField(null=True, blank=True, help_text=_("Kept out for a time, by a moderator."))
    limited_until = models.DateTimeField(
        null=True, blank=True, help_text=_("May look but not write until then, by a moderator.")
    )
    shadowed_until = models.DateTimeField(
        null=True, blank=True, help_text=_("Reaches nobody and is shown to nobody until then, without being told.")
    )
    photoless_at = models.DateTimeField(
        null=True, blank=True, help_text=_("A moderator hid all of their photos: out of all decks.")
    )
    plus_until = models.DateTimeField(null=True, blank=True, help_text=_("Follows from their purchases."))
    unreachable_at = models.DateTimeField(null=True, blank=True, help_text=_("They blocked the bot or left Telegram."))
    last_active_at = models.DateTimeField(default=timezone.now)
    date_joined = models.DateTimeField(default=timezone.now, editable=False)
    is_staff = models.BooleanField(default=False, help_text=_("May sign in to this admin."))
    is_active = models.BooleanField(default=True, help_text=_("Uncheck to lock a staff account out."))

    objects = UserManager()
    USERNAME_FIELD = "username"

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        constraints = [
            models.CheckConstraint(
                name="user_is_member_or_staff",
                condition=Q(telegram_id__isnull=True, username__isnull=False)
                | Q(telegram_id__isnull=False, username__isnull=True),
            ),
            models.CheckConstraint(
                name="user_staff_has_username", condition=Q(is_staff=False) | Q(username__isnull=False)
            ),
        ]
        indexes = [
            # the admin's newest-first lists of members
            models.Index(fields=["-date_joined"], name="user_newest"),
            # users.restrictions.with_expired: limits and suspensions whose time is over
            models.Index(fields=["limited_until"], name="user_limited", condition=Q(limited_until__isnull=False)),
            # the same of suspensions
            models.Index(fields=["suspended_until"], name="user_suspended", condition=Q(suspended_until__isnull=False)),
            # the same of shadow limits
            models.Index(fields=["shadowed_until"], name="user_shadowed", condition=Q(shadowed_until__isnull=False)),
        ]

    def __str__(self) -> str:
        return self.username or f"member {str(self.id)[:8]}"

    @property
    def is_listed(self) -> bool:
        """Neither kept out, paused nor unreachable: may stand in decks once the profile is published."""
        return not (
            self.paused_at or self.banned_at or self.suspended_until or self.photoless_at or self.unreachable_at
        )

    @property
    def is_shadowed(self) -> bool:
        """What they do looks done to them and reaches nobody. They must not learn it: no text of theirs may differ."""
        return bool(self.shadowed_until and self.shadowed_until > timezone.now())

    @property
    def is_kept_out(self) -> bool:
        """Banned, or suspended at this moment: only the way out and the way to object are open to them."""
        return bool(self.banned_at or (self.suspended_until and self.suspended_until > timezone.now()))


class _EighteenYearsAgo(Func):
    # Rows only get older, so a check against today's date that passed once passes for ever, in restores too.
    template = "(CURRENT_DATE - INTERVAL '18 years')::date"
    output_field = models.DateField()


class Profile(models.Model):
    """What a member shows. A draft until `published_at` is set; fields are null only in drafts."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, primary_key=True)
    name = models.CharField(max_length=MAX_NAME, blank=True)
    birth_date = models.DateField(null=True, blank=True)
    gender = models.CharField(max_length=12, choices=Gender, blank=True)
    cell = models.BigIntegerField(
        null=True, blank=True, help_text=_("H3 cell of resolution 7 (about 5 km²); nothing finer is kept.")
    )
    area = models.BigIntegerField(
        null=True, blank=True, help_text=_("The H3 cell of resolution 4 around it, for searching.")
    )
    place = models.CharField(max_length=80, blank=True)
    country = models.CharField(max_length=2, blank=True, help_text=_("ISO 3166 code of the country the place is in."))
    place_changed_at = models.DateTimeField(null=True, blank=True)
    interests = ArrayField(models.CharField(max_length=24), default=list, blank=True)
    bio = models.CharField(max_length=MAX_BIO, blank=True)
    bio_changed_at = models.DateTimeField(null=True, blank=True)
    published_at = models.DateTimeField(null=True, blank=True)
    verified_until = models.DateTimeField(
        null=True, blank=True, help_text=_("A moderator compared the first photo with a selfie.")
    )
    verified_photo = models.UUIDField(null=True, blank=True, help_text=_("The photo that was compared."))

    class Meta:
        verbose_name = _("profile")
        verbose_name_plural = _("profiles")
        constraints = [
            models.CheckConstraint(
                name="profile_is_adult", condition=Q(birth_date__lte=_EighteenYearsAgo()) | Q(birth_date=None)
            ),
            models.CheckConstraint(
                name="profile_published_is_complete",
                condition=Q(published_at=None)
                | (~Q(name="") & ~Q(gender="") & Q(birth_date__isnull=False) & Q(cell__isnull=False)),
            ),
            models.CheckConstraint(
                name="profile_verified_by_a_photo",
                condition=Q(verified_until=None, verified_photo=None)
                | Q(verified_until__isnull=False, verified_photo__isnull=False),
            ),
            models.CheckConstraint(name="profile_gender_known", condition=Q(gender__in=["", *Gender.values])),
        ]
        indexes = [
            # decks: published members of some gender in the areas within reach
            models.Index(fields=["area", "gender"], name="profile_by_area", condition=Q(published_at__isnull=False)),
            # moderation.check_texts: words that were changed since it last looked
            models.Index(
                fields=["bio_changed_at"], name="profile_bio_changed", condition=Q(bio_changed_at__isnull=False)
            ),
            # the admin's search: names that start with what was typed, in any case (LIKE needs the operator class)
            models.Index(OpClass(Upper("name"), name="text_pattern_ops"), name="profile_by_name"),
        ]

    def __str__(self) -> str:
        return self.name or gettext("draft")

    def age_on(self, day: date) -> int:
        """Full years on that day. The profile must have a birth date."""
        assert self.birth_date is not None
        return day.year - self.birth_date.year - ((day.month, day.day) < (self.birth_date.month, self.birth_date.day))

    @property
    def age(self) -> int:
        return self.age_on(timezone.localdate())


class Preferences(models.Model):
    """Whom a member wants to see, and so who may see them: both sides' preferences must fit."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, primary_key=True)
    genders = ArrayField(models.CharField(max_length=12, choices=Gender), default=list)
    age_min = models.PositiveSmallIntegerField(default=MIN_AGE)
    age_max = models.PositiveSmallIntegerField(default=MAX_AGE)
    max_distance_km = models.PositiveSmallIntegerField(
        null=True, blank=True, default=50, help_text=_("Empty: anywhere.")
    )

    class Meta:
        verbose_name = _("preferences")
        verbose_name_plural = _("preferences")
        constraints = [
            models.CheckConstraint(
                name="preferences_age_range",
                condition=Q(age_min__gte=MIN_AGE, age_max__lte=MAX_AGE, age_min__lte=F("age_max")),
            ),
            models.CheckConstraint(name="preferences_genders_known", condition=Q(genders__contained_by=Gender.values)),
        ]

    def __str__(self) -> str:
        return f"{self.age_min} to {self.age_max}"


class PhotoManager(models.Manager["Photo"]):
    def shown_of(self, user: User) -> "models.QuerySet[Photo]":
        """What others may see, in order: all but what a moderator has hidden."""
        return self.filter(user=user, hidden_at=None)


class Photo(UUIDModel):
    """One photo of a profile. `file_id` shows it in Telegram; `file` is our own copy, which the worker fetches later.

    Photos that did not come through Telegram (demo data) start with the file and learn their `file_id` when first sent.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="photos", db_index=False)
    position = models.PositiveSmallIntegerField()
    file = models.ImageField(upload_to="photos/%Y/%m/", blank=True)
    file_id = models.CharField(max_length=255, blank=True)
    file_unique_id = models.CharField(max_length=64, blank=True)
    hidden_at = models.DateTimeField(null=True, blank=True, help_text=_("Shown to nobody, by a moderator."))
    created_at = models.DateTimeField(auto_now_add=True)

    objects = PhotoManager()

    class Meta:
        verbose_name = _("photo")
        verbose_name_plural = _("photos")
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "position"], name="photo_position_once", deferrable=models.Deferrable.DEFERRED
            ),
            models.CheckConstraint(name="photo_position_in_range", condition=Q(position__lt=MAX_PHOTOS)),
            models.CheckConstraint(name="photo_is_somewhere", condition=~Q(file="") | ~Q(file_id="")),
        ]
        indexes = [
            # users.store_missing_photos: what the worker has not fetched yet
            models.Index(fields=["created_at"], name="photo_not_stored", condition=Q(file="")),
        ]

    def __str__(self) -> str:
        return f"photo {self.position + 1}"


class ProfileVersion(models.Model):
    """How often what others may see of a member has changed since they were published. Triggers count; see purging.py.

    No reference to the member, whom it outlives until the edge knows that they are gone.
    """

    user_id = models.UUIDField(primary_key=True)
    number = models.BigIntegerField()
    sent = models.BigIntegerField(default=0)  # the edge has been told of everything up to this one

    class Meta:
        indexes = [
            # users.purging.publish: what the edge has not been told yet
            models.Index(fields=["user_id"], name="profile_version_unsent", condition=Q(sent__lt=F("number"))),
        ]

    def __str__(self) -> str:
        return f"version {self.number}"


class AbandonedFile(models.Model):
    """A file in the media store that nothing refers to any more; the worker deletes it.

    Written in the transaction that let go of it.
    """

    name = models.CharField(max_length=200)

    def __str__(self) -> str:
        return self.name


class MemberState(models.TextChoices):
    """Where a member stands: exactly one of these holds."""

    ONBOARDING = "onboarding", _("Onboarding")
    LISTED = "listed", _("Listed")
    PAUSED = "paused", _("Paused")
    UNREACHABLE = "unreachable", _("Unreachable")
    PHOTOLESS = "photoless", _("Photos hidden")
    SUSPENDED = "suspended", _("Suspended")
    BANNED = "banned", _("Banned")


# The first that holds is the state.
_STATES = {
    MemberState.BANNED: Q(banned_at__isnull=False),
    MemberState.SUSPENDED: Q(suspended_until__isnull=False),
    MemberState.UNREACHABLE: Q(unreachable_at__isnull=False),
    MemberState.ONBOARDING: Q(profile__published_at__isnull=True),
    MemberState.PHOTOLESS: Q(photoless_at__isnull=False),
    MemberState.PAUSED: Q(paused_at__isnull=False),
    MemberState.LISTED: Q(),
}


class MemberQuerySet(models.QuerySet["Member"]):
    def in_state(self, state: MemberState) -> "MemberQuerySet":
        earlier = Q()
        for candidate, condition in _STATES.items():
            if candidate == state:
                return self.filter(earlier & condition)
            earlier &= ~condition
        raise ValueError(state)


class MemberManager(models.Manager.from_queryset(MemberQuerySet)):  # type: ignore[misc]
    def get_queryset(self) -> MemberQuerySet:
        return MemberQuerySet(self.model, using=self._db).filter(telegram_id__isnull=False)


class Member(User):
    """A user who came through Telegram."""

    objects: ClassVar[MemberManager] = MemberManager()

    class Meta:
        verbose_name = _("member")
        verbose_name_plural = _("members")
        proxy = True

    @property
    def state(self) -> MemberState:
        """The state that `in_state` finds this member by."""
        if self.banned_at:
            return MemberState.BANNED
        if self.suspended_until:
            return MemberState.SUSPENDED
        if self.unreachable_at:
            return MemberState.UNREACHABLE
        if not hasattr(self, "profile") or not self.profile.published_at:
            return MemberState.ONBOARDING
        if self.photoless_at:
            return MemberState.PHOTOLESS
        return MemberState.PAUSED if self.paused_at else MemberState.LISTED


class StaffManager(UserManager):
    def get_queryset(self) -> models.QuerySet[User]:
        return super().get_queryset().filter(telegram_id__isnull=True)


class Staff(User):
    """A user who signs in with a password."""

    objects: ClassVar[StaffManager] = StaffManager()

    class Meta:
        verbose_name = _("staff account")
        verbose_name_plural = _("staff accounts")
        proxy = True


class StaffSettings(models.Model):
    """What one of the staff has chosen: the name that members read, and how photos and videos are shown to them."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, primary_key=True, related_name="staff_settings")
    pseudonym = models.CharField(max_length=30, help_text=_("Members read it in place of your name."))
    blur = models.BooleanField(default=True, help_text=_("Photos are blurred until you ask for them."))
    grey = models.BooleanField(default=True, help_text=_("Photos are grey until you ask for them."))
    mute = models.BooleanField(default=True, help_text=_("Videos start without sound."))

    class Meta:
        verbose_name = _("staff settings")
        verbose_name_plural = _("staff settings")
        constraints = [models.UniqueConstraint(Lower("pseudonym"), name="staff_pseudonym_once")]

    def __str__(self) -> str:
        return self.pseudonym
