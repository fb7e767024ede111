"""Flags in a browser: what a product manager does to them, and how soon the product's processes obey."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from subprocess import Popen

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.chat import Chat
from tests.e2e.conftest import Windows
from tests.e2e.newcomer import Newcomer, sign_up
from tests.e2e.stack import Deployment
from tests.e2e.test_admin import go_to, sign_in

OBEYED_WITHIN_SECS = 2.0
# Says when it is answered something else than before.
WATCH = """
import time
from apps import flags
from apps.users.models import User
member, last = User.objects.get(pk="{member}"), None
while True:
    answer = flags.is_enabled("{flag}", member)
    if answer != last:
        print(answer, time.time(), flush=True)
        last = answer
    time.sleep(0.01)
"""
# A fortnight of members, whom notes have helped to more matches and to no fewer blocks.
FORTNIGHT = """
from datetime import timedelta
from django.utils import timezone
from apps.flags.models import Experiment, Exposure, Outcome
study = Experiment.objects.get(name="{name}")
for day in range(14):
    at = timezone.now() - timedelta(days=day, hours=1)
    for variant, matches in (("without", 58), ("with", 78 + day % 3)):
        members = [Exposure(study=study.pk, variant=variant, at=at) for _ in range(300 + 7 * day % 11)]
        seen = Exposure.objects.bulk_create(members)
        happened = [("match", one) for one in seen[:matches]] + [("block", one) for one in seen[-9 - day % 4:]]
        Outcome.objects.bulk_create([Outcome(exposure=one, metric=what, at=at) for what, one in happened])
"""
AS_IN_THE_CODE = """
from apps.flags import services as flags
for flag in ("bot.notes", "moderation.ask_after_block"):
    flags.change(flag, by=None, reason="the test is over", everyone=None, percent=None, segment=[])
"""


@pytest.fixture(scope="module")
def vera(staffed: Deployment, make_photo: Callable[[str], Path]) -> str:
    """A member's id."""
    chat = Chat(staffed.telegram, "Vera")
    sign_up(chat, Newcomer("Vera", "woman", ["nonbinary"], make_photo("teal"), city="Zagreb"))
    find = f"from apps.users.models import User; print(User.objects.get(telegram_id={chat.id}).pk)"
    return staffed.product.manage("shell", "--verbosity", "0", "-c", find).strip()


@pytest.fixture
def _flags_as_before(simulator: Deployment) -> Iterator[None]:
    """Afterwards: the processes are other tests', too."""
    yield
    simulator.product.manage("shell", "--verbosity", "0", "-c", AS_IN_THE_CODE)


@pytest.fixture
def processes(simulator: Deployment, vera: str) -> Iterator[list["Popen[str]"]]:
    """Two of them, which ask for bot.notes on behalf of Vera."""
    with ExitStack() as stack:
        code = WATCH.format(member=vera, flag="bot.notes")
        yield [stack.enter_context(simulator.product.python(code)) for _ in range(2)]


def hear(processes: list["Popen[str]"], answer: bool) -> list[float]:
    """When each of them was answered this, in seconds of the epoch."""
    heard = []
    for process in processes:
        assert process.stdout
        said, when = process.stdout.readline().split()
        assert said == str(answer)
        heard.append(float(when))
    return heard


def obeyed(page: Page, processes: list["Popen[str]"], answer: bool) -> None:
    """They all answer so within two seconds of the newest revision."""
    heard = hear(processes, answer)
    history = page.request.get(f"{page.url.partition('/admin/')[0]}/api/v1/flags/bot.notes/history").json()
    changed = datetime.fromisoformat(history[0]["at"]).timestamp()
    assert max(heard) - changed < OBEYED_WITHIN_SECS


def open_flag(page: Page, name: str = "bot.notes") -> None:
    go_to(page, "Flags")
    page.locator("#result_list th").get_by_role("link", name=name).click()
    expect(page.get_by_label("Kill switch")).to_be_visible()


def save(page: Page, reason: str) -> None:
    page.get_by_label("Reason").fill(reason)
    page.get_by_role("button", name="Save", exact=True).click()


@pytest.mark.usefixtures("_flags_as_before")
def test_it_lets_a_product_manager_flip_look_up_ramp_and_restore(
    simulator: Deployment, vera: str, processes: list["Popen[str]"], windows: Windows
) -> None:
    page = sign_in(windows, simulator, "product")
    hear(processes, True)

    # off with one click and a reason, from the list
    go_to(page, "Flags")
    page.get_by_role("link", name="bot.notes is on: switch it off").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("will have it")).to_be_visible()
    dialog.get_by_label("Reason").fill("notes are misused")
    dialog.get_by_role("button", name="Switch off").click()
    expect(page.get_by_text("Switched off.")).to_be_visible()
    obeyed(page, processes, False)

    # why Vera does not have it
    open_flag(page)
    page.get_by_label("Whole id of a member").fill(vera)
    page.get_by_role("button", name="Look up").click()
    expect(page.get_by_text("switched off for everyone")).to_be_visible()

    # back to rules, for those of her country; the page shows what will change and asks, since it touches everybody
    page.get_by_label("Everyone").select_option("As the rules say")
    page.get_by_label("Rules").fill("country in HR")
    expect(page.get_by_text("This touches many")).to_be_visible()
    save(page, "only where moderators read the language")
    page.get_by_role("button", name="Yes, make this change").click()
    expect(page.get_by_text("Changed.")).to_be_visible()
    obeyed(page, processes, True)

    # everything as it was after the first change
    page.goto(f"{simulator.product.url}/admin/flags/flag/")
    open_flag(page)
    page.get_by_role("link", name="History").first.click()
    first = page.locator(".mm-revisions li").filter(has_text="notes are misused")
    first.get_by_label("Reason").fill("misused there, too")
    first.get_by_role("button", name="Restore").click()
    expect(page.get_by_text("Restored.")).to_be_visible()
    obeyed(page, processes, False)


