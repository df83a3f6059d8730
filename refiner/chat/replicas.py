"""Several endpoints that serve one model, asked as if they were one.

In: calls. Out: the reply of whichever endpoint has the most room; where it fails, that of another one, within the one
total deadline. An endpoint that fails several times in a row is left alone for a while (breaker.py), one that refuses
the key or lacks the model for good. Where none can be asked, a call fails at once and names each of them and why.
What would fail anywhere (a request that is refused, a prompt that is too long) is not asked again. Not here: asking
one endpoint (client.py), keeping account (attempts.py).
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from functools import partial
from typing import Final, NamedTuple
from weakref import WeakKeyDictionary

from citerefine.refiner.chat.attempts import PAID, AttemptWatcher
from citerefine.refiner.chat.breaker import Breaker, State
from citerefine.refiner.chat.call import ChatCall, ChatReply
from citerefine.refiner.chat.client import ChatClient
from citerefine.refiner.chat.endpoint import Endpoint
from citerefine.refiner.chat.failures import Failure, unreachable
from citerefine.refiner.chat.limits import ClientLimits
from citerefine.refiner.chat.retries import Retries
from citerefine.refiner.chat.single_flight import SingleFlight
from citerefine.refiner.errors import CallError, ModelError
from citerefine.refiner.protocols import Capabilities

_SAME_EVERYWHERE: Final = ("bad_request", "context_exceeded", "too_large", "budget", "deadline")
"""Failures of a call that another endpoint would not mend, or has no time for."""
_FOR_GOOD: Final = ("unauthorized", "no_such_model")
_PATIENCE: Final = 0.5
"""Share of a call's time left that one endpoint may take while another one could take over."""


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


