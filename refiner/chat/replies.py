"""From a server's JSON to `ChatReply`, whole or piece by piece.

In: JSON values of chat completions or their chunks. Out: `ChatReply`, or ValueError where the structure is not that of
a reply. Not here: telling whose reply it is (mixups.py), reading bytes (events.py, strict_json.py).
"""

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, Field, JsonValue, ValidationError

from citerefine.refiner.chat.call import ChatReply, Finish, ToolCall
from citerefine.refiner.chat.endpoint import Prices
from citerefine.refiner.records import Usage

_FINISH: Final[dict[str, Finish]] = {
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "refusal",
}
_BROKEN_OFF: Final = ("abort", "error", "cancelled")
_MOST_TOKENS: Final = 10**9
_MOST_DOLLARS: Final = 1_000_000
"""More than this no reply uses: a server that says so does not know."""


def _some(value: object) -> object:
    return "" if value is None else value


_Text = Annotated[str, BeforeValidator(_some)]


class _Function(BaseModel):
    name: _Text = ""
    arguments: _Text = ""


class _WireToolCall(BaseModel):
    index: int = Field(default=0, ge=0, lt=1024)
    id: _Text = ""
    function: _Function = _Function()


class _WireMessage(BaseModel):
    role: Literal["assistant", "", None] = None
    content: _Text = ""
    reasoning: _Text = ""
    reasoning_content: _Text = ""
    refusal: _Text = ""
    tool_calls: list[_WireToolCall] | None = None


class _WireLogprobs(BaseModel):
    content: list[dict[str, Any]] | None = None


class _WireChoice(BaseModel):
    index: Literal[0] = 0
    message: _WireMessage | None = None
    delta: _WireMessage | None = None
    finish_reason: str | None = None
    logprobs: _WireLogprobs | None = None


class Wire(BaseModel):
    """A chat completion or a chunk of one; only what is used is checked. What is `Any` is JSON, since all of it is."""

    id: _Text = ""
    model: _Text = ""
    choices: list[_WireChoice] = Field(max_length=1)
    usage: Any = None


def read_wire(value: JsonValue) -> Wire:
    """The structure of a completion or chunk. Raises ValueError where it is another."""
    try:
        return Wire.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the whole"
        raise ValueError(f"is no chat completion: {place}: {first['msg']}") from None


class ReplyBuilder:
    """A reply while it comes in; a whole completion is one piece."""

    def __init__(self, prices: Prices | None, *, thinking: bool) -> None:
        """`thinking`: whether the model was asked to think, which decides how reasoning without text is read."""
        self._prices = prices
        self._thinking = thinking
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._refusal: list[str] = []
        self._tools: dict[int, _WireToolCall] = {}
        self._logprobs: list[dict[str, JsonValue]] = []
        self.usage: JsonValue = None
        self._model = ""
        self.finish_reason: str | None = None

    def add(self, wire: Wire) -> str:
        """The text that this piece brings."""
        self._model = wire.model or self._model
        self.usage = wire.usage or self.usage
        if not wire.choices:
            return ""
        choice = wire.choices[0]
        self.finish_reason = choice.finish_reason or self.finish_reason
        if choice.logprobs and choice.logprobs.content:
            self._logprobs += choice.logprobs.content
        message = choice.message or choice.delta
        return self._add_message(message) if message else ""

    def _add_message(self, message: _WireMessage) -> str:
        self._text.append(message.content)
        self._reasoning.append(message.reasoning or message.reasoning_content)
        self._refusal.append(message.refusal)
        for position, tool in enumerate(message.tool_calls or ()):
            self._add_tool(tool, tool.index if "index" in tool.model_fields_set else position)
        return message.content

    def _add_tool(self, tool: _WireToolCall, index: int) -> None:
        known = self._tools.setdefault(index, _WireToolCall(index=index, function=_Function()))
        known.id = known.id or tool.id
        known.function.name = known.function.name or tool.function.name
        known.function.arguments += tool.function.arguments

    def build(self) -> ChatReply:
        """The reply. Raises ValueError if it is not complete."""
        if self.finish_reason is None or self.finish_reason in _BROKEN_OFF:
            raise ValueError(f"is not complete: its finish_reason is {self.finish_reason!r}")
        text, reasoning, refusal = "".join(self._text), "".join(self._reasoning), "".join(self._refusal)
        finish = _FINISH.get(self.finish_reason, "stop")
        if finish == "stop" and reasoning and not text and not self._thinking and not self._tools:
            # vLLM with a reasoning parser files the whole reply so when the template was told not to think.
            text, reasoning = reasoning, ""
        return ChatReply(
            text=text or refusal,
            finish="refusal" if refusal else finish,
            reasoning=reasoning,
            tool_calls=tuple(self._tool_calls()),
            usage=read_usage(self.usage, self._prices),
            model=self._model or None,
            logprobs=tuple(self._logprobs),
        )

    def _tool_calls(self) -> list[ToolCall]:
        for index, tool in self._tools.items():
            if not tool.function.name:
                raise ValueError(f"calls a tool without a name, as number {index}")
        return [
            ToolCall(id=tool.id or f"call_{index}", name=tool.function.name, arguments=tool.function.arguments)
            for index, tool in sorted(self._tools.items())
        ]


def read_usage(value: JsonValue, prices: Prices | None) -> Usage:
    """What a server says was used; what it does not say, or says as no number that can be, is None."""
    said = value if isinstance(value, dict) else {}
    details = said.get("prompt_tokens_details")
    usage = Usage(
        prompt_tokens=_count(said.get("prompt_tokens")),
        completion_tokens=_count(said.get("completion_tokens")),
        cached_tokens=_count(details.get("cached_tokens")) if isinstance(details, dict) else None,
    )
    cost = said.get("cost")
    if isinstance(cost, (int, float)) and not isinstance(cost, bool) and 0 <= cost <= _MOST_DOLLARS:
        return usage.model_copy(update={"cost": float(cost)})
    return usage.model_copy(update={"cost": prices.cost(usage)}) if prices else usage


def _count(value: JsonValue) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST_TOKENS else None
