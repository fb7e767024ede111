"""Takes the README's pictures from the running thing: `make screenshots`."""

import shutil
import tempfile
from io import BytesIO
from pathlib import Path
from random import Random

import django
from PIL import Image

django.setup()

from playwright.sync_api import Browser, Page, expect, sync_playwright  # noqa: E402

from meetsmatch.demo.avatars import draw_avatar  # noqa: E402
from meetsmatch.demo.looks import invent_look  # noqa: E402
from meetsmatch.demo.scenes import draw_scene  # noqa: E402
from meetsmatch.run import ROOT  # noqa: E402
from tests.e2e.chat import Chat  # noqa: E402
from tests.e2e.conftest import CHROMIUM_ARGS  # noqa: E402
from tests.e2e.newcomer import Newcomer, sign_up  # noqa: E402
from tests.e2e.pane import Pane  # noqa: E402
from tests.e2e.stack import Stack, with_simulator  # noqa: E402
from tests.e2e.test_flags import FORTNIGHT, draft_and_start  # noqa: E402

FOLDER = ROOT / "docs" / "screenshots"
CITY = "Bilbao"  # where no demo member is: the two see each other at once
MAX_BYTES = 350_000


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with with_simulator("screenshots") as deployment, sync_playwright() as playwright:
        deployment.product.manage("seed_demo")
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM_ARGS)
        with tempfile.TemporaryDirectory() as pictures:
            nina_id = show_the_bot(browser, deployment.product, Path(pictures))
            show_the_phone(browser, deployment.product, nina_id)
            fail_a_delivery(deployment.product, Path(pictures))
        show_the_admin(browser, deployment.product)
        show_cases(browser, deployment.product)
        show_moderation(browser, deployment.product)
        show_flags(browser, deployment.product)
        browser.close()


def shoot(page: Page, name: str) -> None:
    """Writes the picture, once all images on the page are there and answers to taps are gone."""
    for toast in page.get_by_test_id("toast").all():
        expect(toast).to_be_hidden()
    page.mouse.move(0, 0)
    for image in page.locator("img:visible").all():
        expect(image).to_have_js_property("complete", True)
    path = FOLDER / f"{name}.png"
    page.screenshot(path=path, animations="disabled")
    assert path.stat().st_size < MAX_BYTES, f"{path} is too big for a README"


def show_the_bot(browser: Browser, stack: Stack, pictures: Path) -> int:
    """Nina's Telegram id."""
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.goto(f"{stack.url}/simulator/?left=new")
    nina, mateo = Pane(page, "left"), Pane(page, "right")
    nina.create("Nina", username="nina")
    mateo.create("Mateo", language="es", username="mateo")
    sign_up(mateo, newcomer(pictures, "Mateo", "man", ["woman"], "Mountains on Saturdays, pancakes on Sundays."))
    sign_up(nina, newcomer(pictures, "Nina", "woman", ["man"], "Architect by day, baker by night. Ask me about bread."))
    nina.command("profile")
    nina.wait_for_button("edit:photos")
    mateo.command("preferences")
    mateo.wait_for_button("edit:age_range")
    shoot(page, "simulator")

    nina.command("browse")
    mateo.command("browse")
    nina.sees("Mateo, ")
    mateo.sees("Nina, ")
    shoot(page, "card")

    nina.tap("like:")
    nina.sees("You have seen everybody")
    mateo.sees("¡Le gustas a alguien!")
    mateo.tap("browse")
    expect(mateo.message("Nina, ").locator("..").get_by_text("Nina, ")).to_have_count(2)  # the card once more
    mateo.tap("like:")
    nina.sees("a match! You and Mateo")
    mateo.sees("Nina")
    mateo.wait_for_button("chat:")
    shoot(page, "match")
    talk(nina, mateo, pictures)
    shoot(page, "conversation")
    nina_id = nina.persona_id
    page.close()
    return nina_id


def newcomer(pictures: Path, name: str, gender: str, seeking: list[str], bio: str) -> Newcomer:
    photo = pictures / f"{name}.jpg"
    photo.write_bytes(draw_avatar(invent_look(Random(name), gender, 28)))
    return Newcomer(name, gender, seeking, photo, city=CITY, bio=bio, interests=["hiking", "running"])


