"""OpenAlex: what is asked of it, and what is read of its documented replies."""

from pathlib import Path
from typing import Any

import pytest
from tests.faulty_server import Behaviour, html, rate_limited, raw
from tests.tools.service import Service, json_reply
from tests.tools.sources.kept import PERSON, kept_of_a_recorded_search
from tests.tools.sources.searching import KEY, TRICKY, is_fresh, search

from citerefine.refiner.protocols import Outcome
from citerefine.tools.sources.openalex import OpenAlex, rebuilt

PERCH: dict[str, Any] = {
    "id": "https://openalex.org/W4200000001",
    "doi": "https://doi.org/10.1000/Perch.1",
    "display_name": "Perch <i>Perca</i> in lakes",
    "publication_year": 2019,
    "authorships": [
        {"author_position": "first", "author": {"id": "https://openalex.org/A1", "display_name": "Ada Moe"}},
        {"author": {"display_name": None}},
        {"author": {"display_name": "Bo Lind"}},
    ],
    "primary_location": {
        "landing_page_url": "https://example.org/perch",
        "pdf_url": None,
        "license": "cc-by",
        "source": {"display_name": "Journal of Lakes"},
    },
    "abstract_inverted_index": {"Perch": [0], "doubled": [1], "by": [2], "2010;": [3], "perch": [4], "won.": [5]},
    "aFieldOfNextYear": {"deep": [1]},
}
BARE: dict[str, Any] = {"id": "https://openalex.org/W7", "abstract_inverted_index": {"Roach": [0], "fell.": [1]}}


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """No address of a person is known."""
    monkeypatch.delenv("CITEREFINE_CONTACT", raising=False)


def page_of(*hits: object) -> Behaviour:
    return json_reply({"meta": {"count": len(hits), "page": 1}, "results": [*hits]})


def test_a_hit_is_read_field_by_field() -> None:
    with Service(page_of(PERCH)) as service:
        page = search(OpenAlex, service)
    (snippet,) = page.snippets
    assert page.outcome is Outcome.OK
    assert not page.warnings
    assert snippet.text == "Perch doubled by 2010; perch won."
    assert (snippet.title, snippet.authors) == ("Perch Perca in lakes", ("Ada Moe", "Bo Lind"))
    assert (snippet.year, snippet.venue, snippet.doi) == (2019, "Journal of Lakes", "10.1000/perch.1")
    assert snippet.url == "https://example.org/perch"
    assert (snippet.source, snippet.section, snippet.licence) == ("openalex:W4200000001", "Abstract", "cc-by")
    assert is_fresh(snippet.retrieved_at)


def test_missing_fields_are_none_and_not_guessed() -> None:
    with Service(page_of(BARE, {**BARE, "primary_location": {"source": None}, "authorships": None})) as service:
        snippets = search(OpenAlex, service).snippets
    for snippet in snippets:
        assert (snippet.title, snippet.authors, snippet.year, snippet.venue, snippet.doi, snippet.licence) == (
            None, (), None, None, None, None,
        )  # fmt: skip
        assert snippet.url == "https://openalex.org/W7"


def test_an_address_that_is_none_is_not_given() -> None:
    location = {"landing_page_url": "javascript:alert(1)", "source": "text", "license": 7}
    with Service(page_of({**BARE, "primary_location": location})) as service:
        (snippet,) = search(OpenAlex, service).snippets
    assert (snippet.url, snippet.venue, snippet.licence) == ("https://openalex.org/W7", None, None)


@pytest.mark.parametrize(
    ("index", "text"),
    [
        ({"b": [1], "a": [0, 2]}, "a b a"),
        ({"a": [0], "c": [2]}, "a … c"),
        ({"late": [3]}, "… late"),
        ({"a": [0, 0], "b": [0, 1]}, "a b"),
        ({"a": [0], "far": [10**12, 5_000], "last": [4_999]}, "a … last"),
        ({"a": [0], "b": [-1, None, "1", 1.0, True], "c": 7, "d": []}, "a"),
        ({}, None),
        (None, None),
        (["a"], None),
    ],
)
def test_an_abstract_is_put_together_only_from_places_that_can_be(index: Any, text: str | None) -> None:
    assert rebuilt(index) == text


def test_markup_in_an_abstract_is_taken_out() -> None:
    with Service(
        page_of({**BARE, "abstract_inverted_index": {"<jats:p>H<sub>2</sub>S": [0], "fell.</jats:p>": [1]}})
    ) as s:
        (snippet,) = search(OpenAlex, s).snippets
    assert snippet.text == "H2S fell."


def test_works_are_asked_for_as_documented() -> None:
    with Service(page_of(PERCH)) as service:
        search(OpenAlex, service, TRICKY, 7)
    (asked,) = service.asked
    assert (asked.method, asked.path) == ("GET", "/works")
    assert asked.params == [
        ("search", "AT&T year=1900"),
        ("filter", "has_abstract:true"),
        ("per_page", "7"),
        (
            "select",
            "id,doi,display_name,publication_year,authorships,primary_location,abstract_inverted_index,is_retracted",
        ),
    ]
    assert "search=AT%26T" in asked.target
    assert "authorization" not in asked.headers


def test_no_word_of_a_query_is_an_operator_or_a_wildcard() -> None:
    with Service(page_of(PERCH)) as service:
        search(OpenAlex, service, 'NOT ("perch*" OR roach~2) -pike AND wom?n | carp')
    assert service.asked[0].param("search") == "perch roach 2 pike wom n carp"


