"""From a report in the chat to a decision by keyboard alone, an appeal, and everything as it was before."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.chat import Chat
from tests.e2e.conftest import Windows
from tests.e2e.newcomer import Newcomer, sign_up
from tests.e2e.stack import Deployment
from tests.e2e.test_admin import go_to, sign_in

IS_BANNED = "from apps.users.models import User; print(User.objects.get(telegram_id={id}).banned_at is not None)"


Meet = Callable[[str, str, str], tuple[Chat, Chat]]


@pytest.fixture
def meet(staffed: Deployment, make_photo: Callable[[str], Path]) -> Meet:
    """A woman and a man of these names, alone in their city; she has just reported him as being under 18."""

    def make(her: str, him: str, city: str) -> tuple[Chat, Chat]:
        woman, man = Chat(staffed.telegram, her), Chat(staffed.telegram, him)
        sign_up(woman, Newcomer(her, "woman", ["man"], make_photo("teal"), city=city))
        sign_up(man, Newcomer(him, "man", ["woman"], make_photo("navy"), city=city, bio="I am new here."))
        woman.browse_to(him)
        woman.tap("report:")
        woman.tap("reason:underage")
        woman.wait_for("A moderator will look at it")
        return woman, man

    return make


def is_banned(simulator: Deployment, chat: Chat) -> bool:
    said = simulator.product.manage("shell", "--verbosity", "0", "-c", IS_BANNED.format(id=chat.id))
    return said.strip() == "True"


def open_first_case(page: Page, name: str) -> None:
    go_to(page, "Cases")
    expect(page.locator("#result_list")).to_contain_text(name)
    page.wait_for_load_state()  # the keys are listened to
    page.keyboard.press("n")
    expect(page.get_by_role("heading", name=name).first).to_be_visible()
    page.wait_for_load_state()


def ban_by_keyboard(case: Page) -> None:
    """What, why, Enter; before that a look at the blurred photo and at the help."""
    expect(case.locator(".mm-blurred")).to_be_visible()
    case.keyboard.press("b")
    expect(case.locator(".mm-blurred")).to_have_count(0)
    case.keyboard.press("?")
    expect(case.get_by_role("dialog")).to_be_visible()
    case.keyboard.press("Escape")
    case.keyboard.press("7")
    case.keyboard.press("m")
    case.keyboard.press("Enter")
    expect(case.get_by_text("Ban: done.")).to_be_visible()


def test_it_goes_from_report_to_appeal_and_back(simulator: Deployment, meet: Meet, windows: Windows) -> None:
    ida, otto = meet("Ida", "Otto", "Reykjavik")

    moderator = sign_in(windows, simulator, "moderator")
    open_first_case(moderator, "Otto")
    case = moderator.url
    ban_by_keyboard(moderator)
    assert is_banned(simulator, otto)
    ida.wait_for("done something about it")

    # the member reads the statement, and appeals with one tap and words
    otto.wait_for("A decision about your account")
    otto.wait_for("clause 1")
    otto.tap("appeal:")
    otto.wait_for("Write in one message")
    otto.write("I turned 28 in August")
    otto.wait_for("Your appeal is with another moderator")

    # who decided cannot decide the appeal
    go_to(moderator, "Appeals")
    moderator.locator("#result_list").get_by_role("link").first.click()
    expect(moderator.get_by_text("I turned 28 in August")).to_be_visible()
    expect(moderator.get_by_role("button", name="Overturn")).to_have_count(0)

    # somebody else overturns it, and all is as it was
    senior = sign_in(windows, simulator, "senior")
    go_to(senior, "Appeals")
    senior.locator("#result_list").get_by_role("link").first.click()
    senior.get_by_label("Answer to the member").fill("Your birthday is right")
    senior.get_by_role("button", name="Overturn").click()
    expect(senior.get_by_text("Decision overturned").first).to_be_visible()
    otto.wait_for("agrees with you")
    assert not is_banned(simulator, otto)
    otto.browse_to("Ida")
    senior.goto(case)
    expect(senior.get_by_text("Strikes in effect: 0")).to_be_visible()


def test_it_tells_the_second_of_two_moderators_that_the_first_is_at_it(
    simulator: Deployment, meet: Meet, windows: Windows
) -> None:
    _ilse, omar = meet("Ilse", "Omar", "Oslo")

    moderator = sign_in(windows, simulator, "moderator")
    open_first_case(moderator, "Omar")
    senior = sign_in(windows, simulator, "senior")
    senior.goto(moderator.url)
    expect(senior.get_by_text("moderator is working on this case")).to_be_visible()

    # a warning, and the key that takes it back
    moderator.keyboard.press("2")
    moderator.keyboard.press("m")
    moderator.keyboard.press("Enter")
    expect(moderator.get_by_text("Warn: done.")).to_be_visible()
    omar.wait_for("This is a warning")
    moderator.goto(senior.url)
    moderator.wait_for_load_state()
    moderator.keyboard.press("u")
    expect(moderator.get_by_text("Undone: everything is as it was before.")).to_be_visible()
    omar.wait_for("has been taken back")


def test_it_verifies_a_selfie_by_keyboard_and_shows_the_badge(
    simulator: Deployment, meet: Meet, windows: Windows, make_photo: Callable[[str], Path]
) -> None:
    una, ole = meet("Una", "Ole", "Trondheim")
    una.write("/verify")
    una.wait_for("with this gesture")
    una.send_photo(make_photo("olive"))
    una.wait_for("A moderator will look at it; you will read")

    moderator = sign_in(windows, simulator, "moderator")
    go_to(moderator, "Verifications")
    expect(moderator.locator("#result_list")).to_contain_text("Una")
    moderator.wait_for_load_state()
    moderator.keyboard.press("n")
    expect(moderator.get_by_role("heading", name="Una").first).to_be_visible()
    moderator.wait_for_load_state()
    expect(moderator.get_by_role("img", name="The selfie")).to_have_js_property("complete", True)
    expect(moderator.locator(".mm-blurred")).to_have_count(1)
    moderator.keyboard.press("b")
    expect(moderator.locator(".mm-blurred")).to_have_count(0)
    moderator.keyboard.press("1")
    moderator.keyboard.press("Enter")
    expect(moderator.get_by_text("Una: Verified")).to_be_visible()

    una.wait_for("Your photos are verified until")
    ole.browse_to("Una")
    ole.wait_for("Photos verified")
