"""A figure with its interval, as all statistics give it.

In: nothing. Out: `Estimate`. A figure that cannot be had, or whose interval cannot, is None with the reason. Not here:
any calculation.
"""

from dataclasses import dataclass
from typing import Final, Literal

DRAWS: Final = 10_000
"""Bootstrap samples, and random sign flips, unless told otherwise."""
SEED: Final = 20_260_101
"""Of the random numbers: the same data give the same interval."""
MOST_RESAMPLED: Final = 10_000
"""With more questions than these, normal approximations take the place of resampling: they agree by then."""

Method = Literal["bootstrap", "normal"]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure and its 95 % interval."""

    value: float | None
    """None if no row has one."""
    ci95: tuple[float, float] | None
    """Lower and upper end; None with fewer than two questions."""
    n: int
    """Rows that the figure is over."""
    clusters: int
    """Questions that these rows belong to: what was resampled."""
    method: Method | None
    """`bootstrap`: percentiles over resampled questions; `normal`: 1.96 jackknife standard errors to either side."""
    reason: str = ""
    """Why there is no value or no interval; empty if there are both."""

    @property
    def description(self) -> str:
        """How the interval was made, in words; empty if there is none."""
        if self.method is None:
            return ""
        how = {
            "bootstrap": "percentile bootstrap",
            "normal": "normal approximation, jackknife standard error",
        }[self.method]
        return f"{how} over {self.clusters:,} questions"
