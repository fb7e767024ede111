import pytest

from apps.moderation.decisions import services
from apps.moderation.decisions.actions import Order
from apps.moderation.models import Case, Decision, ReasonTemplate
from apps.moderation.services import file_report
from apps.users.models import Staff, User
from tests.factories import member
from tests.staff import Hire


@pytest.fixture
def mona(hire: Hire) -> Staff:
    return hire("mona", "Moderator")


@pytest.fixture
def milo(hire: Hire) -> Staff:
    """Another moderator."""
    return hire("milo", "Moderator")


@pytest.fixture
def sena(hire: Hire) -> Staff:
    """A senior moderator."""
    return hire("sena", "Senior moderator")


@pytest.fixture
def ann(db: None) -> User:
    return member("Ann")


@pytest.fixture
def bob(db: None) -> User:
    return member("Bob", bio="I sell coins", photos=2)


@pytest.fixture
def case(ann: User, bob: User) -> Case:
    """Ann has reported Bob."""
    file_report(ann, bob, reason="spam")
    return Case.objects.get()


def reason(letter: str = "s") -> ReasonTemplate:
    return ReasonTemplate.objects.get(letter=letter)


def decide(case: Case, by: Staff, action: str, **order: object) -> Decision:
    """As somebody who looked at the case as it is now."""
    now = Case.objects.get(pk=case.pk)
    wanted = Order(action, template_id=None if action == "dismiss" else reason().pk, **order)  # type: ignore[arg-type]
    return services.decide(case.pk, by=by, seen=now.stamp, order=wanted)


def fresh(user: User) -> User:
    return User.objects.select_related("profile", "preferences").get(pk=user.pk)
