"""The page in a real browser: what others wrote does no harm, and nobody is kept out."""

import threading

import pytest
from tests.app.serving.running import server
from tests.app.serving.site.gates import GatedSource, says_in_two
from tests.app.serving.site.windows import (
    FIRST,
    QUESTION,
    SECOND,
    Visit,
    answered,
    ask,
    browser,
    fit,
    inert,
    visit,
)
from tests.faulty_server import FaultyServer, says
from tests.refiner.report.test_html_report import PAYLOADS

from citerefine.refiner.protocols import Outcome, SearchPage
from citerefine.refiner.records import Snippet

__all__ = ["browser", "visit"]  # fixtures

PHONE_WIDTH = 320


def test_hostile_text_of_sources_models_and_people_stays_inert(visit: Visit) -> None:
    text = " ".join(payload.encode("utf-8", "replace").decode() for payload in PAYLOADS)
    gate = threading.Event()
    first = f"<answer><snippet id=S1>Perch doubled. {text.replace('<', '&lt;')}</snippet> "

    class Hostile:
        name = "lake"

        async def search(self, query: str, k: int) -> SearchPage:
            urls = [payload.encode("utf-8", "replace").decode() for payload in PAYLOADS if ":" in payload]
            snippets = [Snippet(text=f"Perch doubled. {text}", title=text, url=url, venue=text) for url in urls]
            return SearchPage(snippets=tuple(snippets), outcome=Outcome.OK, warnings=(text,))

    with FaultyServer(says_in_two(first, SECOND, gate)) as model, server(Hostile(), model=model.model) as running:
        page = visit(running.url)
        ask(page, f"{QUESTION} {text}")
        page.locator("#claims li").first.wait_for()
        inert(page)
        gate.set()
        answered(page)
        inert(page)
        page.locator(".state").first.click()
        inert(page)
        page.get_by_role("link", name="citerefine").first.click()
        page.locator(".lines li").wait_for()
        inert(page)


def test_the_page_cannot_ask_anybody_else(visit: Visit) -> None:
    with server() as running:
        page = visit(running.url)
        failed = page.evaluate("fetch('http://127.0.0.2:9/').then(() => 'sent', error => error.name)")
        assert failed == "TypeError"
        assert any("Content Security Policy" in line for line in page.heard)


# --- for everybody --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, PHONE_WIDTH])
def test_nobody_is_kept_out(visit: Visit, scheme: str, width: int) -> None:
    gate = threading.Event()
    replies = [says_in_two(FIRST, SECOND, gate), says(FIRST + "</answer>"), says_in_two(FIRST, SECOND, gate)]
    with FaultyServer(replies) as model, server(model=model.model, at_once=1, waiting=0) as running:
        page = visit(running.url, width=width, color_scheme=scheme)
        page.locator(".how summary").click()
        fit(page)
        ask(page)
        page.locator("#claims li").first.wait_for()
        fit(page)
        gate.set()
        answered(page)
        fit(page)
        page.locator(".state").first.click()
        fit(page)
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Refine again").click()
        page.locator(".changes").wait_for()
        fit(page)
        page.goto(f"{running.url}/answers/nothing")
        fit(page)
        page.goto(running.url)
        gate.clear()
        ask(page)
        page.locator("#claims li").first.wait_for()
        page.get_by_role("button", name="Stop").click()
        page.locator(".found").wait_for()
        fit(page)
        page.goto(running.url)
        fit(page)
        gate.set()


def test_steps_are_announced_one_by_one_and_the_draft_is_not(visit: Visit) -> None:
    source = GatedSource()
    with server(source) as running:
        page = visit(running.url)
        ask(page)
        page.locator("#steps li").nth(1).wait_for()
        log = page.get_by_role("log", name="Steps")
        assert log.get_attribute("aria-live") == "polite"
        assert log.locator("#claims").count() == 0
        assert page.locator("#state").get_attribute("role") == "status"
        source.gate.set()
        answered(page)


def test_nothing_moves_for_those_who_do_not_want_it(visit: Visit) -> None:
    source = GatedSource()
    with server(source) as running:
        page = visit(running.url, reduced_motion="reduce")
        ask(page)
        page.locator("#steps li").first.wait_for()
        name = page.evaluate("getComputedStyle(document.getElementById('state'), '::before').animationName")
        assert name == "none"
        source.gate.set()


def test_signs_show_in_forced_colours(visit: Visit) -> None:
    with server() as running:
        page = visit(running.url, forced_colors="active")
        ask(page)
        answered(page)
        assert page.locator(".state").first.inner_text() == "✓"
        button = page.get_by_role("button", name="Refine again")
        assert button.evaluate("one => getComputedStyle(one).borderTopWidth") == "2px"


def test_pages_are_read_without_scripts(visit: Visit) -> None:
    with server() as running:
        page = visit(running.url, java_script_enabled=False)
        ask(page)
        answered(page)
        assert page.locator(".said").count() == 1
        page.locator("input[name=drop]").first.check()
        page.get_by_role("button", name="Refine again").click()
        page.locator(".linked").wait_for()
