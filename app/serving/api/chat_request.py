"""What a request for a chat completion asks of us.

In: the body of `POST /v1/chat/completions`, as OpenAI clients send it. Out: `ChatRequest`, checked, and the `Job` that
it is. The question is the last message of the user. What the assistant wrote since, and the last turns before it, are
context. Evidence is `snippets`, and what tool messages hold: those since the question, or else those of the last turn
that has any. No text of a person or a model becomes evidence. Fields that would change how a model samples are taken
and have no effect; others that are not known are refused. Not here: answering, replies.
"""

from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from citerefine.app.serving.answering import RESEARCH, Job
from citerefine.app.serving.api.chat_reply import Format
from citerefine.app.serving.errors import ApiError
from citerefine.refiner.agent.documents import read_evidence
from citerefine.refiner.importing.conversation import Turn, read_turns
from citerefine.refiner.importing.openai_messages import read_openai

Ignored = Annotated[Any, Field(description="Taken, and without effect: answers are written as the server is set.")]


_NOTHING: Final[tuple[Any, ...]] = (None, False, [], {})
_HOLDS_ANYWAY: Final[dict[str, tuple[Any, ...]]] = {
    "response_format": ({"type": "text"},),
    "tool_choice": ("none", "auto"),
    "modalities": (["text"],),
}
"""Field that is not taken → values with which it asks for nothing."""


_ROLES: Final = ("system", "developer", "user", "assistant", "tool", "function")
_EARLIER_TURNS: Final = 3
"""Turns before the question that are context."""
_READ_PARTS: Final = ("text", "input_text")


def _readable(message: dict[str, Any]) -> dict[str, Any]:
    """The message, if it is one. Raises ValueError."""
    role, content = message.get("role"), message.get("content")
    if role not in _ROLES:
        raise ValueError(f"there is no role {str(role)[:60]!r}; there are: {', '.join(_ROLES)}")
    if not (content is None or isinstance(content, str | list)):
        raise ValueError(f"its content is of the type {type(content).__name__}; send a text, or a list of parts")
    return message


def _refuse_unread(message: dict[str, Any]) -> None:
    """Raises ApiError if a question has parts that nobody would read. Those of earlier turns are passed over."""
    content = message.get("content")
    for part in content if isinstance(content, list) else ():
        kind = part.get("type") if isinstance(part, dict) else type(part).__name__
        if kind not in _READ_PARTS or not isinstance(part.get("text", ""), str):
            why = f"a part of the question of the type {str(kind)[:60]!r} is not read; send text"
            raise ApiError(400, "bad_request", why, param="messages")


class StreamOptions(BaseModel):
    """As OpenAI has it."""

    model_config = ConfigDict(extra="forbid")
    include_usage: bool = False


class ChatRequest(BaseModel):
    """The body."""

    model_config = ConfigDict(extra="forbid")

    model: str = Field(min_length=1, max_length=200)
    messages: list[Annotated[dict[str, Any], AfterValidator(_readable)]] = Field(min_length=1, max_length=1_000)
    stream: bool = False
    stream_options: StreamOptions | None = None
    n: Literal[1] | None = None
    snippets: list[dict[str, Any]] = Field(default=[], max_length=1_000, description="Evidence: records with `text`.")
    reasoning: str = Field(default="", description="What an agent thought before; context, never evidence.")
    format: Format = Field(
        default="text",
        description="`tags`: content has the answer's tags; `markdown`: numbered citations and their sources.",
    )
    temperature: Ignored = None
    top_p: Ignored = None
    max_tokens: Ignored = None
    max_completion_tokens: Ignored = None
    frequency_penalty: Ignored = None
    presence_penalty: Ignored = None
    stop: Ignored = None
    top_k: Ignored = None
    min_p: Ignored = None
    logit_bias: Ignored = None
    service_tier: Ignored = None
    chat_template_kwargs: Ignored = None
    seed: Ignored = None
    user: Ignored = None
    metadata: Ignored = None
    store: Ignored = None

    @model_validator(mode="before")
    @classmethod
    def _without_what_asks_for_nothing(cls, values: Any) -> Any:
        """The body without fields that say what holds anyway: clients send many."""
        if not isinstance(values, dict):
            return values
        return {
            name: value
            for name, value in values.items()
            if name in cls.model_fields or value not in (*_NOTHING, *_HOLDS_ANYWAY.get(name, ()))
        }

    def job(self) -> Job:
        """What is to be answered. Raises ApiError if nothing is asked; ValueError if a snippet is none."""
        *earlier, turn = self._turns()
        given = read_evidence(self.snippets)
        parts = (*map(_told, earlier[-_EARLIER_TURNS:]), self.reasoning, turn.reasoning)
        reasoning = "\n\n".join(part for part in parts if part.strip())
        found = turn.snippets if given else next((one.snippets for one in (turn, *earlier[::-1]) if one.snippets), [])
        return Job(turn.question, (*given, *found), reasoning, searches=self.model == RESEARCH)

    def _turns(self) -> list[Turn]:
        turns = [*read_turns(read_openai({"messages": self.messages}))]
        if not turns or not turns[-1].question:
            raise ApiError(400, "no_question", "no message of the role user has any text; ask something")
        _refuse_unread(next(message for message in self.messages[::-1] if message["role"] == "user"))
        return turns


def _told(turn: Turn) -> str:
    """An earlier turn, for whoever has to understand what comes after it."""
    said = f"\nIt was answered: {turn.reasoning}" if turn.reasoning else ""
    return f"Before, the user asked: {turn.question}{said}" if turn.question else ""
