"""Serper: what is asked of Google's web and Google Scholar, and what is read of its documented replies."""

from typing import Any

import pytest
from tests.faulty_server import Behaviour, html, rate_limited, raw
from tests.tools.service import Service, json_reply
from tests.tools.sources.searching import KEY, TRICKY, is_fresh, search

from citerefine.refiner.protocols import Outcome
from citerefine.tools.sources.serper import Serper

PERCH: dict[str, Any] = {
    "title": "Perch in lakes",
    "link": "https://example.org/perch",
    "snippet": "Perch doubled by 2010 ...",
    "date": "May 12, 2019",
    "position": 1,
    "sitelinks": [{"title": "Roach", "link": "https://example.org/roach"}],
    "aFieldOfNextYear": {"deep": [1]},
}
PAPER: dict[str, Any] = {
    "title": "Perch and roach",
    "link": "https://example.org/paper",
    "publicationInfo": "A Moe, B Lind… - Journal of Lakes, 2018 - example.org",
    "snippet": "… perch fell …",
    "year": 2018,
    "citedBy": 7,
}


def page(*hits: object) -> Behaviour:
    return json_reply(
        {
            "searchParameters": {"q": "perch"},
            "answerBox": {"snippet": "A model says so."},
            "knowledgeGraph": {"title": "Perch", "description": "A fish."},
            "organic": [*hits],
            "peopleAlsoAsk": [{"question": "Why?", "snippet": "Because."}],
            "credits": 1,
        }
    )


def test_an_organic_hit_is_read_field_by_field_and_nothing_else_is_evidence() -> None:
    with Service(page(PERCH)) as service:
        found = search(Serper, service, key=KEY)
    (snippet,) = found.snippets
    assert found.outcome is Outcome.OK
    assert not found.warnings
    assert found.cost is None
    assert snippet.text == "Perch doubled by 2010 ..."
    assert snippet.title == "Perch in lakes"
    assert snippet.year == 2019
    assert snippet.url == "https://example.org/perch"
    assert snippet.source == "serper:https://example.org/perch"
    assert (snippet.section, snippet.licence, snippet.authors, snippet.venue) == (None, None, (), None)
    assert is_fresh(snippet.retrieved_at)


def test_missing_fields_are_none_and_an_age_is_no_year() -> None:
    bare = {"link": "https://example.org/roach", "snippet": "Roach fell.", "date": "2 days ago"}
    with Service(page(bare)) as service:
        (snippet,) = search(Serper, service, key=KEY).snippets
    assert (snippet.title, snippet.year, snippet.venue, snippet.authors) == (None, None, None, ())


def test_a_scholarly_hit_has_authors_year_and_venue() -> None:
    with Service(page(PAPER)) as service:
        (snippet,) = search(Serper, service, key=KEY, argument="scholar").snippets
    assert service.asked[0].path == "/scholar"
    assert snippet.text == "… perch fell …"
    assert snippet.authors == ("A Moe", "B Lind")
    assert (snippet.year, snippet.venue) == (2018, "Journal of Lakes")
    assert snippet.source == "serper:https://example.org/paper"


@pytest.mark.parametrize(
    ("line", "authors", "venue"),
    [
        ("A Moe - 2008 - books.example.org", ("A Moe",), None),
        ("A Moe - Lakes and Rivers - example.org", ("A Moe",), "Lakes and Rivers"),
        ("A Moe - Journal of …, 2019 - example.org", ("A Moe",), "Journal of …"),
        ("A Moe - example.org", (), None),
        ({"summary": "A Moe"}, (), None),
        (None, (), None),
    ],
)
def test_who_published_where_is_read_only_from_a_whole_line(
    line: object, authors: tuple[str, ...], venue: str | None
) -> None:
    with Service(page({**PAPER, "publicationInfo": line})) as service:
        (snippet,) = search(Serper, service, key=KEY, argument="scholar").snippets
    assert (snippet.authors, snippet.venue) == (authors, venue)


def test_the_search_is_asked_for_as_documented() -> None:
    with Service(page(PERCH)) as service:
        search(Serper, service, TRICKY, 7, key=KEY)
        search(Serper, service, k=1000, key=KEY)
    asked, most = service.asked
    assert (asked.method, asked.path, asked.params) == ("POST", "/search", [])
    assert asked.body == {"q": "AT&T & year=1900", "num": 7}
    assert asked.headers["x-api-key"] == KEY
    assert most.body["num"] == 100


