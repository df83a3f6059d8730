"""The page in a real browser: a person asks, looks on, reads by keyboard, refines again, saves and deletes."""

import signal
import socket
import threading
from pathlib import Path

import pytest
from tests.app.serving.running import PERCH, process, server
from tests.app.serving.site.gates import GatedSource, says_in_two
from tests.app.serving.site.windows import (
    FIRST,
    QUESTION,
    SECOND,
    Visit,
    answered,
    ask,
    browser,
    check,
    claims,
    visit,
)
from tests.faulty_server import FaultyServer, says
from tests.refiner.report.test_html_browser import focused_name, tab_to

__all__ = ["browser", "visit"]  # fixtures


def test_a_person_asks_looks_on_and_reads_the_answer(visit: Visit) -> None:
    source, gate = GatedSource(), threading.Event()
    with FaultyServer(says_in_two(FIRST, SECOND, gate)) as model, server(source, model=model.model) as running:
        page = visit(running.url)
        ask(page)
        steps = page.locator("#steps li")
        steps.nth(1).wait_for()
        assert steps.all_inner_texts() == ["Planning what to search for", f"Searching lake for “{QUESTION}”"]
        assert page.locator("#state").inner_text() == "Working"
        source.gate.set()
        page.locator("#claims li").first.wait_for()
        assert page.locator("#claims li").all_inner_texts() == [f"{PERCH.text}\n{PERCH.title}"]
        assert page.locator("#found").inner_text() == "2 passages"
        assert "Writing the answer" in steps.all_inner_texts()
        gate.set()
        answered(page)
        assert claims(page) == [PERCH.text, "Otters built a railway."]
        assert page.heard == []


def test_a_window_that_is_closed_and_opened_again_shows_everything(visit: Visit) -> None:
    source, gate = GatedSource(), threading.Event()
    source.gate.set()
    with FaultyServer(says_in_two(FIRST, SECOND, gate)) as model, server(source, model=model.model) as running:
        page = visit(running.url)
        ask(page)
        page.locator("#claims li").first.wait_for()
        address = page.url
        page.close()
        again = visit(address)
        assert again.locator("#claims li").count() == 1
        assert again.locator("#steps li").first.inner_text() == "Planning what to search for"
        gate.set()
        answered(again)
        assert claims(again) == [PERCH.text, "Otters built a railway."]


def test_a_claim_is_opened_and_closed_by_keyboard(visit: Visit) -> None:
    with FaultyServer(says(FIRST + SECOND)) as model, server(model=model.model) as running:
        page = visit(running.url)
        ask(page)
        answered(page)
        tab_to(page, "claim 2, not supported, source 2")
        page.keyboard.press("Enter")
        card = page.locator("#card-2")
        card.wait_for(state="visible")
        assert "The passages that it cites have few of its words, or not in this order." in card.inner_text()
        assert "Not found there: " in card.inner_text()
        page.keyboard.press("Escape")
        card.wait_for(state="hidden")
        assert focused_name(page) == "claim 2, not supported, source 2"
        page.keyboard.press("k")
        assert focused_name(page) == "claim 1, supported, source 1"
        page.keyboard.press("Enter")
        page.locator("#card-1").wait_for(state="visible")
        assert page.locator("#card-1 mark").all_inner_texts() == [PERCH.text]


def test_everything_can_be_done_by_keyboard(visit: Visit) -> None:
    with server() as running:
        page = visit(running.url)
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        page.keyboard.type(QUESTION)
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        answered(page)
        reached = set()
        for _ in range(60):
            page.keyboard.press("Tab")
            reached.add(page.evaluate("document.activeElement.textContent.trim() || document.activeElement.name"))
        assert {"citerefine", "Markdown", "HTML", "JSON", "Delete …", "Refine again", "drop", "pin"} <= reached


def test_only_unsupported_claims_can_be_shown(visit: Visit) -> None:
    with FaultyServer(says(FIRST + SECOND)) as model, server(model=model.model) as running:
        page = visit(running.url)
        ask(page)
        answered(page)
        page.get_by_role("radio", name="Only unsupported").check()
        assert page.locator("#matching").inner_text() == "1 of 2 claims"
        assert page.locator(".claim.on .said").all_inner_texts() == ["Otters built a railway."]
        assert "words in common" in page.locator(".judged-by").inner_text()


