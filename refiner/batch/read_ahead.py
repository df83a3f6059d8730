"""Hands items of a blocking iterator to an event loop, a bounded number of them ahead.

In: an iterator, such as rows read from a pipe. Out: the same items, awaited, to any number of tasks. A thread reads,
so that the loop never waits for a file or a pipe, and a reader that never gets anything more holds up neither
Ctrl-C nor the end of the process. Not here: what the items are.
"""

import asyncio
import threading
from collections.abc import Iterator
from types import TracebackType
from typing import Final, Generic, NamedTuple, Self, TypeVar

T = TypeVar("T")

JOIN_SECONDS: Final = 1.0
"""How long the end waits for the thread; one that waits for a pipe is left behind."""


class _End(NamedTuple):
    """What comes behind the last item."""

    error: BaseException | None


class ReadAhead(Generic[T]):
    """An asynchronous iterator; also a context manager, which starts the reading and stops it."""

    def __init__(self, items: Iterator[T], limit: int) -> None:
        """Reads `items` at most `limit` ahead, from the start of the context on."""
        self._items = items
        self._room = threading.Semaphore(limit)
        self._queue: asyncio.Queue[T | _End] = asyncio.Queue()
        self._stopped = False
        self._thread = threading.Thread(target=self._read, name="citerefine rows", daemon=True)

    def __enter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped = True
        self._room.release()
        self._thread.join(JOIN_SECONDS)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        """The next item; raises what the iterator raised."""
        item = await self._queue.get()
        if isinstance(item, _End):
            self._queue.put_nowait(item)  # for the other tasks that take items
            raise item.error or StopAsyncIteration
        self._room.release()
        return item

    def _read(self) -> None:
        error: BaseException | None = None
        try:
            for item in self._items:
                self._room.acquire()
                if self._stopped:
                    return
                self._loop.call_soon_threadsafe(self._queue.put_nowait, item)
        except BaseException as raised:  # raised again where the items are taken
            error = raised
        if not self._stopped:  # or else the loop may be closed, and nobody takes anything
            self._loop.call_soon_threadsafe(self._queue.put_nowait, _End(error))