@pytest.mark.parametrize(
    ("filters", "span"),
    [
        ({"since": 2015, "until": "2020-06-30"}, "cdr:1,cd_min:1/1/2015,cd_max:6/30/2020"),
        ({"since": 2015}, "cdr:1,cd_min:1/1/2015"),
        ({"until": 2020}, "cdr:1,cd_max:12/31/2020"),
    ],
)
def test_days_of_publication_are_asked_for_as_google_takes_them(filters: dict[str, Any], span: str) -> None:
    with Service(page(PERCH)) as service:
        found = search(Serper, service, key=KEY, **filters)
    assert service.asked[0].body["tbs"] == span
    assert not found.warnings


def test_filters_it_knows_are_asked_for_and_others_are_warned_of() -> None:
    with Service(page(PERCH)) as service:
        found = search(Serper, service, key=KEY, country="de", language="fr", include_domains=["example.org"])
    assert service.asked[0].body == {"q": "perch", "num": 10, "gl": "de", "hl": "fr"}
    assert found.warnings == ("it cannot filter by include_domains: not done",)


def test_scholar_cannot_filter_by_date_and_says_so() -> None:
    with Service(page(PAPER)) as service:
        found = search(Serper, service, key=KEY, argument="scholar", since=2015, until=2020, country="de")
    assert service.asked[0].body == {"q": "perch", "num": 10, "gl": "de"}
    assert found.warnings == (
        "it cannot filter by since: not done",
        "it cannot filter by until: not done",
    )


def test_as_many_hits_with_text_are_kept_as_asked_for() -> None:
    hits = [{**PERCH, "link": f"https://example.org/{n}"} for n in range(10)]
    with Service(page({**PERCH, "snippet": ""}, *hits)) as service:
        found = search(Serper, service, k=2, key=KEY)
    assert [snippet.url for snippet in found.snippets] == ["https://example.org/0", "https://example.org/1"]


@pytest.mark.parametrize("empty", [page(), json_reply({"searchParameters": {"q": "perch"}, "answerBox": {}})])
def test_no_organic_hits_is_empty(empty: Behaviour) -> None:
    with Service(empty) as service:
        found = search(Serper, service, key=KEY)
    assert found.outcome is Outcome.EMPTY
    assert not found.warnings


def test_strange_hits_and_hits_without_text_or_address_cost_no_other() -> None:
    hits = [{"link": [1]}, "text", {**PERCH, "snippet": None}, {**PERCH, "link": None}, PERCH]
    with Service(page(*hits)) as service:
        found = search(Serper, service, key=KEY)
    assert len(found.snippets) == 1
    assert found.warnings == (
        "2 hits were left out: could not be read",
        "1 hit was left out: no address on the web",
        "1 hit was left out: no text",
    )


@pytest.mark.parametrize(
    ("behaviour", "outcome", "says"),
    [
        (json_reply({"message": "Unauthorized.", "statusCode": 403}, 403), Outcome.FAILED, "403 ('Unauthorized.')"),
        (json_reply({"message": "Not enough credits", "statusCode": 400}, 400), Outcome.FAILED, "Not enough credits"),
        (rate_limited("60"), Outcome.RATE_LIMITED, "answers 429 ('slow down')"),
        (json_reply({"message": "It broke"}, 500), Outcome.FAILED, "answers 500 ('It broke')"),
        (json_reply({"organi": []}), Outcome.FAILED, "organic is NoneType, no list"),
        (page("text", 7), Outcome.FAILED, "no entry of organic can be read"),
        (raw(b'{"organic": '), Outcome.FAILED, "is no JSON"),
        (html(), Outcome.FAILED, "is no JSON"),
        (raw(b""), Outcome.FAILED, "is empty"),
    ],
)
def test_what_is_no_page_is_said_and_is_never_empty(behaviour: Behaviour, outcome: Outcome, says: str) -> None:
    with Service(behaviour) as service:
        found = search(Serper, service, key=KEY)
    assert found.outcome is outcome
    assert not found.snippets
    assert says in found.warnings[0]
