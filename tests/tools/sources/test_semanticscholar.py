"""Semantic Scholar: what is asked of it, and what is read of its documented replies."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from tests.faulty_server import Behaviour, html, rate_limited, raw
from tests.tools.service import Asked, Service, json_reply
from tests.tools.sources.kept import kept_of_a_recorded_search
from tests.tools.sources.searching import KEY, TRICKY, is_fresh, search

from citerefine.refiner.errors import InputError
from citerefine.refiner.protocols import Outcome
from citerefine.tools.sources.semanticscholar import SemanticScholar
from citerefine.tools.sources.settings import SourceSettings
from citerefine.tools.web.client import WebClient, WebLimits
from citerefine.tools.web.pacing import Pace

ONCE = WebLimits(deadline=5, attempts=1)
TEXT = "Perch doubled by 2010.\n\nRoach fell."
BODY: dict[str, Any] = {
    "score": 0.52,
    "snippet": {
        "text": TEXT,
        "snippetKind": "body",
        "section": "Results",
        "snippetOffset": {"start": 3683, "end": 3683 + len(TEXT)},
        "annotations": {"sentences": [{"start": 0, "end": 22}], "refMentions": None},
    },
    "paper": {
        "corpusId": "13665109",
        "title": "Perch in lakes",
        "authors": ["A. Moe", "B. Lind"],
        "openAccessInfo": {"license": "CCBY", "status": "HYBRID", "disclaimer": "Notice"},
    },
    "aFieldOfNextYear": {"deep": [1]},
}
PAPER: dict[str, Any] = {
    "paperId": "649def34",
    "corpusId": 13665109,
    "title": "Perch in lakes",
    "abstract": "Perch  doubled; p < 0.05 and q > 2.",
    "year": 2019,
    "venue": "Journal of Lakes",
    "authors": [{"authorId": "1", "name": "A. Moe"}, {"authorId": None, "name": "B. Lind"}],
    "externalIds": {"DOI": "10.1000/Perch.1", "PubMed": "31000001"},
    "openAccessPdf": {"url": "https://example.org/p.pdf", "status": "GOLD", "license": "CCBY"},
    "citationCount": 7,
}


def found(*hits: object) -> Behaviour:
    return json_reply({"data": [*hits], "retrievalVersion": "pa1-v1"})


def service_of(*hits: object, records: Behaviour | None = None) -> Service:
    """A service that finds, and knows nothing more of the papers that are asked for unless `records` says so."""
    unknown = json_reply([])

    def route(asked: Asked) -> Behaviour:
        return (records or unknown) if asked.path == "/paper/batch" else found(*hits)

    return Service(route=route)


PACE_OF = SemanticScholar.__dict__["pace"].fget


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """The service on loopback bears any number of requests."""
    monkeypatch.setattr(SemanticScholar, "pace", Pace())


def with_snippet(**fields: object) -> dict[str, Any]:
    return {**BODY, "snippet": {**BODY["snippet"], **fields}}


def test_a_passage_is_read_field_by_field() -> None:
    with service_of(BODY) as service:
        page = search(SemanticScholar, service)
    (snippet,) = page.snippets
    assert page.outcome is Outcome.OK
    assert not page.warnings
    assert snippet.text == TEXT
    assert (snippet.start, snippet.end) == (3683, 3683 + len(TEXT))
    assert (snippet.title, snippet.authors) == ("Perch in lakes", ("A. Moe", "B. Lind"))
    assert (snippet.section, snippet.licence) == ("Results", "CCBY")
    assert snippet.url == "https://api.semanticscholar.org/CorpusID:13665109"
    assert snippet.source == "semanticscholar:13665109"
    assert is_fresh(snippet.retrieved_at)


def test_missing_fields_of_a_passage_are_none_and_not_guessed() -> None:
    bare = {"snippet": {"text": "Roach fell."}, "paper": {"corpusId": 7}}
    with service_of(bare) as service:
        (snippet,) = search(SemanticScholar, service).snippets
    assert (snippet.title, snippet.authors, snippet.year, snippet.venue, snippet.doi, snippet.licence) == (
        None, (), None, None, None, None,
    )  # fmt: skip
    assert (snippet.section, snippet.start, snippet.end) == (None, None, None)
    assert snippet.source == "semanticscholar:7"


def test_a_passage_of_the_abstract_stands_under_that_heading() -> None:
    with service_of(with_snippet(snippetKind="abstract", section=None)) as service:
        (snippet,) = search(SemanticScholar, service).snippets
    assert snippet.section == "Abstract"


@pytest.mark.parametrize(
    "offset",
    [
        {"start": 0, "end": 5},
        {"start": -3, "end": len(TEXT) - 3},
        {"start": "0", "end": len(TEXT)},
        {"start": 0.0, "end": len(TEXT)},
        {"start": 0},
        [0, len(TEXT)],
        None,
    ],
)
def test_offsets_that_cannot_be_true_are_left_out(offset: object) -> None:
    with service_of(with_snippet(snippetOffset=offset)) as service:
        (snippet,) = search(SemanticScholar, service).snippets
    assert (snippet.text, snippet.start, snippet.end) == (TEXT, None, None)


def test_a_title_alone_is_no_evidence() -> None:
    with service_of(BODY, with_snippet(text="Perch in lakes", snippetKind="title")) as service:
        page = search(SemanticScholar, service)
    assert [snippet.text for snippet in page.snippets] == [TEXT]
    assert page.warnings == ("1 hit was left out: a title alone is no evidence",)


def test_one_strange_hit_costs_no_other() -> None:
    strange = ["text", {"snippet": None, "paper": {}}, with_snippet(text=" \n"), with_snippet(text=None)]
    with service_of(*strange, BODY) as service:
        page = search(SemanticScholar, service)
    assert len(page.snippets) == 1
    assert page.warnings == ("4 hits were left out: could not be read",)


def test_passages_are_asked_for_as_documented() -> None:
    with service_of(BODY) as service:
        search(SemanticScholar, service, TRICKY, 7)
    asked, *_ = service.asked
    assert (asked.method, asked.path) == ("GET", "/snippet/search")
    assert sorted(asked.params) == [
        ("fields", "snippet.text,snippet.snippetKind,snippet.section,snippet.snippetOffset"),
        ("limit", "7"),
        ("query", TRICKY),
    ]
    assert "query=AT%26T" in asked.target
    assert "x-api-key" not in asked.headers


def test_filters_of_passages_are_asked_for_and_others_are_warned_of() -> None:
    how: dict[str, Any] = {
        "since": 2015, "until": "2020-06-30", "authors": ["Moe, A", "Lind"], "venue": "Lakes", "min_citations": 3,
        "fields_of_study": ["biology", "Computer Science"], "open_access": True, "language": "de",
    }  # fmt: skip
    with service_of(BODY) as service:
        page = search(SemanticScholar, service, **how)
    asked, *_ = service.asked
    assert asked.param("publicationDateOrYear") == "2015-01-01:2020-06-30"
    assert asked.param("authors") == "Moe A,Lind"
    assert asked.param("venue") == "Lakes"
    assert asked.param("fieldsOfStudy") == "Biology,Computer Science"
    assert asked.param("minCitationCount") == "3"
    assert asked.param("openAccessPdf") is None
    assert page.warnings == (
        "it cannot filter by language: not done",
        "it cannot filter passages by open_access: not done",
    )


def test_one_end_of_a_span_of_days_is_enough() -> None:
    with service_of(BODY) as service:
        search(SemanticScholar, service, since=2015)
        search(SemanticScholar, service, until=2020)
    searches = [asked for asked in service.asked if asked.method == "GET"]
    assert [asked.param("publicationDateOrYear") for asked in searches] == ["2015-01-01:", ":2020-12-31"]


def test_what_of_a_filter_cannot_be_done_is_said() -> None:
    how: dict[str, Any] = {
        "authors": [f"Moe {n}" for n in range(12)],
        "venue": "Lakes, Rivers",
        "fields_of_study": ["Fish", "Art"],
    }
    with service_of(BODY) as service:
        page = search(SemanticScholar, service, **how)
    asked, *_ = service.asked
    assert asked.param("authors") == ",".join(f"Moe {n}" for n in range(10))
    assert asked.param("venue") is None
    assert asked.param("fieldsOfStudy") == "Art"
    comma, field, authors = page.warnings
    assert comma == "it takes the comma in 'Lakes, Rivers' for the end of a venue: not filtered by venue"
    assert field.startswith("it has no field of study 'Fish': not done; it has: Agricultural and Food Sciences, Art,")
    assert authors == "it filters by 10 authors at most: not by those behind 'Moe 9'"


def test_the_abstract_of_a_paper_is_read_field_by_field() -> None:
    with Service(found(PAPER)) as service:
        page = search(SemanticScholar, service, argument="papers")
    (snippet,) = page.snippets
    assert page.outcome is Outcome.OK
    assert not page.warnings
    assert snippet.text == "Perch doubled; p < 0.05 and q > 2."
    assert (snippet.title, snippet.authors) == ("Perch in lakes", ("A. Moe", "B. Lind"))
    assert (snippet.year, snippet.venue, snippet.doi) == (2019, "Journal of Lakes", "10.1000/perch.1")
    assert snippet.url == "https://api.semanticscholar.org/CorpusID:13665109"
    assert (snippet.source, snippet.section, snippet.licence) == ("semanticscholar:13665109", "Abstract", "CCBY")
    assert (snippet.start, snippet.end) == (None, None)
    assert is_fresh(snippet.retrieved_at)


def test_missing_fields_of_a_paper_are_none_and_papers_without_an_abstract_are_told_of() -> None:
    bare = {"paperId": "649def34", "abstract": "Roach fell.", "authors": None, "externalIds": None}
    with Service(found({**PAPER, "abstract": None}, bare)) as service:
        page = search(SemanticScholar, service, argument="papers")
    (snippet,) = page.snippets
    assert (snippet.title, snippet.authors, snippet.year, snippet.venue, snippet.doi, snippet.licence) == (
        None, (), None, None, None, None,
    )  # fmt: skip
    assert snippet.url == "https://www.semanticscholar.org/paper/649def34"
    assert snippet.source == "semanticscholar:649def34"
    assert page.warnings == ("1 hit was left out: no abstract",)


def test_papers_are_asked_for_as_documented_and_without_hyphens() -> None:
    how: dict[str, Any] = {"since": 2015, "authors": ["Moe"], "open_access": True}
    with Service(found(PAPER)) as service:
        page = search(SemanticScholar, service, f"self-fed {TRICKY}", 7, argument="papers", **how)
    (asked,) = service.asked
    assert (asked.method, asked.path) == ("GET", "/paper/search")
    assert sorted(asked.params) == [
        ("fields", "corpusId,title,abstract,year,venue,authors,externalIds,openAccessPdf"),
        ("limit", "7"),
        ("openAccessPdf", ""),
        ("publicationDateOrYear", "2015-01-01:"),
        ("query", f"self fed {TRICKY}"),
    ]
    assert page.warnings == ("it cannot filter papers by authors: not done",)


@pytest.mark.parametrize("reply", [{"data": []}, {"data": [], "total": 0}])
@pytest.mark.parametrize("argument", [None, "papers"])
def test_no_hits_is_empty(reply: dict[str, Any], argument: str | None) -> None:
    with Service(json_reply(reply)) as service:
        assert search(SemanticScholar, service, argument=argument).outcome is Outcome.EMPTY


def test_no_list_of_papers_is_empty_only_where_the_service_counts_none() -> None:
    with Service(json_reply({"total": 0, "offset": 0})) as service:
        assert search(SemanticScholar, service, argument="papers").outcome is Outcome.EMPTY
    with Service(json_reply({"total": 3, "offset": 0})) as service:
        assert search(SemanticScholar, service, argument="papers", limits=ONCE).outcome is Outcome.FAILED


def test_an_argument_that_it_does_not_know_is_refused() -> None:
    with pytest.raises(InputError, match="argument that this source does not know; it takes papers"):
        SemanticScholar(WebClient(), argument="fulltext")


@pytest.mark.parametrize("argument", [None, "papers"])
@pytest.mark.parametrize(
    ("behaviour", "outcome", "says"),
    [
        (rate_limited("60"), Outcome.RATE_LIMITED, "answers 429 ('slow down')"),
        (json_reply({"message": "Too Many", "code": "429"}, 429), Outcome.RATE_LIMITED, "answers 429 ('Too Many')"),
        (json_reply({"message": "Forbidden"}, 403), Outcome.FAILED, "answers 403 ('Forbidden'); check S2_API_KEY"),
        (json_reply({"error": "No such field"}, 400), Outcome.FAILED, "answers 400 ('No such field')"),
        (json_reply({"message": "It broke"}, 500), Outcome.FAILED, "answers 500 ('It broke')"),
        (json_reply({"message": "none"}), Outcome.FAILED, "data is NoneType, no list"),
        (found("text", 7), Outcome.FAILED, "no entry of data can be read"),
        (raw(b'{"data": [{'), Outcome.FAILED, "is no JSON"),
        (html(), Outcome.FAILED, "is no JSON"),
        (raw(b""), Outcome.FAILED, "is empty"),
    ],
)
def test_what_is_no_page_is_said_and_is_never_empty(
    behaviour: Behaviour, outcome: Outcome, says: str, argument: str | None
) -> None:
    with Service(behaviour) as service:
        page = search(SemanticScholar, service, limits=ONCE, argument=argument)
    assert page.outcome is outcome
    assert not page.snippets
    assert says in page.warnings[0]


def test_with_a_key_it_may_be_asked_more_often() -> None:
    web = WebClient()
    assert PACE_OF(SemanticScholar(web)) == Pace(per_second=100 / 300, at_once=1)
    assert PACE_OF(SemanticScholar(web, SourceSettings(key=SecretStr(KEY)))) == Pace(per_second=1, at_once=1)


@pytest.mark.parametrize("behaviour", [found(), json_reply({"message": f"{KEY} is no key"}, 403)])
def test_the_key_goes_along_in_a_header_and_is_kept_nowhere(behaviour: Behaviour, tmp_path: Path) -> None:
    with Service(behaviour) as service:
        _, kept = kept_of_a_recorded_search(SemanticScholar, service, tmp_path)
    (asked,) = service.asked
    assert asked.headers["x-api-key"] == KEY
    assert KEY not in asked.target
    assert b"perch" in kept
    assert KEY.encode() not in kept


def test_a_second_request_tells_year_venue_and_doi_of_the_papers_of_passages() -> None:
    other = {**BODY, "paper": {**BODY["paper"], "corpusId": "7"}}
    with service_of(BODY, BODY, other, records=json_reply([PAPER, None])) as service:
        page = search(SemanticScholar, service)
    first, second, unknown = page.snippets
    assert (first.year, first.venue, first.doi) == (2019, "Journal of Lakes", "10.1000/perch.1")
    assert second.doi == "10.1000/perch.1"
    assert (unknown.year, unknown.venue, unknown.doi) == (None, None, None)
    assert not page.warnings
    _, asked = service.asked
    assert (asked.method, asked.path) == ("POST", "/paper/batch")
    assert asked.params == [("fields", "corpusId,year,venue,externalIds")]
    assert asked.body == {"ids": ["CorpusId:13665109", "CorpusId:7"]}


@pytest.mark.parametrize("records", [json_reply({"message": "It broke"}, 500), json_reply({"error": "x"}), raw(b"[")])
def test_where_that_request_fails_the_passages_stay(records: Behaviour) -> None:
    with service_of(BODY, records=records) as service:
        page = search(SemanticScholar, service, limits=ONCE)
    assert page.outcome is Outcome.OK
    assert [snippet.text for snippet in page.snippets] == [TEXT]
    assert page.warnings[0].startswith("year, venue and DOI of its hits are not known: ")


@pytest.mark.parametrize(
    ("ids", "doi", "url"),
    [
        ({"ArXiv": "2101.00001"}, "10.48550/arxiv.2101.00001", "https://api.semanticscholar.org/CorpusID:13665109"),
        ({"PubMed": "31000001"}, None, "https://pubmed.ncbi.nlm.nih.gov/31000001/"),
        ({"PubMedCentral": "65001"}, None, "https://europepmc.org/article/PMC/PMC65001"),
        ({"PubMed": "../x"}, None, "https://api.semanticscholar.org/CorpusID:13665109"),
    ],
)
def test_a_paper_without_a_doi_is_known_by_what_other_sources_know_it_by(
    ids: dict[str, str], doi: str | None, url: str
) -> None:
    with Service(found({**PAPER, "externalIds": ids})) as service:
        (snippet,) = search(SemanticScholar, service, argument="papers").snippets
    assert (snippet.doi, snippet.url) == (doi, url)
