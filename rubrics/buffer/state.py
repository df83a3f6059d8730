"""What a buffer holds after some events: frozen, and nothing but what follows from them.

In: values worked out by folding.py. Out: `Entry`, `Course`, `QueryState`,
`BufferState`. Not here: events, rubrics made of it
(views.py).
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from math import fsum
from typing import Final, NamedTuple

from citerefine.rubrics.buffer.contrast import UNSEEN, Contrast
from citerefine.rubrics.buffer.own_rubric import NO_RUBRIC, OwnRubric
from citerefine.rubrics.criterion import Criterion, Polarity

MOST_STEPS: Final = 500
"""So many steps are kept of the beginning and of the end of a query, whatever the length of a run."""


class Standing(StrEnum):
    """Whether a criterion is judged."""

    FIXED = "fixed"
    """Always: of a static set, or written for the question before training."""
    ACTIVE = "active"
    """Adaptive, and judged now."""
    RETIRED = "retired"
    """Adaptive, and not judged; may come back."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One criterion and what is known of it. Not checked again: folding.py makes it of what was checked."""

    criterion: Criterion
    mass: float
    """What it counts without sign: of a rubric with groups, its share of their weight."""
    is_fault: bool
    """Whether it, or a group it is in, is a fault."""
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
    contrast: Contrast = UNSEEN

    @property
    def key(self) -> str:
        """The criterion's content key."""
        return self.criterion.key

    @property
    def alone(self) -> Criterion:
        """The criterion with the weight and polarity that it has outside of its groups."""
        if (self.mass, self.is_fault) == (abs(self.criterion.weight), self.criterion.is_negative):
            return self.criterion
        weight, polarity = (-self.mass, Polarity.NEGATIVE) if self.is_fault else (self.mass, Polarity.POSITIVE)
        return self.criterion.model_copy(update={"weight": weight, "polarity": polarity})

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


class Course(NamedTuple):
    """What was measured of one query at its first and its last steps; of the others nothing is kept."""

    first: tuple[Measured, ...] = ()
    last: tuple[Measured, ...] = ()
    """Those after the first; of either only steps that have a gap, at most `MOST_STEPS`."""
    now: Measured | None = None
    """The step that more may come of."""

    def at(self, step: int) -> "Course":
        """At a step, which is not before the one now; what has no gap by then never gets one."""
        if self.now is None or self.now.gap is None:
            return self if self.now and self.now.step == step else self._replace(now=Measured(step))
        if self.now.step == step:
            return self
        if len(self.first) < MOST_STEPS:
            return self._replace(first=(*self.first, self.now), now=Measured(step))
        return Course(self.first, (*self.last, self.now)[-MOST_STEPS:], Measured(step))

    @property
    def gaps(self) -> list[tuple[int, float]]:
        """Steps and gaps, in order."""
        now = () if self.now is None else (self.now,)
        steps = (*self.first, *self.last, *now)
        return [(measured.step, gap) for measured in steps if (gap := measured.gap) is not None]


NOTHING_MEASURED: Final = Course()


@dataclass(frozen=True)
class QueryState:
    """The criteria of one query. Not checked again: folding.py makes it of what was checked."""

    own: OwnRubric = NO_RUBRIC
    """Its own rubric."""
    by_key: Mapping[str, Entry] = field(default_factory=dict)
    """Content key → entry, in the order in which they came: first those of its own rubric."""
    course: Course = NOTHING_MEASURED

    @cached_property
    def entries(self) -> tuple[Entry, ...]:
        """All criteria."""
        return tuple(self.by_key.values())

    @property
    def adaptive_share(self) -> float:
        """What adaptive criteria hold of the rewarded weight, without signs; 0 where nothing is rewarded."""
        rewarded = [entry.mass for entry in self.entries if entry.standing is Standing.ACTIVE and not entry.held_out]
        total = fsum([self.own.rewarded_mass, *rewarded])
        return fsum(rewarded) / total if total else 0.0


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
