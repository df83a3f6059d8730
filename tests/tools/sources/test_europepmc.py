"""Europe PMC: what is asked of it, and what is read of its documented replies."""

from typing import Any

import pytest
from tests.faulty_server import Behaviour, rate_limited, raw
from tests.tools.service import Asked, Service, json_reply, xml_reply
from tests.tools.sources.searching import TRICKY, is_fresh, search

from citerefine.refiner.protocols import Outcome
from citerefine.tools.sources.europepmc import EuropePmc

PERCH: dict[str, Any] = {
    "id": "31000001",
    "source": "MED",
    "pmid": "31000001",
    "pmcid": "PMC6500001",
    "doi": "10.1000/Perch.1",
    "title": "Perch <i>Perca</i> in lakes.",
    "authorString": "Moe A, Lind B.",
    "journalInfo": {"journal": {"title": "Journal of Lakes"}, "yearOfPublication": 2019},
    "pubYear": "2019",
    "abstractText": "<h4>Background</h4>Perch doubled by 2010 (p &lt; 0.05).<h4>Results</h4>H<sub>2</sub>S fell.",
    "isOpenAccess": "Y",
    "license": "cc by",
    "citedByCount": 7,
    "aFieldOfNextYear": {"deep": [1]},
}
BARE: dict[str, Any] = {"id": "PPR1", "source": "PPR", "abstractText": "Roach fell."}
ARTICLE = """<article><front><article-meta><title-group><article-title>Perch in lakes</article-title></title-group>
</article-meta></front><body><sec><title>Results</title><p>Nets of 1990 held few perch.</p></sec>
<sec><title>Discussion</title><p>Warm water favoured perch.</p></sec></body></article>"""


def page(*hits: object, count: int | None = None) -> Behaviour:
    return json_reply({"hitCount": count or len(hits), "nextCursorMark": "*", "resultList": {"result": [*hits]}})


def test_a_hit_is_read_field_by_field() -> None:
    with Service(page(PERCH)) as service:
        found = search(EuropePmc, service)
    (snippet,) = found.snippets
    assert found.outcome is Outcome.OK
    assert not found.warnings
    assert not found.cached
    assert snippet.text == "Background: Perch doubled by 2010 (p < 0.05). Results: H2S fell."
    assert snippet.title == "Perch Perca in lakes."
    assert snippet.authors == ("Moe A", "Lind B")
    assert (snippet.year, snippet.venue, snippet.doi) == (2019, "Journal of Lakes", "10.1000/perch.1")
    assert snippet.url == "https://europepmc.org/article/MED/31000001"
    assert (snippet.source, snippet.section, snippet.licence) == ("europepmc:MED/31000001", "Abstract", "cc by")
    assert is_fresh(snippet.retrieved_at)


def test_missing_fields_are_none_and_not_guessed() -> None:
    with Service(page(BARE)) as service:
        (snippet,) = search(EuropePmc, service).snippets
    assert (snippet.title, snippet.authors, snippet.year, snippet.venue, snippet.doi, snippet.licence) == (
        None, (), None, "preprint", None, None,
    )  # fmt: skip


def test_the_query_is_one_parameter_and_none_of_its_words_an_operator() -> None:
    with Service(page(PERCH)) as service:
        search(EuropePmc, service, TRICKY, 7)
        search(EuropePmc, service, 'NOT "perch" OR AUTH:moe (x)')
    asked, operators = service.asked
    assert (asked.method, asked.path) == ("GET", "/search")
    assert asked.params == [
        ("query", "AT T year=1900"), ("format", "json"), ("resultType", "core"), ("pageSize", "7"),
    ]  # fmt: skip
    assert "year%3D1900" in asked.target
    assert operators.param("query") == "perch AUTH moe x"


def test_words_that_no_work_has_all_of_are_each_asked_for() -> None:
    with Service([page(), page(PERCH)]) as service:
        found = search(EuropePmc, service, "Did perch double in the lake?")
    assert [asked.param("query") for asked in service.asked] == ["perch double lake", "perch OR double OR lake"]
    assert len(found.snippets) == 1


def test_filters_it_knows_are_asked_for_and_others_are_warned_of() -> None:
    with Service(page(PERCH)) as service:
        how: dict[str, Any] = {"since": 2015, "until": 2020, "authors": ["Moe A"], "venue": "Lakes"}
        found = search(EuropePmc, service, **how, open_access=True, min_citations=3)
    assert service.asked[0].param("query") == (
        '(perch) AND FIRST_PDATE:[2015-01-01 TO 2020-12-31] AND AUTH:"Moe A" AND JOURNAL:"Lakes" AND OPEN_ACCESS:y'
    )
    assert found.warnings == ("it cannot filter by min_citations: not done",)


