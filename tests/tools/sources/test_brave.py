"""Brave: what is asked of it, and what is read of its documented replies."""

from typing import Any

import pytest
from tests.faulty_server import Behaviour, html, rate_limited, raw
from tests.tools.service import Service, json_reply
from tests.tools.sources.searching import KEY, TRICKY, is_fresh, search

from citerefine.refiner.protocols import Outcome
from citerefine.tools.sources.brave import Brave

PERCH: dict[str, Any] = {
    "type": "search_result",
    "title": "Perch &amp; <strong>roach</strong>",
    "url": "https://example.org/perch",
    "description": "<strong>Perch</strong> doubled by 2010 (p &lt; 0.05)…",
    "age": "2 days ago",
    "page_age": "2019-05-12T08:00:00",
    "extra_snippets": ["Nets held &quot;few&quot; perch.", "Roach fell."],
    "language": "en",
    "aFieldOfNextYear": {"deep": [1]},
}
BARE: dict[str, Any] = {"url": "https://example.org/roach", "description": "Roach fell.", "age": "2 days ago"}


def page(*hits: object) -> Behaviour:
    return json_reply(
        {
            "type": "search",
            "query": {"original": "perch", "more_results_available": False},
            "web": {"type": "search", "results": [*hits]},
            "news": {"results": [{"url": "https://example.com", "description": "News."}]},
        }
    )


def error(code: str, detail: str, status: int, **headers: str) -> Behaviour:
    body = {"type": "ErrorResponse", "error": {"id": "1", "status": status, "code": code, "detail": detail}}
    return json_reply(body, status, {name.replace("_", "-"): value for name, value in headers.items()})


def test_description_and_further_stretches_are_snippets_of_their_own_read_field_by_field() -> None:
    with Service(page(PERCH)) as service:
        found = search(Brave, service, key=KEY)
    assert found.outcome is Outcome.OK
    assert not found.warnings
    assert found.cost is None
    assert [snippet.text for snippet in found.snippets] == [
        "Perch doubled by 2010 (p < 0.05)…",
        'Nets held "few" perch.',
        "Roach fell.",
    ]
    for snippet in found.snippets:
        assert snippet.title == "Perch & roach"
        assert snippet.year == 2019
        assert snippet.url == "https://example.org/perch"
        assert snippet.source == "brave:https://example.org/perch"
        assert (snippet.section, snippet.licence, snippet.authors) == (None, None, ())
        assert is_fresh(snippet.retrieved_at)
    assert len({snippet.id for snippet in found.snippets}) == 3
    assert len({snippet.work for snippet in found.snippets}) == 1


def test_missing_fields_are_none_and_an_age_is_no_year() -> None:
    with Service(page(BARE)) as service:
        (snippet,) = search(Brave, service, key=KEY).snippets
    assert (snippet.title, snippet.year, snippet.venue) == (None, None, None)


def test_a_stretch_that_repeats_the_description_is_given_once() -> None:
    with Service(page({**BARE, "extra_snippets": ["Roach fell.", "", "<b></b>"]})) as service:
        found = search(Brave, service, key=KEY)
    assert [snippet.text for snippet in found.snippets] == ["Roach fell."]


def test_the_search_is_asked_for_as_documented_and_the_query_is_one_parameter() -> None:
    with Service(page(PERCH)) as service:
        search(Brave, service, TRICKY, 7, key=KEY)
        search(Brave, service, k=50, key=KEY)
    asked, most = service.asked
    assert (asked.method, asked.path) == ("GET", "/web/search")
    assert asked.params == [("q", "AT&T & year=1900"), ("count", "7"), ("extra_snippets", "true")]
    assert "q=AT%26T" in asked.target
    assert asked.headers["x-subscription-token"] == KEY
    assert most.param("count") == "20"


def test_filters_it_knows_are_asked_for_and_others_are_warned_of() -> None:
    with Service(page(PERCH)) as service:
        how: dict[str, Any] = {"since": 2015, "until": "2020-06-30", "country": "gb", "language": "ja"}
        found = search(Brave, service, key=KEY, **how, exclude_domains=["example.org"])
    asked = service.asked[0]
    assert asked.param("freshness") == "2015-01-01to2020-06-30"
    assert (asked.param("country"), asked.param("search_lang")) == ("GB", "jp")
    assert found.warnings == ("it cannot filter by exclude_domains: not done",)


