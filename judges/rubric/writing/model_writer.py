"""A chat model as a writer of criteria (citerefine.rubrics.generation.generate.Writer).

In: a chat model, how it is sampled. Out: the text of its replies, and what they consumed; a reply that is none is an
error with a reason. Not here: what is asked and how the reply is read (citerefine.rubrics.generation).
"""

import asyncio
from typing import Any, Final

from citerefine.refiner.chat.call import ChatCall, ChatReply, Message, Sampling
from citerefine.refiner.errors import CallError, CiterefineError
from citerefine.refiner.protocols import ChatModel
from citerefine.refiner.records import Record, Usage

WRITER_FAILURES: Final[dict[str, str]] = {
    "empty": "the model wrote nothing",
    "refusal": "the model, or a filter before it, declined",
    "truncated": "the reply was cut at its token limit",
    "no_text": "the model called a function",
}
"""What can be wrong with a reply as a whole: code → meaning."""
_THINKING_BEGINS: Final = "<think>"
_THINKING_ENDS: Final = "</think>"


class WriterError(CiterefineError):
    """A model replied, and the reply holds no criteria. `code` is one of `WRITER_FAILURES`."""

    exit_code = 1

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (str(self), self.code)


class WriterSampling(Record):
    """How criteria are drawn."""

    temperature: float = 0.7
    max_tokens: int = 4096
    """Of a reply, without thinking."""
    thinking_tokens: int = 0
    """How long the model may think; 0 turns thinking off where it can be."""
    deadline: float = 300.0
    """Seconds for one call, all that the client tries included."""
    seed: int = 0


class ModelWriter:
    """Asks one chat model, for one rubric: `usage` is what that took."""

    def __init__(self, model: ChatModel, sampling: WriterSampling | None = None) -> None:
        self._model = model
        self._sampling = sampling or WriterSampling()
        self._calls = 0
        self.usage: Usage | None = None
        """Of all calls so far; None before the first reply."""

    async def __call__(self, system: str, user: str) -> str:
        """The reply to a prompt.

        Raises:
            CallError: if the model cannot be asked, or not within the deadline.
            WriterError: if it replied nothing that can be read.
        """
        try:
            async with asyncio.timeout(self._sampling.deadline):
                reply = await self._model.complete(self._call(system, user))
        except TimeoutError:
            raise CallError(
                f"no reply of {self._model.name} within {self._sampling.deadline:g} s; raise --deadline",
                "deadline",
                retryable=True,
            ) from None
        self.usage = reply.usage if self.usage is None else self.usage + reply.usage
        return self._text(reply)

    def _call(self, system: str, user: str) -> ChatCall:
        how = self._sampling
        # Another seed for each call of a rubric: a second one comes after a reply that could not be read.
        seed, self._calls = how.seed + self._calls, self._calls + 1
        return ChatCall(
            messages=(Message(role="system", content=system), Message(role="user", content=user)),
            sampling=Sampling(max_tokens=how.max_tokens + how.thinking_tokens, temperature=how.temperature, seed=seed),
            thinking=how.thinking_tokens > 0,
        )

    def _text(self, reply: ChatReply) -> str:
        name = self._model.name
        if reply.finish == "length":
            raise WriterError(f"the reply of {name} was cut at its token limit; raise --max-tokens", "truncated")
        if reply.finish == "refusal":
            raise WriterError(f"{name}, or a filter before it, declined", "refusal")
        if reply.finish == "tool_calls":
            raise WriterError(f"{name} called a function in place of a reply", "no_text")
        text = reply.text.strip()
        if self._sampling.thinking_tokens and text.startswith(_THINKING_BEGINS):
            text = text.partition(_THINKING_ENDS)[2].strip()
        if not text:
            raise WriterError(f"{name} wrote nothing", "empty")
        return text
