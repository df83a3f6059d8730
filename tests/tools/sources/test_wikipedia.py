"""Wikipedia: which one is asked, what of it, and how its articles become passages."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest
from tests.faulty_server import Behaviour, html, rate_limited, raw
from tests.tools.service import Asked, Route, Service, json_reply
from tests.tools.sources.searching import TRICKY, is_fresh, search

from citerefine.refiner.protocols import Outcome
from citerefine.tools.filters import Filters
from citerefine.tools.sources.settings import SourceSettings
from citerefine.tools.sources.wikipedia import Wikipedia
from citerefine.tools.sources.wire import Read
from citerefine.tools.web import client
from citerefine.tools.web import reply as web_reply
from citerefine.tools.web.request import WebRequest

PERCH: dict[str, Any] = {
    "id": 7,
    "key": "European_perch",
    "title": "European perch",
    "excerpt": 'The <span class="searchmatch">perch</span>',
    "matched_title": None,
    "description": "Species of fish",
    "aFieldOfNextYear": {"deep": [1]},
}
ROACH: dict[str, Any] = {"id": 8, "key": "Roach_(fish)", "title": "Roach"}
PERCH_TEXT = (
    "The perch is a fish of lakes.\n\n\n"
    "== Life ==\n"
    "It lives in shoals.\n"
    "=== Food ===\n"
    "Young perch eat plankton.\n"
    "== Names ==\n"
    "It is also called redfin."
)


def pages(*hits: object) -> Behaviour:
    return json_reply({"pages": [*hits]})


def article(text: object) -> Behaviour:
    return json_reply({"batchcomplete": True, "query": {"pages": [{"pageid": 7, "ns": 0, "extract": text}]}})


def wiki(found: Behaviour, articles: Mapping[str, Behaviour]) -> Route:
    def route(asked: Asked) -> Behaviour:
        return articles[asked.param("titles") or ""] if asked.path.endswith("api.php") else found

    return route


def lake(text: object = PERCH_TEXT) -> Route:
    return wiki(pages(PERCH), {"European_perch": article(text)})


def test_a_passage_is_read_field_by_field() -> None:
    with Service(route=lake("The perch is a fish.")) as service:
        found = search(Wikipedia, service)
    (snippet,) = found.snippets
    assert found.outcome is Outcome.OK
    assert not found.warnings
    assert found.cost is None
    assert snippet.text == "The perch is a fish."
    assert snippet.title == "European perch"
    assert snippet.url == f"{service.base_url}/wiki/European_perch"
    assert snippet.source == "wikipedia:127.0.0.1/European_perch"
    assert snippet.licence == "CC BY-SA 4.0"
    assert (snippet.section, snippet.authors, snippet.year) == (None, (), None)
    assert is_fresh(snippet.retrieved_at)


def test_headings_become_sections_and_offsets_point_into_the_article() -> None:
    with Service(route=lake()) as service:
        found = search(Wikipedia, service, "food of perch", 10)
    sections = {snippet.text: snippet.section for snippet in found.snippets}
    assert sections == {
        "The perch is a fish of lakes.": None,
        "It lives in shoals.": "Life",
        "Young perch eat plankton.": "Life > Food",
        "It is also called redfin.": "Names",
    }
    for snippet in found.snippets:
        assert PERCH_TEXT[snippet.start : snippet.end] == snippet.text


def test_the_passages_that_hold_most_of_the_query_come_first_and_no_more_than_asked_for() -> None:
    articles = {"European_perch": article(PERCH_TEXT), "Roach_(fish)": article("Roach live elsewhere.")}
    with Service(route=wiki(pages(ROACH, PERCH), articles)) as service:
        found = search(Wikipedia, service, "what do young perch eat", 2)
    assert [snippet.text for snippet in found.snippets] == [
        "Young perch eat plankton.",
        "The perch is a fish of lakes.",
    ]


def test_a_long_article_is_cut_between_sentences() -> None:
    text = " ".join(f"Net {n} of the lake held very few perch and not one roach in that year." for n in range(40))
    with Service(route=lake(text)) as service:
        found = search(Wikipedia, service)
    assert len(found.snippets) > 1
    for snippet in found.snippets:
        assert snippet.text.startswith("Net")
        assert snippet.text.endswith("year.")
        assert text[snippet.start : snippet.end] == snippet.text


def test_search_and_article_are_asked_for_as_documented_and_the_query_is_one_parameter() -> None:
    with Service(route=lake()) as service:
        search(Wikipedia, service, TRICKY, 3)
    found, text = service.asked
    assert (found.method, found.path) == ("GET", "/w/rest.php/v1/search/page")
    assert found.params == [("q", "AT&T year=1900"), ("limit", "3")]
    assert "q=AT%26T" in found.target
    assert (text.method, text.path) == ("GET", "/w/api.php")
    assert text.params == [
        ("action", "query"), ("prop", "extracts"), ("explaintext", "1"), ("exsectionformat", "wiki"),
        ("titles", "European_perch"), ("redirects", "1"), ("format", "json"), ("formatversion", "2"),
    ]  # fmt: skip
    assert text.headers["user-agent"].startswith("citerefine/")


def test_a_name_that_cannot_be_sent_as_it_is_fails_no_search() -> None:
    broken = "Perch\ud800"
    with Service(route=wiki(pages({"key": broken}), {"Perch\ufffd": article("Perch.")})) as service:
        found = search(Wikipedia, service)
    assert [snippet.text for snippet in found.snippets] == ["Perch."]


def test_no_more_articles_are_asked_for_than_are_read() -> None:
    with Service(route=lake()) as service:
        search(Wikipedia, service, k=50)
    assert service.asked[0].param("limit") == "5"


def test_an_address_holds_no_letter_that_would_end_its_path() -> None:
    key = "Why?_#1_Ångström/x"
    with Service(route=wiki(pages({"key": key}), {key: article("Perch.")})) as service:
        (snippet,) = search(Wikipedia, service).snippets
    assert snippet.url == f"{service.base_url}/wiki/{quote('Why?_#1_Ångström')}/x"
    assert snippet.source == f"wikipedia:127.0.0.1/{key}"
    assert snippet.title is None


class Unplugged(client.WebClient):
    """Remembers what was to be asked, and says that nothing was found."""

    def __init__(self) -> None:
        super().__init__()
        self.urls: list[str] = []

    async def ask(self, request: WebRequest, read: Callable[..., Any], **how: Any) -> web_reply.Asked:
        self.urls.append(request.url)
        return web_reply.Asked(Read([], 0), False, datetime.now(UTC))


@pytest.mark.parametrize(
    ("base_url", "language", "asked", "warnings"),
    [
        (None, None, "https://en.wikipedia.org", ()),
        (None, "de", "https://de.wikipedia.org", ()),
        ("http://wiki.example.org/mirror", None, "http://wiki.example.org/mirror", ()),
        (
            "http://wiki.example.org/mirror", "de", "http://wiki.example.org/mirror",
            ("it is asked at http://wiki.example.org/mirror, of which nobody knows whether it is in 'de'",),
        ),
        ("https://de.wikipedia.org", "de", "https://de.wikipedia.org", ()),
        (
            "https://fr.wikipedia.org/", "de", "https://fr.wikipedia.org",
            ("it is asked at https://fr.wikipedia.org, and not in 'de'",),
        ),
    ],
)  # fmt: skip
def test_the_language_chooses_the_host_unless_an_address_is_set(
    base_url: str | None, language: str | None, asked: str, warnings: tuple[str, ...]
) -> None:
    web = Unplugged()
    source = Wikipedia(web, SourceSettings(base_url=base_url), Filters(language=language))
    found = asyncio.run(source.search("perch", 3))
    assert web.urls == [f"{asked}/w/rest.php/v1/search/page"]
    assert found.warnings == warnings


def test_the_language_of_an_address_of_ones_own_is_not_known_and_is_never_that_of_the_filter() -> None:
    with Service(route=lake()) as service:
        found = search(Wikipedia, service, language="de")
    assert {snippet.source for snippet in found.snippets} == {"wikipedia:127.0.0.1/European_perch"}
    assert found.warnings == (f"it is asked at {service.base_url}, of which nobody knows whether it is in 'de'",)


def test_no_word_of_a_query_is_an_operator_or_a_condition() -> None:
    with Service(route=lake()) as service:
        search(Wikipedia, service, '~intitle:"perch" OR insource:/x*/ -roach !carp')
    assert service.asked[0].param("q") == "intitle perch or insource x roach carp"


def test_filters_it_does_not_know_are_warned_of() -> None:
    with Service(route=lake()) as service:
        found = search(Wikipedia, service, since=2015, country="de")
    assert found.warnings == (
        "it cannot filter by since: not done",
        "it cannot filter by country: not done",
    )


def test_no_articles_is_empty_and_articles_without_text_are_told_of() -> None:
    with Service(pages()) as service:
        assert search(Wikipedia, service).outcome is Outcome.EMPTY
    for text in ("", None, "== See also =="):
        with Service(route=lake(text)) as service:
            found = search(Wikipedia, service)
        assert found.outcome is Outcome.EMPTY
        assert found.warnings == ("1 hit was left out: no text",)


def test_one_strange_hit_costs_no_other() -> None:
    with Service(route=wiki(pages({"key": None}, PERCH, "text"), {"European_perch": article("Perch.")})) as service:
        found = search(Wikipedia, service)
    assert len(found.snippets) == 1
    assert found.warnings == ("2 hits were left out: could not be read",)


def test_an_article_that_cannot_be_read_leaves_the_others() -> None:
    refused = json_reply({"error": {"code": "internal", "info": "It broke"}})
    articles = {"European_perch": refused, "Roach_(fish)": article("Roach.")}
    with Service(route=wiki(pages(PERCH, ROACH), articles)) as service:
        found = search(Wikipedia, service)
    assert [snippet.text for snippet in found.snippets] == ["Roach."]
    (warning,) = found.warnings
    assert warning.startswith("European_perch could not be read: ")
    assert "It broke" in warning


def test_where_no_article_can_be_read_the_search_has_failed() -> None:
    with Service(route=wiki(pages(PERCH), {"European_perch": json_reply({}, 500)})) as service:
        found = search(Wikipedia, service)
    assert found.outcome is Outcome.FAILED
    assert "answers 500" in found.warnings[0]


@pytest.mark.parametrize(
    ("behaviour", "outcome", "says"),
    [
        (rate_limited("60"), Outcome.RATE_LIMITED, "answers 429 ('slow down')"),
        (json_reply({"httpCode": 403, "message": "Set a user agent"}, 403), Outcome.FAILED, "('Set a user agent')"),
        (json_reply({"httpCode": 500, "message": "It broke"}, 500), Outcome.FAILED, "answers 500 ('It broke')"),
        (json_reply({"httpCode": 404}), Outcome.FAILED, "pages is NoneType, no list"),
        (pages("text", 7), Outcome.FAILED, "no entry of pages can be read"),
        (raw(b'{"pages": '), Outcome.FAILED, "is no JSON"),
        (html(), Outcome.FAILED, "is no JSON"),
        (raw(b""), Outcome.FAILED, "is empty"),
    ],
)
def test_what_is_no_page_is_said_and_is_never_empty(behaviour: Behaviour, outcome: Outcome, says: str) -> None:
    with Service(behaviour) as service:
        found = search(Wikipedia, service)
    assert found.outcome is outcome
    assert not found.snippets
    assert says in found.warnings[0]
