"""Search tools and rerankers that do what a test says."""

import asyncio
from collections.abc import Sequence
from typing import cast

from citerefine.refiner.protocols import Outcome, SearchPage
from citerefine.refiner.records import Snippet


class Tool:
    """Gives a page, or raises; `delay` in seconds."""

    def __init__(self, name: str, result: object, delay: float = 0.0) -> None:
        self.name = name
        self.asked: list[tuple[str, int]] = []
        self._result, self._delay = result, delay

    async def search(self, query: str, k: int) -> SearchPage:
        self.asked.append((query, k))
        await asyncio.sleep(self._delay)
        if isinstance(self._result, BaseException):
            raise self._result
        return cast(SearchPage, self._result)


class Scores:
    """A reranker that gives these scores, or raises."""

    name = "scores"

    def __init__(self, result: object) -> None:
        self.asked: list[tuple[str, list[str]]] = []
        self._result = result

    async def rerank(self, query: str, snippets: Sequence[Snippet]) -> Sequence[float]:
        self.asked.append((query, [snippet.text for snippet in snippets]))
        if isinstance(self._result, BaseException):
            raise self._result
        if callable(self._result):
            return [self._result(snippet.text) for snippet in snippets]
        return cast(Sequence[float], self._result)


def page(*hits: str | Snippet, outcome: Outcome = Outcome.OK, **more: object) -> SearchPage:
    """A page of these hits, a text being a work of its own; `more`: its other fields."""
    snippets = [Snippet(text=hit, source=f"work of {hit}") if isinstance(hit, str) else hit for hit in hits]
    return SearchPage.model_validate({"snippets": snippets, "outcome": outcome, **more})


def texts(found: SearchPage) -> list[str]:
    """What was found, in order."""
    return [snippet.text for snippet in found.snippets]
