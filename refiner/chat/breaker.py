"""Whether an endpoint is asked at all: not for a while after it has failed several times in a row.

In: how each call of it ended. Out: whether the next one may go there. Closed, all calls may. After so many failures in
a row it opens, and none may until a cool-down is over; then one call tries (half-open): if that goes well it closes,
else it cools down for twice as long. Rate limits say that a server lives, and do not open it. Belongs to one event
loop; its time cannot jump. Not here: which endpoint is chosen (replicas.py).
"""

import random
import time
from collections.abc import Callable
from typing import Final, Literal

FAILURES: Final = ("unreachable", "server_error", "deadline", "bad_response")
"""Codes of failures that count."""
_LONGEST: Final = 60.0

State = Literal["closed", "open", "half-open", "out"]


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
        self._probing = False
        self._out = False
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
        return "half-open" if self._probing or self.wait == 0 else "open"

    @property
    def wait(self) -> float:
        """Seconds until a call may try."""
        return max(0.0, self._until - self._clock()) if self._openings else 0.0

    @property
    def admits(self) -> bool:
        """Whether a call may go there now."""
        return self.state == "closed" or (self.state == "half-open" and not self._probing)

    def enter(self) -> None:
        """A call goes there; half-open, it is the one that tries."""
        self._probing = self._openings > 0

    def leave(self) -> None:
        """A call ended without saying anything about the endpoint, as one that was cancelled."""
        self._probing = False

    def succeed(self) -> None:
        """A call went well."""
        self._failures = self._openings = 0
        self._probing = False
        self.reason = self.reason if self._out else ""

    def fail(self, code: str, reason: str) -> None:
        """A call failed."""
        if code not in FAILURES:  # the server lives
            self.succeed()
            return
        self.reason = reason
        self._failures += 1
        # Calls that were under way when it opened fail after it; they are no news.
        if self._probing or (not self._openings and self._failures >= self._most):
            self._openings += 1
            pause = min(_LONGEST, self._cooldown * 2 ** (self._openings - 1))
            self._until = self._clock() + pause * random.uniform(0.75, 1.25)
        self._probing = False

    def eject(self, reason: str) -> None:
        """No call can ever go well there."""
        self._out, self.reason = True, reason
