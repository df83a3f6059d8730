"""What the core is handed and never imports: models, searches, critics.

In: nothing. Out: protocols, and the records that pass through them. An object with these methods is enough; nothing
has to be inherited. Not here: any implementation.
"""

from collections.abc import AsyncIterator, Sequence
from enum import StrEnum
from typing import Final, Protocol, runtime_checkable

from pydantic import Field

from citerefine.refiner.answer import Answer
from citerefine.refiner.chat.call import ChatCall, ChatReply
from citerefine.refiner.records import Record, Snippet, Text


class Capabilities(Record):
    """What a model was found able to do, by trying; None where it was not tried or could not be told."""

    grammar: bool | None = None
    """Whether it keeps to a grammar."""
    grammar_field: str | None = None
    """How the grammar is sent: `structured_outputs` (vLLM), `grammar` (llama.cpp), `in_process`."""
    context_tokens: int | None = Field(default=None, ge=1)
    """Most tokens of prompt and reply together."""
    server: str | None = None
    """Name and version of what serves it, such as `vLLM 0.31.0`."""
    model: str | None = None
    """The model's name as the server gives it."""


@runtime_checkable
class ChatModel(Protocol):
    """A chat model, wherever it runs. Its methods may be called from any number of tasks at once."""

    @property
    def name(self) -> str:
        """The model string, such as `openai:Qwen/Qwen3-4B@http://localhost:8000/v1`; never holds a secret."""
        ...

    async def complete(self, call: ChatCall) -> ChatReply:
        """The reply to a call. Raises CallError."""
        ...

    def stream(self, call: ChatCall) -> AsyncIterator[str | ChatReply]:
        """The reply's text in pieces, and last the whole reply. Raises CallError."""
        ...

    async def capabilities(self) -> Capabilities:
        """What it can do; found out at the first call and kept. Raises CallError if it cannot be reached."""
        ...

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """How many tokens each text has: exact with the model's own tokenizer where it can be had, else no fewer."""
        ...

    async def aclose(self) -> None:
        """Gives back connections and memory; a later call opens them anew."""
        ...


@runtime_checkable
class Rejects(Protocol):
    """A model that keeps replies and can be told that one is of no use."""

    def reject(self, call: ChatCall) -> None:
        """Takes back the reply that it keeps to this call, so that the call is made anew when it comes again; a reply
        that it does not keep is none."""
        ...


class Outcome(StrEnum):
    """How a search ended."""

    OK = "ok"
    EMPTY = "empty"
    """The source was asked and holds nothing; never said of a source that failed."""
    RATE_LIMITED = "rate_limited"
    FAILED = "failed"
    DISABLED = "disabled"


class SearchPage(Record):
    """What one search of one source gave."""

    snippets: tuple[Snippet, ...] = ()
    """Best first."""
    outcome: Outcome = Outcome.OK
    warnings: tuple[Text, ...] = ()
    """What a reader should know: filters that the source does not know, files that could not be read."""
    cost: float | None = None
    """US dollars; None where the source did not say."""
    cached: bool = False
    """Whether nobody was asked for it now: it was kept, or is replayed."""


AND: Final = "-and-"
"""Between the names of sources that are searched as one; such a search names them in its warnings itself."""


@runtime_checkable
class SearchTool(Protocol):
    """A way to find evidence. Stateless: one object may serve any number of questions at once."""

    @property
    def name(self) -> str:
        """How people and messages name the source; also a function name: letters, digits, `_` and `-`."""
        ...

    async def search(self, query: str, k: int) -> SearchPage:
        """At most about `k` hits, best first. An exception counts as a failed search."""
        ...


class Critique(Record):
    """What a critic found in an answer."""

    findings: tuple[str, ...] = ()
    """One sentence each, said to the model that may improve its draft."""
    score: float | None = None
    """Higher is better; None if it could not be judged."""


@runtime_checkable
class Critic(Protocol):
    """Judges a draft, so that its author can improve it."""

    async def critique(self, answer: Answer) -> Critique:
        """What is wrong with the answer, and how good it is."""
        ...
