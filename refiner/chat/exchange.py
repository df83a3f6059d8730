"""One request for a chat completion and what comes back, checked.

In: a call, the loop's connection, what the server is. Out: `ChatReply`, whole or streamed, or `Failure`; each request
is told to a watcher, if there is one. Not here: deadlines and further attempts (client.py).
"""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, suppress
from functools import cache, partial
from types import TracebackType
from typing import Final, NamedTuple

from pydantic import JsonValue, SecretStr

from citerefine.refiner.chat.attempts import (
    CANCELLED,
    KEEPER,
    Attempt,
    AttemptWatcher,
    most_used,
    new_id,
    told_usage,
    usage_of_failure,
)
from citerefine.refiner.chat.call import ChatCall, ChatReply
from citerefine.refiner.chat.capabilities import Server
from citerefine.refiner.chat.connection import Body, ChatExchange, Connection
from citerefine.refiner.chat.endpoint import Endpoint, Prices
from citerefine.refiner.chat.events import DONE, read_events
from citerefine.refiner.chat.failures import Failure, bad_response, reported, unreachable, with_models
from citerefine.refiner.chat.identity import served
from citerefine.refiner.chat.limiter import Limiter
from citerefine.refiner.chat.mixups import MixupGuard
from citerefine.refiner.chat.replies import ReplyBuilder, Wire, read_usage, read_wire
from citerefine.refiner.chat.requests import REPLACEMENTS, Request, build_request, request_key
from citerefine.refiner.chat.strict_json import parse_json
from citerefine.refiner.errors import CiterefineError
from citerefine.refiner.records import Usage

_SHORTEST_KEY: Final = 12
"""A shorter one is a placeholder, or may be any word."""
_SAID_BYTES: Final = 2000
"""Of an unusable body, what an excerpt is made from."""


class Lane(NamedTuple):
    """How requests leave one event loop."""

    connection: Connection
    limiter: Limiter


class _Sent(NamedTuple):
    """A request on its way, and the body that comes back."""

    id: str
    server: Server
    body: Body
    account: "_Account"


class _Kept(Exception):
    """There is a reply already."""

    def __init__(self, reply: ChatReply) -> None:
        self.reply = reply


class _Account:
    """Tells a watcher of one request, once."""

    def __init__(self, watcher: AttemptWatcher | None, call: ChatCall, endpoint: str, request: str) -> None:
        self._watcher = watcher
        self.id = new_id()
        if watcher:
            self._attempt = Attempt(self.id, call.key, endpoint, most_used(call), request)

    async def open(self) -> None:
        watcher, self._watcher = self._watcher, None
        if watcher:
            await watcher.begin(self._attempt)
            self._watcher = watcher  # who does not let it through hears no more of it

    async def close(self, outcome: str, usage: Usage | None, reply: ChatReply | None = None) -> None:
        watcher, self._watcher = self._watcher, None
        if watcher:
            await watcher.end(self._attempt, outcome, usage, reply)

    async def fail(self, error: BaseException) -> None:
        if isinstance(error, Failure):
            await self.close(error.code, usage_of_failure(error))
        else:
            with suppress(CiterefineError):  # what is raised already matters more
                await self.close(CANCELLED, None)


class _Sending:
    """A request for as long as a block runs. Generators in its stead cost each request several microseconds."""

    __slots__ = ("_exchange", "_place", "_sent", "_try")

    def __init__(self, lane: Lane, attempt: Callable[[], Awaitable[tuple[_Sent, ChatExchange]]]) -> None:
        self._place = lane.limiter.place()
        self._try = attempt

    async def __aenter__(self) -> _Sent:
        await self._place.__aenter__()
        try:
            self._sent, self._exchange = await self._try()
        except BaseException as error:
            await self._place.__aexit__(type(error), error, None)
            raise
        return self._sent

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._exchange.__aexit__(kind, error, trace)
        except BaseException as raised:  # what breaks while the body is read, explained
            await self._end(raised)
            raise
        await self._end(error)

    async def _end(self, error: BaseException | None) -> None:
        await self._place.__aexit__(None if error is None else type(error), error, None)
        if error is not None:
            await self._sent.account.fail(error)


