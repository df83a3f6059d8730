"""PubMed: abstracts of medicine and the life sciences. A key is free, and faster.

In: a query. Out: abstracts as snippets; of a long abstract, each of its labelled parts. Two requests: which articles,
then what they say. Documented at https://www.ncbi.nlm.nih.gov/books/NBK25501. Not here: full texts (europepmc.py).
"""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from pydantic import JsonValue, SecretStr

from citerefine.refiner.records import Snippet
from citerefine.tools.filters import Filters
from citerefine.tools.passages import TARGET, cut_passages
from citerefine.tools.readers.document import Block
from citerefine.tools.sources.query_words import query_words
from citerefine.tools.sources.source import Asking, Hits, Source, left_out, passages_of
from citerefine.tools.sources.wire import bare_doi, child, filled, json_object, names, xml_root, xml_text, year_in
from citerefine.tools.web.failures import clean
from citerefine.tools.web.identity import contact
from citerefine.tools.web.pacing import Pace
from citerefine.tools.web.reply import WebReply
from citerefine.tools.web.request import Auth

_SYNTAX: Final = '()[]{}"*:&|/\\#~?!;,<>='
_TOOL: Final = "citerefine"
_FIRST_DAY: Final = "1500/01/01"
_LAST_DAY: Final = "3000/12/31"
_NOTHING: Final = "No items found."
_NO_LABEL: Final = "UNLABELLED"
"""Stands where only other parts have a label."""
_SAID: Final = {
    "phrasesnotfound": "it does not know",
    "fieldsnotfound": "it has no field",
    "phrasesignored": "it left out",
    "quotedphrasesnotfound": "it does not know the phrase",
    "outputmessages": "it says",
}
"""What the service calls its remarks on a query → what they mean."""


class _Ids(NamedTuple):
    ids: list[str]
    remarks: list[str]


class _Part(NamedTuple):
    """Of an abstract."""

    label: str | None
    text: str


class _Article(NamedTuple):
    parts: list[_Part]
    fields: dict[str, Any]


class PubMed(Source):
    """Searches PubMed."""

    source_name = "pubmed"
    title = "PubMed"
    address = "https://eutils.ncbi.nlm.nih.gov/entrez/eutils"
    key_variable = "NCBI_API_KEY"
    honours = frozenset({"since", "until", "authors", "venue", "open_access"})

    @property
    def pace(self) -> Pace:
        """Ten requests a second with a key; without one, three."""
        return Pace(per_second=10 if self.key else 3, at_once=3)

    def auth(self) -> Auth:
        """The key, and the address of a person, which the service asks for."""
        person = contact()
        key = self.settings.key
        known = [("email", SecretStr(person) if person else None), ("api_key", key)]
        return Auth(params=tuple((name, value) for name, value in known if value))

    async def find(self, query: str, k: int, filters: Filters, ask: Asking) -> Hits:
        """Abstracts. Raises WebFailure."""
        search: dict[str, str | int | None] = {
            "db": "pubmed",
            "term": _expression(query, filters),
            "retmode": "json",
            "retmax": min(k, self.most),
            "sort": "relevance",
            "tool": _TOOL,
        }
        found = await ask(self.request("esearch.fcgi", params=filled(search)), _read_ids)
        if not found.ids:
            return Hits([], found.remarks)
        fetch = {"db": "pubmed", "id": ",".join(found.ids), "retmode": "xml", "tool": _TOOL}
        articles = await ask(self.request("efetch.fcgi", params=filled(fetch)), _read_articles)
        known = [articles[number] for number in found.ids if number in articles]
        told = [article for article in known if article.parts]
        snippets = [snippet for article in told for snippet in _snippets(article, ask)]
        absent = left_out(len(found.ids) - len(known), "it sent no article of that number")
        untold = left_out(len(known) - len(told), "they have no abstract")
        return Hits(snippets, [*found.remarks, *absent, *untold])


def _snippets(article: _Article, ask: Asking) -> list[Snippet]:
    """One where the abstract is short, else at least one for each label."""
    known = {**article.fields, "retrieved_at": ask.fetched_at}
    whole = " ".join(f"{part.label}: {part.text}" if part.label else part.text for part in article.parts)
    if len(whole) <= TARGET or not any(part.label for part in article.parts):
        return passages_of(whole, section="Abstract", **known)
    return [Snippet.model_validate({**passage._asdict(), **known}) for passage in cut_passages(_blocks(article.parts))]