def test_passages_are_dropped_and_pinned_and_the_answer_is_refined_again(visit: Visit) -> None:
    with server() as running:
        page = visit(running.url)
        ask(page)
        answered(page)
        first = page.url
        check(page, "Drop", "source 1")
        check(page, "Pin", "source 1")
        assert page.locator("#chosen").inner_text() == "1 pinned"
        check(page, "Drop", "source 1")
        check(page, "Pin", "Roach")
        assert page.locator("#chosen").inner_text() == "1 dropped, 1 pinned"
        page.get_by_role("button", name="Refine again").click()
        page.wait_for_url(lambda url: url != first)
        page.locator(".linked").wait_for()
        assert PERCH.text not in page.locator("body").inner_text().split("What changed")[0]
        changes = page.locator(".changes li")
        assert any("gone" in text and PERCH.text in text for text in changes.all_inner_texts())
        page.get_by_role("link", name="the answer of").click()
        page.wait_for_url(first)
        assert claims(page) == [PERCH.text]
        assert page.heard == []


@pytest.mark.parametrize(("form", "ending"), [("Markdown", "md"), ("HTML", "html"), ("JSON", "json")])
def test_an_answer_is_saved(visit: Visit, tmp_path: Path, form: str, ending: str) -> None:
    with server() as running:
        page = visit(running.url)
        ask(page)
        answered(page)
        with page.expect_download() as waiting:
            page.get_by_role("link", name=form).click()
        download = waiting.value
        assert download.suggested_filename.startswith("did-perch-double-")
        assert download.suggested_filename.endswith(f".{ending}")
        download.save_as(tmp_path / "saved")
        assert PERCH.text in (tmp_path / "saved").read_text(encoding="utf-8")


def test_an_answer_is_found_again_and_deleted(visit: Visit) -> None:
    with server() as running:
        page = visit(running.url)
        ask(page)
        answered(page)
        page.get_by_role("link", name="citerefine").click()
        page.get_by_role("searchbox").fill("nothing like it")
        page.get_by_role("button", name="Search").click()
        assert page.locator(".lines li").count() == 0
        page.get_by_role("link", name="all answers").click()
        page.get_by_role("link", name=QUESTION).click()
        page.get_by_text("Delete …").click()
        page.get_by_role("button", name="Delete this answer").click()
        page.get_by_text("None yet.").wait_for()
        assert page.heard == []


def test_work_is_stopped_and_begun_again(visit: Visit) -> None:
    source = GatedSource()
    with server(source) as running:
        page = visit(running.url)
        ask(page)
        page.locator("#steps li").nth(1).wait_for()
        page.get_by_role("button", name="Stop").click()
        page.get_by_text("It was stopped before there was an answer.").wait_for()
        source.gate.set()
        page.get_by_role("button", name="Ask again").click()
        answered(page)
        assert claims(page) == [PERCH.text]


def test_a_person_signs_in_once(visit: Visit) -> None:
    token = "a/secret=; token"
    with server(token=token) as running:
        page = visit(running.url)
        page.get_by_label("Token").fill("wrong")
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("alert").wait_for()
        page.heard.clear()  # that the first try was refused
        page.get_by_label("Token").fill(token)
        page.get_by_role("button", name="Sign in").click()
        ask(page)
        answered(page)
        assert token not in page.content()
        assert page.evaluate("document.cookie") == ""
        page.get_by_role("link", name="citerefine").click()
        page.get_by_role("button", name="Sign out").click()
        page.get_by_label("Token").wait_for()
        assert page.heard == []


def test_a_server_that_is_killed_is_missed_and_its_answer_shown_as_stopped_once_it_is_back(
    visit: Visit, tmp_path: Path
) -> None:
    gate = threading.Event()
    with FaultyServer(says_in_two(FIRST, SECOND, gate)) as model:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        arguments = ("--port", port, "--history", tmp_path / "answers.db", "-m", model.model)
        with process(*arguments, folder=tmp_path) as started:
            page = visit(started.url)
            ask(page, "How does ALCE measure citation recall?")
            page.locator("#claims li").first.wait_for()
            started.stop(signal.SIGKILL)
            page.get_by_text("The server does not answer.").wait_for()
            assert page.locator("#claims li").count() == 1
        with process(*arguments, folder=tmp_path):
            page.get_by_text("This server does not work on this answer").wait_for(timeout=30_000)
            assert page.locator(".found li").count() > 0
        gate.set()
