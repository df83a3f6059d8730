"""Searches several sources one after another, until one of them finds something.

In: search tools in the order in which they are to be asked, a query. Out: the first page with hits, with a sentence on
why the sources before it gave none; if none has any, what became of all of them. Closes nothing. Not here: all sources
at once (fused_search.py).
"""

from collections.abc import Iterable, Sequence
from typing import Final

from citerefine.refiner.protocols import Outcome, SearchPage, SearchTool
from citerefine.tools.closing import close_all
from citerefine.tools.fusing.pages import (
    LONGEST_WARNING,
    Answered,
    ask,
    brief,
    checked,
    cost_of,
    outcome_of,
    told,
    were_cached,
)

_FEWEST: Final = 40
"""Code points that are left of each reason, however many there are."""


class FallbackSearch:
    """A `SearchTool` that asks the next source where one fails or holds nothing."""

    def __init__(self, tools: Iterable[SearchTool], name: str = "sources") -> None:
        """Asks nobody yet.

        Args:
            tools: the sources, the preferred first.
            name: how messages name all of them together.

        Raises:
            InputError: if there are no tools.
        """
        self.tools = checked([*tools], name)
        self._name = name

    @property
    def name(self) -> str:
        """How messages name it."""
        return self._name

    async def aclose(self) -> None:
        """Closes what its tools keep open, in the event loop in which they were searched."""
        await close_all(self.tools)

    async def search(self, query: str, k: int) -> SearchPage:
        """The hits of the first source that has any. Raises ReplayError."""
        answers = list[Answered]()
        for tool in self.tools:
            answers.append(await ask(tool, query, k))
            if answers[-1].page.snippets:
                break
        pages = [answered.page for answered in answers]
        return SearchPage(
            snippets=pages[-1].snippets,
            outcome=outcome_of(pages),
            warnings=tuple(_told(answers)),
            cost=cost_of(pages),
            cached=were_cached(pages),
        )


def _told(answers: Sequence[Answered]) -> list[str]:
    *before, last = answers
    reasons = [reason for answered in before for reason in _why_on(answered)]
    if not last.page.snippets:
        return [*reasons, *_why_on(last)]
    if not reasons:
        return told(last)
    each = max(_FEWEST, (LONGEST_WARNING - len(last.name)) // len(reasons))  # each source is told of, however briefly
    return [f"{last.name} answered; {'; '.join(brief(reason, each) for reason in reasons)}", *told(last)]


def _why_on(answered: Answered) -> list[str]:
    """Why the next source was asked."""
    failed = answered.page.outcome not in (Outcome.OK, Outcome.EMPTY)
    return told(answered) if failed else [f"{answered.name} holds nothing on it", *told(answered)]