def test_a_query_that_is_too_long_for_an_address_is_cut_between_words() -> None:
    with Service(page_of(PERCH)) as service:
        search(OpenAlex, service, "鱸魚 " * 300)
    (asked,) = service.asked
    assert set((asked.param("search") or "").split()) == {"鱸魚"}
    assert len(asked.target) < 4_000


def test_half_a_surrogate_pair_in_a_query_is_replaced() -> None:
    with Service(page_of(PERCH)) as service:
        search(OpenAlex, service, "perch\ud800 lakes")
    assert service.asked[0].param("search") == "perch\ufffd lakes"


def test_a_query_without_words_is_not_sent() -> None:
    with Service(page_of(PERCH)) as service:
        page = search(OpenAlex, service, '?! "*"')
    assert not service.asked
    assert page.outcome is Outcome.FAILED
    assert page.warnings == ("""'?! "*"' holds no word to look for; write it in words""",)


def test_filters_it_knows_are_asked_for_and_others_are_warned_of() -> None:
    how: dict[str, Any] = {
        "since": 2015,
        "until": 2020,
        "authors": ["Ada Moe", "Lind"],
        "min_citations": 3,
        "open_access": True,
    }
    with Service(page_of(PERCH)) as service:
        page = search(OpenAlex, service, **how, language="de", venue="Lakes")
    assert service.asked[0].param("filter") == (
        "has_abstract:true,from_publication_date:2015-01-01,to_publication_date:2020-12-31,"
        'raw_author_name.search:"Ada Moe",raw_author_name.search:"Lind",'
        "cited_by_count:>2,open_access.is_oa:true,language:de"
    )
    assert page.warnings == ("it cannot filter by venue: not done",)


def test_no_value_of_a_filter_becomes_another_filter() -> None:
    with Service(page_of(PERCH)) as service:
        search(OpenAlex, service, authors=['Moe, A",is_retracted:true|!Lind'])
    assert service.asked[0].param("filter") == (
        'has_abstract:true,raw_author_name.search:"Moe A is_retracted true Lind"'
    )


def test_no_hits_is_empty_and_hits_without_an_abstract_are_told_of() -> None:
    with Service(page_of()) as service:
        assert search(OpenAlex, service).outcome is Outcome.EMPTY
    with Service(page_of({**PERCH, "abstract_inverted_index": None})) as service:
        page = search(OpenAlex, service)
    assert page.outcome is Outcome.EMPTY
    assert page.warnings == ("1 hit was left out: no abstract",)


def test_one_strange_hit_costs_no_other() -> None:
    with Service(page_of({"id": None}, "text", {**BARE, "publication_year": "soon"}, PERCH)) as service:
        page = search(OpenAlex, service)
    assert len(page.snippets) == 1
    assert page.warnings == ("3 hits were left out: could not be read",)


@pytest.mark.parametrize(
    ("behaviour", "outcome", "says"),
    [
        (rate_limited("60"), Outcome.RATE_LIMITED, "answers 429 ('slow down')"),
        (
            json_reply({"error": "Rate limit exceeded", "message": "Insufficient budget"}, 429, {"Retry-After": "900"}),
            Outcome.RATE_LIMITED,
            "answers 429 ('Insufficient budget'); ask less often",
        ),
        (json_reply({"error": "Forbidden"}, 403), Outcome.FAILED, "answers 403 ('Forbidden'); check OPENALEX_API_KEY"),
        (
            json_reply({"error": "Invalid query parameters error.", "message": "No such field"}, 400),
            Outcome.FAILED,
            "answers 400 ('No such field')",
        ),
        (json_reply({"error": "It broke"}, 500), Outcome.FAILED, "answers 500 ('It broke')"),
        (json_reply({"error": "It broke"}), Outcome.FAILED, "results is NoneType, no list"),
        (page_of("text", 7), Outcome.FAILED, "no entry of results can be read"),
        (raw(b'{"results": [{'), Outcome.FAILED, "is no JSON"),
        (html(), Outcome.FAILED, "is no JSON"),
        (raw(b""), Outcome.FAILED, "is empty"),
    ],
)
def test_what_is_no_page_is_said_and_is_never_empty(behaviour: Behaviour, outcome: Outcome, says: str) -> None:
    with Service(behaviour) as service:
        page = search(OpenAlex, service)
    assert page.outcome is outcome
    assert not page.snippets
    assert says in page.warnings[0]


@pytest.mark.parametrize("behaviour", [page_of(PERCH), json_reply({"error": f"{KEY} of {PERSON} is no key"}, 403)])
def test_the_key_and_the_person_go_along_and_are_kept_nowhere(
    behaviour: Behaviour, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CITEREFINE_CONTACT", PERSON)
    with Service(behaviour) as service:
        _, kept = kept_of_a_recorded_search(OpenAlex, service, tmp_path)
    (asked,) = service.asked
    assert asked.headers["authorization"] == f"Bearer {KEY}"
    assert asked.param("mailto") == PERSON
    assert KEY not in asked.target
    assert b"perch" in kept
    assert KEY.encode() not in kept
    assert PERSON.encode() not in kept


def test_a_retracted_work_says_so_in_its_title_and_is_warned_of() -> None:
    with Service(page_of({**PERCH, "is_retracted": True}, {**PERCH, "is_retracted": False})) as service:
        found = search(OpenAlex, service)
    first, second = found.snippets
    assert first.title == f"RETRACTED: {second.title}"
    assert found.warnings == (f"1 hit is of a retracted work: {second.title}",)
