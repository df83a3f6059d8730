"""Europe PMC: abstracts of the life sciences and beyond, and the full text of open articles. No key.

In: a query; with the argument `fulltext`, the open articles behind the best hits are read too. Out: abstracts as
snippets; of open articles the passages that fit the query best, with their sections. Documented at
https://europepmc.org/RestfulWebService. Not here: JATS itself (readers/jats.py).
"""

import asyncio
from typing import Any, ClassVar, Final, NamedTuple

from pydantic import Field, JsonValue

from citerefine.refiner.records import Snippet
from citerefine.tools.document_snippets import most_relevant, read_documents, snippets_of
from citerefine.tools.filters import Filters
from citerefine.tools.markup import plain
from citerefine.tools.readers.document import UnreadableFile
from citerefine.tools.retractions import marked
from citerefine.tools.sources.abstracts import abstract_snippets, parts_in
from citerefine.tools.sources.query_words import query_words, telling
from citerefine.tools.sources.source import Asking, Hits, Source, left_out, strange, unread
from citerefine.tools.sources.wire import Wire, bare_doi, child, entries, filled, json_object, names, year_in
from citerefine.tools.web.failures import WebFailure
from citerefine.tools.web.pacing import Pace
from citerefine.tools.web.reply import WebReply

_READ_ARTICLES: Final = 3
"""Open articles that are read for one search."""
_PREPRINTS: Final = "PPR"
_RETRACTED: Final = "retracted publication"
_OPEN_DAY: Final = "1800-01-01"
_LAST_DAY: Final = "3000-12-31"


class _Hit(Wire):
    id: str
    source: str
    title: str | None = None
    author_string: str | None = Field(None, alias="authorString")
    journal: Any = Field(None, alias="journalInfo")
    year: str | None = Field(None, alias="pubYear")
    doi: str | None = None
    pmcid: str | None = None
    abstract: str | None = Field(None, alias="abstractText")
    is_open: str | None = Field(None, alias="isOpenAccess")
    licence: str | None = Field(None, alias="license")
    book: Any = Field(None, alias="bookOrReportDetails")
    kinds: Any = Field(None, alias="pubTypeList")

    @property
    def venue(self) -> str | None:
        """The journal, or who published a book or a preprint."""
        journal, publisher = child(self.journal, "journal", "title"), child(self.book, "publisher")
        found = next((name for name in (journal, publisher) if isinstance(name, str) and name.strip()), None)
        if self.source != _PREPRINTS:
            return found
        return f"{found} (preprint)" if found else "preprint"

    @property
    def is_retracted(self) -> bool:
        """Whether the work itself was."""
        kinds = child(self.kinds, "pubType")
        return any(str(kind).casefold() == _RETRACTED for kind in (kinds if isinstance(kinds, list) else [kinds]))

    @property
    def fields(self) -> dict[str, Any]:
        """Of every snippet of this work."""
        return {
            "title": marked(plain(self.title), self.is_retracted),
            "authors": names((self.author_string or "").rstrip(".").split(", ")),
            "year": year_in(self.year),
            "venue": self.venue,
            "doi": bare_doi(self.doi),
            "url": f"https://europepmc.org/article/{self.source}/{self.id}",
            "licence": self.licence,
        }

    @property
    def record(self) -> str:
        """What the service calls it."""
        return f"europepmc:{self.source}/{self.id}"


class _Found(NamedTuple):
    hits: list[_Hit]
    n_strange: int


