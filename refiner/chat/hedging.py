"""The same asked a second time elsewhere when the first reply is long in coming: whichever comes first counts.

In: what is asked first, when it has taken long, and how to ask elsewhere. Out: one reply. What was asked first goes
on, so that a slow reply is not lost; whatever comes second is cancelled. Not here: whom to ask (course.py).
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, Generic, TypeVar

from citerefine.refiner.chat.failures import Failure

T = TypeVar("T")

_LOOK: Final = 0.1
"""Seconds after which somebody else may have room, where nobody had."""


class Hedge(Generic[T]):
    """One question, which may be asked twice."""

    def __init__(
        self,
        due: Callable[[], float],
        elsewhere: Callable[[], Coroutine[Any, Any, T] | None],
        is_final: Callable[[Failure], bool],
        drop: Callable[[T], Awaitable[None]] | None = None,
    ) -> None:
        """Asks nobody yet.

        Args:
            due: when the first reply has taken long, by the loop's clock; asked anew each time that it comes.
            elsewhere: asks another one; None if there is none to ask now.
            is_final: whether a failure of one says that all would fail.
            drop: what becomes of a reply that is not needed any more.
        """
        self._due = due
        self._elsewhere = elsewhere
        self._is_final = is_final
        self._drop = drop
        self._timer: asyncio.TimerHandle | None = None
        self._waits = False
        """Whether what was asked first is waited for."""
        self._second: asyncio.Task[T] | None = None
        self.won = False
        """Whether the second reply was taken."""

    async def run(self, first: Awaitable[T]) -> T:
        """The reply that comes first. Raises Failure if none does."""
        self._scope = asyncio.timeout(None)  # no task for what is asked first: most is never asked twice
        self._arm(self._due())
        try:
            try:
                async with self._scope:
                    return await self._wait(first)
            except TimeoutError:
                if not self._scope.expired():
                    raise
            except Failure as failure:
                if not self._second or (self._is_final(failure) and not _has_reply(self._second)):
                    raise
            return await self._take_second()
        finally:
            await self._end()

    async def _wait(self, first: Awaitable[T]) -> T:
        self._waits = True
        try:
            return await first
        finally:
            self._waits = False

    def _arm(self, when: float) -> None:
        self._timer = asyncio.get_running_loop().call_at(when, self._look)

    def _look(self) -> None:
        now, due = asyncio.get_running_loop().time(), self._due()
        if due > now:
            self._arm(due)
        elif self._waits and not self._ask():
            self._arm(now + _LOOK)

    def _ask(self) -> bool:
        asked = self._elsewhere()
        if asked:
            self._second = asyncio.create_task(asked)
            self._second.add_done_callback(self._ended)
        return asked is not None

    def _ended(self, second: "asyncio.Task[T]") -> None:
        """Stops what was asked first, unless the second one failed: then a third one may be asked."""
        if second.cancelled():
            return
        error = second.exception()
        if isinstance(error, Failure) and not self._is_final(error):
            self._ask()
        elif self._waits:
            self._scope.reschedule(0)

    async def _take_second(self) -> T:
        while True:
            assert self._second
            second = self._second
            try:
                reply = await second
            except Failure:
                await asyncio.sleep(0)  # its end is heard of, and a third one asked
                if self._second is second:
                    raise
                continue
            self._second, self.won = None, True
            return reply

    async def _end(self) -> None:
        if self._timer:
            self._timer.cancel()
        second, self._second = self._second, None
        if second:
            second.cancel()
            await asyncio.wait([second])  # its place and its account are in order before the reply is handed on
            if self._drop and _has_reply(second):
                await self._drop(second.result())


def _has_reply(task: "asyncio.Task[T]") -> bool:
    return task.done() and not task.cancelled() and task.exception() is None