def talk(nina: Pane, mateo: Pane, pictures: Path) -> None:
    nina.tap("chat:")
    mateo.tap("chat:")
    nina.sees("You are talking to Mateo")
    mateo.sees("Nina")
    nina.write("Hi Mateo! Pancakes on Sundays, you say? 🥞")
    mateo.sees("Pancakes on Sundays, you say?")
    mateo.reply("Pancakes on Sundays, you say?", "Only after a proper walk. This was last Saturday:")
    nina.sees("Only after a proper walk")
    picture = pictures / "mountains.jpg"
    Image.open(BytesIO(draw_scene("mountains", 1))).crop((0, 250, 800, 750)).save(picture)
    mateo.send_photo(picture, "Gorbea, seven in the morning")
    nina.sees("Gorbea, seven in the morning")
    nina.write("Wow. I am in, and I bring the bread!")
    mateo.sees("I bring the bread!")
    mateo.write("Deal. Saturday at nine?")
    nina.sees("Deal. Saturday at nine?")


def show_the_phone(browser: Browser, stack: Stack, nina_id: int) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True)
    page.goto(f"{stack.url}/simulator/?left={nina_id}")
    Pane(page).sees("Deal. Saturday at nine?")
    shoot(page, "simulator-phone")
    page.close()


def fail_a_delivery(stack: Stack, pictures: Path) -> None:
    zoe = Chat(stack, "Zoe")
    sign_up(zoe, newcomer(pictures, "Zoe", "woman", ["woman"], "Back soon."))
    zoe.block_bot()
    zoe.tap("browse")


def signed_in(browser: Browser, stack: Stack, who: str) -> Page:
    """The admin as one of the demo's staff sees it, whose password is their name."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.goto(f"{stack.url}/admin/")
    page.get_by_label("Username").fill(who)
    page.get_by_label("Password").fill(who)
    page.get_by_role("button", name="Log in").click()
    return page


def show_the_admin(browser: Browser, stack: Stack) -> None:
    page = signed_in(browser, stack, "admin")
    expect(page.locator(".mm-figure").first).to_be_visible()
    shoot(page, "admin-dashboard")

    page.goto(f"{stack.url}/admin/notifications/delivery/")
    expect(page.locator("#result_list").get_by_text("Failed").first).to_be_visible()
    shoot(page, "admin-deliveries")

    page.goto(f"{stack.url}/admin/users/member/?state=listed&o=6")
    page.locator("#result_list tbody tr").first.get_by_role("link").first.click()
    expect(page.locator(".mm-photos img").first).to_be_visible()
    shoot(page, "admin-member")
    page.close()


def show_cases(browser: Browser, stack: Stack) -> None:
    page = signed_in(browser, stack, "moderator")
    page.goto(f"{stack.url}/admin/moderation/case/")
    expect(page.locator("#result_list tbody tr").first).to_be_visible()
    shoot(page, "admin-cases")
    page.keyboard.press("n")
    expect(page.locator(".mm-blurred").first).to_be_visible()
    shoot(page, "admin-case")
    page.close()


def show_moderation(browser: Browser, stack: Stack) -> None:
    page = signed_in(browser, stack, "admin")
    page.goto(f"{stack.url}/admin/moderation/case/dashboard/")
    expect(page.locator("svg").first).to_be_visible()
    shoot(page, "admin-moderation")
    page.goto(f"{stack.url}/admin/moderation/rule/")
    page.locator("#result_list tbody tr").first.get_by_role("link").first.click()
    expect(page.get_by_text("Facts").first).to_be_visible()
    shoot(page, "admin-rule")
    page.close()


def show_flags(browser: Browser, stack: Stack) -> None:
    page = signed_in(browser, stack, "product")
    draft_and_start(page)
    stack.manage("shell", "-c", FORTNIGHT.format(name="Notes with a like"))
    page.reload()
    expect(page.locator("svg").first).to_be_visible()
    shoot(page, "admin-experiment")

    part = ("--percent", "25", "--where", "country in ES, GE", "--reason", "a quarter for a start")
    stack.manage("flags", "set", "bot.like_notice", *part)
    page.goto(f"{stack.url}/admin/flags/flag/")
    expect(page.get_by_text("experiment running")).to_be_visible()
    shoot(page, "admin-flags")
    page.close()


if __name__ == "__main__":
    main()
