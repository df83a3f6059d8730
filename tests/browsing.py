"""What tests of pages do in a browser: open HTML, and ask what is seen of it.

In: the fixture `browser` of tests/refiner/report/test_html_browser.py. Out: the fixture `opened`, questions to a page.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from tests.refiner.report.test_html_browser import SMALLEST_TARGET
from tests.refiner.report.test_html_report import contrast

Open = Callable[..., Any]
"""Opens a page's HTML in a fresh window; see `opened`."""

LEAST_CONTRAST: Final = 4.5


@pytest.fixture
def opened(browser: Any, tmp_path: Path) -> Iterator[Open]:
    """A function that opens HTML from a file; the page has a list `heard` of all but its own request."""
    contexts = []

    def open_html(text: str, *, fragment: str = "", width: int = 1280, height: int = 900, **options: Any) -> Any:
        path = tmp_path / "page.html"
        path.write_text(text, encoding="utf-8")
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        context.set_default_timeout(5_000)
        contexts.append(context)
        page = context.new_page()
        page.heard = []
        page.on("console", lambda message: page.heard.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: page.heard.append(f"error: {error}"))
        page.on("dialog", lambda dialog: (page.heard.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("request", lambda request: page.heard.append(f"request: {request.url}"))
        page.goto(path.as_uri() + fragment)
        assert page.heard.pop(0) == f"request: {path.as_uri()}"
        return page

    yield open_html
    for context in contexts:
        context.close()


def visible(page: Any, selector: str) -> list[str]:
    """Ids of the elements that are to be seen; empty strings of those that have none."""
    found: list[str] = page.evaluate(
        "selector => [...document.querySelectorAll(selector)].filter(one => one.checkVisibility()).map(one => one.id)",
        selector,
    )
    return found


def shown(page: Any) -> list[str]:
    """Ids of the answers that are to be seen."""
    return visible(page, ".answer")


def status(page: Any) -> str:
    """How many answers the page says it shows."""
    text: str = page.locator("#matching").inner_text()
    return text


def wait_for_status(page: Any, words: str) -> None:
    """Waits until the page says so."""
    page.locator("#matching", has_text=words).wait_for()


def switch(page: Any, word: str) -> Any:
    """The box of a filter."""
    return page.get_by_role("checkbox", name=word)


def small_targets(page: Any) -> list[list[Any]]:
    """What can be pressed and is too small for that: its HTML, width and height in pixels."""
    found: list[list[Any]] = page.evaluate(
        """least => [...document.querySelectorAll("a, button, summary, label, select, input[type=search]")]
            .filter(element => element.checkVisibility() && !element.matches(".skip"))
            .map(element => [element.outerHTML.slice(0, 80), element.getBoundingClientRect()])
            .filter(([, box]) => box.width < least || box.height < least)
            .map(([html, box]) => [html, box.width, box.height])""",
        SMALLEST_TARGET - 0.01,
    )
    return found


def faint_texts(page: Any) -> list[str]:
    """Visible texts whose contrast with what is behind them is too low."""
    found: list[list[str]] = page.evaluate(
        """() => {
            const pairs = new Map();
            const seesThrough = (element) => /, 0\\)$/.test(getComputedStyle(element).backgroundColor);
            const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
            for (let node = walker.nextNode(); node; node = walker.nextNode()) {
                const element = node.parentElement;
                if (!node.data.trim() || element.closest("svg, .hidden, script, style")) continue;
                if (!element.checkVisibility({ visibilityProperty: true })) continue;
                let ground = element;
                while (ground !== document.body && seesThrough(ground)) ground = ground.parentElement;
                const pair = [getComputedStyle(element).color, getComputedStyle(ground).backgroundColor];
                pairs.set(pair.join(), [...pair, node.data.trim().slice(0, 40)]);
            }
            return [...pairs.values()];
        }"""
    )
    assert found
    return [
        f"{text}: {ink} on {ground}"
        for ink, ground, text in found
        if contrast(_hex(ink), _hex(ground)) < LEAST_CONTRAST
    ]


def _hex(colour: str) -> str:
    """`#fdfcfa` of `rgb(253, 252, 250)`."""
    parts = colour.removeprefix("rgb(").removesuffix(")").split(",")
    return "#" + "".join(f"{int(part):02x}" for part in parts)
