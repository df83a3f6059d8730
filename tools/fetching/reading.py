"""A search whose hits are read: passages of whole pages instead of what a search engine shows of them.

In: any search, a fetcher. Out: a `SearchTool` that searches, reads the pages of the first hits at once, and gives their
best passages before the other hits. Only pages that the search found are read: no model writes their addresses. A page
that could not be read costs its hit nothing, and is told of. Not here: reading itself (fetcher.py).
"""

import asyncio
from collections.abc import Iterable
from typing import NamedTuple

from citerefine.refiner.protocols import SearchPage, SearchTool
from citerefine.refiner.records import Snippet, normalised
from citerefine.tools.closing import close_all
from citerefine.tools.document_snippets import most_relevant
from citerefine.tools.fetching.fetcher import PageFetcher
from citerefine.tools.web.failures import WebFailure, clean


class _Read(NamedTuple):
    """What came of one page."""

    url: str
    passages: list[Snippet]
    warnings: list[str]
    cached: bool


class PageReading:
    """A search and the pages that it finds. Stateless, as far as the search is."""

    def __init__(self, search: SearchTool, fetcher: PageFetcher, pages: int = 3) -> None:
        """Asks nobody yet.

        Args:
            search: what finds pages.
            fetcher: reads them.
            pages: how many are read for one search, from the first hit on.
        """
        self._search = search
        self._fetcher = fetcher
        self._pages = pages

    @property
    def name(self) -> str:
        """The name of the search."""
        return self._search.name

    async def aclose(self) -> None:
        """Closes the fetcher and the search, in the event loop in which they were used."""
        await close_all((self._fetcher, self._search))

    async def search(self, query: str, k: int) -> SearchPage:
        """At most about `k` snippets: passages of the pages that were read, then the other hits.

        Raises:
            ReplayError: where it is replayed, and one of the pages was not recorded.
        """
        found = await self._search.search(query, k)
        first = {hit.url: hit for hit in reversed(found.snippets) if hit.url is not None}
        urls = [*dict.fromkeys(hit.url for hit in found.snippets if hit.url is not None)][: self._pages]
        pages = await asyncio.gather(*(self._read(url, first[url]) for url in urls))
        if not pages:
            return found
        return found.model_copy(
            update={
                "snippets": await asyncio.to_thread(_merged, found.snippets, pages, query, k),
                "warnings": (*found.warnings, *(warning for page in pages for warning in page.warnings)),
                "cached": found.cached and all(page.cached for page in pages),
            }
        )

    async def _read(self, url: str, hit: Snippet) -> _Read:
        place = clean(url.partition("://")[2] or url, ())
        try:
            page = await self._fetcher.fetch(url)
        except WebFailure as failure:
            return _Read(url, [], [f"{place}: {failure}"], True)
        problems = [f"{place}: {problem}" for problem in page.text.problems]
        return _Read(url, await asyncio.to_thread(page.snippets, hit), problems, page.cached)


def _merged(hits: Iterable[Snippet], pages: list[_Read], query: str, k: int) -> tuple[Snippet, ...]:
    """The best of what was read, then the other hits; no more of those than leave half of `k` for passages."""
    read = {page.url: normalised(" ".join(one.text for one in page.passages)) for page in pages if page.passages}
    rest = [hit for hit in hits if hit.url not in read]
    # A hit may say more than its page does, which may be nothing but a request to log in.
    beside = [hit for hit in hits if hit.url in read and normalised(hit.text) not in read[hit.url]]
    passages = {passage.id: passage for page in pages for passage in page.passages}
    best = most_relevant([*passages.values(), *beside], query, max(k - len(rest), (k + 1) // 2))
    return (*best, *rest)[:k]
