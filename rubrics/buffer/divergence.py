"""Whether the rollouts become better only by what is rewarded.

In: the state of a buffer. Out: `Divergence`. Held-out criteria are drawn from the same ones as those rewarded; where
the policy learns what is good, both rise together, and where it learns the judge or the rewarded wording, only one
does. Each query is compared with itself, so that easy and hard questions do not matter. Not here: what is done about
it; stopping is the trainer's.
"""

from collections.abc import Sequence
from math import sqrt
from statistics import fmean, variance
from typing import Final, NamedTuple

from citerefine.rubrics.buffer.state import MOST_STEPS, BufferState
from citerefine.rubrics.errors import RubricError

LEAST_GAPS: Final = 8
"""Queries that are needed on either side."""
ALARMING: Final = 0.05
"""A smaller divergence is no reason to stop."""


class Divergence(NamedTuple):
    """How much more the rewarded values have risen than those held out, since the beginning."""

    value: float
    """In [-2, 2]; above 0 where only what is rewarded gets better."""
    error: float
    """Standard error of the value."""
    n_early: int
    n_late: int
    """Queries that it rests on."""

    @property
    def is_alarming(self) -> bool:
        """Whether it is more than `ALARMING`, and more than two standard errors."""
        return self.value > max(ALARMING, 2 * self.error)


def divergence(state: BufferState, window: int) -> Divergence | None:
    """What has come apart between the first `window` steps and the last; None as long as nobody can tell.

    Raises:
        RubricError: if the window is longer than what is kept.
    """
    if not 1 <= window <= MOST_STEPS:
        raise RubricError(f"a window of {window} steps; use 1 to {MOST_STEPS}, as that many are kept at either end")
    gaps = [found for query in state.queries.values() for found in query.course.gaps]
    if not gaps:
        return None
    first, last = min(step for step, _ in gaps), max(step for step, _ in gaps)
    early = [gap for step, gap in gaps if step < first + window]
    late = [gap for step, gap in gaps if step > last - window]
    if last - first < 2 * window - 1 or min(len(early), len(late)) < LEAST_GAPS:
        return None
    return Divergence(
        fmean(late) - fmean(early), sqrt(_squared_error(early) + _squared_error(late)), len(early), len(late)
    )


def _squared_error(values: Sequence[float]) -> float:
    return variance(values) / len(values)
