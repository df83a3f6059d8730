"""arXiv: what is asked of it, and what is read of its documented replies."""

from typing import Any

import pytest
from tests.faulty_server import Behaviour, html, rate_limited, raw
from tests.tools.service import Asked, Service, xml_reply
from tests.tools.sources.searching import TRICKY, is_fresh, search

from citerefine.refiner.protocols import Outcome, SearchPage
from citerefine.tools.sources.arxiv import Arxiv
from citerefine.tools.web.client import WebClient, WebLimits
from citerefine.tools.web.pacing import UNHURRIED, Pace

ONCE = WebLimits(deadline=5, attempts=1)
PERCH = """<entry>
  <id>http://arxiv.org/abs/2101.00001v2</id>
  <published>2021-01-03T12:00:00Z</published>
  <updated>2022-02-02T12:00:00Z</updated>
  <title>Perch in
    lakes</title>
  <summary>  Perch &lt; roach,
    and $x &gt; 2$.  </summary>
  <author><name>Ada Moe</name><arxiv:affiliation>Lake Lab</arxiv:affiliation></author>
  <author><name>Bo Lind</name></author>
  <arxiv:doi>10.1000/Perch.1</arxiv:doi>
  <arxiv:journal_ref>J. Lakes 3 (2022)</arxiv:journal_ref>
  <arxiv:primary_category term="q-bio.PE"/>
  <arxiv:aFieldOfNextYear><deep/></arxiv:aFieldOfNextYear>
  <link title="pdf" href="http://arxiv.org/pdf/2101.00001v2" rel="related"/>
</entry>"""
BARE = "<entry><id>https://arxiv.org/abs/hep-th/9901001</id><summary>Roach fell.</summary></entry>"
ERROR = """<entry><id>https://arxiv.org/api/errors#incorrect_id_format</id><title>Error</title>
<summary>incorrect id format</summary></entry>"""
BOMB = """<?xml version="1.0"?><!DOCTYPE feed [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY x SYSTEM "file:///etc/hostname">]>"""


class Unhurried(Arxiv):
    """Does not wait between two requests."""

    @property
    def pace(self) -> Pace:
        """As often as one likes."""
        return UNHURRIED


def feed(*entries: str, head: str = "") -> Behaviour:
    return xml_reply(
        f'{head}<feed xmlns="http://www.w3.org/2005/Atom" xmlns:arxiv="http://arxiv.org/schemas/atom">'
        f"<title>arXiv Query</title><id>http://arxiv.org/api/q</id>{''.join(entries)}</feed>"
    )


def find(service: Service, query: str = "perch", k: int = 10, **how: Any) -> SearchPage:
    return search(Unhurried, service, query, k, limits=ONCE, **how)


def test_an_entry_is_read_field_by_field() -> None:
    with Service(feed(PERCH)) as service:
        page = find(service)
    (snippet,) = page.snippets
    assert page.outcome is Outcome.OK
    assert not page.warnings
    assert snippet.text == "Perch < roach, and $x > 2$."
    assert (snippet.title, snippet.authors) == ("Perch in lakes", ("Ada Moe", "Bo Lind"))
    assert (snippet.year, snippet.venue, snippet.doi) == (2021, "arXiv", "10.1000/perch.1")
    assert snippet.url == "https://arxiv.org/abs/2101.00001v2"
    assert (snippet.source, snippet.section, snippet.licence) == ("arxiv:2101.00001", "Abstract", "CC0 1.0")
    assert is_fresh(snippet.retrieved_at)


def test_missing_fields_are_none_and_not_guessed() -> None:
    with Service(feed(BARE)) as service:
        (snippet,) = find(service).snippets
    assert (snippet.title, snippet.authors, snippet.year, snippet.doi) == (None, (), None, None)
    assert (snippet.source, snippet.url) == ("arxiv:hep-th/9901001", "https://arxiv.org/abs/hep-th/9901001")


def test_abstracts_are_asked_for_as_documented() -> None:
    with Service(feed(PERCH)) as service:
        find(service, TRICKY, 7)
    (asked,) = service.asked
    assert (asked.method, asked.path) == ("GET", "/query")
    assert asked.params == [
        ("search_query", '(all:"AT&T" AND all:"year=1900")'),
        ("start", "0"),
        ("max_results", "7"),
        ("sortBy", "relevance"),
        ("sortOrder", "descending"),
    ]
    assert "AT%26T" in asked.target


def test_each_word_that_tells_is_quoted_so_that_none_is_a_field_or_an_operator() -> None:
    with Service(feed(PERCH)) as service:
        find(service, 'How many perch OR "au:moe" ANDNOT (ti:x*)')
        find(service, "to be")
    first, stop_words_only = service.asked
    assert (
        first.param("search_query") == '(all:"perch" AND all:"au" AND all:"moe" AND all:"andnot" '
        'AND all:"ti" AND all:"x")'
    )
    assert stop_words_only.param("search_query") == '(all:"to" AND all:"be")'


