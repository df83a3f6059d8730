"""SearXNG: what is asked of a server of one's own, and what is read of its documented replies."""

import asyncio
from typing import Any

import pytest
from tests.faulty_server import Behaviour, html, rate_limited, raw
from tests.tools.service import Service, json_reply
from tests.tools.sources.searching import TRICKY, is_fresh, search

from citerefine.refiner.errors import InputError
from citerefine.refiner.protocols import Outcome
from citerefine.tools.sources.searxng import Searxng
from citerefine.tools.web.client import WebClient

PERCH: dict[str, Any] = {
    "url": "https://example.org/perch",
    "title": "Perch in lakes",
    "content": "Perch doubled by 2010 …",
    "engine": "somewhere",
    "engines": ["somewhere", "elsewhere"],
    "score": 2.0,
    "category": "science",
    "publishedDate": "2019-05-12T00:00:00",
    "aFieldOfNextYear": {"deep": [1]},
}
BARE: dict[str, Any] = {"url": "https://example.org/roach", "content": "Roach fell."}


def page(*hits: object, silent: object = ()) -> Behaviour:
    return json_reply(
        {"query": "perch", "results": [*hits], "answers": ["42"], "infoboxes": [], "unresponsive_engines": silent}
    )


def test_a_hit_is_read_field_by_field() -> None:
    with Service(page(PERCH)) as service:
        found = search(Searxng, service)
    (snippet,) = found.snippets
    assert found.outcome is Outcome.OK
    assert not found.warnings
    assert found.cost is None
    assert snippet.text == "Perch doubled by 2010 …"
    assert snippet.title == "Perch in lakes"
    assert snippet.year == 2019
    assert snippet.url == "https://example.org/perch"
    assert snippet.source == "searxng:https://example.org/perch"
    assert (snippet.section, snippet.licence, snippet.authors) == (None, None, ())
    assert is_fresh(snippet.retrieved_at)


def test_missing_fields_are_none_and_not_guessed() -> None:
    with Service(page(BARE)) as service:
        (snippet,) = search(Searxng, service).snippets
    assert (snippet.title, snippet.year, snippet.venue) == (None, None, None)


def test_the_search_is_asked_for_as_documented_and_the_query_is_one_parameter() -> None:
    with Service(page(PERCH)) as service:
        search(Searxng, service, TRICKY)
        search(Searxng, service, argument="science", language="de")
    plain, narrow = service.asked
    assert (plain.method, plain.path) == ("GET", "/search")
    assert plain.params == [("q", "AT&T & year=1900"), ("format", "json")]
    assert "q=AT%26T" in plain.target
    assert narrow.params == [("q", "perch"), ("format", "json"), ("categories", "science"), ("language", "de")]


def test_a_category_that_it_does_not_know_is_an_input_error() -> None:
    with pytest.raises(InputError, match="it takes general, science, news, it"):
        Searxng(WebClient(), argument="cooking")


def test_as_many_hits_with_text_are_kept_as_asked_for() -> None:
    hits = [{**PERCH, "url": f"https://example.org/{n}"} for n in range(5)]
    with Service(page({**PERCH, "content": ""}, *hits)) as service:
        found = search(Searxng, service, k=2)
    assert [snippet.url for snippet in found.snippets] == ["https://example.org/0", "https://example.org/1"]


def test_filters_it_does_not_know_are_warned_of() -> None:
    with Service(page(PERCH)) as service:
        found = search(Searxng, service, since=2015, include_domains=["example.org"])
    assert found.warnings == (
        "it cannot filter by since: not done",
        "it cannot filter by include_domains: not done",
    )


def test_engines_that_did_not_answer_are_told_of_and_their_words_are_bounded() -> None:
    with Service(page(PERCH, silent=[["first", "timeout"], ["second", "CAPTCHA\nof\u202e"], "what"])) as service:
        found = search(Searxng, service)
    assert len(found.snippets) == 1
    assert found.warnings == ("engines that did not answer: first (timeout), second (CAPTCHA of )",)
    with Service(page(PERCH, silent=[["first", "x" * 1000]])) as service:
        assert len(search(Searxng, service).warnings[0]) < 250


