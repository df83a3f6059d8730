"""An agent with a scripted chat model, for tests of what its tools and its middleware do."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from langchain.agents import create_agent
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.outputs import ChatResult
from langchain_core.tools import BaseTool
from pydantic import Field
from tests.scripted_model import ScriptedModel

from citerefine.refiner import Snippet
from citerefine.refiner.errors import CallError
from citerefine.refiner.protocols import SearchPage

QUESTION = "Did perch double in Lake Orven?"
PERCH = Snippet(
    text="Perch in Lake Orven doubled between 1990 and 2010.", title="Survey", url="https://example.org/s", page=3
)
ICE = Snippet(text="Ice on Lake Saima came later in 2011.", title="Ice records", doi="10.1000/182")


class Speaker(GenericFakeChatModel):
    """The agent's model: says what the script says, and keeps what it was shown."""

    shown: list[list[BaseMessage]] = Field(default_factory=list)

    def bind_tools(self, tools: Sequence[Any], **how: Any) -> Any:
        return self

    def _generate(self, messages: list[BaseMessage], *rest: Any, **how: Any) -> ChatResult:
        self.shown.append(messages)
        return super()._generate(messages, *rest, **how)


@dataclass(frozen=True)
class Lake:
    """A source that always finds the same."""

    found: tuple[Snippet, ...] = (PERCH,)
    name: str = "lake"

    async def search(self, query: str, k: int) -> SearchPage:
        return SearchPage(snippets=self.found)


def speaker(*script: AIMessage) -> Speaker:
    return Speaker(messages=iter(script))


def bare_agent(*script: AIMessage, tools: Sequence[BaseTool]) -> Any:
    """An agent without middleware."""
    return create_agent(speaker(*script), tools=tools)


def says(text: str) -> AIMessage:
    return AIMessage(text)


def calls(name: str = "lake", **arguments: Any) -> AIMessage:
    call = {"name": name, "args": arguments or {"query": "perch"}, "id": f"call-{name}"}
    return AIMessage("I look.", tool_calls=[call])


def ask(question: str = QUESTION) -> dict[str, Any]:
    return {"messages": [HumanMessage(question)]}


def gone() -> ScriptedModel:
    """A refiner's model whose server is gone."""
    return ScriptedModel(reply=lambda call: CallError("nobody answers at http://127.0.0.1:9", "unreachable"))
