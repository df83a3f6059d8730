"""The refiner as a tool that an agent's model may call.

In: a question, and evidence from one of two channels. Out: the tagged answer as text for the model, the whole Answer
as artifact. From `artifacts`, the default, the model gives the question only, and the evidence is what the tools of
this turn returned: nothing that a model writes can become evidence. From `arguments` the caller passes the snippets
along; a model that calls such a tool can pass what it made up. Not here: searching (tools/agent_tool.py).
"""

from collections.abc import Iterable
from typing import Annotated, Any, Final, Literal

from langchain_core.tools import BaseTool, StructuredTool, ToolException
from langgraph.prebuilt import ToolRuntime
from pydantic import BaseModel, Field

from citerefine.refiner.answer import Answer
from citerefine.refiner.bridge.documents import told_apart
from citerefine.refiner.bridge.turn import read_turn
from citerefine.refiner.errors import CallError, CitationError, ReplyError
from citerefine.refiner.protocols import ChatModel
from citerefine.refiner.records import FilledText, Snippet
from citerefine.refiner.refiner import Refiner
from citerefine.refiner.settings import RefinerSettings
from citerefine.refiner.tags.markup import ID_PATTERN

REFINER_FAILURES: Final = (CallError, ReplyError, CitationError)
"""What a refiner raises where the input was right."""

_Result = tuple[str, dict[str, Any] | None]
_ABOUT: Final = "Writes a short answer to a question in which every claim cites the passage that it comes from"


Question = Annotated[FilledText, Field(description="What is to be answered")]


class PassedSnippet(BaseModel):
    """A passage that may be cited."""

    text: FilledText = Field(description="The passage, word for word")
    title: str | None = Field(default=None, description="Title of its source")
    url: str | None = Field(default=None, description="Address of its source")
    source: str | None = Field(default=None, description="Name of its source where it has no address, such as a file")
    id: str | None = Field(
        default=None, pattern=f"^{ID_PATTERN}$", description="Its id, if a search gave one: letters, digits, _ and -"
    )


class RefineArguments(BaseModel):
    """What a caller passes to the tool that takes its evidence from arguments."""

    question: Question
    snippets: list[PassedSnippet] = Field(description="The passages that may be cited, best first")


def refine_tool(
    model: str | ChatModel = "extractive",
    settings: RefinerSettings | None = None,
    *,
    evidence: Literal["artifacts", "arguments"] = "artifacts",
    name: str = "refine",
) -> BaseTool:
    """A tool that refines; where the refiner fails, it tells the model so with the status `error`.

    Args:
        model: as for `Refiner`.
        settings: as for `Refiner`.
        evidence: `artifacts`: question only, for agents of LangChain and LangGraph whose search tools return their
            records as artifacts; `arguments`: question and snippets, for other callers.
        name: what the model calls it.

    Raises:
        ModelError: where the model string names nothing that can run.
    """
    refiner = Refiner(model, settings)
    return (_from_artifacts if evidence == "artifacts" else _from_arguments)(refiner, name)


def _from_artifacts(refiner: Refiner, name: str) -> BaseTool:
    def refine(question: Question, runtime: ToolRuntime[Any, Any]) -> _Result:
        turn = read_turn(runtime.state["messages"])
        return _refine(refiner, question, turn.snippets, turn.reasoning)

    async def arefine(question: Question, runtime: ToolRuntime[Any, Any]) -> _Result:
        turn = read_turn(runtime.state["messages"])
        return await _arefine(refiner, question, turn.snippets, turn.reasoning)

    about = f"{_ABOUT}. The passages are those that your searches have found since the last question; search first."
    return _tool(refine, arefine, name=name, description=about)


def _from_arguments(refiner: Refiner, name: str) -> BaseTool:
    def refine(question: str, snippets: list[PassedSnippet]) -> _Result:
        return _refine(refiner, question, _passed(snippets))

    async def arefine(question: str, snippets: list[PassedSnippet]) -> _Result:
        return await _arefine(refiner, question, _passed(snippets))

    about = f"{_ABOUT}. Pass the passages on word for word, with their ids."
    return _tool(refine, arefine, name=name, description=about, args_schema=RefineArguments)


def _tool(func: Any, coroutine: Any, **how: Any) -> BaseTool:
    return StructuredTool.from_function(
        func, coroutine, response_format="content_and_artifact", handle_tool_error=True, **how
    )


def _passed(snippets: Iterable[PassedSnippet]) -> list[Snippet]:
    return told_apart(passed.model_dump(exclude_none=True) for passed in snippets)


_NOTHING: Final = "There is no evidence yet: search first, then refine."


def _refine(refiner: Refiner, question: str, snippets: list[Snippet], reasoning: str = "") -> _Result:
    if not snippets:
        return _NOTHING, None
    try:
        return _result(refiner.refine(question, snippets, reasoning))
    except REFINER_FAILURES as error:
        raise ToolException(f"The refiner failed: {error}") from error


async def _arefine(refiner: Refiner, question: str, snippets: list[Snippet], reasoning: str = "") -> _Result:
    if not snippets:
        return _NOTHING, None
    try:
        return _result(await refiner.arefine(question, snippets, reasoning))
    except REFINER_FAILURES as error:
        raise ToolException(f"The refiner failed: {error}") from error


def _result(answer: Answer) -> _Result:
    notes = "".join(f"\n(Note: {note})" for note in answer.notes)
    return answer.tagged + notes, answer.model_dump(mode="json")