def test_no_hits_is_empty_only_if_every_engine_answered() -> None:
    with Service(page()) as service:
        assert search(Searxng, service).outcome is Outcome.EMPTY
    with Service(page(silent=[["first", "timeout"]])) as service:
        found = search(Searxng, service)
    assert found.outcome is Outcome.FAILED
    assert found.warnings == ("no engine found anything; engines that did not answer: first (timeout)",)


@pytest.mark.parametrize("url", [None, "", "javascript:alert(1)", "ftp://example.org/x", "https://", "http://[::1"])
def test_hits_without_an_address_on_the_web_are_left_out(url: str | None) -> None:
    with Service(page({**PERCH, "url": url}, BARE)) as service:
        found = search(Searxng, service)
    assert [snippet.text for snippet in found.snippets] == ["Roach fell."]
    assert found.warnings == ("1 hit was left out: no address on the web",)


def test_hits_without_text_and_strange_hits_are_left_out_and_cost_no_other() -> None:
    with Service(page({**PERCH, "content": " "}, {**PERCH, "content": None}, {"title": [1]}, "text", BARE)) as service:
        found = search(Searxng, service)
    assert [snippet.text for snippet in found.snippets] == ["Roach fell."]
    assert found.warnings == ("2 hits were left out: could not be read", "2 hits were left out: no text")


def test_a_server_that_refuses_json_is_told_from_one_that_fails() -> None:
    with Service(raw(b"<!doctype html><title>403 Forbidden", 403, {"Content-Type": "text/html"})) as service:
        found = search(Searxng, service)
    assert found.outcome is Outcome.FAILED
    assert f"{service.host} answers 403" in found.warnings[0]
    assert "settings.yml lists json under search.formats" in found.warnings[0]


def test_without_an_address_it_is_disabled_and_says_what_to_set() -> None:
    found = asyncio.run(Searxng(WebClient()).search("perch", 3))
    assert found.outcome is Outcome.DISABLED
    assert found.warnings == ("SearXNG is a server of your own; set CITEREFINE_SEARXNG_BASE_URL to its address",)


@pytest.mark.parametrize(
    ("behaviour", "outcome", "says"),
    [
        (rate_limited("60"), Outcome.RATE_LIMITED, "answers 429 ('slow down')"),
        (raw(b"Too Many Requests", 429, {"Retry-After": "60"}), Outcome.RATE_LIMITED, "('Too Many Requests')"),
        (raw(b"It broke", 500), Outcome.FAILED, "answers 500 ('It broke')"),
        (json_reply({"error": "No query"}, 400), Outcome.FAILED, "answers 400 ('No query')"),
        (json_reply({"query": "perch"}), Outcome.FAILED, "results is NoneType, no list"),
        (page("text", 7), Outcome.FAILED, "no entry of results can be read"),
        (raw(b'{"results": '), Outcome.FAILED, "is no JSON"),
        (html(), Outcome.FAILED, "is no JSON"),
        (raw(b""), Outcome.FAILED, "is empty"),
    ],
)
def test_what_is_no_page_is_said_and_is_never_empty(behaviour: Behaviour, outcome: Outcome, says: str) -> None:
    with Service(behaviour) as service:
        found = search(Searxng, service)
    assert found.outcome is outcome
    assert not found.snippets
    assert says in found.warnings[0]
    assert "settings.yml" not in found.warnings[0]


def test_hits_of_years_outside_the_span_are_left_out_and_those_without_a_year_stay() -> None:
    old, undated = {**PERCH, "publishedDate": "2009-05-01"}, {**PERCH, "publishedDate": None}
    with Service(page(old, undated)) as service:
        found = search(Searxng, service, since=2015)
    assert [snippet.year for snippet in found.snippets] == [None]
    assert found.warnings == (
        "it cannot filter by since: not done",
        "1 hit was left out: a year outside since and until",
    )


def test_a_search_that_failed_is_not_said_to_be_cached() -> None:
    with Service(raw(b"", 400)) as service:
        assert not search(Searxng, service).cached
