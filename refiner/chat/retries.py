"""Whether to ask again, and when: bounded attempts, full jitter, the server's wish, never past the deadline.

In: one failure after another. Out: seconds to wait before the next attempt, or the failure itself; the one total
deadline of a call. Not here: waiting for the next attempt.
"""

import asyncio
import random
from contextvars import ContextVar
from types import TracebackType
from typing import Final

from citerefine.refiner.chat.failures import Failure
from citerefine.refiner.chat.limits import ClientLimits

_LONGEST_BACKOFF: Final = 20.0
"""Seconds; a server that wants longer says so in Retry-After."""
_ATTEMPTS_AT_BAD_RESPONSES: Final = 2
"""A mangled reply may be chance; the second one is not."""


BEGAN: Final[ContextVar[float | None]] = ContextVar("BEGAN", default=None)
"""When the call that is made in this context began, by the loop's clock, if that was before it came here."""


class Retries:
    """The attempts of one call, and the time that all of them have; made when the call begins."""

    def __init__(self, limits: ClientLimits, where: str, until: float | None = None) -> None:
        """`where`: the address that is asked, for messages; `until`: by the loop's clock, where it is set already."""
        self._limits = limits
        self._where = where
        self._until = (BEGAN.get() or _now()) + limits.deadline if until is None else until
        self._attempts = 0
        self._bad_responses = 0
        self._last: Failure | None = None

    def deadline(self) -> "Deadline":
        """Lets an `async with` block run until the call's time is up.

        Raises:
            Failure: `deadline`, when it is; it says what went wrong last.
        """
        return Deadline(self)

    @property
    def until(self) -> float:
        """When the call's time is up, by the loop's clock."""
        return self._until

    def note(self, failure: Failure) -> None:
        """Remembers what went wrong last, where it is not tried again here."""
        self._last = failure

    def late(self) -> Failure:
        """That the call's time is up."""
        last = f"; the last attempt failed: {self._last}" if self._last else ""
        return Failure(
            f"no complete reply from {self._where} within {self._limits.deadline:g} s{last}; raise the deadline or ask "
            "for fewer tokens",
            "deadline",
            retryable=True,
        )

    def pause_after(self, failure: Failure) -> float:
        """Seconds to wait before the next attempt.

        Raises:
            Failure: the same, if it would not help to ask again or the wait would pass the deadline.
        """
        self._last = failure
        self._attempts += 1
        self._bad_responses += failure.code == "bad_response"
        if not failure.retryable or self._bad_responses >= _ATTEMPTS_AT_BAD_RESPONSES:
            raise failure
        if self._attempts >= self._limits.attempts:
            raise _explained(failure, f"given up after {self._attempts} attempts" if self._attempts > 1 else "")
        pause = self._backoff() if failure.retry_after is None else failure.retry_after
        if _now() + pause >= self._until:
            limit = f"{self._limits.deadline:g} s"
            raise _explained(failure, f"waiting {_seconds(pause)} s would pass the deadline of {limit}")
        return pause

    def _backoff(self) -> float:
        """Full jitter: anything up to the bound, so that callers that failed together do not return together."""
        return random.uniform(0, min(_LONGEST_BACKOFF, self._limits.backoff * 2 ** (self._attempts - 1)))


class Deadline:
    """Stops a block when a call's time is up."""

    __slots__ = ("_retries", "_scope")

    def __init__(self, retries: Retries) -> None:
        self._retries = retries

    async def __aenter__(self) -> None:
        if _now() >= self._retries.until:  # a block that never waits would not be stopped
            raise self._retries.late()
        self._scope = asyncio.timeout_at(self._retries.until)
        await self._scope.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._scope.__aexit__(kind, error, trace)
        except TimeoutError:
            raise self._retries.late() from None
        if isinstance(error, TimeoutError) and self._scope.expired():
            raise self._retries.late() from None


def _seconds(seconds: float) -> str:
    return f"{seconds:,.0f}" if seconds >= 10 else f"{seconds:.3g}"


def _now() -> float:
    return asyncio.get_running_loop().time()


def _explained(failure: Failure, why: str) -> Failure:
    message = f"{failure}; {why}" if why else str(failure)
    explained = Failure(message, failure.code, retryable=True)
    explained.retry_after = failure.retry_after
    return explained
