"""One endpoint among several that share the work, and what calls have shown of it.

In: each call that goes there, as it begins, is sent and ends. Out: how much it has to do, whether it may be asked, how
long it takes. A deadline that ran out counts against an endpoint only if it had a fair part of the call's time, and
nothing came. Not here: which endpoint a call goes to (course.py), asking it (client.py).
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Final

from citerefine.refiner.chat.attempts import Attempt, AttemptWatcher
from citerefine.refiner.chat.breaker import Breaker
from citerefine.refiner.chat.call import ChatReply
from citerefine.refiner.chat.client import ChatClient
from citerefine.refiner.chat.failures import Failure
from citerefine.refiner.errors import CallError
from citerefine.refiner.records import Usage

FOR_GOOD: Final = ("unauthorized", "no_such_model")
"""Failures after which an endpoint is not asked any more."""
_FAIR: Final = 0.6
"""Least part of the whole deadline within which a server can be expected to say something; more than is left when
another endpoint is asked as well."""
_NEW: Final = 0.2
"""Weight of the last call in the typical time."""


class Visit:
    """One call at one endpoint; times are by the loop's clock."""

    __slots__ = ("began", "key", "received", "sent")

    def __init__(self, key: str = "") -> None:
        """`key`: of the call (`ChatCall.key`)."""
        self.key = key
        self.began = now()
        self.sent: float | None = None
        """When its request was sent; None while it waits for a place, or for what the server is."""
        self.received = False
        """Whether a piece of the reply has come."""

    @property
    def start(self) -> float:
        """Since when the endpoint had it, as far as is known."""
        return self.began if self.sent is None else self.sent


VISIT = ContextVar[Visit | None]("VISIT", default=None)
"""The visit whose request is being sent."""


class SendingClock:
    """Notes when the request of a visit is sent (attempts.AttemptWatcher)."""

    def __init__(self) -> None:
        self.watcher: AttemptWatcher | None = None
        """Hears all that this one hears."""

    async def begin(self, attempt: Attempt) -> None:
        """The request is sent when this is done."""
        if self.watcher:
            await self.watcher.begin(attempt)
        visit = VISIT.get()
        if visit and visit.key == attempt.key:
            visit.sent = now()

    async def end(self, attempt: Attempt, outcome: str, usage: Usage | None, reply: ChatReply | None) -> None:
        """The request is over."""
        if self.watcher:
            await self.watcher.end(attempt, outcome, usage, reply)


class Seat:
    """One endpoint, and how it does."""

    def __init__(self, client: ChatClient) -> None:
        self.client = client
        self.url = client.endpoint.base_url
        self.breaker = Breaker()
        self.active = 0
        self.turns = 0
        self.seconds: float | None = None
        """What a call takes there, typically; None before the first one."""
        self.counts_again = 0.0
        """When it may be asked to count tokens, by the loop's clock."""
        self._heard = 0.0
        self._rests_until = 0.0

    @property
    def rest(self) -> float:
        """Seconds for which others are asked rather, as the server wished or because it hangs."""
        return max(0.0, self._rests_until - now())

    @property
    def load(self) -> tuple[float, int]:
        """Calls under way over what it bears; of equal ones, whoever had fewer turns is next."""
        return self.active / self.client.limit, self.turns

    @property
    def has_room(self) -> bool:
        """Whether a request would leave at once."""
        return self.active < self.client.limit

    @asynccontextmanager
    async def taken(self, visit: Visit) -> AsyncIterator[None]:
        """A call that goes there, for as long as the block runs; how it ends is noted."""
        entry = self.breaker.enter()
        self.active += 1
        self.turns += 1
        try:
            yield
        except CallError as error:
            if error.code in FOR_GOOD:
                self.breaker.eject(f"{error.code}: {error}")
            if isinstance(error, Failure) and error.retry_after:
                self._rests_until = now() + error.retry_after
            if self._counts(error, visit):
                self.breaker.fail(entry, error.code, f"{error.code}: {error}")
            else:
                self.breaker.leave(entry)
            raise
        except BaseException:
            self.breaker.leave(entry)
            raise
        else:
            self.breaker.succeed(entry)
            self._hear(visit)
        finally:
            self.active -= 1

    def _counts(self, error: CallError, visit: Visit) -> bool:
        """Whether the failure says something about the endpoint, and not about the time that a caller gave it."""
        if error.code != "deadline":
            return True
        queued = visit.sent is None and self.active > self.client.limit
        had = now() - visit.start
        return not visit.received and not queued and had >= _FAIR * self.client.limits.deadline

    def _hear(self, visit: Visit) -> None:
        self._heard = now()
        took = self._heard - visit.start
        self.seconds = took if self.seconds is None else self.seconds + _NEW * (took - self.seconds)

    def outrun(self, visit: Visit) -> None:
        """Another endpoint was faster. If this one has been silent all the while, it is left alone for as long."""
        if self._heard < visit.start:
            self._rests_until = max(self._rests_until, 2 * now() - visit.start)

    @property
    def complaint(self) -> str:
        """What is wrong with it."""
        when = f"; asked again in {self.breaker.wait:.0f} s" if self.breaker.state == "open" else ""
        return f"{self.url} ({self.breaker.reason or 'it is being tried'}{when})"


def now() -> float:
    """By the loop's clock, in seconds."""
    return asyncio.get_running_loop().time()
