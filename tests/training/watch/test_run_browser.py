"""The page of a run in a real browser: readable, quiet, and without anything that is too faint or cut off."""

from pathlib import Path

import pytest
from tests.browsing import Open, faint_texts, opened, small_targets
from tests.refiner.report.test_html_browser import browser
from tests.training.watch.test_run_page import HOSTILE, fill

from citerefine.training.watch.run_page import write_page
from citerefine.training.watch.settings import WatchSettings

__all__ = ["browser", "opened"]  # fixtures


@pytest.mark.parametrize("width", [360, 1280])
def test_the_page_reads_well_at_any_width(width: int, opened: Open, tmp_path: Path) -> None:
    fill(tmp_path, f"<answer>{HOSTILE}</answer>" + "word" * 200)
    page = opened(write_page(tmp_path, WatchSettings(), of=40).read_text("utf-8"), width=width)
    assert page.locator("header .meta").inner_text() == "20 of 40 steps so far"
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert not small_targets(page)
    assert not faint_texts(page)
    assert not page.heard
    style = "(element, [part, name]) => getComputedStyle(element, part)[name]"
    assert page.locator(".sample .meta").evaluate(style, [None, "display"]) == "block"  # no gaps around its dots
    assert page.locator(".sample .question").evaluate(style, ["::before", "content"]) == "none"  # nothing folds out
    assert page.locator(".sample .note").evaluate(style, ["::first-letter", "textTransform"]) == "none"  # a code
