"""The page without a browser: who may ask it, and that text of others stays text."""

import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest
from lxml import html
from tests.app.serving.running import server
from tests.app.serving.site.visiting import QUESTION, Browser, browser, browsing
from tests.faulty_server import FaultyServer, status
from tests.refiner.report.test_html_report import PAYLOADS, hostile

from citerefine.app.serving.site.exports import FORMS
from citerefine.app.serving.site.history import Line, RunState
from citerefine.app.serving.site.pages.answer_page import answer_values
from citerefine.app.serving.site.pages.rendering import Pages
from citerefine.refiner.answer import Answer
from citerefine.refiner.protocols import Outcome, SearchPage
from citerefine.refiner.records import Snippet

__all__ = ["browser"]  # a fixture

TOKEN = "a/secret+token=; with “signs”"


CHANGES = ["/answers", "/answers/{id}/again", "/answers/{id}/refine", "/answers/{id}/stop", "/answers/{id}/delete"]


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1"])
def test_forms_of_other_sites_are_refused(browser: Browser, origin: str) -> None:
    answer = browser.ask()
    for path in CHANGES:
        response = browser.post(path.replace("/answers/{id}", answer), {"question": QUESTION}, Origin=origin)
        assert response.status_code == 403
    assert len(browser.page("/").xpath("//ol[@class='lines']/li")) == 1


def test_nothing_changes_by_get(browser: Browser) -> None:
    answer = browser.ask()
    for path in CHANGES:
        assert browser.get(path.replace("/answers/{id}", answer)).status_code == 405
    assert browser.get(answer).status_code == 200


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data; boundary=x", "application/json"])
def test_forms_in_other_forms_are_refused(browser: Browser, kind: str) -> None:
    response = browser.client.post("/answers", content=b"question=x", headers={"Content-Type": kind})
    assert response.status_code == 415


@pytest.mark.parametrize("body", [b"question=%ff", b"&".join([b"a=1"] * 5_001), b"question=\xff\xfe"])
def test_forms_that_cannot_be_read_are_refused_or_read_as_text(browser: Browser, body: bytes) -> None:
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    assert browser.client.post("/answers", content=body, headers=kind).status_code in (303, 400)


def test_without_the_token_a_browser_is_led_to_sign_in_and_back() -> None:
    with server(token=TOKEN) as running, browsing(running) as browser:
        sent_away = browser.get("/answers/some-id")
        assert (sent_away.status_code, sent_away.headers["location"]) == (303, "/sign-in?next=%2Fanswers%2Fsome-id")
        page = browser.page(sent_away.headers["location"])
        assert page.xpath("//input[@name='next']/@value") == ["/answers/some-id"]
        for address in page.xpath("//link[@rel='stylesheet']/@href | //script/@src"):
            assert browser.get(address).status_code == 200
        assert browser.get("/answers/some-id/events", headers={"Accept": "text/event-stream"}).status_code == 401
        assert browser.post("/answers", {"question": QUESTION}).status_code == 401
        searched = browser.get("/?q=perch+%26+roach&page=2").headers["location"]
        assert browser.page(searched).xpath("//input[@name='next']/@value") == ["/?q=perch+%26+roach&page=2"]
        led = browser.post("/sign-in", {"token": TOKEN, "next": "/?q=perch+%26+roach&page=2"}).headers
        assert led["location"] == "/?q=perch+%26+roach&page=2"
        assert "Secure" not in led["set-cookie"]
        behind_tls = browser.post("/sign-in", {"token": TOKEN, "next": "/"}, **{"X-Forwarded-Proto": "https"})
        assert "Secure" in behind_tls.headers["set-cookie"]
        browser.client.cookies.clear()
        wrong = browser.post("/sign-in", {"token": "wrong", "next": "/"})
        assert wrong.status_code == 401
        assert "set-cookie" not in wrong.headers
        signed_in = browser.post("/sign-in", {"token": TOKEN, "next": "/answers/some-id"})
        assert signed_in.headers["location"] == "/answers/some-id"
        cookie = signed_in.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert TOKEN not in cookie
        assert "SameSite=strict" in cookie
        assert TOKEN not in browser.get("/").text
        assert browser.get(browser.ask()).status_code == 200
        browser.post("/sign-out")
        assert browser.get("/").status_code == 303


