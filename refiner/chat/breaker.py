"""Whether an endpoint is asked at all: not for a while after it has failed several times in a row.

In: how each call of it ended. Out: whether the next one may go there. Closed, all calls may. After so many failures in
a row it opens, and none may until a cool-down is over; then one call tries (half-open): if that goes well it closes,
else it cools down for twice as long. A call can also try before its time, where there is nobody else to ask. Rate
limits say that a server lives, and do not open it. A call speaks only for the time in which it began: one that began
before it opened or closed is no news. Belongs to one event loop; its time cannot jump. Not here: which endpoint is
chosen (course.py), which failures are the endpoint's own (seat.py).
"""

import random
import time
from collections.abc import Callable
from typing import Final, Literal, NamedTuple

FAILURES: Final = ("unreachable", "server_error", "deadline", "bad_response")
"""Codes of failures that count."""
_LONGEST: Final = 60.0

State = Literal["closed", "open", "half-open", "out"]


class Entry(NamedTuple):
    """What a call is given when it begins, and shows when it ends."""

    era: int
    """How often it had opened or closed by then."""
    early: bool
    """Whether it tries although the cool-down is not over."""


class Breaker:
    """The state of one endpoint."""

    def __init__(self, most: int = 5, cooldown: float = 5.0, clock: Callable[[], float] = time.monotonic) -> None:
        """`most`: failures in a row after which it opens; `cooldown`: seconds, first; `clock`: seconds, rising."""
        self._most = most
        self._cooldown = cooldown
        self._clock = clock
        self._failures = 0
        self._openings = 0
        self._until = 0.0
        self._era = 0
        self._trying = 0
        self._out = False
        self.failed_tries = 0
        """How many calls that tried have failed, ever."""
        self.reason = ""
        """What went wrong last; empty while all is well."""

    @property
    def failures(self) -> int:
        """How many calls failed in a row."""
        return self._failures

    @property
    def state(self) -> State:
        """`closed`, `open`, `half-open` while one call may try or tries, `out` for good."""
        if self._out:
            return "out"
        if not self._openings:
            return "closed"
        return "half-open" if self.is_tried or self.wait == 0 else "open"

    @property
    def is_tried(self) -> bool:
        """Whether a call tries now."""
        return self._trying > 0

    @property
    def wait(self) -> float:
        """Seconds until a call may try."""
        return max(0.0, self._until - self._clock()) if self._openings else 0.0

    @property
    def admits(self) -> bool:
        """Whether a call may go there now."""
        return self.state == "closed" or (self.state == "half-open" and not self.is_tried)

    def enter(self) -> Entry:
        """A call goes there; unless it is closed, it is one that tries."""
        entry = Entry(self._era, self.wait > 0)
        self._trying += self._openings > 0
        return entry

    def leave(self, entry: Entry) -> None:
        """A call ended without saying anything about the endpoint, as one that was cancelled."""
        if entry.era == self._era and self._openings:
            self._trying -= 1

    def succeed(self, entry: Entry) -> None:
        """A call went well."""
        if entry.era != self._era:
            return
        if self._openings:
            self._openings = self._trying = 0
            self._era += 1
        self._failures = 0
        self.reason = self.reason if self._out else ""

    def fail(self, entry: Entry, code: str, reason: str) -> None:
        """A call failed."""
        if code not in FAILURES:  # the server lives
            self.succeed(entry)
            return
        if entry.era != self._era:
            return
        self.reason = reason
        self._failures += 1
        self.failed_tries += self._openings > 0
        if entry.early:  # it was known to be down
            self._trying -= 1
        elif self._openings or self._failures >= self._most:
            self._open()

    def _open(self) -> None:
        self._openings += 1
        self._era += 1
        self._trying = 0
        pause = min(_LONGEST, self._cooldown * 2 ** (self._openings - 1))
        self._until = self._clock() + pause * random.uniform(0.75, 1.25)

    def eject(self, reason: str) -> None:
        """No call can ever go well there."""
        self._out, self.reason = True, reason