class Exchange:
    """Requests to one endpoint, and what its replies have shown so far."""

    def __init__(self, endpoint: Endpoint, key: SecretStr, prices: Prices | None) -> None:
        self._endpoint = endpoint
        self._key = key
        self._prices = prices
        self._refused: frozenset[str] = frozenset()
        self._guard = MixupGuard()
        self._serves = cache(partial(served, endpoint))
        self.watcher: AttemptWatcher | None = None
        """Hears of each request."""

    async def complete(self, lane: Lane, server: Server, call: ChatCall, grammar_field: str | None) -> ChatReply:
        """The reply to one request. Raises Failure."""
        builder = ReplyBuilder(self._prices, thinking=call.thinking)
        try:
            async with self._send(lane, server, call, grammar_field, stream=False) as sent:
                builder.add(await self._read_whole(sent, call))
                reply = self._build(builder)
                await sent.account.close(reply.finish, told_usage(reply.usage), reply)
        except _Kept as kept:
            return kept.reply
        return reply

    async def stream(
        self, lane: Lane, server: Server, call: ChatCall, grammar_field: str | None
    ) -> AsyncGenerator[str | ChatReply, None]:
        """The text of one reply in pieces, and last the whole reply. Raises Failure."""
        builder = ReplyBuilder(self._prices, thinking=call.thinking)
        begun = False
        async with self._send(lane, server, call, grammar_field, stream=True) as sent:
            if not sent.body.is_stream:  # a server that does not stream, or a page that is no reply at all
                builder.add(await self._read_whole(sent, call))
            else:
                async with aclosing(self._read_chunks(sent, call)) as chunks:
                    async for wire in chunks:
                        if text := builder.add(wire):
                            begun = True
                            yield text
            reply = self._build(builder)
            await sent.account.close(reply.finish, told_usage(reply.usage), reply)
        if reply.text and not begun:
            yield reply.text
        yield reply

    async def _read_whole(self, sent: _Sent, call: ChatCall) -> Wire:
        body = b"".join([piece async for piece in sent.body.pieces])
        wire = self._read(body, sent, call)
        if not wire.choices:
            raise self._bad("it has no choices", body, wire.usage)
        return wire

    async def _read_chunks(self, sent: _Sent, call: ChatCall) -> AsyncGenerator[Wire, None]:
        stream_id, finished = "", False
        async for data in read_events(sent.body.pieces):
            if data == DONE:
                break
            wire = self._read(data, sent, call)
            stream_id = stream_id or wire.id
            if wire.id and wire.id != stream_id:
                raise self._bad(f"a piece of the stream {wire.id[:60]!r} came in the stream {stream_id[:60]!r}")
            finished = finished or any(choice.finish_reason for choice in wire.choices)
            yield wire
        if not finished:
            raise unreachable(self.where, "the stream ended before the reply was complete")

    def _send(
        self, lane: Lane, server: Server, call: ChatCall, grammar_field: str | None, *, stream: bool
    ) -> "_Sending":
        """A request on its way, in its place among the others."""
        return _Sending(lane, partial(self._try, lane, server, call, grammar_field, stream))

    async def _try(
        self, lane: Lane, server: Server, call: ChatCall, grammar_field: str | None, stream: bool
    ) -> tuple[_Sent, ChatExchange]:
        """A request that the server took, once it has refused no field of it any more. Raises Failure."""
        while True:
            request = self._request(server, call, grammar_field, stream)
            key = self.key(server, call, grammar_field)
            account = _Account(self.watcher, call, self._endpoint.base_url, key)
            try:
                await account.open()
                exchange = lane.connection.chat(*request, account.id)
                return _Sent(account.id, server, await exchange.__aenter__(), account), exchange
            except Failure as failure:
                await account.fail(failure)
                if not self._heed(failure, request):
                    raise self._explained(failure, server) from None
                # Only now is it known what the request is that was answered in an earlier run.
                if not stream and (reply := self.recall(server, call, grammar_field)):
                    raise _Kept(reply) from None
            except BaseException as error:
                await account.fail(error)
                raise

    def _request(self, server: Server, call: ChatCall, grammar_field: str | None, stream: bool) -> Request:
        return build_request(
            call,
            self._endpoint.model,
            grammar_field=grammar_field,
            takes_thinking=server.takes_thinking,
            refused=self._refused,
            stream=stream,
        )

    def key(self, server: Server, call: ChatCall, grammar_field: str | None) -> str:
        """Of the request that would ask this call now (`Attempt.request`)."""
        return request_key(
            call,
            self._serves(server.told),
            grammar_field=grammar_field,
            takes_thinking=server.takes_thinking,
            refused=self._refused,
        )

    def recall(self, server: Server, call: ChatCall, grammar_field: str | None) -> ChatReply | None:
        """The reply to it that is kept already, by whoever keeps them here."""
        keeper = KEEPER.get()
        return keeper.recall(self.key(server, call, grammar_field)) if keeper else None

    def _heed(self, failure: Failure, request: Request) -> bool:
        """Whether the server refused a field that can be left out or renamed; it is so from now on."""
        refused = {field for field in REPLACEMENTS if field in request.fields and failure.refuses(field)}
        self._refused |= refused
        return bool(refused)

    def _explained(self, failure: Failure, server: Server) -> Failure:
        lacks = failure.code == "no_such_model" and server.models and self._endpoint.model not in server.models
        return with_models(failure, server.models, self._key.get_secret_value()) if lacks else failure

    def _read(self, data: bytes, sent: _Sent, call: ChatCall) -> Wire:
        """The structure of a completion or chunk that answers this very request."""
        key = self._key.get_secret_value().encode()
        if len(key) >= _SHORTEST_KEY and key in data:  # a server that repeats what it was sent
            data = data.replace(key, b"[key]")
        value: JsonValue = None
        try:
            value = parse_json(data)
            if isinstance(value, dict) and value.get("error") and not value.get("choices"):
                raise reported(self.where, value["error"], self._key.get_secret_value())
            wire = read_wire(value)
        except ValueError as error:
            told = value.get("usage") if isinstance(value, dict) else None
            raise self._bad(f"it {error}", data, told) from None
        complaint = self._guard.complaint(wire, sent.id, call.key, sent.server.reply_models)
        if complaint:
            raise self._bad(complaint)  # what it says was used, another request used
        return wire

    def _build(self, builder: ReplyBuilder) -> ChatReply:
        try:
            return builder.build()
        except ValueError as error:
            raise self._bad(f"it {error}", usage=builder.usage) from None

    def _bad(self, what: str, body: bytes = b"", usage: JsonValue = None) -> Failure:
        key = self._key.get_secret_value()
        said = body.replace(key.encode(), b"[key]")[:_SAID_BYTES]
        failure = bad_response(self.where, what, said.decode(errors="replace"), key)
        failure.usage = told_usage(read_usage(usage, self._prices))
        return failure

    @property
    def where(self) -> str:
        """The address of chat completions, for messages."""
        return f"{self._endpoint.base_url}/chat/completions"
