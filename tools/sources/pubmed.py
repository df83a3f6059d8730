"""PubMed: abstracts of medicine and the life sciences. A key is free, and faster.

In: a query. Out: abstracts of articles and of books; of a long abstract, each of its labelled parts. Asked for is what
holds all words of a query, and where there is nothing, what holds any of them. Two requests: which works, then what
they say. Documented at https://www.ncbi.nlm.nih.gov/books/NBK25501. Not here: full texts (europepmc.py).
"""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from pydantic import JsonValue, SecretStr

from citerefine.tools.filters import Filters
from citerefine.tools.retractions import marked
from citerefine.tools.sources.abstracts import Part, abstract_snippets, part_of
from citerefine.tools.sources.query_words import query_words, telling
from citerefine.tools.sources.source import Asking, Hits, Source, left_out
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
_RETRACTED: Final = "retracted publication"
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


class _Article(NamedTuple):
    parts: list[Part]
    fields: dict[str, Any]


class PubMed(Source):
    """Searches PubMed."""

    source_name = "pubmed"
    title = "PubMed"
    address = "https://eutils.ncbi.nlm.nih.gov/entrez/eutils"
    version = 2
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
        words = telling(query_words(query, _SYNTAX))
        found = await self._ids(" ".join(words), k, filters, ask)
        if not found.ids and len(words) > 1:  # no work has all of the words
            found = await self._ids(" OR ".join(words), k, filters, ask)
        if not found.ids:
            return Hits([], found.remarks)
        fetch = {"db": "pubmed", "id": ",".join(found.ids), "retmode": "xml", "tool": _TOOL}
        articles = await ask(self.request("efetch.fcgi", params=filled(fetch)), _read_articles)
        known = [articles[number] for number in found.ids if number in articles]
        told = [article for article in known if article.parts]
        snippets = [
            snippet
            for article in told
            for snippet in abstract_snippets(article.parts, retrieved_at=ask.fetched_at, **article.fields)
        ]
        absent = left_out(len(found.ids) - len(known), "it sent no article of that number")
        untold = left_out(len(known) - len(told), "no abstract")
        return Hits(snippets, [*found.remarks, *absent, *untold])

    async def _ids(self, words: str, k: int, filters: Filters, ask: Asking) -> _Ids:
        params: dict[str, str | int | None] = {
            "db": "pubmed",
            "term": _expression(words, filters),
            "retmode": "json",
            "retmax": min(k, self.most),
            "sort": "relevance",
            "tool": _TOOL,
        }
        return await ask(self.request("esearch.fcgi", params=filled(params)), _read_ids)


def _expression(words: str, filters: Filters) -> str:
    """The words with the filters, in the service's language."""
    parts = [words]
    if filters.since or filters.until:
        since = f"{filters.since:%Y/%m/%d}" if filters.since else _FIRST_DAY
        until = f"{filters.until:%Y/%m/%d}" if filters.until else _LAST_DAY
        parts.append(f'"{since}"[dp] : "{until}"[dp]')
    # Without quotes, which would find `Smith J` but not `Smith JA`.
    parts += [f"{' '.join(query_words(name, _SYNTAX))}[au]" for name in filters.authors]
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
    read = [*map(_article, root.findall("PubmedArticle")), *map(_book, root.findall("PubmedBookArticle"))]
    return dict(one for one in read if one[0])


def _article(node: Any) -> tuple[str, _Article]:
    """A journal's article, behind its number."""

    def text(path: str) -> str | None:
        return xml_text(node.find(path))

    article = "MedlineCitation/Article"
    date = f"{article}/Journal/JournalIssue/PubDate"
    doi = text("PubmedData/ArticleIdList/ArticleId[@IdType='doi']") or text(f"{article}/ELocationID[@EIdType='doi']")
    fields = {
        "title": marked(text(f"{article}/ArticleTitle"), _is_retracted(node)),
        "authors": names(_name(author) for author in node.findall(f"{article}/AuthorList/Author")),
        "year": year_in(text(f"{date}/Year") or text(f"{date}/MedlineDate") or text(f"{article}/ArticleDate/Year")),
        "venue": text(f"{article}/Journal/Title"),
        "doi": bare_doi(doi),
    }
    return _numbered(text("MedlineCitation/PMID"), node.findall(f"{article}/Abstract/AbstractText"), fields)


def _book(node: Any) -> tuple[str, _Article]:
    """A chapter of a book, or a book, behind its number."""

    def text(path: str) -> str | None:
        return xml_text(node.find(f"BookDocument/{path}"))

    chapter, book = text("ArticleTitle"), text("Book/BookTitle")
    people = node.findall("BookDocument/AuthorList/Author") or node.findall("BookDocument/Book/AuthorList/Author")
    fields = {
        "title": chapter or book,
        "authors": names(map(_name, people)),
        "year": year_in(text("Book/PubDate/Year") or text("Book/PubDate/MedlineDate") or text("ContributionDate/Year")),
        "venue": ", ".join(filter(None, (book if chapter else None, text("Book/Publisher/PublisherName")))) or None,
        "doi": bare_doi(text("ArticleIdList/ArticleId[@IdType='doi']")),
    }
    return _numbered(text("PMID"), node.findall("BookDocument/Abstract/AbstractText"), fields)


def _numbered(number: str | None, abstract: list[Any], fields: dict[str, Any]) -> tuple[str, _Article]:
    parts = [part_of(node.get("Label"), text) for node in abstract if (text := xml_text(node))]
    where = {"url": f"https://pubmed.ncbi.nlm.nih.gov/{number}/", "source": f"pubmed:{number}"}
    return number or "", _Article(parts, {**fields, **where})


def _is_retracted(node: Any) -> bool:
    """Whether the work was retracted; the notice that says so is none that was."""
    kinds = node.findall("MedlineCitation/Article/PublicationTypeList/PublicationType")
    if any((xml_text(kind) or "").casefold() == _RETRACTED for kind in kinds):
        return True
    return node.find("MedlineCitation/CommentsCorrectionsList/*[@RefType='RetractionIn']") is not None


def _name(author: Any) -> str | None:
    """As in `Moe A`, or the name of a group."""
    family, initials = xml_text(author.find("LastName")), xml_text(author.find("Initials"))
    return " ".join(filter(None, (family, initials))) or xml_text(author.find("CollectiveName"))
