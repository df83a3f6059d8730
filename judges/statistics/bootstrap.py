"""Resamples questions: how far a figure would move if other questions of the same kind had been asked.

In: sums by question, and how a figure follows from sums of these. Out: intervals. The percentile bootstrap over whole
clusters (Davison and Hinkley 1997, sections 2.4 and 3.8); above `MOST_RESAMPLED` clusters the normal interval with
the standard error of the jackknife that leaves one cluster out (Efron and Tibshirani 1993, chapter 11). Memory is that
of one block of draws. Not here: which sums a figure needs (intervals.py, paired.py).
"""

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np

from citerefine.judges.statistics.clusters import Floats
from citerefine.judges.statistics.estimate import MOST_RESAMPLED, Method

Figures = Callable[[Floats], Floats]
"""Sums over clusters, …K → figures, …S; NaN where a figure is not defined. Must work on any number of lines at once."""

Z95: Final = 1.959963984540054
"""Standard normal quantile of 0.975."""
_CELLS: Final = 1 << 16
"""Numbers in one block of draws: they fit the cache of a core."""


def draw_counts(n_clusters: int, draws: int, seed: int) -> Iterator[Floats]:
    """How often each cluster is in each bootstrap sample, in blocks BC of samples; `draws` lines in all."""
    rng = np.random.default_rng(seed)
    block = max(1, min(draws, _CELLS // n_clusters))
    for start in range(0, draws, block):
        size = min(block, draws - start)
        picked_BC = rng.integers(n_clusters, size=(size, n_clusters), dtype=np.int32)
        picked_BC += np.arange(size, dtype=np.int32)[:, np.newaxis] * np.int32(n_clusters)
        counts = np.bincount(picked_BC.reshape(-1), minlength=size * n_clusters)
        yield counts.reshape(size, n_clusters).astype(np.float64)


def intervals(
    sums_CK: Floats, figures: Figures, *, draws: int, seed: int
) -> tuple[list[tuple[float, float] | None], Method]:
    """The 95 % interval of each figure, and how it was made. There must be at least two clusters.

    An interval is None if hardly any sample defines the figure: fewer than 39 in 40 do.
    """
    if len(sums_CK) > MOST_RESAMPLED:
        return _normal_intervals(sums_CK, figures), "normal"
    blocks = [figures(counts_BC @ sums_CK) for counts_BC in draw_counts(len(sums_CK), draws, seed)]
    return [percentiles(drawn_D) for drawn_D in np.concatenate(blocks).T], "bootstrap"


def percentiles(drawn_D: Floats) -> tuple[float, float] | None:
    """The middle 95 % of what was drawn; None if more than one draw in 40 has no value."""
    known = drawn_D[np.isfinite(drawn_D)]
    if len(known) * 40 < len(drawn_D) * 39:
        return None
    low, high = np.quantile(known, (0.025, 0.975))
    return float(low), float(high)


def standard_errors(sums_CK: Floats, figures: Figures) -> Floats:
    """Jackknife standard error of each figure, S, leaving one cluster out at a time; NaN if one has no value then.

    Of a mean over clusters of one row each this is exactly the sample SD over √C.
    """
    n, total_K = len(sums_CK), sums_CK.sum(axis=0)
    whole_S = figures(total_K)
    first_S, second_S = np.zeros_like(whole_S), np.zeros_like(whole_S)
    for start in range(0, n, _CELLS):
        moved_BS = figures(total_K - sums_CK[start : start + _CELLS]) - whole_S
        first_S += moved_BS.sum(axis=0)
        second_S += (moved_BS**2).sum(axis=0)
    variance_S = (n - 1) / n * (second_S - first_S**2 / n)
    return np.asarray(np.sqrt(np.maximum(variance_S, 0)), dtype=np.float64)


def _normal_intervals(sums_CK: Floats, figures: Figures) -> list[tuple[float, float] | None]:
    value_S, error_S = figures(sums_CK.sum(axis=0)), standard_errors(sums_CK, figures)
    return [
        (float(value - Z95 * error), float(value + Z95 * error)) if np.isfinite(value) and np.isfinite(error) else None
        for value, error in zip(value_S, error_S, strict=True)
    ]


def ratio(numerator: Floats, denominator: Floats) -> Floats:
    """The quotient, NaN where the denominator is not positive."""
    undefined = np.full(np.broadcast_shapes(numerator.shape, denominator.shape), np.nan)
    np.divide(numerator, denominator, out=undefined, where=denominator > 0)
    return undefined
