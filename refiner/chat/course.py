"""Which endpoint one call goes to next, and when.

In: the endpoints, and how each fails. Out: the one with the most room that has not been tried in this round; a pause
between rounds, as a client of one endpoint makes between attempts. Where no endpoint may be asked, a call does not
fail while a client of one of them would still try: one call at a time tries each before its time is come, the others
wait for what comes of that, and it counts as an attempt of theirs. Not here: asking (replicas.py).
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from citerefine.refiner.chat.failures import Failure
from citerefine.refiner.chat.retries import Retries
from citerefine.refiner.chat.seat import FOR_GOOD, Seat, now

_SAME_EVERYWHERE: Final = ("bad_request", "context_exceeded", "too_large", "budget")
"""Failures of a call that another endpoint would not mend."""
_OTHERS_TRY: Final = 0.25
"""Part of a call's time left for which it waits while another call tries an endpoint that was down."""
_LOOK: Final = 0.02
"""Seconds between two looks at endpoints that are down. Calls of several event loops share them, so none is woken."""


class Course:
    """One call on its way."""

    def __init__(self, seats: Sequence[Seat], retries: Retries) -> None:
        """`retries`: of this call; one attempt is one round of all endpoints that can be asked."""
        self._seats = seats
        self.retries = retries
        self._tried: dict[Seat, Failure | None] = {}

    async def next(self) -> Seat:
        """The endpoint to ask. Raises Failure if there is none."""
        while True:
            if fresh := [seat for seat in self._able() if seat not in self._tried]:
                return self.take(min(fresh, key=lambda seat: (seat.rest > 0, seat.breaker.wait, seat.load)))
            left = [seat for seat in self._seats if seat.breaker.state != "out"]
            if not left:
                raise self._none_left()
            if not self._tried and not await self._others_tried(left):
                return self.take(min(left, key=lambda seat: seat.load))
            if not self._admitted() or self._tried:
                await self._pause(left)

    def spare(self, *, whole: bool) -> Seat | None:
        """An endpoint that could reply in time if it were asked as well, and at once; `whole`: to its last word."""
        left = self.retries.until - now()
        free = [
            seat
            for seat in self._admitted()
            if seat not in self._tried
            and not seat.rest
            and seat.has_room
            and not (whole and seat.seconds is not None and seat.seconds > left)
        ]
        return self.take(min(free, key=lambda seat: seat.load)) if free else None

    def take(self, seat: Seat) -> Seat:
        """The same, which is tried now."""
        self._tried[seat] = None
        return seat

    def failed(self, seat: Seat, failure: Failure) -> None:
        """Remembers how an endpoint failed."""
        self._tried[seat] = failure
        self.retries.note(failure)

    def is_final(self, failure: Failure) -> bool:
        """Whether no other endpoint would mend it."""
        late = failure.code == "deadline" and now() >= self.retries.until
        return late or failure.code in _SAME_EVERYWHERE

    def _admitted(self) -> list[Seat]:
        return [seat for seat in self._seats if seat.breaker.admits]

    def _able(self) -> list[Seat]:
        """Those that may be asked; if there are none, those that nobody tries now."""
        idle = (seat for seat in self._seats if seat.breaker.state != "out" and not seat.breaker.is_tried)
        return self._admitted() or [*idle]

    async def _others_tried(self, left: Sequence[Seat]) -> bool:
        """Waits for what comes of other calls that try, for a while; whether something did."""
        before = {seat: seat.breaker.failed_tries for seat in left}

        def open_still() -> bool:
            return any(seat.breaker.is_tried and seat.breaker.failed_tries == before[seat] for seat in left)

        await self._watch(_OTHERS_TRY * (self.retries.until - now()), open_still)
        return bool(self._admitted()) or not open_still()

    async def _pause(self, left: Sequence[Seat]) -> None:
        """Waits before the next round, no longer than until an endpoint can be asked. Raises Failure."""
        pause = self.retries.pause_after(self._failure(left))
        if self._admitted():
            await asyncio.sleep(pause)
        else:
            await self._watch(pause, lambda: True)
        self._tried.clear()

    async def _watch(self, seconds: float, goes_on: Callable[[], bool]) -> None:
        end = now() + seconds
        while not self._admitted() and goes_on() and (left := end - now()) > 0:
            await asyncio.sleep(min(left, _LOOK))

    def _failure(self, left: Sequence[Seat]) -> Failure:
        """What went wrong in this round: worth another one if one of the endpoints is."""
        failures = [failure for failure in self._tried.values() if failure]
        last = failures[-1] if failures and self._admitted() else self._none_left()
        retryable = any(failure.retryable or failure.code in FOR_GOOD for failure in failures) or not failures
        found = last if last.retryable == retryable else Failure(str(last), last.code, retryable=retryable)
        found.retry_after = min(seat.rest for seat in left) or None
        return found

    def _none_left(self) -> Failure:
        complaints = "; ".join(seat.complaint for seat in self._seats)
        out = all(seat.breaker.state == "out" for seat in self._seats)
        code = self._seats[0].breaker.reason.partition(":")[0] if out else "unreachable"
        return Failure(f"none of {len(self._seats)} endpoints can be asked: {complaints}", code, retryable=not out)
