"""How many answers are worked on at once, and who is told to come back.

In: requests as they come. Out: a place, in the order of coming, or `Busy`; `Stopped` for who is still there when the
server ends. Belongs to one event loop. Not here: limits of a model's server (refiner/chat/limiter.py), which no request
has to know of.
"""

import asyncio
import math
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

_FIRST_GUESS: Final = 5.0
"""Seconds that an answer is thought to take before there was one."""
_WEIGHT: Final = 0.2
"""Of the last answer in the mean of all."""


class Busy(Exception):
    """No place, and none to wait in."""

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        """Seconds after which there may be one."""


class Stopped(Exception):
    """The server ended before the work was done."""


class Admission:
    """The places of a server."""

    def __init__(self, at_once: int, waiting: int) -> None:
        """`at_once`: answers at once; `waiting`: requests that may wait."""
        self._at_once, self._most = at_once, waiting
        self._places = asyncio.Semaphore(at_once)
        self._mean = _FIRST_GUESS
        self.closed_at: float | None = None
        """When it was closed, on the monotonic clock."""
        self._ends_at: float | None = None
        """By the loop's clock."""
        self._bounds = set[asyncio.Timeout]()
        """Of those that are in or wait."""
        self.active = 0
        self.waiting = 0

    @asynccontextmanager
    async def place(self, *, checked: bool = False) -> AsyncIterator[None]:
        """Holds a place while the block runs.

        Args:
            checked: whether `check` was asked already, and somebody told that there is a place.

        Raises:
            Busy: if there is none; Stopped where the block takes longer than the server.
        """
        if not checked:
            self.check()
        async with self._bounded(), self._taken():
            yield

    def check(self) -> None:
        """Raises Busy if there is no place now, and none to wait in."""
        if self.closed_at is not None:
            raise Busy("the server is stopping; ask again when it is back", 5)
        if self._places.locked() and self.waiting >= self._most:
            raise Busy(f"no place is free: {self.active} in use, {self.waiting} waiting; ask again", self._wait())

    @asynccontextmanager
    async def _bounded(self) -> AsyncIterator[None]:
        bound = asyncio.timeout_at(self._ends_at)
        try:
            async with bound:
                self._bounds.add(bound)
                yield
        except TimeoutError:
            if not bound.expired():
                raise
            raise Stopped("the server was stopped before the answer was complete; ask again when it is back") from None
        finally:
            self._bounds.discard(bound)

    @asynccontextmanager
    async def _taken(self) -> AsyncIterator[None]:
        await self._wait_for_place()
        self.active += 1
        began = time.monotonic()
        try:
            yield
        finally:
            self._mean += _WEIGHT * (time.monotonic() - began - self._mean)
            self.active -= 1
            self._places.release()

    async def _wait_for_place(self) -> None:
        self.waiting += 1
        try:
            await self._places.acquire()
        finally:
            self.waiting -= 1

    def close(self) -> None:
        """Lets nobody in any more; those that are in or wait go on."""
        self.closed_at = self.closed_at or time.monotonic()

    def end_after(self, seconds: float) -> None:
        """Closes, and gives those that are in or wait so many seconds. To be called in the event loop."""
        self.close()
        self._ends_at = asyncio.get_running_loop().time() + seconds
        for bound in self._bounds:
            bound.reschedule(self._ends_at)

    @property
    def is_open(self) -> bool:
        """Whether requests are taken."""
        return self.closed_at is None

    def _wait(self) -> int:
        return max(1, math.ceil(self._mean * (self.waiting + 1) / self._at_once))
