"""How many requests a server is sent at once: more while it bears them, fewer when it says that they are too many.

In: each request as it begins and ends. Out: a place for it, in the order of asking. Doubles per round trip until the
first complaint (slow start), then grows by one and halves (AIMD). Only complaints about load shrink it: a slow or
broken server is not helped by fewer requests. Belongs to one event loop. Not here: how long to wait after a complaint.
"""

import asyncio
from collections import deque
from types import TracebackType
from typing import Final

from citerefine.refiner.chat.failures import Failure

_FIRST: Final = 16


class Limiter:
    """An adaptive bound on requests at once."""

    def __init__(self, most: int) -> None:
        """`most`: never exceeded, however well the server does."""
        self._most = most
        self._limit = float(min(_FIRST, most))
        self._slow_start = True
        self._active = 0
        self._complaints = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def limit(self) -> int:
        """How many may be on the way now."""
        return int(self._limit)

    def place(self) -> "Place":
        """A place among the requests on the way, for as long as an `async with` block runs."""
        return Place(self)

    def leave(self, complaints: int, error: BaseException | None) -> None:
        """Gives a place back; `complaints`: how many there were when it was taken."""
        if error is None:
            self._grow()
        # Of many requests that were sent together, all are refused together: they count as one complaint.
        elif isinstance(error, Failure) and error.overloaded and complaints == self._complaints:
            self._shrink()
        self._active -= 1
        self._admit()

    async def enter(self) -> int:
        """Waits for a place, and gives the number of complaints so far."""
        await self._enter()
        return self._complaints

    async def _enter(self) -> None:
        if self._active < self.limit and not self._waiting:
            self._active += 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # admitted and cancelled in the same moment
                self._active -= 1
                self._admit()
            raise

    def _admit(self) -> None:
        while self._waiting and self._active < self.limit:
            turn = self._waiting.popleft()
            if not turn.done():
                self._active += 1
                turn.set_result(None)

    def _grow(self) -> None:
        step = 1.0 if self._slow_start else 1.0 / self._limit
        self._limit = min(float(self._most), self._limit + step)

    def _shrink(self) -> None:
        self._complaints += 1
        self._slow_start = False
        self._limit = max(1.0, self._limit / 2)


class Place:
    """A place among the requests on the way. A generator in its stead costs each request several microseconds."""

    __slots__ = ("_complaints", "_limiter")

    def __init__(self, limiter: Limiter) -> None:
        self._limiter = limiter

    async def __aenter__(self) -> None:
        self._complaints = await self._limiter.enter()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._limiter.leave(self._complaints, error)
