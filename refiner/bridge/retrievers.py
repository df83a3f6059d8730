"""Retrievers of LangChain as searches of ours, and the other way round.

In: a `SearchTool`, or a LangChain retriever. Out: the same source in the other form. A retriever has no way to say
that a source failed, so that `SearchRetriever` raises where our searches report. Not here: searching.
"""

from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from pydantic import ConfigDict, Field

from citerefine.refiner.background import run
from citerefine.refiner.bridge.documents import to_documents, to_snippets
from citerefine.refiner.errors import CiterefineError
from citerefine.refiner.protocols import Outcome, SearchPage, SearchTool


class SourceError(CiterefineError):
    """A source could not be searched; that is not the same as a source that holds nothing."""

    exit_code = 1

    def __init__(self, message: str, outcome: Outcome) -> None:
        super().__init__(message)
        self.outcome = outcome

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (str(self), self.outcome)


def checked(page: SearchPage, name: str) -> SearchPage:
    """The page, if the source could be searched.

    Raises:
        SourceError: if it failed, was asked too often, or is switched off; with its warnings.
    """
    if page.outcome in (Outcome.OK, Outcome.EMPTY):
        return page
    why = "; ".join(page.warnings) or "it gave no reason"
    raise SourceError(f"{name} could not be searched ({page.outcome.value}): {why}", page.outcome)


class SearchRetriever(BaseRetriever):
    """Any search of ours as a LangChain retriever; `to_snippets` gives the very snippets back.

    `SearchRetriever(search, k=5)` retrieves at most about `k` Documents, best first. Raises SourceError where the
    source cannot be searched, and what the search itself raises.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    search: SearchTool
    k: int = Field(default=8, ge=1)

    def __init__(self, search: SearchTool, **how: Any) -> None:
        super().__init__(**{"search": search, **how})

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        return run(self._documents(query))

    async def _aget_relevant_documents(
        self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun
    ) -> list[Document]:
        return await self._documents(query)

    async def _documents(self, query: str) -> list[Document]:
        page = checked(await self.search.search(query, self.k), self.search.name)
        return to_documents(page.snippets)


class RetrieverSearch:
    """Any LangChain retriever as a search of ours, for `build_graph(search=[…])` and `search_tool`."""

    def __init__(self, retriever: BaseRetriever, name: str) -> None:
        """Names the source as people and messages shall see it; letters, digits, `_` and `-`."""
        self._retriever, self._name = retriever, name

    @property
    def name(self) -> str:
        """How people and messages name the source."""
        return self._name

    async def search(self, query: str, k: int) -> SearchPage:
        """The retriever's first `k` Documents; how many it finds at most is its own setting. Raises what it raises."""
        snippets = to_snippets(await self._retriever.ainvoke(query))[:k]
        return SearchPage(snippets=tuple(snippets), outcome=Outcome.OK if snippets else Outcome.EMPTY)
