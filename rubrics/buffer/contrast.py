"""How often a criterion separates the rollouts of a group, and how sure that is.

In: values of a group; counts. Out: whether it separates; a Beta posterior of the rate. The spread itself is not used:
of eight noisy values it says little, and a criterion that separates now and then is worth its place. Not here: what
follows from it (rubric_buffer.py).
"""

from typing import Final, NamedTuple

import numpy as np

from citerefine.rubrics.buffer.events import Values

_GRID: Final = (np.arange(4096) + 0.5) / 4096


def known(values: Values) -> list[float]:
    """The values that are there."""
    return [value for value in values if value is not None]


def separates(values: Values, least_gap: float) -> bool:
    """Whether two known values lie at least `least_gap` apart."""
    there = known(values)
    return bool(there) and max(there) - min(there) >= least_gap - 1e-9


class Contrast(NamedTuple):
    """What is known of the share of groups that a criterion separates, from an even prior."""

    groups: float = 0.0
    """How many it was seen in; older ones count for less."""
    separated: float = 0.0
    """How many of them it separated."""

    def seen(self, separated: bool, memory: float) -> "Contrast":
        """After one more group, beside which those before count `memory` of what they did."""
        return Contrast(memory * self.groups + 1, memory * self.separated + separated)

    @property
    def mean(self) -> float:
        """The expected rate: (separated + 1) / (groups + 2)."""
        return (self.separated + 1) / (self.groups + 2)

    def below(self, rate: float) -> float:
        """The probability that it separates a smaller share of the groups than `rate`."""
        logs = self.separated * np.log(_GRID) + (self.groups - self.separated) * np.log1p(-_GRID)
        density = np.exp(logs - logs.max())
        return float(density[rate > _GRID].sum() / density.sum())


UNSEEN: Final = Contrast()
