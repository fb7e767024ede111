"""The other ways that people go: an empty deck, taking a swipe back, blocking, parting, leaving for good."""

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect

from tests.e2e.chat import Chat
from tests.e2e.conftest import Windows
from tests.e2e.newcomer import Newcomer, sign_up
from tests.e2e.pane import Pane
from tests.e2e.stack import Deployment

MakePhoto = Callable[[str], Path]


def nonbinary(name: str, photo: Path, born: str = "24.08.1998") -> Newcomer:
    """Whom nobody of the other tests gets to see."""
    return Newcomer(name, "nonbinary", ["nonbinary"], photo, city="Ljubljana", born=born)


def arrive(deployment: Deployment, who: Newcomer) -> Chat:
    chat = Chat(deployment.telegram, who.name)
    sign_up(chat, who)
    return chat


def test_it_goes_through_an_empty_deck_undo_block_unmatch_and_deletion(
    simulator: Deployment, windows: Windows, make_photo: MakePhoto
) -> None:
    kim = arrive(simulator, nonbinary("Kim", make_photo("plum"), born="01.02.1965"))
    kim.write("/preferences")
    kim.tap("edit:age_range")
    kim.wait_for("From which age to which?")
    kim.write("18-99")
    kim.wait_for("18–99")
    sam = arrive(simulator, nonbinary("Sam", make_photo("peru")))
    page = windows.open(f"{simulator.telegram.url}/simulator/?left=new&right={sam.id}")
    robin, sams_pane = Pane(page, "left"), Pane(page, "right")
    robin.create("Robin")
    sign_up(robin, nonbinary("Robin", make_photo("orchid")))

    empty_the_deck(robin)
    widen_and_block(robin, kim)
    match_and_part(robin, sams_pane)
    alex = arrive(simulator, nonbinary("Alex", make_photo("salmon")))
    jo = arrive(simulator, nonbinary("Jo", make_photo("sienna")))
    delete_the_account(robin, alex, jo)


def empty_the_deck(robin: Pane) -> None:
    robin.command("browse")
    robin.tap_under("Sam, ", "pass:")
    robin.sees("1 person is outside your age range")
    robin.tap("undo")
    robin.hears("Taken back")
    robin.tap_under("Sam, ", "like:")
    robin.sees("1 person is outside your age range")


def widen_and_block(robin: Pane, kim: Chat) -> None:
    expect(robin.button("widen_age:")).to_contain_text("(+1)")
    robin.tap("widen_age:")
    robin.tap_under("Kim, ", "block:")
    robin.hears("Kim is blocked")
    robin.sees("You have seen everybody")
    robin.sees_no("Kim, ")
    kim.write("/browse")
    kim.wait_for("You have seen everybody")
    assert not kim.sees("Robin, ")


def match_and_part(robin: Pane, sam: Pane) -> None:
    sam.tap("browse")
    sam.tap_under("Robin, ", "like:")
    for pane, partner in ((robin, "Sam"), (sam, "Robin")):
        pane.tap("chat:")
        pane.sees(f"You are talking to {partner}")
    sam.write("Hello Robin!")
    robin.sees("Hello Robin!")
    robin.press("⋯ Sam")
    robin.tap("unmatch:")
    robin.tap("unmatch_yes:")
    robin.sees("You and Sam are no longer matched")
    sam.sees("Robin has ended the match")
    sam.write("Are you there?")
    sam.sees("this went to nobody")
    robin.sees_no("Are you there?")


def delete_the_account(robin: Pane, alex: Chat, jo: Chat) -> None:
    """While Alex talks to Robin, and Jo looks at Robin's card."""
    alex.browse_to("Robin")
    alex.tap("like:")
    robin.command("browse")
    robin.tap_under("Alex, ", "like:")
    alex.tap("chat:")
    alex.wait_for("You are talking to Robin")
    jo.browse_to("Robin")

    robin.command("settings")
    robin.tap("delete")
    robin.tap("delete_yes")
    robin.sees("Everything about you is erased")

    alex.wait_for("Robin has ended the match")
    alex.write("/matches")
    alex.wait_for("You have no matches yet")
    alex.write("Are you there?")
    alex.wait_for("this went to nobody")
    jo.tap("like:")
    jo.wait_until_gone("Robin, ")
    robin.write("Hello?")
    robin.sees("Send /start to begin")
