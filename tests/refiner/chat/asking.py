"""What the tests of the client share: a call, and asking it of a server."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest
from tests.faulty_server import FaultyServer

from citerefine.refiner.chat.call import ChatCall, ChatReply, Message, Sampling
from citerefine.refiner.chat.client import ChatClient
from citerefine.refiner.chat.endpoint import Endpoint
from citerefine.refiner.chat.limits import ClientLimits
from citerefine.refiner.errors import CallError

T = TypeVar("T")

SWIFT = ClientLimits(deadline=5, attempts=3, backoff=0.01)


def call_of(text: str = "Say hello.", **changes: Any) -> ChatCall:
    """A call with one message; `changes` are fields of its sampling or of the call."""
    sampling = {name: changes.pop(name) for name in [*changes] if name in Sampling.model_fields}
    return ChatCall(messages=(Message(role="user", content=text),), sampling=Sampling(**sampling), **changes)


def asking(server: FaultyServer, work: Callable[[ChatClient], Awaitable[T]], limits: ClientLimits = SWIFT) -> T:
    """What `work` gives with a client of the server, which is closed behind it."""

    async def run() -> T:
        client = ChatClient(Endpoint.parse(server.model), limits)
        try:
            return await work(client)
        finally:
            await client.aclose()

    return asyncio.run(run())


def complete(server: FaultyServer, call: ChatCall | None = None, limits: ClientLimits = SWIFT) -> ChatReply:
    """The reply of the server to one call."""
    return asking(server, lambda client: client.complete(call or call_of()), limits)


def stream(
    server: FaultyServer, call: ChatCall | None = None, limits: ClientLimits = SWIFT
) -> tuple[list[str], ChatReply]:
    """The pieces of a streamed reply, and the reply itself."""

    async def collect(client: ChatClient) -> list[str | ChatReply]:
        return [item async for item in client.stream(call or call_of())]

    *pieces, reply = asking(server, collect, limits)
    assert isinstance(reply, ChatReply)
    return [piece for piece in pieces if isinstance(piece, str)], reply


def failure(server: FaultyServer, limits: ClientLimits = SWIFT, *, streamed: bool = False) -> CallError:
    """How a call of the server fails."""
    with pytest.raises(CallError) as caught:
        _ = stream(server, limits=limits) if streamed else complete(server, limits=limits)
    return caught.value
