"""Crossref: what is asked of it, and what is read of its documented replies."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from tests.faulty_server import Behaviour, html, rate_limited, raw
from tests.tools.service import Service, json_reply
from tests.tools.sources.kept import PERSON, kept_of_a_recorded_search
from tests.tools.sources.searching import TRICKY, is_fresh, search

from citerefine.refiner.protocols import Outcome
from citerefine.tools.sources.crossref import Crossref, CrossrefWork
from citerefine.tools.sources.settings import SourceSettings
from citerefine.tools.web.client import WebClient, WebLimits
from citerefine.tools.web.failures import WebFailure
from citerefine.tools.web.pacing import Pace

ONCE = WebLimits(deadline=5, attempts=1)
PERCH: dict[str, Any] = {
    "DOI": "10.1000/Perch.1",
    "title": ["Perch <i>Perca</i> in lakes", "Another title"],
    "author": [
        {"given": "Ada", "family": "Moe", "sequence": "first"},
        {"family": "Lind"},
        {"name": "The Lake Group"},
        {"ORCID": "https://orcid.org/0"},
    ],
    "container-title": ["Journal of Lakes &amp; Rivers"],
    "issued": {"date-parts": [[2019, 5]]},
    "license": [
        {"URL": "https://example.org/tdm", "content-version": "tdm"},
        {"URL": "https://creativecommons.org/licenses/by/4.0/", "content-version": "vor"},
    ],
    "abstract": "<jats:title>Abstract</jats:title><jats:p>Perch doubled (p &lt; 0.05).</jats:p><jats:p>H<jats:sub>2"
    "</jats:sub>S fell.</jats:p>",
    "URL": "http://dx.doi.org/10.1000/perch.1",
    "is-referenced-by-count": 7,
    "aFieldOfNextYear": {"deep": [1]},
}
BARE: dict[str, Any] = {"DOI": "10.1000/r", "abstract": "Roach fell."}


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """No address of a person is known."""
    monkeypatch.delenv("CITEREFINE_CONTACT", raising=False)


def page_of(*items: object) -> Behaviour:
    return json_reply({"status": "ok", "message": {"total-results": len(items), "items": [*items]}})


def look_up(service: Service, doi: str) -> CrossrefWork | None:
    async def run() -> CrossrefWork | None:
        async with WebClient(limits=ONCE) as web:
            return await Crossref(web, SourceSettings(base_url=service.base_url)).look_up(doi)

    return asyncio.run(run())


def test_a_hit_is_read_field_by_field() -> None:
    with Service(page_of(PERCH)) as service:
        page = search(Crossref, service)
    (snippet,) = page.snippets
    assert page.outcome is Outcome.OK
    assert not page.warnings
    assert snippet.text == "Perch doubled (p < 0.05). H2S fell."
    assert snippet.title == "Perch Perca in lakes"
    assert snippet.authors == ("Ada Moe", "Lind", "The Lake Group")
    assert (snippet.year, snippet.venue, snippet.doi) == (2019, "Journal of Lakes & Rivers", "10.1000/perch.1")
    assert snippet.url == "https://doi.org/10.1000/perch.1"
    assert (snippet.source, snippet.section) == ("crossref:10.1000/perch.1", "Abstract")
    assert snippet.licence == "https://creativecommons.org/licenses/by/4.0/"
    assert is_fresh(snippet.retrieved_at)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"title": [], "author": [], "container-title": [], "issued": {"date-parts": [[None]]}, "license": []},
        {"title": None, "author": "Moe", "container-title": {}, "issued": {"date-parts": []}, "license": ["cc"]},
        {"title": [7], "author": [7, None], "issued": {"date-parts": [["2019"]]}, "license": [{"URL": None}]},
    ],
)
def test_missing_fields_are_none_and_not_guessed(fields: dict[str, Any]) -> None:
    with Service(page_of({**BARE, **fields})) as service:
        (snippet,) = search(Crossref, service).snippets
    assert snippet.text == "Roach fell."
    assert (snippet.title, snippet.authors, snippet.year, snippet.venue, snippet.licence) == (
        None,
        (),
        None,
        None,
        None,
    )


def test_works_are_asked_for_as_documented() -> None:
    with Service(page_of(PERCH)) as service:
        search(Crossref, service, TRICKY, 7)
    (asked,) = service.asked
    assert (asked.method, asked.path) == ("GET", "/works")
    assert asked.params == [
        ("query.bibliographic", TRICKY),
        ("filter", "has-abstract:true"),
        ("rows", "7"),
        ("select", "DOI,title,author,container-title,issued,license,abstract,updated-by"),
    ]
    assert "query.bibliographic=AT%26T" in asked.target


def test_filters_it_knows_are_asked_for_and_what_it_does_loosely_is_said() -> None:
    how: dict[str, Any] = {"since": 2015, "until": 2020, "authors": ["Ada Moe", "Lind"], "venue": "Lakes, A&B"}
    with Service(page_of(PERCH)) as service:
        page = search(Crossref, service, **how, min_citations=3)
    (asked,) = service.asked
    assert asked.param("filter") == "has-abstract:true,from-pub-date:2015-01-01,until-pub-date:2020-12-31"
    assert asked.param("query.author") == "Ada Moe Lind"
    assert asked.param("query.container-title") == "Lakes, A&B"
    assert page.warnings == (
        "it cannot filter by min_citations: not done",
        "it only prefers hits that fit authors and venue: others may be among them",
    )


def test_no_hits_is_empty_and_hits_without_an_abstract_are_told_of() -> None:
    with Service([page_of(), page_of({**PERCH, "abstract": None}, {**PERCH, "abstract": "<jats:p> </jats:p>"})]) as s:
        assert search(Crossref, s).outcome is Outcome.EMPTY
        page = search(Crossref, s)
    assert page.outcome is Outcome.EMPTY
    assert page.warnings == ("2 hits were left out: no abstract",)


def test_one_strange_hit_costs_no_other() -> None:
    with Service(page_of({"DOI": None}, "text", {**BARE, "abstract": ["x"]}, PERCH)) as service:
        page = search(Crossref, service)
    assert len(page.snippets) == 1
    assert page.warnings == ("3 hits were left out: could not be read",)


@pytest.mark.parametrize(
    ("behaviour", "outcome", "says"),
    [
        (rate_limited("60"), Outcome.RATE_LIMITED, "answers 429 ('slow down')"),
        (json_reply({"message": "Too many"}, 429), Outcome.RATE_LIMITED, "answers 429 ('Too many'); ask less often"),
        (json_reply({"message": "Blocked"}, 403), Outcome.FAILED, "answers 403 ('Blocked')"),
        (
            json_reply({"status": "failed", "message": [{"type": "parameter", "message": "No such filter"}]}, 400),
            Outcome.FAILED,
            "No such filter",
        ),
        (json_reply({"message": "It broke"}, 500), Outcome.FAILED, "answers 500 ('It broke')"),
        (json_reply({"status": "ok", "message": {}}), Outcome.FAILED, "message.items is NoneType, no list"),
        (page_of("text", 7), Outcome.FAILED, "no entry of message.items can be read"),
        (raw(b'{"message": {"items": ['), Outcome.FAILED, "is no JSON"),
        (html(), Outcome.FAILED, "is no JSON"),
        (raw(b""), Outcome.FAILED, "is empty"),
    ],
)
def test_what_is_no_page_is_said_and_is_never_empty(behaviour: Behaviour, outcome: Outcome, says: str) -> None:
    with Service(behaviour) as service:
        page = search(Crossref, service, limits=ONCE)
    assert page.outcome is outcome
    assert not page.snippets
    assert says in page.warnings[0]


def test_a_work_is_looked_up_by_its_doi_in_whatever_form() -> None:
    with Service(json_reply({"status": "ok", "message": PERCH})) as service:
        work = look_up(service, "https://doi.org/10.1000/Perch.1")
    assert work == CrossrefWork(
        doi="10.1000/perch.1",
        title="Perch Perca in lakes",
        authors=("Ada Moe", "Lind", "The Lake Group"),
        year=2019,
        venue="Journal of Lakes & Rivers",
        url="https://doi.org/10.1000/perch.1",
        licence="https://creativecommons.org/licenses/by/4.0/",
    )


def test_a_doi_stays_one_part_of_the_path_whatever_it_holds() -> None:
    with Service(json_reply({"message": {"DOI": "10.1000/a"}})) as service:
        look_up(service, "10.1000/(sici)1099;2-#?x=1&y=../../z")
    assert service.asked[0].target == "/works/10.1000%2F%28sici%291099%3B2-%23%3Fx%3D1%26y%3D..%2F..%2Fz"


def test_a_doi_that_nobody_registered_is_none_and_what_is_no_doi_is_not_asked_for() -> None:
    with Service(raw(b"Resource not found.", 404)) as service:
        assert look_up(service, "10.1000/none") is None
        assert look_up(service, "perch") is None
    assert len(service.asked) == 1


@pytest.mark.parametrize(
    ("behaviour", "says"),
    [
        (json_reply({"message": "Blocked"}, 403), "answers 403"),
        (json_reply({"message": "Resource"}), "no entry of message can be read"),
        (json_reply({"message": {"DOI": None}}), "no entry of message can be read"),
    ],
)
def test_a_look_up_that_fails_is_no_answer(behaviour: Behaviour, says: str) -> None:
    with Service(behaviour) as service, pytest.raises(WebFailure, match=says):
        look_up(service, "10.1000/perch.1")


def test_whom_it_can_write_to_may_ask_more_often(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Crossref(WebClient()).pace == Pace(per_second=1, at_once=1)
    monkeypatch.setenv("CITEREFINE_CONTACT", PERSON)
    assert Crossref(WebClient()).pace == Pace(per_second=3, at_once=3)


@pytest.mark.parametrize("behaviour", [page_of(PERCH), json_reply({"message": f"{PERSON} is blocked"}, 403)])
def test_the_person_goes_along_and_is_kept_nowhere(
    behaviour: Behaviour, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CITEREFINE_CONTACT", PERSON)
    with Service(behaviour) as service:
        _, kept = kept_of_a_recorded_search(Crossref, service, tmp_path)
    assert service.asked[0].param("mailto") == PERSON
    assert b"perch" in kept
    assert PERSON.encode() not in kept


def test_a_retracted_work_says_so_in_its_title_and_is_warned_of() -> None:
    update = {"DOI": "10.1000/notice", "type": "retraction"}
    with Service(
        page_of({**PERCH, "updated-by": [update]}, {**PERCH, "updated-by": [{"type": "new_version"}]})
    ) as service:
        found = search(Crossref, service)
    first, second = found.snippets
    assert first.title == f"RETRACTED: {second.title}"
    assert found.warnings == (f"1 hit is of a retracted work: {second.title}",)
