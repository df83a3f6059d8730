"""Puts the events of one turn of the event loop into the file of a journal together.

In: events of requests that begin and end at once. Out: the same in the file, in one transaction, before any of those
who brought them goes on: a transaction costs as much as all else that a call needs. Belongs to one event loop. Not
here: the file (journal_file.py), what is asked (journal.py).
"""

import asyncio

from citerefine.refiner.chat.journal_events import Event
from citerefine.refiner.chat.journal_file import JournalFile


class JournalWriter:
    """Who waits for the file."""

    def __init__(self, file: JournalFile) -> None:
        self._file = file
        self._waiting: list[tuple[Event, asyncio.Future[None]]] = []

    async def add(self, event: Event) -> None:
        """Adds an event; it is in the file when this is done. Raises InputError if that cannot be done.

        Who is cancelled here has added it all the same.
        """
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self.flush)
        await self._queue(event)

    def add_now(self, event: Event) -> None:
        """Adds an event, behind all that wait, where nobody can wait: as while a cancelled call ends."""
        turn = self._queue(event)
        self.flush()
        turn.result()

    def _queue(self, event: Event) -> asyncio.Future[None]:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((event, turn))
        return turn

    def flush(self) -> None:
        """Adds all that wait."""
        waiting, self._waiting = self._waiting, []
        try:
            self._file.add(*(event for event, _ in waiting))
        except Exception as error:  # whatever it is: who is not told would wait for ever
            if len(waiting) == 1:
                _settle(waiting[0][1], error)
                return
            for each in waiting:  # a full file may have room for some of them
                self._waiting = [each]
                self.flush()
            return
        for _, turn in waiting:
            _settle(turn, None)


def _settle(turn: asyncio.Future[None], error: Exception | None) -> None:
    if turn.done():  # cancelled
        return
    if error is None:
        turn.set_result(None)
    else:
        turn.set_exception(error)
