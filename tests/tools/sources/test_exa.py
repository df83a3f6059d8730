"""Exa: what is asked of it, and what is read of its documented replies."""

from typing import Any

import pytest
from tests.faulty_server import Behaviour, html, rate_limited, raw
from tests.tools.service import Service, json_reply
from tests.tools.sources.searching import KEY, TRICKY, is_fresh, search

from citerefine.refiner.protocols import Outcome
from citerefine.tools.sources.exa import Exa

PERCH: dict[str, Any] = {
    "id": "https://example.org/perch",
    "url": "https://example.org/perch",
    "title": "Perch in lakes",
    "score": 0.9,
    "publishedDate": "2019-05-12T00:00:00.000Z",
    "author": "Ada Moe",
    "highlights": ["Perch doubled by 2010...", "Roach <fell>."],
    "highlightScores": [0.9, 0.8],
    "summary": "A model says so.",
    "aFieldOfNextYear": {"deep": [1]},
}
BARE: dict[str, Any] = {"url": "https://example.org/roach", "highlights": ["Roach fell."], "author": None}


def page(*hits: object, cost: object = 0.007) -> Behaviour:
    return json_reply(
        {"requestId": "1", "results": [*hits], "costDollars": {"total": cost, "search": {"neural": 0.007}}}
    )


def test_each_highlight_is_a_snippet_read_field_by_field() -> None:
    with Service(page(PERCH)) as service:
        found = search(Exa, service, key=KEY)
    assert found.outcome is Outcome.OK
    assert not found.warnings
    assert found.cost == 0.007
    assert [snippet.text for snippet in found.snippets] == ["Perch doubled by 2010...", "Roach <fell>."]
    for snippet in found.snippets:
        assert snippet.title == "Perch in lakes"
        assert snippet.authors == ("Ada Moe",)
        assert snippet.year == 2019
        assert snippet.url == "https://example.org/perch"
        assert snippet.source == "exa:https://example.org/perch"
        assert (snippet.section, snippet.licence, snippet.start) == (None, None, None)
        assert is_fresh(snippet.retrieved_at)


def test_missing_fields_are_none_and_not_guessed() -> None:
    with Service(page(BARE)) as service:
        (snippet,) = search(Exa, service, key=KEY).snippets
    assert (snippet.title, snippet.authors, snippet.year, snippet.venue) == (None, (), None, None)


def test_where_there_is_no_highlight_the_text_is_read_and_a_summary_never() -> None:
    with Service(
        page({**PERCH, "highlights": [], "text": "Perch."}, {**BARE, "highlights": None, "summary": "So."})
    ) as service:
        found = search(Exa, service, key=KEY)
    assert [snippet.text for snippet in found.snippets] == ["Perch."]
    assert found.warnings == ("1 hit was left out: no text",)


def test_highlights_are_asked_for_as_documented() -> None:
    with Service(page(PERCH)) as service:
        search(Exa, service, TRICKY, 7, key=KEY)
        search(Exa, service, k=500, key=KEY)
    asked, most = service.asked
    assert (asked.method, asked.path, asked.params) == ("POST", "/search", [])
    assert asked.body == {"query": "AT&T & year=1900", "numResults": 7, "contents": {"highlights": True}}
    assert asked.headers["x-api-key"] == KEY
    assert most.body["numResults"] == 100


def test_of_whole_texts_the_passages_that_fit_best_are_given() -> None:
    lines = [f"Net {n} of the lake held very few perch and not one roach in that year." for n in range(60)]
    lines[45] = "Warm water favoured bream."
    text = "\n".join(lines)
    whole = {"url": "https://example.org/lake", "text": text}
    with Service(page(whole)) as service:
        found = search(Exa, service, "warm water for bream", 1, key=KEY, argument="fulltext")
    (snippet,) = found.snippets
    assert service.asked[0].body["contents"] == {"text": {"maxCharacters": 20_000}}
    assert "Warm water favoured bream." in snippet.text
    assert snippet.text == text[snippet.start : snippet.end]
    assert len(snippet.text) < len(text)
    assert found.cost == 0.007


def test_filters_it_knows_are_asked_for_and_others_are_warned_of() -> None:
    how: dict[str, Any] = {
        "since": 2015,
        "until": "2020-06-30",
        "include_domains": ["example.org"],
        "exclude_domains": ["example.net"],
    }
    with Service(page(PERCH)) as service:
        found = search(Exa, service, key=KEY, **how, language="de", country="de")
    body = service.asked[0].body
    assert (body["startPublishedDate"], body["endPublishedDate"]) == (
        "2015-01-01T00:00:00.000Z",
        "2020-06-30T23:59:59.999Z",
    )
    assert (body["includeDomains"], body["excludeDomains"]) == (["example.org"], ["example.net"])
    assert found.warnings == (
        "it cannot filter by language: not done",
        "it cannot filter by country: not done",
    )


@pytest.mark.parametrize(("told", "cost"), [(0.012, 0.012), (0, 0.0), (None, None), ("0.1", None), (True, None)])
def test_the_cost_is_what_the_service_says_and_none_where_it_says_nothing(told: object, cost: float | None) -> None:
    with Service(page(PERCH, cost=told)) as service:
        assert search(Exa, service, key=KEY).cost == cost
    with Service(json_reply({"results": [PERCH]})) as service:
        assert search(Exa, service, key=KEY).cost is None


def test_no_hits_is_empty_and_costs_too() -> None:
    with Service(page()) as service:
        found = search(Exa, service, key=KEY)
    assert found.outcome is Outcome.EMPTY
    assert not found.warnings
    assert found.cost == 0.007


def test_strange_hits_and_hits_without_address_cost_no_other() -> None:
    with Service(page({"url": [1]}, "text", {**BARE, "url": None}, {**BARE, "highlights": [[]]}, BARE)) as service:
        found = search(Exa, service, key=KEY)
    assert [snippet.text for snippet in found.snippets] == ["Roach fell."]
    assert found.warnings == (
        "3 hits were left out: could not be read",
        "1 hit was left out: no address on the web",
    )


@pytest.mark.parametrize(
    ("behaviour", "outcome", "says"),
    [
        (json_reply({"error": "Invalid API key", "tag": "INVALID_API_KEY"}, 401), Outcome.FAILED, "Invalid API key"),
        (json_reply({"error": "No credits", "tag": "NO_MORE_CREDITS"}, 402), Outcome.FAILED, "402 ('No credits')"),
        (json_reply({"error": "Slow"}, 429, {"Retry-After": "60"}), Outcome.RATE_LIMITED, "answers 429 ('Slow')"),
        (rate_limited("60"), Outcome.RATE_LIMITED, "answers 429 ('slow down')"),
        (json_reply({"error": "It broke"}, 500), Outcome.FAILED, "answers 500 ('It broke')"),
        (json_reply({"requestId": "1"}), Outcome.FAILED, "results is NoneType, no list"),
        (page("text", 7), Outcome.FAILED, "no entry of results can be read"),
        (raw(b'{"results": '), Outcome.FAILED, "is no JSON"),
        (html(), Outcome.FAILED, "is no JSON"),
        (raw(b""), Outcome.FAILED, "is empty"),
    ],
)
def test_what_is_no_page_is_said_and_is_never_empty(behaviour: Behaviour, outcome: Outcome, says: str) -> None:
    with Service(behaviour) as service:
        found = search(Exa, service, key=KEY)
    assert found.outcome is outcome
    assert not found.snippets
    assert says in found.warnings[0]
