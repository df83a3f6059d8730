"""Waits for work, and no longer.

In: a coroutine and seconds. Out: its result, or TimeoutError on time, whatever the coroutine does with being
cancelled. Not here: how the seconds are shared out.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def within(seconds: float, work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`. Raises TimeoutError after `seconds`, and what `work` raises.

    `asyncio.timeout` waits until cancelled work has ended, and foreign work may never end; here it is left behind.
    """
    task = asyncio.ensure_future(work)
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


def _abandon(task: asyncio.Task[Any]) -> None:
    task.cancel()
    task.add_done_callback(_forget)


def _forget(task: asyncio.Task[Any]) -> None:
    """Looks at what became of work that nobody waits for, so that asyncio does not complain of it."""
    if not task.cancelled():
        task.exception()
