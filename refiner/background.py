"""Runs asynchronous work for callers that do not await: one event loop in a thread of its own.

In: a coroutine or an asynchronous iterator. Out: its result or its items, to synchronous code, also where that runs
inside somebody's event loop (a notebook). One loop for the whole process, so that connections stay open between
calls. Ctrl-C, or leaving an iteration, cancels the work. Not here: what is run.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator
from concurrent.futures import Future
from functools import cache
from queue import SimpleQueue
from typing import Any, Final, TypeVar

T = TypeVar("T")

_END: Final = object()


@cache
def _loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="citerefine", daemon=True).start()
    return loop


def run(work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`; what it raises is raised here."""
    return _result(asyncio.run_coroutine_threadsafe(work, _loop()))


def _result(future: Future[T]) -> T:
    try:
        return future.result()
    except BaseException:
        future.cancel()
        raise


def iterate(items: AsyncIterator[T]) -> Iterator[T]:
    """The items, as they come; what the iterator raises is raised here."""
    queue = SimpleQueue[Any]()

    async def pump() -> None:  # in one task from first to last, as its time limits need
        try:
            async for item in items:
                queue.put(item)
        finally:
            queue.put(_END)

    future = asyncio.run_coroutine_threadsafe(pump(), _loop())
    try:
        while (item := queue.get()) is not _END:
            yield item
        future.result()
    finally:
        future.cancel()
