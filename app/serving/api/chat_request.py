"""What a request for a chat completion asks of us.

In: the body of `POST /v1/chat/completions`, as OpenAI clients send it. Out: `ChatRequest`, checked, and the `Job` that
it is. The question is the last message of the user; what the assistant wrote since is reasoning; evidence is
`snippets`, and what tool messages hold: no text of a person or a model becomes evidence. Fields that would change how a
model samples are taken and have no effect; others that are not known are refused. Not here: answering, replies.
"""

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from citerefine.app.serving.answering import RESEARCH, Job
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


class StreamOptions(BaseModel):
    """As OpenAI has it."""

    model_config = ConfigDict(extra="forbid")
    include_usage: bool = False


class ChatRequest(BaseModel):
    """The body."""

    model_config = ConfigDict(extra="forbid")

    model: str = Field(min_length=1, max_length=200)
    messages: list[dict[str, Any]] = Field(min_length=1, max_length=1_000)
    stream: bool = False
    stream_options: StreamOptions | None = None
    n: Literal[1] | None = None
    snippets: list[dict[str, Any]] = Field(default=[], max_length=1_000, description="Evidence: records with `text`.")
    reasoning: str = Field(default="", description="What an agent thought before; context, never evidence.")
    format: Literal["text", "tags"] = Field(default="text", description="`tags`: content is the answer with its tags.")
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
        turn = self._turn()
        given = read_evidence(self.snippets)
        reasoning = "\n\n".join(part for part in (self.reasoning, turn.reasoning) if part.strip())
        return Job(turn.question, (*given, *turn.snippets), reasoning, searches=self.model == RESEARCH)

    def _turn(self) -> Turn:
        turns = [*read_turns(read_openai({"messages": self.messages}))]
        if not turns or not turns[-1].question:
            raise ApiError(400, "no_question", "no message of the role user has any text; ask something")
        return turns[-1]
