"""A chat model whose replies the test writes down: the one seam at which tests of the refiner stand in for a model."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence

from citerefine.refiner.chat.call import ChatCall, ChatReply
from citerefine.refiner.chat.token_estimate import estimate_tokens
from citerefine.refiner.protocols import Capabilities
from citerefine.refiner.records import Usage

Scripted = str | ChatReply | Exception


class ScriptedModel:
    """Gives its replies in order, or asks `reply` for each; keeps the calls that it got."""

    def __init__(
        self,
        *replies: Scripted,
        reply: Callable[[ChatCall], Scripted] | None = None,
        capable: Capabilities | None = None,
        name: str = "scripted",
        delay: float = 0.0,
    ) -> None:
        self.name = name
        self.calls = list[ChatCall]()
        self.closed = False
        self._replies = list(replies)
        self._reply = reply
        self._capable = capable or Capabilities()
        self._delay = delay

    def _next(self, call: ChatCall) -> ChatReply:
        self.calls.append(call)
        scripted = self._reply(call) if self._reply is not None else self._replies.pop(0)
        if isinstance(scripted, Exception):
            raise scripted
        if isinstance(scripted, str):
            tokens = sum(estimate_tokens(message.content) for message in call.messages)
            usage = Usage(prompt_tokens=tokens, completion_tokens=estimate_tokens(scripted))
            return ChatReply(text=scripted, usage=usage)
        return scripted

    async def complete(self, call: ChatCall) -> ChatReply:
        await asyncio.sleep(self._delay)
        return self._next(call)

    async def stream(self, call: ChatCall) -> AsyncIterator[str | ChatReply]:
        await asyncio.sleep(self._delay)
        reply = self._next(call)
        for start in range(0, len(reply.text), 7):
            yield reply.text[start : start + 7]
        yield reply

    async def capabilities(self) -> Capabilities:
        return self._capable

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(text) // 4 + 1 for text in texts]

    async def aclose(self) -> None:
        self.closed = True
