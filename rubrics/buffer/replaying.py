"""Works out what a buffer holds from its events, one after the other.

In: events in order. Out: `Replay`: the state of each query, the step, a digest of all events. Not here: what one event
changes (folding.py), where events come from.
"""

from collections.abc import Iterable
from types import MappingProxyType
from typing import NamedTuple, Self

from citerefine.rubrics.buffer.events import Event
from citerefine.rubrics.buffer.folding import fold
from citerefine.rubrics.buffer.logs import NOTHING, chained
from citerefine.rubrics.buffer.settings import BufferSettings
from citerefine.rubrics.buffer.state import BufferState, QueryState
from citerefine.rubrics.errors import RubricError


class Replay:
    """What follows from the events that were taken so far."""

    def __init__(self, settings: BufferSettings) -> None:
        self.settings = settings
        self.step = 0
        self.n_events = 0
        self.digest = NOTHING
        self._queries = dict[str, QueryState]()

    def query(self, query: str) -> QueryState:
        """The criteria of one query; none if it is not known."""
        return self._queries.get(query, QueryState())

    @property
    def state(self) -> BufferState:
        """All queries now; what is taken later does not change it."""
        return BufferState(self.step, self.n_events, MappingProxyType(dict(self._queries)))

    def take(self, events: Iterable[Event]) -> Self:
        """Takes events. Raises RubricError at the first that breaks a rule, with those before it taken."""
        for event in events:
            self.adopt(self.tried([event]))
        return self

    def tried(self, events: Iterable[Event]) -> "Tried":
        """What would follow from these events, for `adopt`; changes nothing. Raises RubricError."""
        step, n_events, digest, queries = self.step, self.n_events, self.digest, dict[str, QueryState]()
        for event in events:
            if event.step < step:
                raise RubricError(
                    f"{event.kind} of {event.key} is of step {event.step}, and the buffer is at step {step}; "
                    "restore an earlier checkpoint to go back"
                )
            before = queries.get(event.query) or self.query(event.query)
            queries[event.query] = fold(before, event, self.settings)
            step, n_events, digest = event.step, n_events + 1, chained(digest, event)
        return Tried(step, n_events, digest, queries)

    def adopt(self, tried: "Tried") -> None:
        """Takes what `tried` has worked out from here."""
        self.step, self.n_events, self.digest = tried.step, tried.n_events, tried.digest
        self._queries.update(tried.queries)


class Tried(NamedTuple):
    """What follows from some events: of the queries only those that change, so that the others cost nothing."""

    step: int
    n_events: int
    digest: str
    queries: dict[str, QueryState]


def replay(events: Iterable[Event], settings: BufferSettings) -> BufferState:
    """What a buffer holds after these events. Raises RubricError if one breaks a rule."""
    return Replay(settings).take(events).state
