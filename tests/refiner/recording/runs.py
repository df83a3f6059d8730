"""A small run for the tests of recording: one search, one reading on, one model."""

from collections.abc import Sequence
from datetime import UTC, datetime

from citerefine.refiner.answer import Answer, parse_answer
from citerefine.refiner.chat.call import ChatCall, Message
from citerefine.refiner.evidence import Evidence
from citerefine.refiner.protocols import ChatModel, Outcome, SearchPage, SearchTool
from citerefine.refiner.records import Snippet

QUESTION = "Does X cause Y?"
FOUND = Snippet(text="X causes Y in nine of ten trials.", title="Trial", retrieved_at=datetime(2026, 1, 2, tzinfo=UTC))
MORE = Snippet(text="The tenth trial was stopped.", title="Trial")
REPLY = "<answer><snippet id=S1,S2>X causes Y in nine of ten trials.</snippet></answer>"


class Library:
    """A search tool that can read on."""

    name = "library"

    def __init__(self, *failures: Exception) -> None:
        self.asked = list[object]()
        self._failures = list(failures)

    async def search(self, query: str, k: int) -> SearchPage:
        self.asked.append((query, k))
        if self._failures:
            raise self._failures.pop(0)
        return SearchPage(snippets=(FOUND,), warnings=("one file was not read",), cost=0.25)

    async def read(self, snippets: Sequence[Snippet]) -> SearchPage:
        self.asked.append([snippet.id for snippet in snippets])
        return SearchPage(snippets=(*snippets, MORE))


class EmptyShelf:
    """A search tool that finds nothing and cannot read on."""

    name = "shelf"

    async def search(self, query: str, k: int) -> SearchPage:
        return SearchPage(outcome=Outcome.EMPTY)


async def answer_with(model: ChatModel, tools: Sequence[SearchTool], question: str = QUESTION) -> Answer:
    """Searches, reads on, asks the model what it can do, how long the question is, and for the answer."""
    found = list[Snippet]()
    for tool in tools:
        page = await tool.search(question, 10)
        if hasattr(tool, "read") and page.snippets:
            page = await tool.read(page.snippets)
        found += page.snippets
    evidence = Evidence(found)
    await model.capabilities()
    await model.count_tokens([question])
    reply = await model.complete(ChatCall(messages=(Message(role="user", content=evidence.render() + question),)))
    return parse_answer(reply.text, evidence, question=question, model=model.name, usage=reply.usage)