class _Seat:
    """One endpoint, and how it does."""

    def __init__(self, client: ChatClient) -> None:
        self.client = client
        self.url = client.endpoint.base_url
        self.breaker = Breaker()
        self.active = 0
        self.turns = 0
        self._rests_until = 0.0

    @property
    def rests(self) -> bool:
        """Whether the server asked to be left alone until later."""
        return time.monotonic() < self._rests_until

    @property
    def load(self) -> tuple[float, int]:
        """Calls under way over what it bears; of equal ones, whoever had fewer turns is next."""
        return self.active / self.client.limit, self.turns

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[None]:
        """A call that goes there, for as long as the block runs; how it ends is noted."""
        self.breaker.enter()
        self.active += 1
        self.turns += 1
        try:
            yield
        except CallError as error:
            if error.code in _FOR_GOOD:
                self.breaker.eject(f"{error.code}: {error}")
            if isinstance(error, Failure) and error.retry_after:
                self._rests_until = time.monotonic() + error.retry_after
            self.breaker.fail(error.code, f"{error.code}: {error}")
            raise
        except BaseException:
            self.breaker.leave()
            raise
        else:
            self.breaker.succeed()
        finally:
            self.active -= 1

    @property
    def complaint(self) -> str:
        when = f"; asked again in {self.breaker.wait:.0f} s" if self.breaker.state == "open" else ""
        return f"{self.url} ({self.breaker.reason or 'it is being tried'}{when})"


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
        self._seats = [_Seat(ChatClient(endpoint, once)) for endpoint in endpoints]
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
        return all(seat.client.watch(watcher) for seat in self._seats)

    async def complete(self, call: ChatCall) -> ChatReply:
        """The reply to a call. Raises CallError. Equal deterministic calls at once are made once, as by one client."""
        if call.sampling.temperature > 0 and call.sampling.seed is None:
            return await self._complete(call)
        flights = self._flights.setdefault(asyncio.get_running_loop(), SingleFlight())
        shared = await flights.run(call.key, partial(self._complete, call))
        return shared.value.model_copy(update={"usage": PAID}) if shared.taken else shared.value

    async def _complete(self, call: ChatCall) -> ChatReply:
        retries, tried = Retries(self.limits, self._where), set[_Seat]()
        while True:
            seat = self._choose(tried)
            try:
                async with seat.taken(), retries.deadline(), self._patience(seat, tried, retries):
                    return await seat.client.complete(call)
            except Failure as failure:
                pause = self._pause(failure, tried, retries)
            await asyncio.sleep(pause)

    async def stream(self, call: ChatCall) -> AsyncGenerator[str | ChatReply, None]:
        """The reply's text in pieces, and last the whole reply. Raises CallError.

        What fails before the first piece is tried at another endpoint; later, the pieces cannot be taken back.
        """
        retries, tried, begun = Retries(self.limits, self._where), set[_Seat](), False
        while True:
            seat = self._choose(tried)
            try:
                async with seat.taken(), aclosing(seat.client.stream(call, retries.until)) as items:
                    async for item in items:
                        begun = True
                        yield item
                return
            except Failure as failure:
                if begun:
                    raise
                pause = self._pause(failure, tried, retries)
            await asyncio.sleep(pause)

    def _choose(self, tried: set[_Seat]) -> _Seat:
        """The endpoint with the most room that has not been tried. Raises Failure if none can be asked."""
        able = [seat for seat in self._seats if seat.breaker.admits]
        if not able:
            raise self._none_left()
        fresh = [seat for seat in able if seat not in tried] or able
        seat = min([seat for seat in fresh if not seat.rests] or fresh, key=lambda seat: seat.load)
        tried.add(seat)
        return seat

    def _others(self, tried: set[_Seat]) -> bool:
        return any(seat.breaker.admits and seat not in tried for seat in self._seats)

    def _none_left(self) -> Failure:
        complaints = "; ".join(seat.complaint for seat in self._seats)
        out = all(seat.breaker.state == "out" for seat in self._seats)
        code = self._seats[0].breaker.reason.partition(":")[0] if out else "unreachable"
        return Failure(f"none of {len(self._seats)} endpoints can be asked: {complaints}", code, retryable=not out)

    @asynccontextmanager
    async def _patience(self, seat: _Seat, tried: set[_Seat], retries: Retries) -> AsyncIterator[None]:
        """Lets the block run for a share of the time left, so that what hangs leaves time for another endpoint."""
        if not self._others(tried):
            yield
            return
        try:
            now = asyncio.get_running_loop().time()
            async with asyncio.timeout_at(now + _PATIENCE * (retries.until - now)) as scope:
                yield
        except TimeoutError:
            if not scope.expired():
                raise
            failure = unreachable(seat.url, f"nothing within {_PATIENCE:.0%} of the deadline")
            raise failure from None

    def _pause(self, failure: Failure, tried: set[_Seat], retries: Retries) -> float:
        """Seconds to wait before the next endpoint is asked. Raises Failure where that would not help."""
        if failure.code in _SAME_EVERYWHERE:
            raise failure
        retries.note(failure)
        if self._others(tried):
            return 0.0
        if not any(seat.breaker.admits for seat in self._seats):
            raise self._none_left()
        tried.clear()
        if failure.code in _FOR_GOOD:  # of that endpoint, which is out; others may be tried once more
            failure = Failure(str(failure), failure.code, retryable=True)
        return retries.pause_after(failure)

    async def capabilities(self) -> Capabilities:
        """What all endpoints that can be asked can do. Raises CallError if none can be."""
        found = await asyncio.gather(*(self._look(seat) for seat in self._seats), return_exceptions=True)
        known = [can for can in found if isinstance(can, Capabilities)]
        for error in found:
            if isinstance(error, BaseException) and (not known or not isinstance(error, CallError)):
                raise error
        return _together(known)

    @staticmethod
    async def _look(seat: _Seat) -> Capabilities:
        async with seat.taken():
            return await seat.client.capabilities()

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """How many tokens each text has: as an endpoint counts them that can be asked, else no fewer."""
        able = [seat for seat in self._seats if seat.breaker.admits] or self._seats
        return await min(able, key=lambda seat: seat.load).client.count_tokens(texts)

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
