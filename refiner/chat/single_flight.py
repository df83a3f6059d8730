"""Makes equal work that is asked for at once only once.

In: a key and how to do the work. Out: its result, to everybody who asked while it was under way. Who stops waiting
does not stop the others; when nobody waits any more, the work is cancelled. Belongs to one event loop. Not here:
keeping results once the work is done.
"""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, NamedTuple, TypeVar

T = TypeVar("T")


class Shared(NamedTuple, Generic[T]):
    """A result, and whether somebody else has already taken it."""

    value: T
    taken: bool


class _Flight(Generic[T]):
    __slots__ = ("taken", "task", "waiting")

    def __init__(self) -> None:
        self.task: asyncio.Task[None] | None = None
        self.waiting: dict[asyncio.Future[T], None] = {}
        self.taken = False

    def untold(self) -> list[asyncio.Future[T]]:
        return [turn for turn in self.waiting if not turn.done()]


class SingleFlight(Generic[T]):
    """Work under way, by key."""

    def __init__(self) -> None:
        self._flights: dict[Hashable, _Flight[T]] = {}

    async def run(self, key: Hashable, work: Callable[[], Coroutine[Any, Any, T]]) -> Shared[T]:
        """The result of `work`, or that of equal work that is under way; what it raises, everybody who waits gets."""
        loop = asyncio.get_running_loop()
        flight = self._flights.get(key)
        if flight is None:
            flight = self._flights[key] = _Flight()
            flight.task = loop.create_task(self._fly(key, flight, work))
        # Of one's own, so that who stops waiting cancels nobody else's; asyncio.shield takes twice as long.
        turn: asyncio.Future[T] = loop.create_future()
        flight.waiting[turn] = None
        try:
            value = await turn
            taken, flight.taken = flight.taken, True
            return Shared(value, taken)
        finally:
            del flight.waiting[turn]
            if not flight.waiting and flight.task and not flight.task.done():
                self._forget(key, flight)
                flight.task.cancel()

    async def _fly(self, key: Hashable, flight: _Flight[T], work: Callable[[], Coroutine[Any, Any, T]]) -> None:
        """Tells those who wait from within the task: a callback at its end would come a turn of the loop later."""
        try:
            value = await work()
        except BaseException as error:
            self._forget(key, flight)
            for turn in flight.untold():
                if isinstance(error, asyncio.CancelledError):
                    turn.cancel()
                else:
                    turn.set_exception(error)
            if not isinstance(error, Exception):
                raise
            return
        self._forget(key, flight)
        for turn in flight.untold():
            turn.set_result(value)

    def _forget(self, key: Hashable, flight: _Flight[T]) -> None:
        if self._flights.get(key) is flight:  # a cancelled one may already have a successor
            del self._flights[key]
