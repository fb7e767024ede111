"""The simulator on a phone: one chat at a time, and nothing wider than the screen."""

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.e2e.conftest import Windows
from tests.e2e.newcomer import Newcomer, sign_up
from tests.e2e.pane import Pane
from tests.e2e.stack import Deployment


def test_it_serves_two_chats_at_phone_width(
    simulator: Deployment, windows: Windows, make_photo: Callable[[str], Path]
) -> None:
    page = windows.open(f"{simulator.telegram.url}/simulator/?left=new", width=390, height=844, is_phone=True)
    left, right = Pane(page, "left"), Pane(page, "right")
    expect(right.root).to_be_hidden()
    left.create("Lena", language="ru")
    sign_up(left, Newcomer("Лена", "nonbinary", ["man"], make_photo("crimson"), city="Helsinki"))
    left.sees("Анкета опубликована")
    fits(page)

    page.get_by_test_id("tab-right").click()
    expect(left.root).to_be_hidden()
    right.create("Rosa")
    right.start()
    right.wait_for_button("consent")
    fits(page)

    page.get_by_test_id("tab-left").click()
    left.command("profile")
    left.sees("Лена, ")
    expect(left.root.get_by_test_id("send")).to_be_in_viewport(ratio=1)
    fits(page)


def fits(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth") == 390
