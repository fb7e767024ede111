"""Somebody buys Plus in the chat, and staff give them their Stars back."""

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect

from tests.e2e.conftest import Windows
from tests.e2e.newcomer import Newcomer, sign_up
from tests.e2e.pane import Pane
from tests.e2e.stack import Deployment
from tests.e2e.test_admin import go_to, sign_in


def test_it_sells_plus_and_gives_the_stars_back(
    simulator: Deployment, windows: Windows, make_photo: Callable[[str], Path]
) -> None:
    product = simulator.product
    product.manage("seed_demo", "--members", "0")
    product.manage("flags", "set", "plus.on_sale", "--where", "source in journey", "--reason", "a journey")
    pia = Pane(windows.open(f"{simulator.telegram.url}/simulator/?left=new"))
    pia.create("Pia")
    pia.root.get_by_test_id("start-payload").fill("journey")
    sign_up(pia, Newcomer("Pia", "nonbinary", ["nonbinary"], make_photo("navy"), city="Reykjavík"))
    pia.tap("browse")  # from this turn on her menu has it

    pia.command("plus")
    pia.sees("250 Telegram Stars for 30 days")
    pia.tap("plus:buy")
    pia.root.get_by_test_id("pay").click()
    pia.sees("Thank you! You have Plus until")
    expect(pia.root.get_by_test_id("pay")).to_have_text("Paid")
    expect(pia.root.get_by_test_id("service")).to_have_text("You paid ⭐ 250")

    page = sign_in(windows, simulator, "admin")
    go_to(page, "Purchases")
    page.locator("#result_list").get_by_role("link").first.click()
    page.get_by_text("Give 250 Stars back").first.click()
    page.get_by_label("Reason", exact=True).fill("She has changed her mind")
    page.get_by_role("button", name="Give 250 Stars back").click()
    expect(page.get_by_text("Telegram is being told to send the Stars back.")).to_be_visible()

    pia.sees("We have sent you 250 Stars back. Your Plus has ended.")
    expect(pia.root.get_by_test_id("service").last).to_have_text("⭐ 250 came back to you")
