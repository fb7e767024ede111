import pytest

from tests.fakes import FakeBotApi
from tests.phone import Phone, sign_up


@pytest.mark.django_db
def test_it_lets_two_strangers_meet_and_talk() -> None:
    api = FakeBotApi()
    ann = sign_up(Phone(api, 11, "Ann"), gender="Woman", seeking=("Men",))
    bob = sign_up(Phone(api, 12, "Bob"), gender="Man", seeking=("Women",))
    assert ann.user.profile.published_at
    bob.write("/browse")
    assert f"Ann, {ann.user.profile.age}" in bob.last
    bob.tap("like:")
    assert ann.sees("Somebody likes you")
    ann.write("/browse")
    ann.tap("like:")
    assert "match" in ann.last
    assert bob.sees("match")
    ann.tap("chat:")
    ann.write("Hello Bob!")
    assert bob.sees("Hello Bob!")
    bob.tap("chat:")
    bob.write("Hi Ann!")
    assert ann.sees("Hi Ann!")
