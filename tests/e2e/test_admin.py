"""The admin in a browser: what moderators and product managers come for."""

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.e2e.chat import Chat
from tests.e2e.conftest import Windows
from tests.e2e.newcomer import Newcomer, sign_up
from tests.e2e.stack import Deployment

PARK_AN_UPDATE = """
from apps.bot.models import Update
Update.objects.create(bot_id=1, update_id=777, status="parked", attempts=6, error="KeyError at chat.py:10 (relay)")
"""


def sign_in(windows: Windows, deployment: Deployment, name: str) -> Page:
    page = windows.open(f"{deployment.product.url}/admin/")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(name)
    page.get_by_role("button", name="Log in").click()
    expect(page).to_have_url(f"{deployment.product.url}/admin/")
    return page


def go_to(page: Page, section: str) -> None:
    page.locator("#nav-sidebar").get_by_role("link", name=section).click()


def test_it_shows_moderators_a_member_and_what_went_wrong(
    staffed: Deployment, windows: Windows, make_photo: Callable[[str], Path]
) -> None:
    wanda = Chat(staffed.telegram, "Wanda")
    sign_up(wanda, Newcomer("Wanda", "woman", ["nonbinary"], make_photo("maroon"), city="Zagreb"))
    wanda.block_bot()
    wanda.tap("browse")  # its answer cannot be delivered
    staffed.product.manage("shell", "-c", PARK_AN_UPDATE)

    page = sign_in(windows, staffed, "moderator")
    go_to(page, "Members")
    page.get_by_placeholder("Name or id of a member").fill("Wanda")
    page.keyboard.press("Enter")
    page.locator("#result_list").get_by_role("link", name="Wanda").click()
    expect(page.get_by_role("heading", name="Wanda")).to_be_visible()
    expect(page.get_by_text("Zagreb").first).to_be_visible()

    page.locator(".mm-related").get_by_role("link", name="Deliveries").click()
    row = page.locator("#result_list tbody tr").filter(has_text="Failed").first
    row.get_by_role("link").first.click()
    expect(page.get_by_text("blocked").first).to_be_visible()

    go_to(page, "Updates with errors")
    page.get_by_role("link", name="777").click()
    expect(page.get_by_text("KeyError at chat.py:10 (relay)").first).to_be_visible()


def test_it_shows_product_managers_flags_and_no_member(staffed: Deployment, windows: Windows) -> None:
    page = sign_in(windows, staffed, "product")

    sections = page.locator("#nav-sidebar")
    expect(sections.get_by_role("link", name="Flags")).to_be_visible()
    expect(sections.get_by_role("link", name="Members")).to_have_count(0)
    assert page.request.get(f"{staffed.product.url}/admin/users/member/").status == 403
    go_to(page, "Flags")
    expect(page.get_by_role("heading", name="flag").first).to_be_visible()
