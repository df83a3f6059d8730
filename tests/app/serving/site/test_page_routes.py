"""The page without a browser: asking, reading, the list of answers, what a server leaves behind."""

import json
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from lxml import html
from tests.app.serving.running import PERCH, ROACH, process, server
from tests.app.serving.site.gates import GatedSource
from tests.app.serving.site.visiting import QUESTION, Browser, browser, browsing, words
from tests.faulty_server import FaultyServer, says, status

from citerefine.app.serving.site.exports import export
from citerefine.app.serving.site.history import History, RunState
from citerefine.refiner.answer import parse_answer
from citerefine.refiner.evidence import Evidence

__all__ = ["browser"]  # a fixture


def test_a_question_becomes_an_answer_with_an_address_of_its_own(browser: Browser) -> None:
    path = browser.ask()
    assert re.fullmatch(r"/answers/[A-Za-z0-9_-]{16}", path)
    page = browser.page(path)
    assert words(page.xpath("//h1")[0]) == QUESTION
    assert page.xpath("//span[@class='said']/text()") == [PERCH.text]
    assert page.xpath("//button[@class='state']/@aria-label") == ["claim 1, supported, source 1"]
    assert page.xpath("//mark/text()") == [PERCH.text, PERCH.text]  # among the sources, and in the claim's card


def test_events_can_be_read_again_from_where_somebody_left_off() -> None:
    source = GatedSource()
    with server(source) as running, browsing(running) as browser:
        path = browser.post("/answers", {"question": QUESTION}).headers["location"]
        assert source.asked.wait(30)
        with browser.client.stream("GET", f"{path}/events", headers={"Last-Event-ID": "1"}) as stream:
            lines = stream.iter_lines()
            first = [next(lines) for _ in range(3)]
            source.gate.set()
            rest = [*lines]
    assert first[:2] == ["id: 2", "event: step"]
    assert json.loads(first[2].removeprefix("data: "))["text"] == f"Searching lake for “{QUESTION}”"
    assert [line for line in rest if line.startswith("event: ")][-2:] == ["event: claim", "event: ended"]


def test_while_it_works_the_page_shows_how_far_it_is_also_without_scripts() -> None:
    source = GatedSource()
    with server(source) as running, browsing(running) as browser:
        path = browser.post("/answers", {"question": QUESTION}).headers["location"]
        assert source.asked.wait(30)
        page = browser.page(path)
        steps = [words(step) for step in page.xpath("//ol[@id='steps']/li")]
        assert steps == ["Planning what to search for", f"Searching lake for “{QUESTION}”"]
        assert page.xpath("//noscript/meta/@http-equiv") == ["refresh"]
        assert page.xpath("//*[@id='live']/@data-after") == ["2"]
        assert browser.get(f"{path}.md").status_code == 409
        source.gate.set()
        browser.ended(path)
        assert words(browser.page(path).xpath("//p[contains(@class, 'kind')]")[0]).endswith("Answer with sources")


@pytest.mark.parametrize(("question", "why"), [("  \n", "no question"), ("x" * 8_001, "longer than 8,000")])
def test_what_is_no_question_is_refused_on_a_page(browser: Browser, question: str, why: str) -> None:
    response = browser.post("/answers", {"question": question})
    assert response.status_code == 400
    page: Any = html.fromstring(response.text)
    assert why in words(page.xpath("//*[@role='alert']")[0])


def test_an_answer_that_is_not_there_is_said_on_a_page(browser: Browser) -> None:
    for path in ("/answers/nothing", "/answers/nothing.md", "/answers/..%2fnothing"):
        response = browser.get(path)
        assert response.status_code == 404
        assert "text" in response.headers["content-type"] or path.endswith("nothing")


def test_a_server_that_is_full_says_when_to_come_back_and_offers_to_ask_again() -> None:
    source = GatedSource()
    with server(source, at_once=1, waiting=0) as running, browsing(running) as browser:
        path = browser.post("/answers", {"question": QUESTION}).headers["location"]
        response = browser.post("/answers", {"question": "And <roach>?"})
        source.gate.set()
        browser.ended(path)
    assert response.status_code == 429
    assert int(response.headers["retry-after"]) > 0
    asked: Any = html.fromstring(response.text).xpath("//form[@action='/answers']/input/@value")
    assert asked == ["And <roach>?"]


def test_a_model_that_fails_leaves_a_page_with_what_was_found_and_ways_to_go_on() -> None:
    with (
        FaultyServer([status(400, "no such thing"), says("<answer><snippet id=S1>Perch.</snippet></answer>")]) as model,
        server(model=model.model) as running,
        browsing(running) as browser,
    ):
        path = browser.ask()
        page = browser.page(path)
        assert "The model could not be asked" in words(page.xpath("//p[@class='alarm']")[0])
        assert {words(one) for one in page.xpath("//ol[@class='found']//h3")} == {PERCH.title, ROACH.title}
        assert page.xpath("//form/@action") == [f"{path}/again", f"{path}/refine", f"{path}/delete"]
        answered = browser.ended(browser.post(f"{path}/refine").headers["location"])
        assert browser.page(answered).xpath("//span[@class='said']/text()") == ["Perch."]


