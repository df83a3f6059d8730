"""PubMed: what is asked of it, and what is read of its documented replies."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from tests.faulty_server import Behaviour, html, rate_limited, raw
from tests.tools.service import Asked, Service, json_reply, xml_reply
from tests.tools.sources.kept import PERSON, kept_of_a_recorded_search
from tests.tools.sources.searching import KEY, TRICKY, is_fresh, search

from citerefine.refiner.protocols import Outcome, SearchPage
from citerefine.tools.sources.pubmed import PubMed
from citerefine.tools.sources.settings import SourceSettings
from citerefine.tools.web.client import WebClient, WebLimits
from citerefine.tools.web.pacing import Pace

ONCE = WebLimits(deadline=5, attempts=1)
ABSTRACT = """<Abstract>
  <AbstractText Label="BACKGROUND" NlmCategory="BACKGROUND">Perch are H<sub>2</sub>S fish.</AbstractText>
  <AbstractText Label="RESULTS">They doubled
    (<i>p</i> &lt; 0.05).</AbstractText>
  <AbstractText Label="UNLABELLED">Roach fell.</AbstractText>
  <AbstractText/>
  <CopyrightInformation>© 2019 Lake Press</CopyrightInformation>
</Abstract>"""
PERCH = f"""<PubmedArticle><MedlineCitation Status="MEDLINE"><PMID Version="1">31000001</PMID>
<Article PubModel="Print">
  <Journal><ISSN>1234-5678</ISSN><JournalIssue><PubDate><Year>2019</Year><Month>May</Month></PubDate></JournalIssue>
    <Title>Journal of Lakes</Title><ISOAbbreviation>J Lakes</ISOAbbreviation></Journal>
  <ArticleTitle>Perch <i>Perca</i> in H<sub>2</sub>S lakes.</ArticleTitle>
  <ELocationID EIdType="doi" ValidYN="Y">10.1000/other</ELocationID>
  {ABSTRACT}
  <AuthorList CompleteYN="Y">
    <Author><LastName>Moe</LastName><ForeName>Ada B</ForeName><Initials>AB</Initials></Author>
    <Author><LastName>Lind</LastName></Author>
    <Author><CollectiveName>The Lake Group</CollectiveName></Author>
  </AuthorList>
