"""What a chat model is asked and what it replies: the records that every kind of model shares.

In: messages, how to sample, an optional grammar. Out: `ChatReply`. A call holds all that decides the reply, so that
its `key` tells equal calls apart from others in caches, recordings and journals; it never holds a key to a
service. Not here: asking (client.py, in_process/), prompts (prompts/), reading the answer in a reply (answer.py).
"""

import hashlib
from functools import cached_property
from typing import Literal

from pydantic import Field, JsonValue

from citerefine.refiner.records import Record, Text, Usage


class ToolCall(Record):
    """A function that a model wants called."""

    id: str
    name: str
    arguments: Text
    """JSON as the model wrote it, unchecked."""


class Message(Record):
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant", "tool"]
    content: Text
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None


class ToolSpec(Record):
    """A function that a model may ask for."""

    name: str
    description: str
    parameters: dict[str, JsonValue]
    """JSON schema of its arguments."""


class Sampling(Record):
    """How the reply is drawn."""

    max_tokens: int = Field(default=1024, ge=1)
    temperature: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    top_p: float | None = Field(default=None, gt=0, le=1)
    seed: int | None = None
    top_logprobs: int | None = Field(default=None, ge=0, le=20)
    """How many alternatives of each token to return; None asks for no log-probabilities."""


class ChatCall(Record):
    """One request to a chat model."""

    messages: tuple[Message, ...] = Field(min_length=1)
    sampling: Sampling = Sampling()
    grammar: str | None = None
    """Grammar that the reply must follow (tags/grammar.py); a model that cannot follow one ignores it."""
    thinking: bool = False
    """Whether the model may reason before it replies, where it can do both."""
    tools: tuple[ToolSpec, ...] = ()

    @cached_property
    def key(self) -> str:
        """SHA-256 of everything in the call, in hex."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


Finish = Literal["stop", "length", "tool_calls", "refusal"]
"""Why a reply ended; `refusal` also where a filter cut it."""


class ChatReply(Record):
    """What a model replied."""

    text: Text
    """The reply without separate reasoning; a thinking block may still stand in it."""
    finish: Finish = "stop"
    reasoning: Text = ""
    """What the server filed apart as reasoning."""
    tool_calls: tuple[ToolCall, ...] = ()
    usage: Usage = Usage()
    model: str | None = None
    """The model's name as the server gives it."""
    logprobs: tuple[dict[str, JsonValue], ...] = ()
    """One entry a token, as OpenAI's `logprobs.content`; empty unless asked for and given."""
