"""Puts the events of requests into the file of a journal, many of one turn of the event loop together.

In: events of requests that begin and end at once. Out: the same in the file before any of those who brought them goes
on. An event with a transaction of its own takes 40 to 70 microseconds of processor time, one of four that share it
half of that: where few requests are under way each event is added at once; where many are, those that begin are added
by twos, with what has ended meanwhile. While another process holds the file they wait, for a few seconds at most, and
the loop goes on. Belongs to one event loop. Not here: the file (journal_file.py), what is asked (journal.py).

No thread writes: of two that run Python, each waits for the other, which costs a fifth of the rate.
"""

import asyncio
from collections.abc import Callable, Iterator
from typing import Final, TypeVar

from citerefine.refiner.chat.journal_events import Event
from citerefine.refiner.chat.journal_file import WAIT, HeldError, JournalFile

T = TypeVar("T")

_PAUSES: Final = (0.001, 0.002, 0.005, 0.01, 0.02)
"""Seconds before each further look at a file that is held; the last one again and again."""

_CHANGES: Final = {"sent": 1, "ok": -1, "failed": -1}
"""What an event makes of the number of requests under way."""

FEW: Final = 8
"""Requests under way up to which each event is added at once: those of one turn would be one or two."""
TOGETHER: Final = 2
"""Requests about to begin that wait for no further one, and take along what has ended by then. Calls whose events
share a transaction go on together and meet again at the next one: were there no bound, all would always wait for all.
Of ends alone, more share one. Waiting for a timer made no call cheaper."""


class JournalWriter:
    """Who waits for the file."""

    def __init__(self, file: JournalFile, wait: float = WAIT) -> None:
        """`file`: made to wait for nobody itself; `wait`: seconds that it may be held by another process."""
        self._file = file
        self._wait = wait
        self._loop = asyncio.get_running_loop()
        self._waiting: list[tuple[Event, asyncio.Future[None]]] = []
        self._beginning = 0
        """Of those that wait, requests that are about to begin."""
        self._due = False
        self._under_way = 0
        """Requests that have begun and not ended, as far as the file was told."""
        self._held_since: float | None = None
        self._pauses: Iterator[float] = iter(())

    async def add(self, event: Event) -> None:
        """Adds an event; it is in the file when this is done. Raises InputError if that cannot be done.

        Who is cancelled here has added it all the same, as soon as the file is free.
        """
        turn = self._queue(event)
        self._beginning += event.status == "sent"
        if self._held_since is None and (self._under_way <= FEW or self._beginning >= TOGETHER):
            self.flush()
            if turn.done():  # to wait for it all the same would take a turn of the loop
                return turn.result()
        elif not self._due:
            self._due = True
            self._loop.call_soon(self._flush)
        await turn

    def add_now(self, event: Event) -> None:
        """Adds an event, behind all that wait, where nobody can wait: as while a cancelled call ends.

        Raises InputError if that cannot be done; where another process holds the file, it is added later.
        """
        turn = self._queue(event)
        self.flush()
        if turn.done():
            turn.result()
        else:
            turn.add_done_callback(lambda late: late.cancelled() or late.exception())  # nobody is there to be told

    async def drain(self) -> None:
        """Waits until all is added, or cannot be."""
        self.flush()
        while self._waiting:
            await asyncio.sleep(_PAUSES[-1])

    def _queue(self, event: Event) -> asyncio.Future[None]:
        turn: asyncio.Future[None] = self._loop.create_future()
        self._waiting.append((event, turn))
        return turn

    def _flush(self) -> None:
        self._due = False
        self.flush()

    def flush(self) -> None:
        """Adds all that wait, or tries again soon."""
        waiting, self._waiting = self._waiting, []
        self._beginning = 0
        if waiting:
            self._add(waiting)

    def _add(self, waiting: list[tuple[Event, asyncio.Future[None]]]) -> None:
        try:
            self._file.add(*(event for event, _ in waiting))
        except HeldError as error:
            self._put_off(waiting, error)
            return
        except Exception as error:  # whatever it is: who is not told would wait for ever
            if len(waiting) == 1:
                _settle(waiting[0][1], error)
            else:
                for each in waiting:  # a full file may have room for some of them
                    self._add([each])
            return
        self._held_since = None
        for event, turn in waiting:
            self._under_way += _CHANGES.get(event.status, 0)
            _settle(turn, None)

    def _put_off(self, waiting: list[tuple[Event, asyncio.Future[None]]], error: HeldError) -> None:
        now = self._loop.time()
        if self._held_since is None:
            self._held_since, self._pauses = now, iter(_PAUSES)
        if now - self._held_since >= self._wait:
            self._held_since = None
            for _, turn in waiting:
                _settle(turn, error)
            return
        self._waiting += waiting
        if not self._due:
            self._due = True
            self._loop.call_later(next(self._pauses, _PAUSES[-1]), self._flush)


async def unheld(work: Callable[[], T], wait: float = WAIT) -> T:
    """What `work` gives with a file that waits for nobody, once no other process holds that. Raises HeldError."""
    loop = asyncio.get_running_loop()
    until, pauses = loop.time() + wait, iter(_PAUSES)
    while True:
        try:
            return work()
        except HeldError:
            if loop.time() >= until:
                raise
        await asyncio.sleep(next(pauses, _PAUSES[-1]))


def _settle(turn: asyncio.Future[None], error: Exception | None) -> None:
    if turn.done():  # cancelled
        return
    if error is None:
        turn.set_result(None)
    else:
        turn.set_exception(error)