@pytest.mark.parametrize(
    "next",
    ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/?\r\nX: y", "/?//@evil"],
)
def test_signing_in_leads_nowhere_else(next: str) -> None:
    with server(token=TOKEN) as running, browsing(running) as browser:
        assert browser.post("/sign-in", {"token": TOKEN, "next": next}).headers["location"] == "/"


def test_where_no_token_is_needed_nobody_signs_in(browser: Browser) -> None:
    assert browser.get("/sign-in").headers["location"] == "/"
    assert not browser.page("/").xpath("//form[@action='/sign-out']")


def test_pages_may_load_and_send_nothing_elsewhere_and_are_not_kept(browser: Browser) -> None:
    for path in ("/", browser.ask(), "/answers/nothing"):
        headers = browser.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["cache-control"] == "no-store"
        assert headers["referrer-policy"] == "same-origin"


@pytest.mark.parametrize("name", ["nothing.css", "..%2fsite.css", "rendering.py", "ask.html.jinja"])
def test_only_styles_and_scripts_are_given_away(browser: Browser, name: str) -> None:
    assert browser.get(f"/assets/{name}").status_code == 404


def test_a_style_may_be_kept_since_its_address_changes_with_it(browser: Browser) -> None:
    for address in browser.page("/").xpath("//link[@rel='stylesheet']/@href"):
        assert re.search(r"\?v=[0-9a-f]{12}$", address)
        assert "immutable" in browser.get(address).headers["cache-control"]


# --- hostile text ---------------------------------------------------------------------------------------------

FIELDS = {"title", "authors", "venue", "url", "source", "section", "licence", "doi", "text", "question", "notes"}


def rendered(answer: Answer) -> Any:
    when = datetime(2026, 11, 26, tzinfo=UTC)
    shown = Line("some-id", answer.question, when, None, RunState.DONE, 1)
    # Whether text without a citation needs one is seen by its words, so that it is shown whatever they are.
    values = {**answer_values(answer, answer), "uncited": (answer.text,), "n_uncited": 1}
    response = Pages(signs_in=False).respond(
        "answer", line=shown, settings={}, earlier=shown, later=[shown], forms=FORMS, **values
    )
    return html.fromstring(bytes(response.body))


def skeleton(root: Any) -> list[tuple[str, tuple[str, ...]]]:
    return [(str(one.tag), tuple(sorted(one.attrib))) for one in root.iter()]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_hostile_text_adds_no_element_and_no_handler_to_an_answer(payload: str) -> None:
    fields = FIELDS | {"claim", "plain", "code", "model"}
    root = rendered(hostile(payload, fields))
    harmless = "https://example.org/x" if payload.startswith("https:") else "harmless"
    assert skeleton(root) == skeleton(rendered(hostile(harmless, fields)))
    for element in root.iter():
        assert not any(name.startswith("on") or name in ("style", "srcdoc") for name in element.attrib)
        assert element.get("href", "#").startswith(("#", "/", "https://", "data:,"))


@pytest.mark.parametrize("payload", PAYLOADS)
def test_hostile_text_stays_text_on_every_page(payload: str) -> None:
    text = payload.encode("utf-8", "replace").decode()

    class Hostile:
        name = "lake"

        async def search(self, query: str, k: int) -> SearchPage:
            snippet = Snippet(text=f"Perch doubled. {text}", title=f"t {text}", url=text, section=text)
            return SearchPage(snippets=(snippet,), outcome=Outcome.OK, warnings=(text,))

    with (
        FaultyServer(status(400, text)) as model,
        server(Hostile(), model=model.model) as running,
        browsing(running) as browser,
    ):
        path = browser.ask(f"Did perch double? {text}")
        for address in (path, "/", f"/?{urlencode({'q': text[:400]})}"):
            page = browser.page(address)
            assert not page.xpath("//img | //iframe | //base | //svg | //*[@onload or @onerror or @onmouseover]")
            assert not page.xpath("//script[not(starts-with(@src, '/assets/'))]")
            assert all(link.startswith(("#", "/", "https://", "data:,")) for link in page.xpath("//@href"))
