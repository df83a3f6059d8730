"""Where events are kept, in order: what a buffer is made from, and again.

In: events. Out: the same events. A log goes back to an earlier event only where it is told to (`rewind`). Not here: a
log on disk (event_file.py), what events change (folding.py).
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Protocol

from pydantic import Field

from citerefine.rubrics.buffer.events import Event, canonical, dump_event
from citerefine.rubrics.record import Record

NOTHING: Final = "0" * 32
"""The digest of no events."""


class Checkpoint(Record):
    """How far a log was at a step of the trainer; kept with the trainer's own checkpoint."""

    step: int = Field(ge=0)
    n_events: int = Field(ge=0)
    digest: str = Field(pattern="^[0-9a-f]{32}$")
    """Of all events up to there, so that it fits no other log."""


def chained(digest: str, event: Event) -> str:
    """The digest of some events and one more."""
    return hashlib.sha256(digest.encode() + canonical(dump_event(event))).hexdigest()[:32]


class EventLog(Protocol):
    """A list of events that is added to."""

    def append(self, events: Sequence[Event]) -> None:
        """Adds events; a crash keeps a first part of them. Raises RubricError if it cannot be written."""
        ...

    def events(self) -> Iterable[Event]:
        """All events that count, in order. Raises RubricError if they cannot be read."""
        ...

    def rewind(self, n_events: int) -> None:
        """From now on only the first `n_events` count."""
        ...

    def sync(self) -> None:
        """Returns when what was added outlives a power cut."""
        ...

    def close(self) -> None:
        """Gives the log back; closing twice does nothing."""
        ...


class MemoryLog:
    """A log that ends with the process."""

    def __init__(self) -> None:
        self._events = list[Event]()

    def append(self, events: Sequence[Event]) -> None:
        """Adds events."""
        self._events.extend(events)

    def events(self) -> Iterator[Event]:
        """All events, in order."""
        return iter(tuple(self._events))

    def rewind(self, n_events: int) -> None:
        """Forgets all but the first `n_events`."""
        del self._events[n_events:]

    def sync(self) -> None:
        """There is nothing to wait for."""

    def close(self) -> None:
        """There is nothing to give back."""
