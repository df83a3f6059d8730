"""Several endpoints that serve one model, asked as if they were one.

In: calls. Out: the reply of whichever endpoint has the most room; where it fails, that of another one, within the one
total deadline. An endpoint that fails several times in a row is left alone for a while (breaker.py), one that refuses
the key or lacks the model for good. What is long in coming is asked of another endpoint as well, and whichever reply
comes first is taken (hedging.py). What would fail anywhere (a request that is refused, a prompt that is too long) is
not asked again. Not here: asking one endpoint (client.py), which one is next and when (course.py), keeping account
(attempts.py).
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, aclosing, suppress
from functools import partial
from typing import Any, Final, NamedTuple, TypeVar
from weakref import WeakKeyDictionary

from citerefine.refiner.chat.attempts import PAID, AttemptWatcher
from citerefine.refiner.chat.breaker import State
from citerefine.refiner.chat.call import ChatCall, ChatReply
from citerefine.refiner.chat.client import ChatClient
from citerefine.refiner.chat.course import Course
from citerefine.refiner.chat.endpoint import Endpoint
from citerefine.refiner.chat.failures import Failure
from citerefine.refiner.chat.hedging import Hedge
from citerefine.refiner.chat.limits import ClientLimits
from citerefine.refiner.chat.retries import Retries
from citerefine.refiner.chat.seat import VISIT, Seat, SendingClock, Visit, now
from citerefine.refiner.chat.single_flight import SingleFlight
from citerefine.refiner.chat.token_estimate import estimate_tokens
from citerefine.refiner.errors import CallError, ModelError
from citerefine.refiner.protocols import Capabilities

T = TypeVar("T")
Ask = Callable[[Seat, Visit], Coroutine[Any, Any, T]]

_PATIENCE: Final = 0.5
"""Part of the time left when a request is sent, after which it is asked of another endpoint as well."""
_COUNTING: Final = 0.1
"""Part of the deadline that counting tokens may take at one endpoint; the estimate is there at once."""
_LOOKING: Final = 0.1
"""Part of the deadline for which the others may take longer than the first to tell what they can do."""
_NO_COUNTING: Final = 60.0
"""Seconds for which an endpoint is not asked to count, after it has taken longer."""


class _Begun(NamedTuple):
    """A stream whose first item is there."""

    first: str | ChatReply
    visit: Visit
    items: AsyncGenerator[str | ChatReply, None]
    ends: AsyncExitStack


class EndpointHealth(NamedTuple):
    """How one endpoint does."""

    url: str
    state: State
    reason: str
    """What went wrong last; empty while all is well."""
    active: int
    """Calls under way."""
    limit: int
    """Most requests at once that it bears now."""


class Replicas:
    """Endpoints of one model (protocols.ChatModel)."""

    def __init__(self, endpoints: Sequence[Endpoint], limits: ClientLimits | None = None) -> None:
        """Connects to nothing yet.

        Args:
            endpoints: one model at several addresses.
            limits: of a call, over all endpoints that it is tried at; `concurrency` is that of each.

        Raises:
            ModelError: if they serve different models, or one address stands there twice.
        """
        if len({endpoint.model for endpoint in endpoints}) != 1 or len({*endpoints}) < len(endpoints):
            raise ModelError("endpoints that share the work serve one model, each at an address of its own")
        self.limits = limits or ClientLimits()
        once = self.limits.model_copy(update={"attempts": 1})  # to try again is this one's business
        self._seats = [Seat(ChatClient(endpoint, once)) for endpoint in endpoints]
        self._clock = SendingClock()
        for seat in self._seats:
            seat.client.watch(self._clock)
        self._where = " and ".join(seat.url for seat in self._seats)
        self._name = f"openai:{endpoints[0].model}@{','.join(seat.url for seat in self._seats)}"
        self._flights = WeakKeyDictionary[asyncio.AbstractEventLoop, SingleFlight[ChatReply]]()

    @property
    def name(self) -> str:
        """The model string, with all addresses."""
        return self._name

    def __repr__(self) -> str:
        return f"Replicas({self.name!r})"

    def watch(self, watcher: AttemptWatcher) -> bool:
        """Tells this watcher of each request to any of them, and no other one any more."""
        self._clock.watcher = watcher
        return True

    async def complete(self, call: ChatCall) -> ChatReply:
        """The reply to a call. Raises CallError. Equal deterministic calls at once are made once, as by one client."""
        if call.sampling.temperature > 0 and call.sampling.seed is None:
            return await self._complete(call)
        flights = self._flights.setdefault(asyncio.get_running_loop(), SingleFlight())
        shared = await flights.run(call.key, partial(self._complete, call))
        return shared.value.model_copy(update={"usage": PAID}) if shared.taken else shared.value

    async def _complete(self, call: ChatCall) -> ChatReply:
        course = self._course()

        async def ask(seat: Seat, visit: Visit) -> ChatReply:
            async with seat.taken(visit), course.retries.deadline():
                return await seat.client.complete(call)

        return await self._persist(course, call.key, ask)

    async def stream(self, call: ChatCall) -> AsyncGenerator[str | ChatReply, None]:
        """The reply's text in pieces, and last the whole reply. Raises CallError.

        What fails or hangs before the first piece is asked of another endpoint; later, the pieces cannot be taken back.
        """
        course = self._course()

        async def ask(seat: Seat, visit: Visit) -> _Begun:
            async with AsyncExitStack() as stack:
                await stack.enter_async_context(seat.taken(visit))
                items = seat.client.stream(call, course.retries.until)
                await stack.enter_async_context(aclosing(items))
                first = await anext(items)
                visit.received = True
                return _Begun(first, visit, items, stack.pop_all())

        begun = await self._persist(course, call.key, ask, lambda unused: unused.ends.aclose())
        async with begun.ends:
            yield begun.first
            async for item in begun.items:
                yield item

    def _course(self) -> Course:
        return Course(self._seats, Retries(self.limits, self._where))

    async def _persist(
        self, course: Course, key: str, ask: Ask[T], drop: Callable[[T], Awaitable[None]] | None = None
    ) -> T:
        """What the first endpoint that replies gives. Raises Failure when no further one is to be asked."""
        while True:
            seat = await course.next()
            try:
                return await self._hedged(course, seat, Visit(key), ask, drop)
            except Failure as failure:
                if course.is_final(failure):
                    raise

    async def _hedged(
        self, course: Course, seat: Seat, visit: Visit, ask: Ask[T], drop: Callable[[T], Awaitable[None]] | None
    ) -> T:
        """What this endpoint gives, or another one that was asked later and is faster. Raises Failure."""

        def elsewhere() -> Coroutine[Any, Any, T] | None:
            spare = course.spare(whole=drop is None)
            return _visited(course, spare, Visit(visit.key), ask) if spare else None

        until = course.retries.until
        hedge = Hedge(lambda: visit.start + _PATIENCE * (until - visit.start), elsewhere, course.is_final, drop)
        reply = await hedge.run(_visited(course, seat, visit, ask))
        if hedge.won:
            seat.outrun(visit)
        return reply

    def request_keys(self, call: ChatCall) -> tuple[str, ...]:
        """Keys of the requests that would ask this call now, of endpoints that are known (attempts.Keyed)."""
        return tuple(dict.fromkeys(key for seat in self._seats for key in seat.client.request_keys(call)))

    async def find_keys(self, call: ChatCall) -> tuple[str, ...]:
        """The same, as soon as one endpoint has told. Raises CallError if none does."""
        looks = [asyncio.create_task(seat.client.find_keys(call)) for seat in self._seats]
        try:
            for look in asyncio.as_completed(looks):
                with suppress(CallError):
                    return await look
            return looks[0].result()  # raises
        finally:
            await _end(looks)

    async def capabilities(self) -> Capabilities:
        """What all endpoints that tell soon after the first can do. Raises CallError if none can be asked."""
        looks = [asyncio.create_task(self._look(seat)) for seat in self._seats]
        try:
            for look in asyncio.as_completed(looks):
                with suppress(CallError):
                    await look
                    break
            await asyncio.wait(looks, timeout=_LOOKING * self.limits.deadline)
        finally:
            await _end(looks)
        known = [look.result() for look in looks if not look.cancelled() and not look.exception()]
        for look in looks:
            error = None if look.cancelled() else look.exception()
            if error and (not known or not isinstance(error, CallError)):
                raise error
        return _together(known)

    @staticmethod
    async def _look(seat: Seat) -> Capabilities:
        async with seat.taken(Visit()):
            return await seat.client.capabilities()

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """How many tokens each text has: as an endpoint that can be asked soon says, else no fewer."""
        able = [seat for seat in self._seats if seat.counts_again <= now()]
        able = [seat for seat in able if seat.breaker.admits] or able
        while able:
            seat = min(able, key=lambda seat: seat.load)
            try:
                async with asyncio.timeout(_COUNTING * self.limits.deadline):
                    return await seat.client.count_tokens(texts)
            except TimeoutError:
                seat.counts_again = now() + _NO_COUNTING
                able.remove(seat)
        return [estimate_tokens(text) for text in texts]

    async def health(self) -> tuple[EndpointHealth, ...]:
        """How each endpoint does, as the calls so far have shown."""
        return tuple(
            EndpointHealth(seat.url, seat.breaker.state, seat.breaker.reason, seat.active, seat.client.limit)
            for seat in self._seats
        )

    async def aclose(self) -> None:
        """Closes the connections of the running event loop; a later call opens them anew."""
        for seat in self._seats:
            await seat.client.aclose()


async def _visited(course: Course, seat: Seat, visit: Visit, ask: Ask[T]) -> T:
    """What one endpoint gives; how it fails, the call remembers. Raises Failure."""
    outer = VISIT.set(visit)
    try:
        return await ask(seat, visit)
    except Failure as failure:
        course.failed(seat, failure)
        raise
    finally:
        VISIT.reset(outer)


async def _end(tasks: Sequence[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _together(found: Sequence[Capabilities]) -> Capabilities:
    """What several can do: a grammar only if all keep to it, the smallest context."""
    contexts = [can.context_tokens for can in found if can.context_tokens is not None]
    return Capabilities(
        grammar=all(can.grammar for can in found),
        grammar_field=_common([can.grammar_field for can in found]),
        context_tokens=min(contexts) if contexts else None,
        server=", ".join(dict.fromkeys(can.server for can in found if can.server)) or None,
        model=_common([can.model for can in found]),
    )


def _common(values: Sequence[str | None]) -> str | None:
    return values[0] if len({*values}) == 1 else None
