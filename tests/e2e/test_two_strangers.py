"""Two people find each other: from /start to a conversation, each in their own language."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import urllib3
from playwright.sync_api import expect

from tests.e2e.conftest import Windows
from tests.e2e.newcomer import Newcomer, sign_up
from tests.e2e.pane import Pane
from tests.e2e.stack import Deployment


@pytest.fixture(params=["simulator", "telegram_elsewhere"])
def deployment(request: pytest.FixtureRequest) -> Deployment:
    found: Deployment = request.getfixturevalue(request.param)
    return found


def test_it_brings_two_strangers_from_start_to_a_conversation(
    deployment: Deployment, windows: Windows, make_photo: Callable[[str], Path]
) -> None:
    page = windows.open(f"{deployment.telegram.url}/simulator/?left=new")
    nina, mateo = Pane(page, "left"), Pane(page, "right")
    nina.create("Nina", username="nina_at_telegram")
    mateo.create("Mateo", language="es", username="mateo_at_telegram")
    sign_up(nina, Newcomer("Nina", "woman", ["man"], make_photo("tomato"), interests=["hiking", "running"]))
    mateos = Newcomer("Mateo", "man", ["woman", "nonbinary"], make_photo("teal"), bio="Me gusta la montaña.")
    sign_up(mateo, mateos)
    mateo.sees("¿Echamos un vistazo?")

    meet(nina, mateo)
    talk(nina, mateo, make_photo("gold"))

    for one, other, name in [(nina, mateo, "mateo"), (mateo, nina, "nina")]:
        shown = one.text() + messages_of(deployment, one)
        assert f"{name}_at_telegram" not in shown.lower()
        assert str(other.persona_id) not in shown


def meet(nina: Pane, mateo: Pane) -> None:
    nina.command("browse")
    nina.tap_under("Mateo, ", "like:")
    nina.hears("Liked")
    mateo.tap("browse")
    mateo.tap_under("Nina, ", "like:")
    nina.sees("a match! You and Mateo")
    mateo.sees("Nina")
    nina.tap("chat:")
    nina.sees("You are talking to Mateo")


def talk(nina: Pane, mateo: Pane, picture: Path) -> None:
    nina.write("Hi Mateo, which mountain is your favourit?")
    mateo.sees("which mountain is your favourit?")
    nina.edit("favourit?", "Hi Mateo, which mountain is your favourite?")
    expect(mateo.sees("which mountain is your favourite?").get_by_test_id("edited")).to_be_visible()
    mateo.sees_no("favourit?")

    mateo.reply("which mountain is your favourite?", "Kazbek, at sunrise. ¿Y tú?")
    answer = nina.sees("Kazbek, at sunrise. ¿Y tú?")
    expect(answer).to_contain_text("which mountain is your favourite?")

    nina.send_photo(picture, "This one!")
    photo = mateo.sees("This one!")
    expect(photo.get_by_test_id("protected")).to_be_visible()
    expect(photo.locator("img")).to_have_js_property("naturalWidth", 600)


def messages_of(deployment: Deployment, pane: Pane) -> str:
    """All that Telegram keeps of the messages in a chat: what a client that shows more than ours could show."""
    chat = urllib3.request("GET", f"{deployment.telegram.url}/simulator/api/chats/{pane.persona_id}").json()
    return json.dumps(chat["messages"])


def test_it_has_no_simulator_of_its_own_when_telegram_is_elsewhere(telegram_elsewhere: Deployment) -> None:
    assert urllib3.request("GET", f"{telegram_elsewhere.product.url}/simulator/").status == 404
    assert urllib3.request("GET", f"{telegram_elsewhere.telegram.url}/simulator/").status == 200
