"""Means over few seeds with 95 % intervals, and paired differences.

In: one number a seed. Out: `SeedMean`: mean ± t · s / √n, s the standard deviation over seeds and t Student's
quantile at n − 1 degrees of freedom (Student 1908). Resampling three numbers says nothing of how they scatter, which is
why this is no bootstrap. Not here: intervals over questions (citerefine.judges.statistics).
"""

from collections.abc import Mapping
from math import sqrt
from statistics import fmean, stdev
from typing import Final

from citerefine.refiner.records import Record, Text

INTERVAL: Final = "Student's t over seeds, 95 %"
_T: Final = (
    12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281,
    2.2010, 2.1788, 2.1604, 2.1448, 2.1314, 2.1199, 2.1098, 2.1009, 2.0930, 2.0860,
    2.0796, 2.0739, 2.0687, 2.0639, 2.0595, 2.0555, 2.0518, 2.0484, 2.0452, 2.0423,
)  # fmt: skip
"""97.5 % quantiles for 1, 2, … degrees of freedom."""
_NORMAL: Final = 1.959964


class SeedMean(Record):
    """A mean over seeds."""

    mean: float | None
    """None if no seed has a value."""
    ci95: tuple[float, float] | None
    """Not cut to the range of the figure; None with fewer than two seeds."""
    n: int
    """Seeds that have a value."""
    reason: Text = ""
    """Why there is no mean or no interval; empty if there are both."""


def seed_mean(values: Mapping[int, float | None]) -> SeedMean:
    """The mean of what seeds have, by seed.

    >>> print(seed_mean({1: 0.5, 2: 0.6, 3: 0.7}).ci95)  # doctest: +ELLIPSIS
    (0.3515..., 0.8484...)
    """
    known = [value for value in values.values() if value is not None]
    if not known:
        return SeedMean(mean=None, ci95=None, n=0, reason="no seed has a value")
    mean = fmean(known)
    if len(known) < 2:
        return SeedMean(mean=mean, ci95=None, n=1, reason="an interval needs two seeds")
    half = t_quantile(len(known) - 1) * stdev(known) / sqrt(len(known))
    return SeedMean(mean=mean, ci95=(mean - half, mean + half), n=len(known))


def paired_difference(first: Mapping[int, float | None], other: Mapping[int, float | None]) -> SeedMean:
    """Mean of `other` minus `first`, over the seeds in which both have a value: what a seed does to both is no part of
    the interval."""
    pairs = {seed: (first[seed], other[seed]) for seed in first.keys() & other.keys()}
    return seed_mean({seed: None if a is None or b is None else b - a for seed, (a, b) in sorted(pairs.items())})


def t_quantile(degrees: int) -> float:
    """97.5 % quantile of Student's t; beyond 30 degrees of freedom by the first terms of the expansion of Cornish and
    Fisher (Abramowitz and Stegun 26.7.5), right to four digits there.

    Args:
        degrees: of freedom, 1 or more.
    """
    if degrees <= len(_T):
        return _T[degrees - 1]
    z = _NORMAL
    return z + (z**3 + z) / (4 * degrees) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * degrees**2)
