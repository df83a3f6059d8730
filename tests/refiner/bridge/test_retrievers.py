"""Retrievers as searches, and searches as retrievers."""

import asyncio
import pickle
from dataclasses import dataclass

import pytest
from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever

from citerefine.refiner import Snippet
from citerefine.refiner.middleware import RetrieverSearch, SearchRetriever, SourceError, to_snippets
from citerefine.refiner.protocols import Outcome, SearchPage, SearchTool
from citerefine.tools.agent_tool import search_tool

PERCH = Snippet(text="Perch doubled.", title="Survey", source="survey.pdf", page=4)


@dataclass(frozen=True)
class Lake:
    """A source that gives one page whatever it is asked."""

    page: SearchPage
    name: str = "lake"

    async def search(self, query: str, k: int) -> SearchPage:
        return self.page


class Shelf(BaseRetriever):
    """A retriever over Documents that hold a word of the query."""

    documents: list[Document]

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        return [document for document in self.documents if query.lower() in document.page_content.lower()]


def test_any_search_is_a_retriever_whose_documents_are_the_same_snippets() -> None:
    retriever = SearchRetriever(Lake(SearchPage(snippets=(PERCH,))))
    assert to_snippets(retriever.invoke("perch")) == [PERCH]
    assert to_snippets(asyncio.run(retriever.ainvoke("perch"))) == [PERCH]
    assert (retriever | to_snippets).invoke("perch") == [PERCH]


def test_it_may_be_used_inside_an_event_loop_without_awaiting() -> None:
    async def notebook() -> list[Document]:
        return SearchRetriever(Lake(SearchPage(snippets=(PERCH,)))).invoke("perch")

    assert to_snippets(asyncio.run(notebook())) == [PERCH]


def test_it_asks_for_as_many_as_it_was_told_to() -> None:
    asked = list[tuple[str, int]]()

    class Noting:
        name = "noting"

        async def search(self, query: str, k: int) -> SearchPage:
            asked.append((query, k))
            return SearchPage(outcome=Outcome.EMPTY)

    assert SearchRetriever(Noting(), k=3).invoke("perch") == []
    assert asked == [("perch", 3)]


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.RATE_LIMITED, Outcome.DISABLED])
def test_a_source_that_cannot_be_searched_is_no_empty_source(outcome: Outcome) -> None:
    retriever = SearchRetriever(Lake(SearchPage(outcome=outcome, warnings=("no network",))))
    with pytest.raises(SourceError, match=rf"lake could not be searched \({outcome.value}\): no network") as caught:
        retriever.invoke("perch")
    assert caught.value.outcome is pickle.loads(pickle.dumps(caught.value)).outcome is outcome


def test_any_retriever_is_a_search() -> None:
    shelf = Shelf(documents=[Document("Perch doubled."), Document("Pike and perch."), Document("Ice.")])
    search: SearchTool = RetrieverSearch(shelf, "shelf")
    assert isinstance(search, SearchTool)
    assert search.name == "shelf"
    page = asyncio.run(search.search("perch", 1))
    assert page == SearchPage(snippets=(Snippet(text="Perch doubled."),))
    assert asyncio.run(search.search("salmon", 5)).outcome is Outcome.EMPTY


class Broken(BaseRetriever):
    """A retriever whose store is down."""

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        raise ConnectionError("the store at 10.0.0.7 is down")


def test_what_a_retriever_raises_is_a_failed_search_and_never_an_empty_one() -> None:
    search = RetrieverSearch(Broken(), "store")
    with pytest.raises(ConnectionError):
        asyncio.run(search.search("perch", 1))
    call = {"name": "store", "args": {"query": "perch"}, "id": "c1", "type": "tool_call"}
    message = search_tool(search).invoke(call)
    assert (message.status, message.artifact) == ("error", None)
    assert message.content == "store could not be searched: ConnectionError"


def test_documents_without_text_are_no_hits() -> None:
    class Blank(Shelf):
        def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
            return self.documents

    page = asyncio.run(RetrieverSearch(Blank(documents=[Document(" "), Document("")]), "shelf").search("perch", 2))
    assert page == SearchPage(outcome=Outcome.EMPTY)