@pytest.mark.usefixtures("_flags_as_before")
def test_it_ramps_a_flag_up_and_takes_it_back(simulator: Deployment, vera: str, windows: Windows) -> None:
    page = sign_in(windows, simulator, "product")
    open_flag(page, "moderation.ask_after_block")
    page.get_by_role("spinbutton", name="Percent").fill("0")
    expect(page.get_by_text("This touches many")).to_be_visible()
    save(page, "begin from nobody")
    page.get_by_role("button", name="Yes, make this change").click()
    expect(page.get_by_text("Changed.")).to_be_visible()

    go_to(page, "Ramps")
    page.get_by_role("link", name="Add ramp").click()
    page.get_by_label("Flag").select_option("moderation.ask_after_block")
    page.get_by_label("Steps").fill("25 % for 1 hour\nhalf for a day")
    page.get_by_label("Reason").fill("do more people report now?")
    page.get_by_role("button", name="Start the ramp").click()
    expect(page.get_by_text("half for a day")).to_have_count(2)  # what was typed, and what is wrong with it
    page.get_by_label("Steps").fill("25 % for 1 hour\n100 % for 1 day")
    page.get_by_role("button", name="Start the ramp").click()
    expect(page.get_by_text("The first step is taken.")).to_be_visible()
    expect(page.locator("[aria-current=step]")).to_contain_text("25 %")

    open_flag(page, "moderation.ask_after_block")
    expect(page.get_by_role("status").filter(has_text="A change by hand ends it.")).to_be_visible()
    page.get_by_role("link", name="Ramp", exact=False).filter(has_text="25").click()
    page.get_by_text("Roll back", exact=True).first.click()
    act = page.locator("details[open]")
    act.get_by_label("Reason").fill("the question is not translated")
    act.get_by_role("button", name="Roll back").click()
    expect(page.get_by_text("Rolled back.")).to_be_visible()
    open_flag(page, "moderation.ask_after_block")
    expect(page.get_by_role("spinbutton", name="Percent")).to_have_value("0.00")


def test_it_asks_a_second_person_before_a_dangerous_flag_changes(
    simulator: Deployment, vera: str, windows: Windows
) -> None:
    page = sign_in(windows, simulator, "product")
    go_to(page, "Flags")
    page.get_by_role("link", name="signup.open is on: switch it off").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("waits until somebody else has approved it")).to_be_visible()
    dialog.get_by_label("Reason").fill("too many at once")
    dialog.get_by_role("button", name="Switch off").click()
    expect(page.get_by_text("somebody else has to approve it").first).to_be_visible()
    expect(page.get_by_role("link", name="signup.open is on: switch it off")).to_be_visible()

    approver = sign_in(windows, simulator, "approver")
    go_to(approver, "Planned changes")
    approver.locator("#result_list").get_by_role("link", name="signup.open").click()
    approver.get_by_text("Refuse", exact=True).first.click()
    act = approver.locator("details[open]")
    act.get_by_label("Reason").fill("the campaign starts today")
    act.get_by_role("button", name="Refuse").click()
    expect(approver.get_by_text("the campaign starts today").first).to_be_visible()


def draft_and_start(page: Page) -> None:
    """Compares notes with no notes; ends on the page of results, while there are none."""
    go_to(page, "Experiments")
    page.get_by_role("link", name="Add experiment").click()
    page.get_by_label("Name").fill("Notes with a like")
    page.get_by_label("Hypothesis").fill("A few words along with a like lead to more matches.")
    page.get_by_label("Flag").select_option("bot.notes")
    page.get_by_label("Variants").fill("without 50 % = off\nwith 50 % = on")
    page.get_by_label("Deciding metric").select_option("got a match")
    page.get_by_label("Window, days").fill("2")
    page.get_by_label("blocked somebody").check()
    page.get_by_role("button", name="Save, and go on to the start").click()
    expect(page.get_by_role("heading", name="Start Notes with a like?")).to_be_visible()
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_text("Too early to say").first).to_be_visible()


def test_it_shows_a_product_manager_what_an_experiment_has_found(
    simulator: Deployment, vera: str, processes: list["Popen[str]"], windows: Windows
) -> None:
    hear(processes, True)
    page = sign_in(windows, simulator, "product")
    draft_and_start(page)

    simulator.product.manage("shell", "-c", FORTNIGHT.format(name="Notes with a like"))
    page.reload()
    expect(page.get_by_text("with is better: +3").first).to_be_visible()
    expect(page.get_by_role("img", name="Lift of “with”").first).to_be_visible()
    expect(page.get_by_text("Members are split as designed")).to_be_visible()

    page.get_by_text("Stop the experiment", exact=True).first.click()
    act = page.locator("details[open]")
    act.get_by_label("Reason").fill("found what we looked for")
    act.get_by_role("button").click()
    expect(page.get_by_text("Ended").first).to_be_visible()
