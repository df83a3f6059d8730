"""Cited answers from agents that LangChain's `create_agent` makes (extra `langchain`).

In: the messages of an agent's turn. Out: the same conversation, its last reply replaced by an answer in which every
claim is tied to what a tool found; `RefinerMiddleware` says how. Beside it, the other pieces for LangChain:
`refiner_runnable`, `refine_tool`, `to_snippets`, `SearchRetriever`, `RetrieverSearch`. Not here: agents, searching.
"""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final, Literal, NotRequired

from langchain_core.messages import AIMessage, AnyMessage
from langgraph.runtime import Runtime

from citerefine.refiner.agent.events import answer_event
from citerefine.refiner.answer import Answer
from citerefine.refiner.bridge.annotations import text_block
from citerefine.refiner.bridge.documents import to_documents, to_snippets
from citerefine.refiner.bridge.retrievers import RetrieverSearch, SearchRetriever, SourceError
from citerefine.refiner.bridge.runnable import RefineInput, refiner_runnable
from citerefine.refiner.bridge.tool import REFINER_FAILURES, refine_tool
from citerefine.refiner.bridge.turn import Reach, Turn, read_turn
from citerefine.refiner.protocols import ChatModel
from citerefine.refiner.refiner import Refiner
from citerefine.refiner.settings import RefinerSettings

try:
    from langchain.agents.middleware import AgentMiddleware, AgentState, ModelRequest, ModelResponse
    from langchain.agents.middleware.types import OmitFromInput
except ModuleNotFoundError as error:
    if error.name is None or not error.name.startswith("langchain"):
        raise
    raise ImportError(
        f"{__name__} needs LangChain 1.4 or newer, which is not installed; install it with: "
        "pip install 'citerefine[langchain]'"
    ) from error

__all__ = [
    "CitedState",
    "RefineInput",
    "RefinerMiddleware",
    "RetrieverSearch",
    "SearchRetriever",
    "SourceError",
    "refine_tool",
    "refiner_runnable",
    "to_documents",
    "to_snippets",
]

ANSWER_KEY: Final = "citerefine"
"""Where in a message's `additional_kwargs` its whole Answer is."""


class CitedState(AgentState[Any]):
    """What the middleware adds to an agent's state; JSON throughout."""

    cited_answer: NotRequired[Annotated[dict[str, Any] | None, OmitFromInput]]
    """The turn's Answer, for `Answer.model_validate`; None if its reply was left as the agent wrote it."""
    citation_notes: NotRequired[Annotated[list[str], OmitFromInput]]
    """Why there is no cited answer, and what tools returned that cannot be cited."""


