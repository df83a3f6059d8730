"""A search tool whose pages the test writes down."""

import asyncio
from collections.abc import Callable, Sequence

from citerefine.refiner.protocols import Outcome, SearchPage
from citerefine.refiner.records import Snippet

Scripted = Sequence[Snippet] | SearchPage | Exception


class ScriptedSearch:
    """Gives a page for each query; keeps the queries it got and how many were under way at once."""

    def __init__(self, name: str, found: Callable[[str], Scripted] | Scripted = (), *, delay: float = 0.0) -> None:
        self.name = name
        self.queries = list[str]()
        self.at_once = 0
        self._found, self._delay, self._under_way = found, delay, 0

    async def search(self, query: str, k: int) -> SearchPage:
        self.queries.append(query)
        self._under_way += 1
        self.at_once = max(self.at_once, self._under_way)
        try:
            await asyncio.sleep(self._delay)
        finally:
            self._under_way -= 1
        return page_of(self._found(query) if callable(self._found) else self._found, k)


class ReadingSearch(ScriptedSearch):
    """The same, and it reads on around what it found."""

    def __init__(self, name: str, found: Callable[[str], Scripted] | Scripted, around: Scripted) -> None:
        super().__init__(name, found)
        self.read_from = list[tuple[str, ...]]()
        self._around = around

    async def read(self, snippets: Sequence[Snippet]) -> SearchPage:
        self.read_from.append(tuple(snippet.text for snippet in snippets))
        return page_of(self._around, 100)


def page_of(scripted: Scripted, k: int) -> SearchPage:
    if isinstance(scripted, Exception):
        raise scripted
    if isinstance(scripted, SearchPage):
        return scripted
    return SearchPage(snippets=tuple(scripted)[:k], outcome=Outcome.OK if scripted else Outcome.EMPTY)


def passages(*texts: str) -> list[Snippet]:
    """One snippet a text, each of a work of its own."""
    return [Snippet(text=text, source=f"work-{text[:24]}") for text in texts]
