"""Wikipedia: passages of the articles that fit a query best. No key.

In: a query; the filter `language` chooses the Wikipedia. Out: passages with their sections, the article's title and
address, and its licence. Documented at https://www.mediawiki.org/wiki/API:REST_API and
https://www.mediawiki.org/wiki/Extension:TextExtracts. Not here: tables and lists of references, which its plain text
leaves out.
"""

import asyncio
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Final, NamedTuple
from urllib.parse import quote, urlsplit

from citerefine.refiner.records import Snippet, Text
from citerefine.tools.document_snippets import most_relevant, snippets_of
from citerefine.tools.filters import Filters
from citerefine.tools.readers.document import Block, Document
from citerefine.tools.readers.outline import Heading, section_paths
from citerefine.tools.sources.query_words import query_words
from citerefine.tools.sources.source import Asking, Hits, Source, left_out, strange, unread
from citerefine.tools.sources.wire import Read, Wire, child, entries, filled, json_object
from citerefine.tools.web.failures import WebFailure, clean
from citerefine.tools.web.pacing import Pace
from citerefine.tools.web.reply import WebReply
from citerefine.tools.web.request import WebRequest

_READ_ARTICLES: Final = 5
"""Articles that are read for one search: the service gives one whole text at a time."""
_LICENCE: Final = "CC BY-SA 4.0"
_DOMAIN: Final = ".wikipedia.org"
_SYNTAX: Final = '"~:*?\\!/()[]{}<>|#^'
"""Characters that mean something in a query, as in `intitle:`, `insource:/x/` and `perch~`."""
_LINE: Final = re.compile(r"[^\n]+")
_HEADING: Final = re.compile(r"(={2,6})\s*(\S.*?)\s*\1")


class _Hit(Wire):
    key: Text
    title: str | None = None


class _Article(Wire):
    extract: str | None = None


class _Place(NamedTuple):
    """One Wikipedia."""

    base_url: str
    name: str
    """Its language, or the host of one that is no Wikipedia of Wikimedia."""

    def passages(self, hit: _Hit, text: str, fetched_at: datetime) -> list[Snippet]:
        """The passages of an article, each with its attribution."""
        return snippets_of(
            Document(_blocks(text)),
            f"wikipedia:{self.name}/{hit.key}",
            fetched_at,
            title=hit.title,
            url=f"{self.base_url}/wiki/{quote(hit.key, safe='/:,()')}",
            licence=_LICENCE,
        )


class Wikipedia(Source):
    """Searches one Wikipedia, by default the English one."""

    source_name = "wikipedia"
    title = "Wikipedia"
    address = f"https://en{_DOMAIN}"
    version = 2
    honours = frozenset({"language"})

    @property
    def pace(self) -> Pace:
        """Not documented for readers; polite use is asked for."""
        return Pace(per_second=10, at_once=3)

    async def find(self, query: str, k: int, filters: Filters, ask: Asking) -> Hits:
        """Passages of the first articles. Raises WebFailure, also if no article that was found can be read."""
        place, warnings = self._place(filters)
        words = " ".join(query_words(query, _SYNTAX))
        params = filled({"q": words, "limit": min(k, _READ_ARTICLES)})
        hits, n_strange = await ask(self._request(place, "w/rest.php/v1/search/page", params), _read_hits)
        articles = await asyncio.gather(*(self._article(place, hit, ask) for hit in hits))
        read = [article for article in articles if not isinstance(article, WebFailure)]
        failed = [(hit, why) for hit, why in zip(hits, articles, strict=True) if isinstance(why, WebFailure)]
        if failed and not read:
            raise failed[0][1]
        passages = [snippet for article in read for snippet in article]
        warnings += [
            *strange(n_strange),
            *left_out(sum(not article for article in read), "no text"),
            *unread(f"{clean(hit.key, ())} could not be read: {why}" for hit, why in failed),
        ]
        return Hits(most_relevant(passages, query, k), warnings)

    def _place(self, filters: Filters) -> tuple[_Place, list[str]]:
        """The Wikipedia to ask, and a warning if the filter could not choose it."""
        wanted = filters.language
        if self.settings.base_url is None:
            own = wanted or "en"
            return _Place(f"https://{own}{_DOMAIN}", own), []
        host = urlsplit(self.base_url).hostname or ""
        language = host.removesuffix(_DOMAIN) if host.endswith(_DOMAIN) else None
        is_other = wanted is not None and wanted != language
        is_told = "and not in" if language else "of which nobody knows whether it is in"
        warnings = [f"it is asked at {self.base_url}, {is_told} {wanted!r}"] if is_other else []
        return _Place(self.base_url, language or host), warnings

    def _request(self, place: _Place, path: str, params: tuple[tuple[str, str], ...]) -> WebRequest:
        return WebRequest(source=self.source_name, version=self.version, url=f"{place.base_url}/{path}", params=params)

    async def _article(self, place: _Place, hit: _Hit, ask: Asking) -> list[Snippet] | WebFailure:
        """The passages of one article, or why there are none."""
        params: dict[str, str | int | None] = {
            "action": "query",
            "prop": "extracts",
            "explaintext": 1,
            "exsectionformat": "wiki",
            "titles": hit.key,
            "redirects": 1,
            "format": "json",
            "formatversion": 2,
        }

        def read(reply: WebReply) -> list[Snippet]:
            return place.passages(hit, _extract(reply), reply.fetched_at)

        try:
            return await ask(self._request(place, "w/api.php", filled(params)), read)
        except WebFailure as failure:
            return failure


def _read_hits(reply: WebReply) -> Read:
    return entries(json_object(reply).get("pages"), _Hit, "pages")


def _extract(reply: WebReply) -> str:
    """The text of the article; errors come with status 200."""
    value = json_object(reply)
    said = child(value, "error", "info")
    if said is not None:
        raise ValueError(str(said))
    pages = entries(child(value, "query", "pages"), _Article, "query.pages").entries
    return "".join(page.extract or "" for page in pages)


def _blocks(text: str) -> Iterator[Block]:
    """The paragraphs of a text, one a line, under the headings that stand between them as `== Results ==`."""
    headings = list[Heading]()
    section: str | None = None
    for line in _LINE.finditer(text):
        if heading := _HEADING.fullmatch(line[0].strip()):
            headings.append(Heading(len(heading[1]), heading[2]))
            section = section_paths(headings)[-1]
        elif line[0].strip():
            yield Block(line[0], line.start(), section)
