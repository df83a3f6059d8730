"""The one model client: asks a chat model behind any OpenAI-compatible server.

In: `ChatCall`. Out: `ChatReply`, whole or streamed, or CallError. Every call has one total deadline, over all its
attempts and waits; replies are bounded and checked before they are read; equal deterministic calls at once are made
once; as many requests are on the way as the server bears. What a server can do is found out when it is first needed,
and kept. Not here: prompts, reading the answer in a reply, budgets over several calls (budget.py).

Some servers refuse `max_tokens`, `temperature` or `stream_options`; the first refusal that names one is heeded for
all later calls (requests.REPLACEMENTS).
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from functools import partial
from typing import TypeVar
from weakref import WeakKeyDictionary

from citerefine.refiner.chat.attempts import PAID, AttemptWatcher
from citerefine.refiner.chat.call import ChatCall, ChatReply
from citerefine.refiner.chat.capabilities import Server, chosen_grammar_field, find_grammar_field, look_at
from citerefine.refiner.chat.connection import Connection
from citerefine.refiner.chat.endpoint import Endpoint, Prices, read_key
from citerefine.refiner.chat.exchange import Exchange, Lane
from citerefine.refiner.chat.failures import Failure
from citerefine.refiner.chat.limiter import Limiter
from citerefine.refiner.chat.limits import ClientLimits
from citerefine.refiner.chat.retries import Retries
from citerefine.refiner.chat.single_flight import SingleFlight
from citerefine.refiner.chat.token_estimate import estimate_tokens
from citerefine.refiner.chat.tokenizer import count_tokens
from citerefine.refiner.protocols import Capabilities

T = TypeVar("T")


class _Loop:
    """What belongs to one event loop: connections and whoever waits cannot be shared between loops."""

    def __init__(self, lane: Lane) -> None:
        self.lane = lane
        self.replies = SingleFlight[ChatReply]()
        self.servers = SingleFlight[Server]()
        self.grammars = SingleFlight[str | None]()


class ChatClient:
    """A chat model behind an OpenAI-compatible server (protocols.ChatModel)."""

    def __init__(self, endpoint: Endpoint, limits: ClientLimits | None = None) -> None:
        """Connects to nothing yet.

        Args:
            endpoint: the model and where it is served.
            limits: how long, how often and how much is asked; by default `ClientLimits()`.

        Raises:
            ModelError: if OPENAI_API_KEY, CITEREFINE_PRICES or CITEREFINE_GRAMMAR holds what cannot be used.
        """
        self.endpoint = endpoint
        self.limits = limits or ClientLimits()
        self._key = read_key()
        self._exchange = Exchange(endpoint, self._key, Prices.read())
        self._chosen_field = chosen_grammar_field()
        self._loops = WeakKeyDictionary[asyncio.AbstractEventLoop, _Loop]()
        self._server: Server | None = None
        self._grammar_fields: dict[bool, str | None] = {}

    @property
    def name(self) -> str:
        """The model string."""
        return str(self.endpoint)

    def __repr__(self) -> str:
        return f"ChatClient({self.name!r})"

    def watch(self, watcher: AttemptWatcher) -> bool:
        """Tells this watcher of each request, and no other one any more."""
        self._exchange.watcher = watcher
        return True

    @property
    def limit(self) -> int:
        """How many requests the server is sent at once now, in the running event loop."""
        return self._here().lane.limiter.limit

    async def complete(self, call: ChatCall) -> ChatReply:
        """The reply to a call. Raises CallError.

        Of equal deterministic calls at once (temperature 0 or a seed), one is made; the others get its reply with a
        usage of nothing.
        """
        here = self._here()
        if call.sampling.temperature > 0 and call.sampling.seed is None:
            return await self._complete(call, here.lane)
        shared = await here.replies.run(call.key, partial(self._complete, call, here.lane))
        return shared.value.model_copy(update={"usage": PAID}) if shared.taken else shared.value

    async def _complete(self, call: ChatCall, lane: Lane) -> ChatReply:
        retries = self._retries()
        async with retries.deadline():
            server, field = await self._look(), await self._grammar_field(call)
            if reply := self._exchange.recall(server, call, field):
                return reply
            return await _persist(partial(self._exchange.complete, lane, server, call, field), retries)

    async def stream(self, call: ChatCall, until: float | None = None) -> AsyncGenerator[str | ChatReply, None]:
        """The reply's text in pieces, and last the whole reply. Raises CallError.

        What fails before the first piece is tried again; later, the pieces that were given cannot be taken back.
        `until`: when the call's time is up, by the loop's clock; by default its deadline from now.
        """
        retries = Retries(self.limits, self._exchange.where, until)
        async with retries.deadline():
            server, field = await self._look(), await self._grammar_field(call)
        begun = False
        while True:
            attempt = self._exchange.stream(self._here().lane, server, call, field)
            try:
                async with aclosing(_within(attempt, retries)) as items:
                    async for item in items:
                        begun = True
                        yield item
                return
            except Failure as failure:
                if begun or failure.code == "deadline":
                    raise
                pause = retries.pause_after(failure)
            await asyncio.sleep(pause)

    async def capabilities(self) -> Capabilities:
        """What the server can do; found out once and kept. Raises CallError if it cannot be asked."""
        server = await self._look()
        field = await self._find_grammar_field(thinking=False)
        return Capabilities(
            grammar=field is not None,
            grammar_field=field,
            context_tokens=server.context_tokens,
            server=server.label,
            model=server.model,
        )

    def request_keys(self, call: ChatCall) -> tuple[str, ...]:
        """Key of the request that would ask this call now (attempts.Keyed); none before the server was asked."""
        known, field = self._known_field(call)
        return (self._exchange.key(self._server, call, field),) if known and self._server else ()

    async def find_keys(self, call: ChatCall) -> tuple[str, ...]:
        """The same, after asking the server. Raises CallError if it cannot be asked."""
        return (self._exchange.key(await self._look(), call, await self._grammar_field(call)),)

    def _known_field(self, call: ChatCall) -> tuple[bool, str | None]:
        """Whether it is known how the call's grammar is sent, and how."""
        if call.grammar is None or self._chosen_field is not None:
            return True, None if self._chosen_field == "off" else self._chosen_field
        return call.thinking in self._grammar_fields, self._grammar_fields.get(call.thinking)

    async def _grammar_field(self, call: ChatCall) -> str | None:
        return None if call.grammar is None else await self._find_grammar_field(thinking=call.thinking)

    async def _find_grammar_field(self, *, thinking: bool) -> str | None:
        if self._chosen_field is not None:
            return None if self._chosen_field == "off" else self._chosen_field
        if thinking not in self._grammar_fields:
            found = await self._here().grammars.run(thinking, partial(self._try_grammar, thinking))
            self._grammar_fields[thinking] = found.value
        return self._grammar_fields[thinking]

    async def _try_grammar(self, thinking: bool) -> str | None:
        server = await self._look()
        return await find_grammar_field(self._ask, server.kind, thinking=thinking)

    async def _ask(self, call: ChatCall, grammar_field: str) -> ChatReply:
        retries, server = self._retries(), await self._look()
        if reply := self._exchange.recall(server, call, grammar_field):
            return reply
        attempt = partial(self._exchange.complete, self._here().lane, server, call, grammar_field)
        async with retries.deadline():
            return await _persist(attempt, retries)

    async def _look(self) -> Server:
        if self._server is None:
            self._server = (await self._here().servers.run("", self._look_anew)).value
        return self._server

    async def _look_anew(self) -> Server:
        retries = self._retries()
        look = partial(look_at, self._here().lane.connection, self.endpoint)
        async with retries.deadline():
            try:
                return await _persist(look, retries)
            except Failure as failure:
                # A list of models may be closed or broken where chat completions are open: these decide.
                if failure.code in ("unauthorized", "server_error"):
                    return Server()
                raise

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """How many tokens each text has: as the server counts them if it can, else no fewer."""
        retries = self._retries()
        try:
            async with retries.deadline():
                server = await self._look()
                count = partial(count_tokens, self._here().lane.connection, self.endpoint, server, texts)
                counts = await _persist(count, retries)
        except Failure:
            counts = None
        return [estimate_tokens(text) for text in texts] if counts is None else counts

    async def fetch(self, path: str) -> str:
        """The text that the server has at a path from its root, such as `/metrics`. Raises CallError."""
        retries = self._retries()
        get = partial(self._here().lane.connection.get, f"{self.endpoint.root_url}{path}")
        async with retries.deadline():
            return (await _persist(get, retries)).decode(errors="replace")

    async def aclose(self) -> None:
        """Closes the connections of the running event loop; a later call opens them anew."""
        here = self._loops.pop(asyncio.get_running_loop(), None)
        if here:
            await here.lane.connection.aclose()

    def _here(self) -> _Loop:
        loop = asyncio.get_running_loop()
        here = self._loops.get(loop)
        if here is None:
            connection = Connection(self.endpoint, self._key, self.limits)
            here = self._loops[loop] = _Loop(Lane(connection, Limiter(self.limits.concurrency)))
        return here

    def _retries(self) -> Retries:
        return Retries(self.limits, self._exchange.where)


async def _persist(attempt: Callable[[], Awaitable[T]], retries: Retries) -> T:
    """What the first attempt that succeeds gives. Raises Failure when no further one is due."""
    while True:
        try:
            return await attempt()
        except Failure as failure:
            pause = retries.pause_after(failure)
        await asyncio.sleep(pause)


async def _within(items: AsyncGenerator[T, None], retries: Retries) -> AsyncGenerator[T, None]:
    """The items, each within what is left of the call's time. Raises Failure.

    A time limit around a `yield` would strike in whatever the caller does with the item.
    """
    async with aclosing(items):
        while True:
            async with retries.deadline():
                try:
                    item = await anext(items)
                except StopAsyncIteration:
                    return
            yield item