def _blocks(parts: list[_Part]) -> Iterator[Block]:
    """The parts under their labels; offsets are those in the parts' text, put together with blanks."""
    start = 0
    for part in parts:
        yield Block(part.text, start, f"Abstract > {part.label}" if part.label else "Abstract")
        start += len(part.text) + len(" ")


def _expression(query: str, filters: Filters) -> str:
    """The query in the service's language, in which the words of people must not become fields or operators."""
    parts = [" ".join(query_words(query, _SYNTAX))]
    if filters.since or filters.until:
        since = f"{filters.since:%Y/%m/%d}" if filters.since else _FIRST_DAY
        until = f"{filters.until:%Y/%m/%d}" if filters.until else _LAST_DAY
        parts.append(f'"{since}"[dp] : "{until}"[dp]')
    parts += [f'"{" ".join(query_words(name, _SYNTAX))}"[au]' for name in filters.authors]
    if filters.venue:
        parts.append(f'"{" ".join(query_words(filters.venue, _SYNTAX))}"[ta]')
    if filters.open_access:
        parts.append("free full text[sb]")
    return parts[0] if len(parts) == 1 else " AND ".join(f"({part})" for part in parts)


def _read_ids(reply: WebReply) -> _Ids:
    value = json_object(reply)
    result = child(value, "esearchresult")
    if error := child(result, "ERROR") or value.get("error"):
        raise ValueError(f"it says: {error}")
    ids = child(result, "idlist")
    if not isinstance(ids, list):
        raise ValueError(f"esearchresult.idlist is {type(ids).__name__}, no list")
    numbers = [number for number in ids if isinstance(number, str) and number.isascii() and number.isdecimal()]
    if len(numbers) < len(ids):
        raise ValueError("esearchresult.idlist holds what is no number")
    return _Ids(numbers, [*_remarks(child(result, "errorlist")), *_remarks(child(result, "warninglist"))])


def _remarks(lists: JsonValue) -> Iterator[str]:
    """What the service did not understand of a query."""
    for name, meaning in _SAID.items():
        said = child(lists, name)
        words = [word for word in said if isinstance(word, str) and word != _NOTHING] if isinstance(said, list) else []
        if words:
            yield f"{meaning}: {clean(', '.join(words), ())}"


def _read_articles(reply: WebReply) -> dict[str, _Article]:
    """Articles by their number."""
    root = xml_root(reply)
    if root.tag != "PubmedArticleSet":
        raise ValueError(f"it is <{root.tag}>, no set of articles: {xml_text(root)}")
    read = {xml_text(node.find("MedlineCitation/PMID")): _article(node) for node in root.findall("PubmedArticle")}
    return {number: article for number, article in read.items() if number}


def _article(node: Any) -> _Article:
    def text(path: str) -> str | None:
        return xml_text(node.find(path))

    article = "MedlineCitation/Article"
    number = text("MedlineCitation/PMID")
    date = f"{article}/Journal/JournalIssue/PubDate"
    doi = text("PubmedData/ArticleIdList/ArticleId[@IdType='doi']") or text(f"{article}/ELocationID[@EIdType='doi']")
    fields = {
        "title": text(f"{article}/ArticleTitle"),
        "authors": names(_name(author) for author in node.findall(f"{article}/AuthorList/Author")),
        "year": year_in(text(f"{date}/Year") or text(f"{date}/MedlineDate") or text(f"{article}/ArticleDate/Year")),
        "venue": text(f"{article}/Journal/Title"),
        "doi": bare_doi(doi),
        "url": f"https://pubmed.ncbi.nlm.nih.gov/{number}/",
        "source": f"pubmed:{number}",
    }
    return _Article([*_parts(node.findall(f"{article}/Abstract/AbstractText"))], fields)


def _parts(nodes: list[Any]) -> Iterator[_Part]:
    for node in nodes:
        if text := xml_text(node):
            label = " ".join(node.get("Label", "").split())
            yield _Part(None if label in ("", _NO_LABEL) else label, text)


def _name(author: Any) -> str | None:
    """As in `Moe A`, or the name of a group."""
    family, initials = xml_text(author.find("LastName")), xml_text(author.find("Initials"))
    return " ".join(filter(None, (family, initials))) or xml_text(author.find("CollectiveName"))
