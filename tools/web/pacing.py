"""How often a host is asked, and how many requests are on the way to it at once.

In: a host's known limits, what it says of them, each request before it leaves. Out: its turn, or `WebFailure` where it
would come too late. Turns are given in the order of asking, at even distances, so that no limit over any span of time
is passed. Belongs to one event loop; other processes are not known of. Not here: sending.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final, NamedTuple

from citerefine.tools.web.failures import WebFailure

_MARGIN: Final = 1.05
"""Requests that leave at a distance may arrive at a shorter one."""
_SPAN = re.compile(r"\s*(\d{1,6})\s*s?\s*")


class Pace(NamedTuple):
    """What a host bears."""

    per_second: float | None = None
    """Requests; None: as many as `at_once` lets through."""
    at_once: int = 4


UNHURRIED: Final = Pace()
"""Of hosts of which nothing is known."""


class Lane:
    """The way to one host."""

    def __init__(self, host: str, pace: Pace) -> None:
        self._host = host
        self._places = asyncio.Semaphore(pace.at_once)
        self._distance = _MARGIN / pace.per_second if pace.per_second else 0.0
        self._next = 0.0
        """When the next request may leave, by the loop's clock."""
        self._held = 0.0
        """Until when the host asked to be left alone."""
        self._waiting = 0

    @asynccontextmanager
    async def turn(self, until: float) -> AsyncIterator[None]:
        """Waits for a turn, and holds a place while the block runs.

        Args:
            until: when a turn comes too late, by the loop's clock.

        Raises:
            WebFailure: `rate_limited`, where it would, or did not come by then; the host knows nothing of it.
        """
        self._check(self._waiting, until)
        await self._take_place(until)
        try:
            await self._wait(until)
            yield
        finally:
            self._places.release()

    async def _take_place(self, until: float) -> None:
        wait = until - _now()
        self._waiting += 1
        try:
            async with asyncio.timeout_at(until):
                await self._places.acquire()
        except TimeoutError:
            raise WebFailure(
                f"nothing was asked of {self._host}: its turn did not come within {wait:.3g} s", "rate_limited"
            ) from None
        finally:
            self._waiting -= 1

    async def _wait(self, until: float) -> None:
        """Until the host may be asked; once more where it asked meanwhile to be left alone."""
        start = -1.0
        while start < self._held:
            self._check(0, until)
            start = max(_now(), self._next)
            self._next = start + self._distance
            await asyncio.sleep(max(0.0, start - _now()))

    def _check(self, n_before: int, until: float) -> None:
        """Raises WebFailure if a turn behind so many others comes too late."""
        now = _now()
        wait = max(0.0, self._next - now) + n_before * self._distance
        if now + wait >= until:
            raise WebFailure(f"{self._host} may be asked again in {wait:.3g} s", "rate_limited", wait)

    def hold(self, seconds: float) -> None:
        """Lets nothing leave for so long, as the host asked."""
        self._held = max(self._held, _now() + seconds)
        self._next = max(self._next, self._held)

    def learn(self, headers: Mapping[str, str]) -> None:
        """Slows down to the rate that the host states in `x-rate-limit-limit` and `x-rate-limit-interval`."""
        most, span = (_whole(headers.get(f"x-rate-limit-{name}", "")) for name in ("limit", "interval"))
        if most and span:
            self._distance = max(self._distance, _MARGIN * span / most)


def _whole(text: str) -> int:
    match = _SPAN.fullmatch(text)
    return int(match[1]) if match else 0


def _now() -> float:
    return asyncio.get_running_loop().time()
