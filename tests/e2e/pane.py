"""The simulator's page, as somebody uses it who plays a persona in one of its two panes."""

from pathlib import Path

from playwright.sync_api import Locator, Page, expect


class Pane:
    """One chat with the bot on the page."""

    def __init__(self, page: Page, side: str = "left") -> None:
        self.page = page
        self.root = page.get_by_test_id(f"pane-{side}")

    # ---- Who plays

    def create(self, name: str, *, language: str = "en", username: str = "") -> int:
        """Becomes somebody new, by the form that an empty pane shows; their Telegram id."""
        self.root.get_by_test_id("persona-name").fill(name)
        self.root.get_by_test_id("persona-language").select_option(language)
        self.root.get_by_test_id("persona-username").fill(username)
        self.root.get_by_test_id("persona-create").click()
        expect(self.root.get_by_test_id("persona-current")).to_have_text(name)
        return self.persona_id

    def become(self, name: str) -> None:
        """Becomes somebody who is there already."""
        self.root.get_by_test_id("persona-picker").click()
        self.root.get_by_test_id("persona-search").fill(name)
        self.root.get_by_test_id("persona-option").filter(has_text=name).first.click()
        expect(self.root.get_by_test_id("persona-current")).to_have_text(name)

    @property
    def persona_id(self) -> int:
        """As the address of the page has it."""
        side = self.root.get_attribute("data-side")
        return int(self.page.evaluate("side => new URLSearchParams(location.search).get(side)", side))

    # ---- What they do

    def start(self) -> None:
        self.root.get_by_test_id("start").click()

    def write(self, text: str) -> None:
        self.root.get_by_test_id("composer").fill(text)
        self.root.get_by_test_id("send").click()

    def command(self, name: str) -> None:
        """Chooses a command from the menu."""
        self.root.get_by_test_id("command-menu").click()
        self.root.get_by_test_id(f"command-{name}").click()

    def tap(self, button: str) -> None:
        self.button(button).click()

    def tap_under(self, words: str, button: str) -> None:
        """Taps a button of the newest message with these words."""
        self.message(words).locator(f'[data-callback^="{button}"]').click()

    def press(self, label: str) -> None:
        """Presses a key of the bot's own keyboard, below the input field."""
        self.root.get_by_test_id("reply-keyboard-button").filter(has_text=label).click()

    def send_photo(self, path: Path, caption: str = "") -> None:
        self.root.get_by_test_id("composer").fill(caption)
        self.root.get_by_test_id("attach-photo").set_input_files(path)

    def edit(self, words: str, new_words: str) -> None:
        self._use_tool(words, "edit")
        self.write(new_words)

    def reply(self, words: str, answer: str) -> None:
        self._use_tool(words, "reply")
        self.write(answer)

    # ---- What they see

    def message(self, words: str) -> Locator:
        """The newest message with these words."""
        return self.root.get_by_test_id("message").filter(has_text=words).last

    def sees(self, words: str) -> Locator:
        """The newest message with these words, once it is there."""
        message = self.message(words)
        expect(message).to_be_visible()
        return message

    def sees_no(self, words: str) -> None:
        """Returns when no message has these words, or has them no more."""
        expect(self.root.get_by_test_id("message").filter(has_text=words)).to_have_count(0)

    def hears(self, words: str) -> None:
        """Returns when a tap is answered with these words."""
        expect(self.root.get_by_test_id("toast").or_(self.root.get_by_test_id("alert"))).to_contain_text([words])

    def wait_for_button(self, button: str) -> None:
        expect(self.button(button)).to_be_visible()

    def wait_for_keyboard(self) -> None:
        expect(self.root.get_by_test_id("reply-keyboard-button").first).to_be_visible()

    def text(self) -> str:
        """All that the chat shows."""
        return self.root.get_by_role("log").inner_text()

    def button(self, button: str) -> Locator:
        return self.root.locator(f'[data-callback^="{button}"]').last

    def _use_tool(self, words: str, tool: str) -> None:
        message = self.message(words)
        message.hover()
        message.get_by_test_id(tool).click()
