"""Asks a judge about rows, several at once, and gives the replies in the order of the rows.

In: rows, and what asks about one. Out: row and reply, as early as the order allows; memory is that of a few rows for
each that is asked at once. Not here: what is asked (measuring.py, observing.py).
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import suppress
from typing import Final, TypeVar

from citerefine.refiner.errors import CallError

Row = TypeVar("Row")
Reply = TypeVar("Reply")

_AHEAD: Final = 4
"""Rows that are asked, or done and waiting for an earlier one, for each that is asked at once."""


async def asked_in_order(
    rows: Iterable[Row], ask: Callable[[Row], Awaitable[Reply]], concurrency: int
) -> AsyncGenerator[tuple[Row, Reply], None]:
    """Each row with its reply, in order; at most `concurrency` are asked at once.

    Raises:
        CallError: if the judge cannot go on; those that are asked are given up.
    """
    free = asyncio.Semaphore(concurrency)
    waiting = deque[tuple[Row, asyncio.Task[Reply]]]()

    async def ask_when_free(row: Row) -> Reply:
        async with free:
            return await ask(row)

    try:
        for row in rows:
            waiting.append((row, asyncio.create_task(ask_when_free(row))))
            while len(waiting) >= concurrency * _AHEAD:
                first, task = waiting.popleft()
                yield first, await task
        while waiting:
            first, task = waiting.popleft()
            yield first, await task
    finally:
        for _, task in waiting:
            task.cancel()
        for _, task in waiting:
            with suppress(asyncio.CancelledError, CallError):  # the first CallError was raised; the others say the same
                await task