</Article></MedlineCitation>
<PubmedData><ArticleIdList><ArticleId IdType="pubmed">31000001</ArticleId>
  <ArticleId IdType="doi">10.1000/Perch.1</ArticleId><ArticleId IdType="pmc">PMC6500001</ArticleId></ArticleIdList>
  <ReferenceList><Reference><ArticleIdList><ArticleId IdType="doi">10.1000/cited</ArticleId></ArticleIdList></Reference>
  </ReferenceList></PubmedData><AFieldOfNextYear><Deep/></AFieldOfNextYear></PubmedArticle>"""
BARE = """<PubmedArticle><MedlineCitation><PMID>7</PMID><Article><Abstract><AbstractText>Roach fell.</AbstractText>
</Abstract></Article></MedlineCitation></PubmedArticle>"""
DTD = """<?xml version="1.0" ?><!DOCTYPE PubmedArticleSet PUBLIC "-//NLM//DTD PubMedArticle, 1st January 2025//EN"
"https://dtd.nlm.nih.gov/ncbi/pubmed/out/pubmed_250101.dtd">"""
BOMB = """<!DOCTYPE PubmedArticleSet [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY x SYSTEM "file:///etc/hostname">]>"""


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """No address of a person is known."""
    monkeypatch.delenv("CITEREFINE_CONTACT", raising=False)


def ids(*numbers: object, **fields: object) -> Behaviour:
    return json_reply({"header": {"type": "esearch"}, "esearchresult": {"idlist": [*numbers], **fields}})


def articles(*articles: str, head: str = DTD) -> Behaviour:
    return xml_reply(f"{head}<PubmedArticleSet>{''.join(articles)}</PubmedArticleSet>")


def service_of(found: Behaviour, fetched: Behaviour) -> Service:
    """A service that finds, and then gives what is fetched."""

    def route(asked: Asked) -> Behaviour:
        return found if asked.path == "/esearch.fcgi" else fetched

    return Service(route=route)


def find(service: Service, query: str = "perch", k: int = 10, **how: Any) -> SearchPage:
    return search(PubMed, service, query, k, key=KEY, limits=ONCE, **how)


def test_an_article_is_read_field_by_field() -> None:
    with service_of(ids("31000001"), articles(PERCH)) as service:
        page = find(service)
    (snippet,) = page.snippets
    assert page.outcome is Outcome.OK
    assert not page.warnings
    assert snippet.text == "BACKGROUND: Perch are H2S fish. RESULTS: They doubled (p < 0.05). Roach fell."
    assert snippet.title == "Perch Perca in H2S lakes."
    assert snippet.authors == ("Moe AB", "Lind", "The Lake Group")
    assert (snippet.year, snippet.venue, snippet.doi) == (2019, "Journal of Lakes", "10.1000/perch.1")
    assert snippet.url == "https://pubmed.ncbi.nlm.nih.gov/31000001/"
    assert (snippet.source, snippet.section, snippet.licence) == ("pubmed:31000001", "Abstract", None)
    assert is_fresh(snippet.retrieved_at)


def test_missing_fields_are_none_and_not_guessed() -> None:
    with service_of(ids("7"), articles(BARE)) as service:
        (snippet,) = find(service).snippets
    assert snippet.text == "Roach fell."
    assert (snippet.title, snippet.authors, snippet.year, snippet.venue, snippet.doi) == (None, (), None, None, None)


def test_a_doi_of_the_article_itself_is_taken_and_never_that_of_a_reference() -> None:
    without = PERCH.replace('<ArticleId IdType="doi">10.1000/Perch.1</ArticleId>', "")
    with service_of(ids("31000001"), articles(without)) as service:
        (snippet,) = find(service).snippets
    assert snippet.doi == "10.1000/other"


@pytest.mark.parametrize(
    ("date", "year"),
    [
        ("<PubDate><MedlineDate>1998 Dec-1999 Jan</MedlineDate></PubDate>", 1998),
        ("<PubDate><MedlineDate>Winter</MedlineDate></PubDate>", None),
        ("<PubDate/>", None),
    ],
)
def test_a_date_that_is_no_day_still_says_the_year(date: str, year: int | None) -> None:
    dated = PERCH.replace("<PubDate><Year>2019</Year><Month>May</Month></PubDate>", date)
    with service_of(ids("31000001"), articles(dated)) as service:
        (snippet,) = find(service).snippets
    assert snippet.year == year


def test_a_long_abstract_is_cut_at_its_labels_with_offsets_in_its_text() -> None:
    parts = {"BACKGROUND": "Perch are fish. " * 40, "RESULTS": "Perch doubled. " * 40}
    labelled = "".join(f'<AbstractText Label="{label}">{text}</AbstractText>' for label, text in parts.items())
    with service_of(ids("31000001"), articles(PERCH.replace(ABSTRACT, f"<Abstract>{labelled}</Abstract>"))) as service:
        snippets = find(service).snippets
    whole = " ".join(text.strip() for text in parts.values())
    assert [snippet.section for snippet in snippets] == ["Abstract > BACKGROUND", "Abstract > RESULTS"]
    assert [snippet.text for snippet in snippets] == [whole[snippet.start : snippet.end] for snippet in snippets]
    assert {snippet.doi for snippet in snippets} == {"10.1000/perch.1"}


def test_articles_come_in_the_order_in_which_they_were_found() -> None:
    with service_of(ids("7", "31000001", "8"), articles(PERCH, BARE)) as service:
        page = find(service)
    assert [snippet.source for snippet in page.snippets] == ["pubmed:7", "pubmed:31000001"]
    assert page.warnings == ("1 hit was left out: it sent no article of that number",)


def test_articles_without_an_abstract_are_told_of() -> None:
    with service_of(ids("31000001"), articles(PERCH.replace(ABSTRACT, ""))) as service:
        page = find(service)
    assert page.outcome is Outcome.EMPTY
    assert page.warnings == ("1 hit was left out: no abstract",)


def test_it_is_searched_and_then_fetched_as_documented() -> None:
    with service_of(ids("31000001", "7"), articles(PERCH, BARE)) as service:
        search(PubMed, service, TRICKY, 7)
    searched, fetched = service.asked
    assert (searched.method, searched.path) == ("GET", "/esearch.fcgi")
    assert searched.params == [
        ("db", "pubmed"), ("term", "AT T year 1900"), ("retmode", "json"), ("retmax", "7"), ("sort", "relevance"),
        ("tool", "citerefine"),
    ]  # fmt: skip
    assert (fetched.method, fetched.path) == ("GET", "/efetch.fcgi")
    assert fetched.params == [("db", "pubmed"), ("id", "31000001,7"), ("retmode", "xml"), ("tool", "citerefine")]


def test_no_word_of_a_query_is_a_field_an_operator_or_a_wildcard() -> None:
    with service_of(ids(), articles()) as service:
        find(service, 'NOT "perch*" OR moe[au] #1 | 2015:2020[dp] & (IL-6)')
    assert service.asked[0].param("term") == "perch moe au 1 2015 2020 dp IL-6"


def test_a_query_without_words_is_not_sent() -> None:
    with service_of(ids(), articles()) as service:
        page = find(service, "[*]")
    assert not service.asked
    assert page.outcome is Outcome.FAILED
    assert page.warnings == ("'[*]' holds no word to look for; write it in words",)


def test_filters_it_knows_are_asked_for_and_others_are_warned_of() -> None:
    how: dict[str, Any] = {
        "since": 2015,
        "until": "2020-06-30",
        "authors": ["Moe A", 'Lind"[ti] OR "x'],
        "venue": "Journal of Lakes",
    }
    with service_of(ids(), articles()) as service:
        page = find(service, **how, open_access=True, min_citations=3)
        find(service, since=2015)
    assert [asked.param("term") for asked in service.asked] == [
        '(perch) AND ("2015/01/01"[dp] : "2020/06/30"[dp]) AND (Moe A[au]) AND (Lind ti or x[au])'
        ' AND ("Journal of Lakes"[ta]) AND (free full text[sb])',
        '(perch) AND ("2015/01/01"[dp] : "3000/12/31"[dp])',
    ]
    assert page.warnings == ("it cannot filter by min_citations: not done",)


def test_no_ids_is_empty_and_nothing_is_fetched() -> None:
    nothing = {"outputmessages": ["No items found."], "phrasesignored": [], "quotedphrasesnotfound": []}
    with service_of(ids(count="0", warninglist=nothing), articles()) as service:
        page = find(service)
    assert page.outcome is Outcome.EMPTY
    assert not page.warnings
    assert [asked.path for asked in service.asked] == ["/esearch.fcgi"]


def test_what_it_did_not_understand_of_a_query_is_said() -> None:
    errors = {"phrasesnotfound": ["percch", "roachh"], "fieldsnotfound": []}
    remarks = {"phrasesignored": ["of", 7], "outputmessages": ["No items found.", "Too long\n<b>"], "new": ["x"]}
    with service_of(ids("7", errorlist=errors, warninglist=remarks), articles(BARE)) as service:
        page = find(service)
    assert page.outcome is Outcome.OK
    assert page.warnings == ("it does not know: percch, roachh", "it left out: of", "it says: Too long <b>")


@pytest.mark.parametrize("lists", [None, [], "text", {"phrasesignored": "text"}, {"phrasesignored": None}])
def test_remarks_of_another_form_are_passed_over(lists: object) -> None:
    with service_of(ids("7", warninglist=lists), articles(BARE)) as service:
        page = find(service)
    assert page.outcome is Outcome.OK
    assert not page.warnings


FAULTS = [
    (rate_limited("60"), Outcome.RATE_LIMITED, "answers 429 ('slow down')"),
    (
        json_reply({"error": "API rate limit exceeded", "count": "11"}, 429, {"Retry-After": "60"}),
        Outcome.RATE_LIMITED,
        "answers 429 ('API rate limit exceeded'); ask less often",
    ),
    (
        json_reply({"error": "API key invalid"}, 400),
        Outcome.FAILED,
        "answers 400 ('API key invalid'); check NCBI_API_KEY: whether it is right",
    ),
    (raw(b"Blocked", 403), Outcome.FAILED, "answers 403 ('Blocked'); check NCBI_API_KEY"),
    (raw(b"It broke", 500), Outcome.FAILED, "answers 500 ('It broke')"),
]


@pytest.mark.parametrize(
    ("behaviour", "outcome", "says"),
    [
        *FAULTS,
        (json_reply({"esearchresult": {"ERROR": "Empty term"}}), Outcome.FAILED, "it says: Empty term"),
        (json_reply({"error": "Search failed"}), Outcome.FAILED, "it says: Search failed"),
        (json_reply({"esearchresult": {}}), Outcome.FAILED, "esearchresult.idlist is NoneType, no list"),
        (ids("7", "7&x=1"), Outcome.FAILED, "esearchresult.idlist holds what is no number"),
        (raw(b'{"esearchresult": {'), Outcome.FAILED, "is no JSON"),
        (html(), Outcome.FAILED, "is no JSON"),
        (raw(b""), Outcome.FAILED, "is empty"),
    ],
)
def test_what_is_no_list_of_ids_is_said_and_is_never_empty(behaviour: Behaviour, outcome: Outcome, says: str) -> None:
    with service_of(behaviour, articles(BARE)) as service:
        page = find(service)
    assert page.outcome is outcome
    assert not page.snippets
    assert says in page.warnings[0]


@pytest.mark.parametrize(
    ("behaviour", "outcome", "says"),
    [
        *FAULTS,
        (xml_reply("<eFetchResult><ERROR>Bad id</ERROR></eFetchResult>"), Outcome.FAILED, "no set of articles: Bad id"),
        (xml_reply("<html><body>Log in</body></html>"), Outcome.FAILED, "it is <html>, no set of articles: Log in"),
        (xml_reply("<PubmedArticleSet><PubmedArticle>"), Outcome.FAILED, "it is no XML"),
        (html(), Outcome.FAILED, "it is no XML"),
        (raw(b""), Outcome.FAILED, "it is no XML"),
    ],
)
def test_what_is_no_set_of_articles_is_said_and_is_never_empty(
    behaviour: Behaviour, outcome: Outcome, says: str
) -> None:
    with service_of(ids("7"), behaviour) as service:
        page = find(service)
    assert page.outcome is outcome
    assert not page.snippets
    assert says in page.warnings[0]


def test_an_article_without_a_number_costs_no_other() -> None:
    with service_of(ids("7"), articles("<PubmedArticle/>", "<PubmedBookArticle/>", BARE)) as service:
        page = find(service)
    assert [snippet.source for snippet in page.snippets] == ["pubmed:7"]


@pytest.mark.parametrize("entity", ["c", "x"])
def test_no_entity_is_expanded_or_fetched(entity: str) -> None:
    with service_of(ids("7"), articles(BARE.replace("Roach", f"Roach &{entity};"), head=BOMB)) as service:
        (snippet,) = find(service).snippets
    assert snippet.text == f"Roach &{entity}; fell."


def test_with_a_key_it_may_be_asked_more_often() -> None:
    web = WebClient()
    assert PubMed(web).pace == Pace(per_second=3, at_once=3)
    assert PubMed(web, SourceSettings(key=SecretStr(KEY))).pace == Pace(per_second=10, at_once=3)


@pytest.mark.parametrize("found", [ids("7"), *(json_reply({"error": f"{KEY} of {PERSON}"}, n) for n in (200, 400))])
def test_the_key_and_the_person_go_along_and_are_kept_nowhere(
    found: Behaviour, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CITEREFINE_CONTACT", PERSON)
    with service_of(found, articles(BARE)) as service:
        _, kept = kept_of_a_recorded_search(PubMed, service, tmp_path)
    assert {asked.param("api_key") for asked in service.asked} == {KEY}
    assert {asked.param("email") for asked in service.asked} == {PERSON}
    assert b"perch" in kept
    assert KEY.encode() not in kept
    assert PERSON.encode() not in kept


BOOK = """<PubmedBookArticle><BookDocument><PMID>29</PMID>
<ArticleIdList><ArticleId IdType="bookaccession">NBK1</ArticleId></ArticleIdList>
<Book><Publisher><PublisherName>Lake Press</PublisherName></Publisher><BookTitle>Fish of lakes</BookTitle>
<PubDate><Year>2024</Year></PubDate></Book><ArticleTitle>Perch</ArticleTitle>
<AuthorList Type="authors"><Author><LastName>Moe</LastName><Initials>A</Initials></Author></AuthorList>
<Abstract><AbstractText>Nets hold 10<sup>9</sup> perch.</AbstractText></Abstract></BookDocument></PubmedBookArticle>"""


def test_a_chapter_of_a_book_is_read_field_by_field() -> None:
    with service_of(ids("29", "7"), articles(BARE, BOOK)) as service:
        page = find(service)
    snippet, bare = page.snippets
    assert not page.warnings
    assert (snippet.text, bare.text) == ("Nets hold 10⁹ perch.", "Roach fell.")
    assert (snippet.title, snippet.authors, snippet.year) == ("Perch", ("Moe A",), 2024)
    assert (snippet.venue, snippet.source) == ("Fish of lakes, Lake Press", "pubmed:29")
    assert snippet.url == "https://pubmed.ncbi.nlm.nih.gov/29/"


def test_words_that_no_work_has_all_of_are_each_asked_for() -> None:
    with service_of(ids(), articles()) as service:
        page = find(service, "how do perch and roach live", since=2015)
    asked = [one.param("term") for one in service.asked]
    assert asked == [
        '(perch roach live) AND ("2015/01/01"[dp] : "3000/12/31"[dp])',
        '(perch OR roach OR live) AND ("2015/01/01"[dp] : "3000/12/31"[dp])',
    ]
    assert page.outcome is Outcome.EMPTY


@pytest.mark.parametrize(
    "said",
    [
        "<PublicationTypeList><PublicationType>Retracted Publication</PublicationType></PublicationTypeList></Article>",
        '</Article><CommentsCorrectionsList><CommentsCorrections RefType="RetractionIn"/></CommentsCorrectionsList>',
    ],
)
def test_a_retracted_work_says_so_in_its_title_and_is_warned_of(said: str) -> None:
    with service_of(ids("31000001"), articles(PERCH.replace("</Article>", said, 1))) as service:
        page = find(service)
    assert page.snippets[0].title == "RETRACTED: Perch Perca in H2S lakes."
    assert page.warnings == ("1 hit is of a retracted work: Perch Perca in H2S lakes.",)
