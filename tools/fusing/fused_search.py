"""Searches several sources at once, as one: each passage once, those first that many sources rank high.

In: search tools, a query. Out: one page. Sources are asked at the same time and fail each by itself; what a reader
should know of any of them stands in the page's warnings, with its name. Hits that are too long are cut (localising.py),
copies are merged (merging.py), ranks fused, and, where there is a reranker, the hits ordered by its scores. With equal
pages the result is equal, whoever was faster. Not here: one source after another (fallback.py).
"""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Final

from citerefine.refiner.protocols import AND, SearchPage, SearchTool
from citerefine.refiner.records import Snippet
from citerefine.tools.closing import close_all
from citerefine.tools.fusing.localising import shorten
from citerefine.tools.fusing.merging import Passage, merge
from citerefine.tools.fusing.pages import (
    SOURCES,
    Answered,
    ask,
    checked,
    cost_of,
    joined,
    outcome_of,
    told,
    were_cached,
)
from citerefine.tools.fusing.reranking import Reranker, scores_of

RANK_CONSTANT: Final = 60
"""Of reciprocal rank fusion, as its authors have it."""


class FusedSearch:
    """A `SearchTool` that asks several."""

    def __init__(
        self,
        tools: Iterable[SearchTool],
        name: str | None = None,
        reranker: Reranker | None = None,
        k_each: int | None = None,
    ) -> None:
        """Asks nobody yet.

        Args:
            tools: the sources; of hits that rank equally, those of the first come first.
            name: how messages name all of them together; None: by their own names, as in `europepmc-and-arxiv`.
            reranker: orders what was found; without one, the ranks do.
            k_each: about how many hits each source is asked for; None: as many as are wanted of all.

        Raises:
            InputError: if there are no tools.
        """
        self.tools = checked([*tools], name or SOURCES)
        self._name = name or joined(self.tools, AND)
        self._reranker, self._k_each = reranker, k_each

    @property
    def name(self) -> str:
        """How messages name it."""
        return self._name

    async def aclose(self) -> None:
        """Closes what its tools keep open, in the event loop in which they were searched."""
        await close_all(self.tools)

    async def search(self, query: str, k: int) -> SearchPage:
        """The `k` best passages of all sources. Raises ReplayError."""
        answers = await asyncio.gather(*(ask(tool, query, self._k_each or k) for tool in self.tools))
        pages = [answered.page for answered in answers]
        short = await shorten(query, [snippet for page in pages for snippet in page.snippets], self._reranker)
        snippets = fuse(short.snippets, [len(page.snippets) for page in pages])
        ordered, unranked = await self._reranked(query, snippets)
        return SearchPage(
            snippets=tuple(ordered[: max(1, k)]),
            outcome=outcome_of(pages),
            warnings=(*_told(answers), *dict.fromkeys([*short.warnings, *unranked])),
            cost=cost_of(pages),
            cached=were_cached(pages),
        )

    async def _reranked(self, query: str, snippets: list[Snippet]) -> tuple[list[Snippet], list[str]]:
        if self._reranker is None or len(snippets) < 2:
            return snippets, []
        scores = await scores_of(self._reranker, query, snippets)
        if isinstance(scores, str):
            return snippets, [f"the hits are in the order of their ranks: {scores}"]
        ranked = sorted(range(len(snippets)), key=lambda index: -scores[index])  # stable: ties as they were
        return [snippets[index] for index in ranked], []


def fuse(snippets: Sequence[Snippet], counts: Sequence[int]) -> list[Snippet]:
    """Each passage once, best first, by reciprocal rank fusion.

    The score of a passage is the sum over the sources of 1 / (60 + its rank there), with ranks from 1 (Cormack, Clarke
    and Büttcher, "Reciprocal Rank Fusion outperforms Condorcet and individual Rank Learning Methods", SIGIR 2009). A
    source that found only other passages of the same work counts with the best of these: it speaks for the work.

    Args:
        snippets: the hits of all sources, one source behind the other, each best first.
        counts: how many of them are of each source.
    """
    places = [(source, rank) for source, n in enumerate(counts) for rank in range(1, n + 1)]
    passages = merge(snippets)
    of_work: dict[int, dict[int, int]] = {}
    for passage in passages:
        _best_ranks(of_work.setdefault(passage.work, {}), passage, places)

    def worth(passage: Passage) -> tuple[float, int, str]:
        own = _best_ranks({}, passage, places)
        ranks = {**of_work[passage.work], **own}
        # Summed in one order: the same sum of floats, whoever was asked first.
        score = sum(sorted(1 / (RANK_CONSTANT + rank) for rank in ranks.values()))
        return -score, min(own), passage.snippet.id

    return [passage.snippet for passage in sorted(passages, key=worth)]


def _best_ranks(ranks: dict[int, int], passage: Passage, places: Sequence[tuple[int, int]]) -> dict[int, int]:
    """`ranks`, source → best rank, with those of a passage in it."""
    for member in passage.members:
        source, rank = places[member]
        ranks[source] = min(rank, ranks.get(source, rank))
    return ranks


def _told(answers: Iterable[Answered]) -> list[str]:
    return [*dict.fromkeys(sentence for answered in answers for sentence in told(answered))]