def test_no_hits_is_empty_and_hits_without_an_abstract_are_told_of() -> None:
    with Service(page()) as service:
        assert search(EuropePmc, service).outcome is Outcome.EMPTY
    with Service(page({**PERCH, "abstractText": None})) as service:
        found = search(EuropePmc, service)
    assert found.outcome is Outcome.EMPTY
    assert found.warnings == ("1 hit was left out: no abstract",)


def test_one_strange_hit_costs_no_other() -> None:
    with Service(page({"id": None}, PERCH, "text")) as service:
        found = search(EuropePmc, service)
    assert len(found.snippets) == 1
    assert found.warnings == ("2 hits were left out: could not be read",)


@pytest.mark.parametrize(
    ("behaviour", "outcome", "says"),
    [
        (rate_limited("60"), Outcome.RATE_LIMITED, "answers 429 ('slow down')"),
        (json_reply({"errCode": 500, "errMsg": "It broke"}, 500), Outcome.FAILED, "answers 500 ('It broke')"),
        (json_reply({"errCode": 404}), Outcome.FAILED, "resultList.result is NoneType, no list"),
        (page("text", 7), Outcome.FAILED, "no entry of resultList.result can be read"),
        (raw(b'{"resultList": '), Outcome.FAILED, "is no JSON"),
        (raw(b"<html>Log in"), Outcome.FAILED, "is no JSON"),
        (raw(b""), Outcome.FAILED, "is empty"),
    ],
)
def test_what_is_no_page_is_said_and_is_never_empty(behaviour: Behaviour, outcome: Outcome, says: str) -> None:
    with Service(behaviour) as service:
        found = search(EuropePmc, service)
    assert found.outcome is outcome
    assert not found.snippets
    assert says in found.warnings[0]


def test_open_articles_are_read_where_full_text_is_asked_for() -> None:
    def route(asked: Asked) -> Behaviour:
        return xml_reply(ARTICLE) if asked.path.endswith("fullTextXML") else page(PERCH, {**BARE, "pmcid": "PMC2"})

    with Service(route=route) as service:
        found = search(EuropePmc, service, "warm water", 1, argument="fulltext")
    assert [asked.path for asked in service.asked] == ["/search", "/PMC6500001/fullTextXML"]
    passage = found.snippets[0]
    assert passage.text == "Warm water favoured perch."
    assert (passage.section, passage.doi, passage.source) == ("Discussion", "10.1000/perch.1", "europepmc:PMC6500001")
    assert passage.end is not None
    assert passage.start is not None
    assert passage.end - passage.start == len(passage.text)
    assert [snippet.section for snippet in found.snippets[1:]] == ["Abstract", "Abstract"]


def test_an_article_that_cannot_be_read_leaves_the_abstracts() -> None:
    def route(asked: Asked) -> Behaviour:
        return xml_reply("<html/>") if asked.path.endswith("fullTextXML") else page(PERCH)

    with Service(route=route) as service:
        found = search(EuropePmc, service, argument="fulltext")
    assert [snippet.section for snippet in found.snippets] == ["Abstract"]
    assert "PMC6500001 could not be read" in found.warnings[0]


def test_a_preprint_and_a_book_are_known_by_who_published_them() -> None:
    preprint = {**BARE, "bookOrReportDetails": {"publisher": "medRxiv"}}
    book = {**BARE, "source": "NBK", "bookOrReportDetails": {"publisher": "Lake Press"}}
    with Service(page(preprint, book)) as service:
        found = search(EuropePmc, service)
    assert [snippet.venue for snippet in found.snippets] == ["medRxiv (preprint)", "Lake Press"]


def test_a_retracted_work_says_so_in_its_title_and_is_warned_of() -> None:
    with Service(page({**PERCH, "pubTypeList": {"pubType": ["research-article", "Retracted Publication"]}})) as service:
        found = search(EuropePmc, service)
    assert (found.snippets[0].title or "").startswith("RETRACTED: Perch")
    assert found.warnings[0].startswith("1 hit is of a retracted work: Perch")


def test_a_long_abstract_is_cut_at_its_headings() -> None:
    text = f"<h4>Abstract</h4>{'We fished. ' * 60}<h4>Results</h4>{'Perch doubled. ' * 60}"
    with Service(page({**PERCH, "abstractText": text})) as service:
        found = search(EuropePmc, service)
    assert {snippet.section for snippet in found.snippets} == {"Abstract", "Abstract > Results"}


def test_letters_that_no_file_can_hold_are_replaced_and_cost_no_hit() -> None:
    with Service(page({**PERCH, "authorString": "Moe \ud800, Lind B", "title": "Perch \udfff"})) as service:
        found = search(EuropePmc, service)
    assert found.outcome is Outcome.OK
    assert found.model_dump_json()
    assert len(found.snippets[0].authors) == 2
