"""Waits for work, and no longer.

In: a coroutine and seconds. Out: its result, or TimeoutError on time, whatever the coroutine does with being
cancelled. Not here: how the seconds are shared out.
"""

import asyncio
from collections.abc import Coroutine
from contextvars import ContextVar
from typing import Any, Final, TypeVar

T = TypeVar("T")

_UNTIL: Final[ContextVar[float | None]] = ContextVar("_UNTIL", default=None)
"""When the work of this context is left behind, by the loop's clock."""


async def within(seconds: float, work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`. Raises TimeoutError after `seconds`, and what `work` raises.

    `asyncio.timeout` waits until cancelled work has ended, and foreign work may never end; here it is left behind.
    """
    until = asyncio.get_running_loop().time() + max(0.0, seconds)
    outer = _UNTIL.get()
    token = _UNTIL.set(until if outer is None else min(outer, until))
    try:
        task = asyncio.ensure_future(work)  # it has the context of now
    finally:
        _UNTIL.reset(token)
    try:
        done, _ = await asyncio.wait({task}, timeout=max(0.0, seconds))
    except BaseException:
        _abandon(task)
        raise
    if not done:
        _abandon(task)
        raise TimeoutError(f"no result within {max(0.0, seconds):.3g} s")
    if task.cancelled():  # by itself: nobody else could
        raise RuntimeError("the work cancelled itself")
    return task.result()


def seconds_left() -> float | None:
    """How long the work of this context may still take, before nobody waits for it; None if nothing bounds it.

    Work that gathers from several sides can give what it has in time, instead of nothing.
    """
    until = _UNTIL.get()
    return None if until is None else until - asyncio.get_running_loop().time()


def _abandon(task: asyncio.Task[Any]) -> None:
    task.cancel()
    task.add_done_callback(_forget)


def _forget(task: asyncio.Task[Any]) -> None:
    """Looks at what became of work that nobody waits for, so that asyncio does not complain of it."""
    if not task.cancelled():
        task.exception()
