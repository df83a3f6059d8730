"""What a buffer holds after some events: frozen, and nothing but what follows from them.

In: values worked out by folding.py. Out: `Entry`, `QueryState`, `BufferState`. Not here: events, rubrics made of it
(views.py).
"""

import hashlib
from collections.abc import Mapping
from enum import StrEnum
from functools import cached_property
from typing import NamedTuple

from citerefine.rubrics.buffer.contrast import Contrast
from citerefine.rubrics.criterion import Criterion
from citerefine.rubrics.record import Record


class Standing(StrEnum):
    """Whether a criterion is judged."""

    FIXED = "fixed"
    """Always: of a static set, or written for the question before training."""
    ACTIVE = "active"
    """Adaptive, and judged now."""
    RETIRED = "retired"
    """Adaptive, and not judged; may come back."""


class Entry(Record):
    """One criterion and what is known of it."""

    criterion: Criterion
    standing: Standing
    held_out: bool
    """Measured, and never rewarded."""
    writer: str
    """The model that wrote it; empty if that was a person."""
    since: int
    """The step at which it came to its standing."""
    reason: str
    """Why it has it."""
    exposures: int = 0
    """Groups that it was seen in since."""
    contrast: Contrast = Contrast()

    @property
    def key(self) -> str:
        """The criterion's content key."""
        return self.criterion.key

    @property
    def is_judged(self) -> bool:
        """Whether it is judged now."""
        return self.standing is not Standing.RETIRED

    @property
    def is_rewarded(self) -> bool:
        """Whether it counts in the reward now."""
        return self.is_judged and not self.held_out


class Measured(NamedTuple):
    """How good the rollouts of one query were at one step: sums of values, of faults those of their absence."""

    step: int
    rewarded: float = 0.0
    n_rewarded: int = 0
    held_out: float = 0.0
    n_held_out: int = 0

    @property
    def gap(self) -> float | None:
        """How much better they are by the rewarded criteria than by those held out; None where either is unknown."""
        if not (self.n_rewarded and self.n_held_out):
            return None
        return self.rewarded / self.n_rewarded - self.held_out / self.n_held_out


class QueryState(Record):
    """The criteria of one query, in the order in which they came."""

    entries: tuple[Entry, ...] = ()
    measured: tuple[Measured, ...] = ()
    """One for each step at which it was scored."""

    @cached_property
    def by_key(self) -> Mapping[str, Entry]:
        """Content key → entry."""
        return {entry.key: entry for entry in self.entries}

    @property
    def adaptive_share(self) -> float:
        """What adaptive criteria hold of the rewarded weight, without signs; 0 where nothing is rewarded."""
        weights = [(entry.standing, abs(entry.criterion.weight)) for entry in self.entries if entry.is_rewarded]
        total = sum(weight for _, weight in weights)
        return sum(weight for standing, weight in weights if standing is Standing.ACTIVE) / total if total else 0.0


class BufferState(NamedTuple):
    """All queries at one moment."""

    step: int
    """Of the last event; 0 before the first."""
    n_events: int
    queries: Mapping[str, QueryState]


def is_drawn(key: str, share: float, seed: int) -> bool:
    """Whether a criterion is one of those held out: by its content alone, so that it is the same in every run."""
    drawn = int.from_bytes(hashlib.sha256(f"{seed}:{key}".encode()).digest()[:8])
    return drawn < share * 2**64