def test_a_server_that_searches_nothing_says_so_and_takes_no_question() -> None:
    with server(None) as running, browsing(running) as browser:
        assert not browser.page("/").xpath("//textarea")
        assert browser.post("/answers", {"question": QUESTION}).status_code == 400


# --- exports, deletion, history ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ending", "media_type", "has"),
    [
        ("md", "text/markdown", "[^1]: "),
        ("html", "text/html", '<script type="application/json" id="answer">'),
        ("json", "application/json", '"claims": ['),
    ],
)
def test_answers_are_saved_in_each_form_under_a_safe_name(
    browser: Browser, ending: str, media_type: str, has: str
) -> None:
    path = browser.ask("Did “perch” ../double?")
    response = browser.get(f"{path}.{ending}")
    assert response.headers["content-type"].startswith(media_type)
    assert has in response.text
    id = path.removeprefix("/answers/")
    assert response.headers["content-disposition"] == f'attachment; filename="did-perch-double-{id}.{ending}"'


@pytest.mark.parametrize(
    ("question", "slug"),
    [
        ("Wächst Schilf?", "wachst-schilf"),
        ("鱼在哪里？", "answer"),
        ('"; filename=evil.exe', "filename-evil-exe"),
        ("x" * 300, "x" * 40),
        ("a\r\nSet-Cookie: b", "a-set-cookie-b"),
        ("CON", "con"),
    ],
)
def test_names_of_files_are_letters_digits_and_dashes(question: str, slug: str) -> None:
    answer = parse_answer("So.", Evidence(()), question=question)
    assert export(answer, "id", "md").headers["content-disposition"] == f'attachment; filename="{slug}-id.md"'


def test_a_deleted_answer_is_gone(browser: Browser) -> None:
    path = browser.ask()
    response = browser.post(f"{path}/delete")
    assert (response.status_code, response.headers["location"]) == (303, "/")
    assert browser.get(path).status_code == 404
    assert not browser.page("/").xpath("//ol[@class='lines']/li")


def test_deleting_stops_the_work() -> None:
    source = GatedSource()
    with server(source, at_once=1) as running, browsing(running) as browser:
        path = browser.post("/answers", {"question": QUESTION}).headers["location"]
        assert source.asked.wait(30)
        browser.post(f"{path}/delete")
        assert running.answerer.admission.active == 0
        assert browser.get(path).status_code == 404
        source.gate.set()


def test_the_list_shows_the_newest_first_in_pages_and_can_be_searched(browser: Browser) -> None:
    for number in range(22):
        browser.ask(f"Did perch {number:02} double?")
    first = browser.page("/")
    assert len(first.xpath("//ol[@class='lines']/li")) == 20
    assert words(first.xpath("//ol[@class='lines']/li/a")[0]) == "Did perch 21 double?"
    assert words(first.xpath("//nav[@class='pages']")[0]) == "Page 1 of 2Older"
    older = browser.page(first.xpath("//a[@rel='next']/@href")[0])
    assert [words(one) for one in older.xpath("//ol[@class='lines']/li/a")] == [
        "Did perch 01 double?", "Did perch 00 double?",
    ]  # fmt: skip
    found = browser.page("/?q=PERCH+07")
    assert [words(one) for one in found.xpath("//ol[@class='lines']/li/a")] == ["Did perch 07 double?"]


@pytest.mark.parametrize("query", ["page=0", "page=x", "q=" + "x" * 501])
def test_addresses_that_make_no_sense_are_refused_on_a_page(browser: Browser, query: str) -> None:
    response = browser.get(f"/?{query}")
    assert response.status_code == 400
    assert html.fromstring(response.text).xpath("//h1")


def test_an_answer_whose_server_died_is_shown_as_stopped_with_what_was_found(tmp_path: Path) -> None:
    path = tmp_path / "answers.db"
    history = History(path)
    history.begin("left-behind", QUESTION, {}, None, [PERCH])
    history.close()
    with server(history=path) as running, browsing(running) as browser:
        page = browser.page("/answers/left-behind")
        assert words(page.xpath("//p[@class='alarm']")[0]).startswith("This server does not work on this answer")
        assert [words(one) for one in page.xpath("//ol[@class='found']//h3")] == [PERCH.title]
        assert words(browser.page("/").xpath("//ol[@class='lines']/li/p")[0]).startswith("◼ stopped")
        assert browser.get("/answers/left-behind/events").text == "event: ended\ndata: {}\n\n"
        browser.ended(browser.post("/answers/left-behind/again").headers["location"])


