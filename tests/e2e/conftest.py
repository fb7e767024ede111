"""The real processes and a real browser. One worker of pytest-xdist starts each once (tests/scheduling.py)."""

import shutil
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.e2e.stack import Deployment, with_simulator, with_telegram_elsewhere

CHROMIUM_ARGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATIENCE_SECS = 30
expect.set_options(timeout=PATIENCE_SECS * 1000)


# ---- The processes


@pytest.fixture(scope="session")
def simulator(worker_id: str) -> Iterator[Deployment]:
    with with_simulator(worker_id) as deployment:
        yield deployment


@pytest.fixture(scope="session")
def staffed(simulator: Deployment) -> Deployment:
    """With the demo logins, and without demo members."""
    simulator.product.manage("seed_demo", "--members", "0")
    return simulator


@pytest.fixture(scope="session")
def telegram_elsewhere(worker_id: str) -> Iterator[Deployment]:
    with with_telegram_elsewhere(f"{worker_id}-elsewhere") as deployment:
        yield deployment


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Function, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Shows of a failed test what the processes said last, and where a picture of each open page is."""
    report = yield
    if report.failed:
        used = item.funcargs.values()
        stacks = {stack.name: stack for each in used if isinstance(each, Deployment) for stack in each.stacks}
        report.sections += [(f"The end of the logs of {name}", stack.log_tails()) for name, stack in stacks.items()]
        pictures = [each.picture(item.name) for each in used if isinstance(each, Windows)]
        report.sections += [("Pictures of the pages", picture) for picture in pictures]
    return report


# ---- The browser


@dataclass
class Windows:
    """The windows of one test's browser, each with cookies of its own, and what its pages complained of."""

    browser: Browser
    folder: Path
    complaints: list[str] = field(default_factory=list)
    _contexts: list[BrowserContext] = field(default_factory=list)

    def open(self, url: str, *, width: int = 1280, height: int = 800, is_phone: bool = False) -> Page:
        context = self.browser.new_context(
            viewport={"width": width, "height": height}, has_touch=is_phone, is_mobile=is_phone
        )
        context.set_default_timeout(PATIENCE_SECS * 1000)
        self._contexts.append(context)
        # Refusals by the Content Security Policy are errors of the console, too.
        context.on("console", lambda said: said.type == "error" and self.complaints.append(said.text))
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        page = context.new_page()
        page.goto(url)
        return page

    def picture(self, name: str) -> str:
        """Where the pictures of all open pages are."""
        paths = []
        for number, page in enumerate(page for context in self._contexts for page in context.pages):
            paths.append(self.folder / f"{name}-{number}.png")
            page.screenshot(path=paths[-1])
        return "\n".join(map(str, paths))

    def close(self) -> None:
        for context in self._contexts:
            context.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Not for the whole session: while it is open, nothing else in this process may use asyncio."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM_ARGS)
        yield chromium
        chromium.close()


@pytest.fixture
def windows(browser: Browser, tmp_path: Path) -> Iterator[Windows]:
    """Fails the test when any of its pages wrote an error to the console or was refused something by the CSP."""
    windows = Windows(browser, tmp_path)
    yield windows
    windows.close()
    assert windows.complaints == []


@pytest.fixture(scope="session")
def make_photo(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A picture file of one colour."""
    folder = tmp_path_factory.mktemp("photos")

    def make(colour: str) -> Path:
        path = folder / f"{colour}.jpg"
        Image.new("RGB", (600, 800), colour).save(path)
        return path

    return make
