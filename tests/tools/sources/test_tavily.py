"""Tavily: what is asked of it, and what is read of its documented replies."""

from typing import Any

import pytest
from tests.faulty_server import Behaviour, html, rate_limited, raw
from tests.tools.service import Service, json_reply
from tests.tools.sources.searching import KEY, TRICKY, is_fresh, search

from citerefine.refiner.protocols import Outcome
from citerefine.tools.sources.tavily import Tavily

PERCH: dict[str, Any] = {
    "title": "Perch in lakes",
    "url": "https://example.org/perch",
    "content": "Perch doubled by 2010… [...] Roach <fell>.",
    "raw_content": None,
    "score": 0.98,
    "published_date": "Sun, 12 May 2019 08:00:00 GMT",
    "favicon": "https://example.org/icon.png",
    "aFieldOfNextYear": {"deep": [1]},
}
BARE: dict[str, Any] = {"url": "https://example.org/roach", "content": "Roach fell."}


def page(*hits: object) -> Behaviour:
    return json_reply(
        {
            "query": "perch",
            "answer": "A model says so.",
            "images": [],
            "results": [*hits],
            "response_time": "1.2",
            "usage": {"credits": 2},
        }
    )


def test_each_stretch_of_a_page_is_a_snippet_read_field_by_field() -> None:
    with Service(page(PERCH)) as service:
        found = search(Tavily, service, key=KEY)
    first, second = found.snippets
    assert found.outcome is Outcome.OK
    assert not found.warnings
    assert found.cost is None
    assert (first.text, second.text) == ("Perch doubled by 2010…", "Roach <fell>.")
    for snippet in found.snippets:
        assert snippet.title == "Perch in lakes"
        assert snippet.year == 2019
        assert snippet.url == "https://example.org/perch"
        assert snippet.source == "tavily:https://example.org/perch"
        assert (snippet.section, snippet.licence, snippet.authors) == (None, None, ())
        assert is_fresh(snippet.retrieved_at)
    assert first.id != second.id


def test_missing_fields_are_none_and_not_guessed() -> None:
    with Service(page(BARE)) as service:
        (snippet,) = search(Tavily, service, key=KEY).snippets
    assert (snippet.title, snippet.year, snippet.venue) == (None, None, None)


def test_stretches_of_the_page_are_asked_for_and_never_an_answer() -> None:
    with Service(page(PERCH)) as service:
        search(Tavily, service, TRICKY, 7, key=KEY)
        search(Tavily, service, k=50, key=KEY)
    asked, most = service.asked
    assert (asked.method, asked.path, asked.params) == ("POST", "/search", [])
    assert asked.body == {"query": "AT&T & year=1900", "search_depth": "advanced", "max_results": 7}
    assert asked.headers["authorization"] == f"Bearer {KEY}"
    assert most.body["max_results"] == 20


def test_filters_it_knows_are_asked_for_and_others_are_warned_of() -> None:
    how: dict[str, Any] = {
        "since": 2015,
        "until": "2020-06-30",
        "country": "gb",
        "include_domains": ["example.org", "example.com"],
        "exclude_domains": ["example.net"],
    }
    with Service(page(PERCH)) as service:
        found = search(Tavily, service, key=KEY, **how, language="de")
    body = service.asked[0].body
    assert (body["start_date"], body["end_date"]) == ("2015-01-01", "2020-06-30")
    assert body["country"] == "united kingdom"
    assert body["include_domains"] == ["example.org", "example.com"]
    assert body["exclude_domains"] == ["example.net"]
    assert found.warnings == ("it cannot filter by language: not done",)


def test_a_country_that_it_does_not_know_is_not_asked_for_and_said() -> None:
    with Service(page(PERCH)) as service:
        found = search(Tavily, service, key=KEY, country="aq")
    assert "country" not in service.asked[0].body
    assert found.warnings == ("it knows no country 'aq': not done",)


def test_a_query_that_is_too_long_is_cut_behind_a_word_and_said() -> None:
    with Service(page(PERCH)) as service:
        found = search(Tavily, service, " ".join(["perch"] * 100), key=KEY)
        exact = search(Tavily, service, "x" * 400, key=KEY)
        search(Tavily, service, "x" * 401, key=KEY)
        search(Tavily, service, f"perch {'x' * 394} roach", key=KEY)
    sent = [asked.body["query"] for asked in service.asked]
    assert sent == [" ".join(["perch"] * 66), "x" * 400, "x" * 400, f"perch {'x' * 394}"]
    assert found.warnings == ("the query was cut to 395 of 599 characters: it takes no longer one",)
    assert not exact.warnings


def test_sites_in_a_query_for_which_it_refuses_are_left_out_and_said() -> None:
    with Service(page(PERCH)) as service:
        found = search(Tavily, service, "perch site:example.org -site:example.net website:x", key=KEY)
    assert service.asked[0].body["query"] == "perch website:x"
    assert found.warnings == (
        "site:example.org -site:example.net was left out of the query: "
        "set the filter include_domains or exclude_domains",
    )


def test_no_hits_is_empty_and_hits_without_text_or_address_are_told_of() -> None:
    with Service(page()) as service:
        assert search(Tavily, service, key=KEY).outcome is Outcome.EMPTY
    with Service(page({**PERCH, "content": " [...] "}, {**PERCH, "url": "file:///etc/passwd"})) as service:
        found = search(Tavily, service, key=KEY)
    assert found.outcome is Outcome.EMPTY
    assert found.warnings == ("1 hit was left out: no address on the web", "1 hit was left out: no text")


def test_one_strange_hit_costs_no_other() -> None:
    with Service(page({"url": [1]}, PERCH, "text")) as service:
        found = search(Tavily, service, key=KEY)
    assert len(found.snippets) == 2
    assert found.warnings == ("2 hits were left out: could not be read",)


@pytest.mark.parametrize(
    ("behaviour", "outcome", "says"),
    [
        (json_reply({"detail": {"error": "Unauthorized: wrong key"}}, 401), Outcome.FAILED, "Unauthorized: wrong key"),
        (json_reply({"detail": {"error": "over its plan"}}, 432), Outcome.FAILED, "over its plan"),
        (json_reply({"detail": "Blocked"}, 429, {"Retry-After": "60"}), Outcome.RATE_LIMITED, "429 ('Blocked')"),
        (rate_limited("60"), Outcome.RATE_LIMITED, "answers 429 ('slow down')"),
        (json_reply({"detail": {"error": "It broke"}}, 500), Outcome.FAILED, "It broke"),
        (json_reply({"query": "perch"}), Outcome.FAILED, "results is NoneType, no list"),
        (page("text", 7), Outcome.FAILED, "no entry of results can be read"),
        (raw(b'{"results": '), Outcome.FAILED, "is no JSON"),
        (html(), Outcome.FAILED, "is no JSON"),
        (raw(b""), Outcome.FAILED, "is empty"),
    ],
)
def test_what_is_no_page_is_said_and_is_never_empty(behaviour: Behaviour, outcome: Outcome, says: str) -> None:
    with Service(behaviour) as service:
        found = search(Tavily, service, key=KEY)
    assert found.outcome is outcome
    assert not found.snippets
    assert says in found.warnings[0]
