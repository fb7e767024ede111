import pytest
from django.urls import reverse

from apps.flags.models import Flag
from tests.admin.conftest import SignIn

MEMBER_LISTS = (
    "users_member",
    "matching_match",
    "conversations_conversation",
    "moderation_report",
    "moderation_case",
    "moderation_decision",
    "moderation_appeal",
    "moderation_verification",
    "moderation_policy",
    "moderation_reasontemplate",
    "notifications_delivery",
    "bot_update",
)
PRODUCT_LISTS = (
    "notifications_broadcast",
    "flags_flag",
    "flags_plannedchange",
    "flags_ramp",
    "matching_deckbuild",
    "matching_rankermodel",
    "matching_tastefit",
    "payments_purchase",
    "waffle_switch",
)
ACCESS_LISTS = (
    "users_staff",
    "auth_group",
    "axes_accessattempt",
    "axes_accesslog",
    "admin_logentry",
    "django_celery_beat_periodictask",
    "waffle_sample",
)
EVERY_LIST = MEMBER_LISTS + PRODUCT_LISTS + ACCESS_LISTS
EVIDENCE_LISTS = [name for name in MEMBER_LISTS if name not in ("moderation_policy", "moderation_reasontemplate")]
OPEN_TO = {None: EVERY_LIST, "Moderator": MEMBER_LISTS, "Product manager": PRODUCT_LISTS}


@pytest.mark.parametrize("role", OPEN_TO)
@pytest.mark.parametrize("model", EVERY_LIST)
def test_it_opens_to_each_role_its_own_lists_only(sign_in: SignIn, role: str | None, model: str) -> None:
    answer = sign_in(role).get(reverse(f"admin:{model}_changelist"))

    assert answer.status_code == (200 if model in OPEN_TO[role] else 403)


@pytest.mark.parametrize("role", OPEN_TO)
@pytest.mark.parametrize("model", [*EVIDENCE_LISTS, "admin_logentry", "axes_accessattempt", "axes_accesslog"])
def test_it_lets_nobody_add_evidence_by_hand(sign_in: SignIn, role: str | None, model: str) -> None:
    assert sign_in(role).get(reverse(f"admin:{model}_add")).status_code == 403


@pytest.mark.parametrize(("role", "expected"), [(None, 200), ("Moderator", 403), ("Product manager", 200)])
def test_it_lets_product_managers_change_flags(sign_in: SignIn, role: str | None, expected: int) -> None:
    flag, _ = Flag.objects.get_or_create(name="bot.notes")

    assert sign_in(role).get(reverse("admin:flags_flag_change", args=[flag.pk])).status_code == expected


@pytest.mark.parametrize("role", OPEN_TO)
def test_it_links_in_the_sidebar_only_to_what_the_role_may_open(sign_in: SignIn, role: str | None) -> None:
    page = sign_in(role).get(reverse("admin:index")).content.decode()

    for model in EVERY_LIST:
        assert (f'href="{reverse(f"admin:{model}_changelist")}' in page) == (model in OPEN_TO[role]), model


@pytest.mark.parametrize("role", ["Moderator", "Product manager"])
def test_it_does_not_let_a_role_open_staff_accounts_by_their_address(sign_in: SignIn, role: str) -> None:
    client = sign_in(role)
    staff_id = client.session["_auth_user_id"]

    assert client.get(reverse("admin:users_staff_change", args=[staff_id])).status_code == 403
    assert client.get(reverse("admin:auth_user_password_change", args=[staff_id])).status_code == 403


def test_it_makes_a_staff_account_that_can_sign_in(sign_in: SignIn) -> None:
    client = sign_in()
    form = {
        "username": "maria",
        "usable_password": "true",
        "password1": "kx7-quilt-lamp",
        "password2": "kx7-quilt-lamp",
    }

    client.post(reverse("admin:users_staff_add"), form)
    client.logout()
    answer = client.post(reverse("admin:login"), {"username": "maria", "password": "kx7-quilt-lamp"})

    assert answer.status_code == 302
    assert answer["Location"] == reverse("admin:index")


def test_it_asks_for_the_name_of_a_new_staff_account(sign_in: SignIn) -> None:
    form = {"username": "", "usable_password": "true", "password1": "kx7-quilt-lamp", "password2": "kx7-quilt-lamp"}

    answer = sign_in().post(reverse("admin:users_staff_add"), form)

    assert "username" in answer.context["adminform"].form.errors


def test_it_cannot_delete_a_staff_account_and_its_traces(sign_in: SignIn) -> None:
    client = sign_in()

    assert client.get(reverse("admin:users_staff_delete", args=[client.session["_auth_user_id"]])).status_code == 403


def test_it_loosens_the_content_policy_for_the_admin_only(sign_in: SignIn) -> None:
    client = sign_in()

    assert "unsafe-eval" in client.get(reverse("admin:index"))["Content-Security-Policy"]
    assert "unsafe" not in client.get("/readyz").get("Content-Security-Policy", "")