class RefinerMiddleware(AgentMiddleware[CitedState, Any, Any]):
    """Replaces an agent's reply by a cited answer.

    Evidence is what tools returned as `artifact`, as `search_tool` does: lists of snippets, of their JSON records or
    of Documents. The question is the last human message; what the agent wrote since then is its reasoning. The reply
    keeps its id and becomes one text block with LangChain's citation annotations (`message.text` is the plain text);
    the whole Answer is in `message.additional_kwargs["citerefine"]` and in the state under `cited_answer`. A turn
    whose tools found nothing citable keeps its reply, and `citation_notes` says so. If the turn ended with a tool's
    result, the answer is put behind it. Each claim is streamed as a custom event. Models are shown earlier cited
    answers as plain text, since not every provider takes annotations of others.
    """

    state_schema = CitedState

    def __init__(
        self,
        model: str | ChatModel = "extractive",
        settings: RefinerSettings | None = None,
        *,
        evidence: Reach = "turn",
        on_failure: Literal["raise", "keep"] = "raise",
    ) -> None:
        """Names the refiner's model.

        Args:
            model: as for `Refiner`.
            settings: as for `Refiner`.
            evidence: `turn`: found since the last question; `thread`: found in the whole conversation.
            on_failure: where the refiner fails (CallError, ReplyError, CitationError): `raise`, or `keep` the agent's
                own reply, uncited, with the reason in `citation_notes`.

        Raises:
            ModelError: where the model string names nothing that can run.
        """
        super().__init__()
        self.refiner: Final = Refiner(model, settings)
        self._reach: Final[Reach] = evidence
        self._keeps: Final = on_failure == "keep"

    def before_agent(self, state: CitedState, runtime: Runtime[Any]) -> dict[str, Any]:
        """Forgets the answer of the turn before, so that an interrupted turn does not show it as its own."""
        return {"cited_answer": None, "citation_notes": []}

    async def abefore_agent(self, state: CitedState, runtime: Runtime[Any]) -> dict[str, Any]:
        """The same."""
        return self.before_agent(state, runtime)

    def wrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], ModelResponse[Any]]
    ) -> ModelResponse[Any]:
        """Shows the model earlier cited answers as plain text."""
        return handler(_plain(request))

    async def awrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]]
    ) -> ModelResponse[Any]:
        """The same."""
        return await handler(_plain(request))

    def after_agent(self, state: CitedState, runtime: Runtime[Any]) -> dict[str, Any]:
        """The cited answer in place of the reply. Raises what the refiner raises, unless failures keep the reply."""
        turn = read_turn(state["messages"], self._reach)
        if turn.question is None or not turn.snippets:
            return _left(turn, _reason(turn))
        try:
            stream = self.refiner.stream(turn.question, turn.snippets, turn.reasoning)
            for event in stream:
                runtime.stream_writer(answer_event(event))
        except REFINER_FAILURES as error:
            return self._failed(turn, error)
        return _replaced(state["messages"], turn, stream.answer)

    async def aafter_agent(self, state: CitedState, runtime: Runtime[Any]) -> dict[str, Any]:
        """The same."""
        turn = read_turn(state["messages"], self._reach)
        if turn.question is None or not turn.snippets:
            return _left(turn, _reason(turn))
        try:
            stream = self.refiner.stream(turn.question, turn.snippets, turn.reasoning)
            async for event in stream:
                runtime.stream_writer(answer_event(event))
        except REFINER_FAILURES as error:
            return self._failed(turn, error)
        return _replaced(state["messages"], turn, stream.answer)

    def _failed(self, turn: Turn, error: Exception) -> dict[str, Any]:
        if not self._keeps:
            raise error
        return _left(turn, f"The refiner failed, so the agent's own reply stands, uncited: {error}")


def _reason(turn: Turn) -> str:
    missing = "holds no question" if turn.question is None else "has no tool result that can be cited"
    return f"This turn {missing}, so the agent's own reply stands, uncited."


def _left(turn: Turn, reason: str) -> dict[str, Any]:
    return {"cited_answer": None, "citation_notes": [*turn.notes, reason]}


def _replaced(messages: list[AnyMessage], turn: Turn, answer: Answer) -> dict[str, Any]:
    dumped = answer.model_dump(mode="json")
    return {
        "messages": [_cited(messages[-1], answer, dumped)],
        "cited_answer": dumped,
        "citation_notes": [*turn.notes],
    }


def _cited(last: AnyMessage, answer: Answer, dumped: dict[str, Any]) -> AIMessage:
    """The answer as a message: with the id of the reply that it replaces, or a new one behind a tool's result.

    What the provider said of the replaced text (its own annotations, ids, formats) goes with that text; the tokens
    it took stay.
    """
    cited = AIMessage(content_blocks=[text_block(answer)], additional_kwargs={ANSWER_KEY: dumped})
    if not isinstance(last, AIMessage):
        return cited
    return cited.model_copy(update={"id": last.id, "name": last.name, "usage_metadata": last.usage_metadata})


def _plain(request: ModelRequest[Any]) -> ModelRequest[Any]:
    if not any(ANSWER_KEY in message.additional_kwargs for message in request.messages):
        return request
    return request.override(messages=[_without_annotations(message) for message in request.messages])


def _without_annotations(message: AnyMessage) -> AnyMessage:
    if not isinstance(message, AIMessage) or ANSWER_KEY not in message.additional_kwargs:
        return message
    others = {key: value for key, value in message.additional_kwargs.items() if key != ANSWER_KEY}
    return message.model_copy(update={"content": str(message.text), "additional_kwargs": others})