def test_where_nothing_holds_all_words_what_holds_any_of_them_is_asked_for() -> None:
    def route(asked: Asked) -> Behaviour:
        return feed(PERCH) if " OR " in (asked.param("search_query") or "") else feed()

    with Service(route=route) as service:
        page = find(service, "perch lakes", since=2015)
    assert [asked.param("search_query") for asked in service.asked] == [
        '(all:"perch" AND all:"lakes") AND submittedDate:[201501010000 TO 299912312359]',
        '(all:"perch" OR all:"lakes") AND submittedDate:[201501010000 TO 299912312359]',
    ]
    assert [snippet.source for snippet in page.snippets] == ["arxiv:2101.00001"]


def test_a_query_without_words_is_not_sent() -> None:
    with Service(feed()) as service:
        page = find(service, "?! &")
    assert not service.asked
    assert page.outcome is Outcome.FAILED
    assert page.warnings == ("'?! &' holds no word to look for; write it in words",)


def test_filters_it_knows_are_asked_for_and_others_are_warned_of() -> None:
    how: dict[str, Any] = {
        "since": 2015,
        "until": "2020-06-30",
        "authors": ["Ada Moe", 'Lind" OR au:x'],
        "venue": "J. Lakes",
    }
    with Service(feed(PERCH)) as service:
        page = find(service, **how, open_access=True, min_citations=3)
        find(service, until=2020)
    assert [asked.param("search_query") for asked in service.asked] == [
        '(all:"perch") AND au:"Ada Moe" AND au:"Lind or au x" AND jr:"J. Lakes" '
        "AND submittedDate:[201501010000 TO 202006302359]",
        '(all:"perch") AND submittedDate:[199001010000 TO 202012312359]',
    ]
    assert page.warnings == ("it cannot filter by min_citations: not done",)


def test_no_entries_is_empty_and_entries_without_an_abstract_are_told_of() -> None:
    with Service(feed()) as service:
        assert find(service).outcome is Outcome.EMPTY
    assert len(service.asked) == 1
    with Service(feed(BARE.replace("Roach fell.", " "))) as service:
        page = find(service)
    assert page.outcome is Outcome.EMPTY
    assert page.warnings == ("1 hit was left out: no abstract",)


def test_one_strange_entry_costs_no_other() -> None:
    strange = ["<entry/>", "<entry><id>https://example.org/abs/2101.00001v2</id><summary>x</summary></entry>"]
    with Service(feed(*strange, PERCH)) as service:
        page = find(service)
    assert len(page.snippets) == 1
    assert page.warnings == ("2 hits were left out: could not be read",)


@pytest.mark.parametrize(
    ("behaviour", "outcome", "says"),
    [
        (rate_limited("60"), Outcome.RATE_LIMITED, "answers 429 ('slow down')"),
        (raw(b"Rate exceeded.", 429), Outcome.RATE_LIMITED, "answers 429 ('Rate exceeded.'); ask less often"),
        (raw(b"Forbidden", 403), Outcome.FAILED, "answers 403 ('Forbidden')"),
        (raw(b"It broke", 500), Outcome.FAILED, "answers 500 ('It broke')"),
        (feed(ERROR), Outcome.FAILED, "it says: incorrect id format"),
        (feed("<entry/>"), Outcome.FAILED, "no entry of the feed has an arXiv id"),
        (xml_reply("<html><body>Log in</body></html>"), Outcome.FAILED, "it is <html>, no Atom feed"),
        (xml_reply("<feed><entry>"), Outcome.FAILED, "it is no XML"),
        (html(), Outcome.FAILED, "it is no XML"),
        (raw(b""), Outcome.FAILED, "it is no XML"),
    ],
)
def test_what_is_no_feed_is_said_and_is_never_empty(behaviour: Behaviour, outcome: Outcome, says: str) -> None:
    with Service(behaviour) as service:
        page = find(service)
    assert page.outcome is outcome
    assert not page.snippets
    assert says in page.warnings[0]


@pytest.mark.parametrize("entity", ["c", "x"])
def test_no_entity_is_expanded_or_fetched(entity: str) -> None:
    with Service(feed(BARE.replace("Roach fell.", f"Roach &{entity}; fell."), head=BOMB)) as service:
        (snippet,) = find(service).snippets
    assert snippet.text == f"Roach &{entity}; fell."


def test_it_is_asked_once_in_three_seconds() -> None:
    assert Arxiv(WebClient()).pace == Pace(per_second=1 / 3, at_once=1)