class EuropePmc(Source):
    """Searches Europe PMC."""

    source_name = "europepmc"
    title = "Europe PMC"
    address = "https://www.ebi.ac.uk/europepmc/webservices/rest"
    version = 2
    honours = frozenset({"since", "until", "authors", "venue", "open_access"})
    arguments: ClassVar = {"fulltext": "also reads the open articles behind the best hits"}

    @property
    def pace(self) -> Pace:
        """Not documented; polite use is asked for."""
        return Pace(per_second=10, at_once=4)

    async def find(self, query: str, k: int, filters: Filters, ask: Asking) -> Hits:
        """Abstracts, and behind them passages of open articles where `fulltext` was asked for. Raises WebFailure."""
        words = telling(query_words(query, _SYNTAX))
        found = await self._search(" ".join(words), k, filters, ask)
        if not found.hits and not found.n_strange and len(words) > 1:  # no work has all of the words
            found = await self._search(" OR ".join(words), k, filters, ask)
        told = [hit for hit in found.hits if parts_in(hit.abstract)]
        snippets = [snippet for hit in told for snippet in _abstract(hit, ask)]
        warnings = [*strange(found.n_strange), *left_out(len(found.hits) - len(told), "no abstract")]
        if self.argument == "fulltext":
            passages, unread_articles = await self._articles(found.hits, query, k, ask)
            snippets, warnings = [*passages, *snippets], [*warnings, *unread_articles]
        return Hits(snippets, warnings)

    async def _search(self, words: str, k: int, filters: Filters, ask: Asking) -> _Found:
        params: dict[str, str | int | None] = {
            "query": _expression(words, filters),
            "format": "json",
            "resultType": "core",
            "pageSize": min(k, self.most),
        }
        return await ask(self.request("search", params=filled(params)), _read)

    async def _articles(self, hits: list[_Hit], query: str, k: int, ask: Asking) -> tuple[list[Snippet], list[str]]:
        """The passages of the first open articles that fit the query best, and what could not be read."""
        open_hits = [hit for hit in hits if hit.pmcid and hit.is_open == "Y"][:_READ_ARTICLES]
        articles = await asyncio.gather(*(self._article(hit, ask) for hit in open_hits))
        passages = [snippet for article in articles if not isinstance(article, str) for snippet in article]
        return most_relevant(passages, query, k), unread(article for article in articles if isinstance(article, str))

    async def _article(self, hit: _Hit, ask: Asking) -> list[Snippet] | str:
        """The passages of one article, or why there are none."""

        def read(reply: WebReply) -> list[Snippet]:
            try:
                documents, _ = read_documents(reply.body, ".xml")
                return [
                    snippet
                    for document in documents
                    for snippet in snippets_of(document, f"europepmc:{hit.pmcid}", reply.fetched_at, **hit.fields)
                ]
            except UnreadableFile as error:
                raise ValueError(str(error)) from None

        try:
            return await ask(self.request(f"{hit.pmcid}/fullTextXML"), read)
        except WebFailure as failure:
            return f"{hit.pmcid} could not be read: {failure}"


def _abstract(hit: _Hit, ask: Asking) -> list[Snippet]:
    parts = parts_in(hit.abstract)
    return abstract_snippets(parts, source=hit.record, retrieved_at=ask.fetched_at, **hit.fields)


def _read(reply: WebReply) -> _Found:
    value: JsonValue = child(json_object(reply), "resultList", "result")
    found = entries(value, _Hit, "resultList.result")
    return _Found(found.entries, found.n_strange)


def _expression(words: str, filters: Filters) -> str:
    """The words with the filters, in the service's language."""
    parts = [words]
    if filters.since or filters.until:
        parts.append(f"FIRST_PDATE:[{filters.since or _OPEN_DAY} TO {filters.until or _LAST_DAY}]")
    parts += [f'AUTH:"{_phrase(name)}"' for name in filters.authors]
    if filters.venue:
        parts.append(f'JOURNAL:"{_phrase(filters.venue)}"')
    if filters.open_access:
        parts.append("OPEN_ACCESS:y")
    return parts[0] if len(parts) == 1 else " AND ".join([f"({parts[0]})", *parts[1:]])


def _phrase(text: str) -> str:
    return " ".join(query_words(text, _SYNTAX))


_SYNTAX: Final = '()[]{}:"^~*?\\/+!&|'
"""Characters that mean something in a query."""
