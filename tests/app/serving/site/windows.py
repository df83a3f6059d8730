"""The page in windows of a real browser: opening it, using it, what is wrong with it.

Needs playwright and a Chromium; without them tests are skipped (tests/refiner/report/test_html_browser.py).
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
from tests.browsing import faint_texts, small_targets
from tests.refiner.report.test_html_browser import browser

__all__ = ["browser"]  # a fixture

QUESTION: Final = "Did perch double?"
FIRST: Final = "<answer><snippet id=S1>By 2010 perch had doubled in the lake.</snippet> "
"""How a model begins its answer."""
SECOND: Final = "<snippet id=S2>Otters built a railway.</snippet></answer>"

Visit = Callable[..., Any]
"""Opens an address in a fresh window; see `visit`."""


@pytest.fixture
def visit(browser: Any) -> Iterator[Visit]:
    """A function that opens an address. The page has a list `heard` of what should not be: requests elsewhere,
    dialogs, errors, complaints about the policy."""
    contexts = []

    def open_address(url: str, *, width: int = 1200, height: int = 850, **options: Any) -> Any:
        context = browser.new_context(viewport={"width": width, "height": height}, accept_downloads=True, **options)
        context.set_default_timeout(20_000)
        contexts.append(context)
        page = context.new_page()
        page.heard = []
        origin = "/".join(url.split("/")[:3])
        page.on("console", lambda message: page.heard.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: page.heard.append(f"error: {error}"))
        page.on("dialog", lambda dialog: (page.heard.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on(
            "request",
            lambda request: None
            if request.url.startswith((f"{origin}/", "data:,"))
            else page.heard.append(f"request: {request.url}"),
        )
        page.goto(url)
        return page

    yield open_address
    for context in contexts:
        context.close()


def ask(page: Any, question: str = QUESTION) -> None:
    """Asks, on the first page."""
    page.get_by_role("textbox", name="Question").fill(question)
    page.get_by_role("button", name="Ask").click()


def answered(page: Any) -> None:
    """Waits for the answer."""
    page.locator("#answer-text").wait_for()


def claims(page: Any) -> list[str]:
    """The claims of the answer."""
    found: list[str] = page.locator(".said").all_inner_texts()
    return found


def check(page: Any, word: str, name: str) -> None:
    """Ticks `Pin` or `Drop` of the passage of this source."""
    if page.get_by_text("found and not used").count():
        page.locator(".unused").evaluate("element => { element.open = true; }")
    page.get_by_role("checkbox", name=f"{word} {name}").check()


def complaints(page: Any) -> list[str]:
    """What axe finds that keeps people out."""
    from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]

    found = Axe().run(page).response["violations"]
    return [
        f"{one['id']}: {one['help']}: {one['nodes'][0]['html'][:200]}"
        for one in found
        if one["impact"] in ("serious", "critical")
    ]


def sideways(page: Any) -> bool:
    """Whether the page must be scrolled sideways."""
    wider: bool = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    return wider


def fit(page: Any) -> None:
    """The page is one that people can use, whatever they use."""
    assert complaints(page) == []
    assert faint_texts(page) == []
    assert small_targets(page) == []
    assert not sideways(page)


def inert(page: Any) -> None:
    """Nothing of what others wrote has become more than text."""
    assert page.heard == []
    assert page.evaluate("window.pwned") is None
    assert page.locator("body img, iframe, base, body svg, body style, body script").count() == 0
    assert page.title() != "gone"
