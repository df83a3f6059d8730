"""Processes that read pages, so that a page made to be hard can be given up for good.

In: the body of a page with its content type; bounds. Out: `PageText`, or `UnreadableFile`. A thread that a page keeps
busy cannot be ended, and the program does not end before it; a process can be. Processes are started when they are
needed, used again, and killed with the page that they do not finish in time. Not here: what they do
(reader_process.py).
"""

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import suppress
from typing import Final

from citerefine.tools.fetching.limits import PageLimits
from citerefine.tools.fetching.page_text import PageText
from citerefine.tools.fetching.reader_process import ANSWER, LENGTH, Task
from citerefine.tools.readers.document import UnreadableFile

_MODULE: Final = "citerefine.tools.fetching.reader_process"
_MOST: Final = 3
"""Processes at once: as many as there are pages of one search, as a rule."""
_START: Final = 30.0
"""Seconds; half a second is usual."""
_LONGEST: Final = 50_000_000
"""Bytes of an answer; a text within the limits has far less."""
_BROKEN: Final = (asyncio.IncompleteReadError, OSError, ValueError)


class ReaderPool:
    """Of one event loop."""

    def __init__(self, limits: PageLimits) -> None:
        """Starts nothing yet."""
        self._limits = limits
        self._places = asyncio.Semaphore(_MOST)
        self._idle = list[_Reader]()
        self._all = set[_Reader]()
        self._closed = False

    async def read(self, body: bytes, kind: str) -> PageText:
        """The text of a page. Raises UnreadableFile."""
        try:
            async with asyncio.timeout(self._limits.deadline):
                await self._places.acquire()
        except TimeoutError:
            raise UnreadableFile(
                f"other pages were still being read after {self._limits.deadline:g} s; ask again later"
            ) from None
        try:
            return await self._read(body, Task(kind=kind, limits=self._limits))
        finally:
            self._places.release()

    async def _read(self, body: bytes, task: Task) -> PageText:
        seconds = self._limits.extraction
        reader = await self._reader()
        try:
            async with asyncio.timeout(seconds):
                found = await reader.ask(task, body)
        except TimeoutError:
            await self._end(reader)
            raise UnreadableFile(f"its text could not be found within {seconds:g} s") from None
        except _BROKEN:
            await self._end(reader)
            raise UnreadableFile("its text could not be found: the process that read it came to an end") from None
        except BaseException:  # nobody waits for the page any more
            await self._end(reader)
            raise
        self._idle.append(reader)
        if isinstance(found, str):
            raise UnreadableFile(found)
        return found

    async def _reader(self) -> "_Reader":
        """One that waits for a page. Raises UnreadableFile if there can be none."""
        while self._idle:
            if (reader := self._idle.pop()).lives:
                return reader
            await self._end(reader)
        try:
            return await self._new()
        except (OSError, asyncio.IncompleteReadError) as error:  # also TimeoutError
            raise UnreadableFile(f"no process can be started to read it: {error or 'it does not begin'}") from None

    async def _new(self) -> "_Reader":
        """One that has begun. Raises OSError or IncompleteReadError."""
        self._refuse_if_closed()
        reader = await _started()
        self._all.add(reader)
        try:
            self._refuse_if_closed()
            async with asyncio.timeout(_START):
                await reader.ready()
        except BaseException:
            await self._end(reader)
            raise
        return reader

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise UnreadableFile("it was still waiting to be read when reading ended")

    async def _end(self, reader: "_Reader") -> None:
        await reader.end()
        self._all.discard(reader)

    async def aclose(self) -> None:
        """Ends all processes; a page that is being read then is unreadable."""
        self._closed = True
        self._idle.clear()
        for reader in [*self._all]:
            await self._end(reader)


class _Reader:
    """One process."""

    def __init__(self, process: Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process = process
        self._tasks, self._answers = process.stdin, process.stdout
        self._reading = asyncio.Lock()

    @property
    def lives(self) -> bool:
        return self._process.returncode is None

    async def ready(self) -> None:
        """Returns when it has begun. Raises IncompleteReadError if it ends before."""
        await self._frame()

    async def ask(self, task: Task, body: bytes) -> PageText | str:
        """What it answers. Raises OSError or IncompleteReadError if it has ended, ValueError for what is no answer."""
        head = task.model_dump_json().encode()
        self._tasks.writelines([LENGTH.pack(len(head)), head, LENGTH.pack(len(body)), body])
        await self._tasks.drain()
        return ANSWER.validate_json(await self._frame())

    async def _frame(self) -> bytes:
        async with self._reading:
            (length,) = LENGTH.unpack(await self._answers.readexactly(LENGTH.size))
            if length > _LONGEST:
                raise ValueError
            return await self._answers.readexactly(length)

    async def end(self) -> None:
        """Kills it, and waits until it is gone."""
        with suppress(ProcessLookupError):
            self._process.kill()
        self._tasks.close()
        async with self._reading:  # who still waits for an answer learns that there is none
            await self._process.communicate()
        with suppress(OSError):
            await self._tasks.wait_closed()


async def _started() -> _Reader:
    """A process that finds modules where this one does, and none in the working directory."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = (sys.executable, "-P", "-m", _MODULE)
    return _Reader(
        await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env=environment)
    )