@pytest.mark.parametrize(
    ("filters", "span"),
    [({"since": 2015}, "2015-01-01to2099-12-31"), ({"until": 2020}, "1990-01-01to2020-12-31")],
)
def test_a_span_with_one_end_is_the_same_on_every_day(filters: dict[str, Any], span: str) -> None:
    with Service(page(PERCH)) as service:
        search(Brave, service, key=KEY, **filters)
    assert service.asked[0].param("freshness") == span


def test_a_country_and_a_language_that_it_does_not_know_are_not_asked_for_and_said() -> None:
    with Service(page(PERCH)) as service:
        found = search(Brave, service, key=KEY, country="is", language="la")
    assert service.asked[0].param("country") is None
    assert service.asked[0].param("search_lang") is None
    assert found.warnings == ("it knows no country 'is': not done", "it knows no language 'la': not done")


def test_a_query_of_too_many_words_or_letters_is_cut_and_said() -> None:
    with Service(page(PERCH)) as service:
        many = search(Brave, service, " ".join(["ab"] * 60), key=KEY)
        search(Brave, service, " ".join(["abcdefghi"] * 45), key=KEY)
    assert [asked.param("q") for asked in service.asked] == [" ".join(["ab"] * 50), " ".join(["abcdefghi"] * 40)]
    assert many.warnings == ("the query was cut to 149 of 179 characters: it takes no longer one",)


@pytest.mark.parametrize("empty", [page(), json_reply({"type": "search", "query": {"original": "perch"}})])
def test_no_web_hits_is_empty(empty: Behaviour) -> None:
    with Service(empty) as service:
        found = search(Brave, service, key=KEY)
    assert found.outcome is Outcome.EMPTY
    assert not found.warnings


def test_strange_hits_and_hits_without_text_or_address_cost_no_other() -> None:
    hits = [{"url": [1]}, "text", {**BARE, "description": "<b></b>"}, {**BARE, "url": "javascript:x"}, BARE]
    with Service(page(*hits)) as service:
        found = search(Brave, service, key=KEY)
    assert [snippet.text for snippet in found.snippets] == ["Roach fell."]
    assert found.warnings == (
        "2 hits were left out: could not be read",
        "1 hit was left out: no address on the web",
        "1 hit was left out: no text",
    )


@pytest.mark.parametrize(
    ("behaviour", "outcome", "says"),
    [
        (error("SUBSCRIPTION_TOKEN_INVALID", "Wrong token", 422), Outcome.FAILED, "answers 422 ('Wrong token')"),
        (error("FORBIDDEN", "Not in your plan", 403), Outcome.FAILED, "answers 403 ('Not in your plan')"),
        (error("QUOTA_LIMITED", "Pay", 402), Outcome.FAILED, "answers 402 ('Pay')"),
        (error("RATE_LIMITED", "Too many", 429, Retry_After="60"), Outcome.RATE_LIMITED, "429 ('Too many')"),
        (rate_limited("60"), Outcome.RATE_LIMITED, "answers 429 ('slow down')"),
        (error("INTERNAL", "It broke", 500), Outcome.FAILED, "answers 500 ('It broke')"),
        (json_reply({"type": "search"}), Outcome.FAILED, "web.results is NoneType, no list"),
        (page("text", 7), Outcome.FAILED, "no entry of web.results can be read"),
        (raw(b'{"web": '), Outcome.FAILED, "is no JSON"),
        (html(), Outcome.FAILED, "is no JSON"),
        (raw(b""), Outcome.FAILED, "is empty"),
    ],
)
def test_what_is_no_page_is_said_and_is_never_empty(behaviour: Behaviour, outcome: Outcome, says: str) -> None:
    with Service(behaviour) as service:
        found = search(Brave, service, key=KEY)
    assert found.outcome is outcome
    assert not found.snippets
    assert says in found.warnings[0]