def test_answers_outlive_the_server_where_there_is_a_history(tmp_path: Path) -> None:
    path = tmp_path / "answers.db"
    with server(history=path) as running, browsing(running) as browser:
        answer = browser.ask()
    with server(history=path) as running, browsing(running) as browser:
        assert browser.page(answer).xpath("//span[@class='said']/text()") == [PERCH.text]


def until(holds: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it never came to hold"
        time.sleep(0.02)


def test_whoever_looks_on_and_leaves_stops_nothing() -> None:
    source = GatedSource()
    with server(source) as running, browsing(running) as browser:
        path = browser.post("/answers", {"question": QUESTION}).headers["location"]
        with browser.client.stream("GET", f"{path}/events") as stream:
            next(stream.iter_lines())
        source.gate.set()
        until(lambda: browser.get(f"{path}.json").status_code == 200)


def test_a_server_that_is_told_to_stop_finishes_answers_that_nobody_looks_at(tmp_path: Path) -> None:
    path = tmp_path / "answers.db"
    with (
        FaultyServer(says("<answer>Nobody knows.</answer>", after=1.0)) as model,
        process("--history", path, "-m", model.model, folder=tmp_path) as started,
    ):
        with httpx2.Client(base_url=started.url) as client:
            id = Browser(started.url, client).post("/answers", {"question": QUESTION}).headers["location"][9:]
            until(lambda: bool(model.chats))
        started.stop(signal.SIGTERM)
    history = History(path)
    entry = history.get(id)
    history.close()
    assert entry is not None
    assert entry.line.state is RunState.DONE
    assert entry.answer is not None
    assert entry.answer.text == "Nobody knows."


def test_an_answer_that_comes_while_the_server_stops_can_be_loaded_and_nothing_new_is_taken(tmp_path: Path) -> None:
    with (
        FaultyServer(says("<answer>Nobody knows.</answer>", after=2.0)) as model,
        process("--no-history", "-m", model.model, folder=tmp_path) as started,
        httpx2.Client(base_url=started.url, headers={"Accept": "text/html"}, timeout=30) as client,
    ):
        browser = Browser(started.url, client)
        path = browser.post("/answers", {"question": QUESTION}).headers["location"]
        until(lambda: bool(model.chats))
        started.send(signal.SIGTERM)
        until(lambda: browser.get("/readyz").status_code == 503)
        refused = browser.post("/answers", {"question": QUESTION})
        assert (refused.status_code, "server is stopping" in refused.text) == (429, True)
        assert "Nobody knows." in browser.page(browser.ended(path)).text_content()
        assert started.wait() in (0, -signal.SIGTERM, 128 + signal.SIGTERM)


def test_sentences_without_a_citation_are_counted_and_listed_beside_the_claims() -> None:
    invented = "The mayor of the town resigned in 2004 after a scandal about stolen fishing licences."
    written = f"<answer><snippet id={PERCH.id}>{PERCH.text}</snippet> {invented}</answer>"
    with FaultyServer(says(written)) as model, server(model=model.model) as running, browsing(running) as browser:
        page = browser.page(browser.ask())
    assert words(page.xpath("//header")[0]).count("1 sentence that needs a citation has none.") == 1
    (listed,) = page.xpath("//section[@id='without-citation']//li")
    assert words(listed) == f"○ uncited {invented}"


def test_of_very_many_sentences_without_a_citation_all_are_counted() -> None:
    invented = " ".join(f"The mayor of town number {number} resigned after a scandal." for number in range(203))
    written = f"<answer><snippet id={PERCH.id}>{PERCH.text}</snippet> {invented}</answer>"
    with FaultyServer(says(written)) as model, server(model=model.model) as running, browsing(running) as browser:
        page = browser.page(browser.ask())
    assert "203 sentences that need a citation have none." in words(page.xpath("//header")[0])
    assert len(page.xpath("//section[@id='without-citation']//li")) == 200
    assert "3 more sentences." in words(page.xpath("//section[@id='without-citation']")[0])


def test_the_list_says_of_an_answer_that_nothing_of_it_is_tied_to_a_source() -> None:
    with (
        FaultyServer(says("<answer>Nobody knows.</answer>")) as model,
        server(model=model.model) as running,
        browsing(running) as browser,
    ):
        assert not browser.page(browser.ask()).xpath("//section[@id='without-citation']")
        assert "○ nothing tied to a source" in words(browser.page("/").xpath("//ol[@class='lines']")[0])


def test_the_figures_count_answers_of_the_page(browser: Browser) -> None:
    browser.ask()
    assert 'citerefine_answers_total{model="page",outcome="ok"} 1.0' in browser.get("/metrics").text
