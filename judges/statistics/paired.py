"""Compares two systems on the same questions: difference, interval, p-value, and what could have been told.

In: for each pair of answers one number of A and one of B, and what question it belongs to. Out: `PairedDifference` by
metric. Resampling and sign flips go by question. Not here: pairing rows of files (runs/comparison.py), correction for
several metrics (holm.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

import numpy as np

from citerefine.judges.statistics.bootstrap import ratio, standard_errors
from citerefine.judges.statistics.clusters import Clusters, Floats, Values, as_column, sum_by_cluster
from citerefine.judges.statistics.estimate import DRAWS, MOST_RESAMPLED, SEED, Estimate
from citerefine.judges.statistics.intervals import mean_intervals
from citerefine.judges.statistics.power import detectable_difference

_MOST_EXACT: Final = 13
"""With at most this many questions that differ, all of their sign flips are gone through."""
_CELLS: Final = 1 << 16
_ROUNDING: Final = 1e-9
"""Differences that scatter less than this scatter by rounding only."""


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """What one metric says of two systems, over the pairs in which both have a value."""

    mean_a: float | None
    mean_b: float | None
    difference: Estimate
    """Mean of B minus A."""
    p: float | None
    """Two-sided, that A and B are exchangeable question by question; None with fewer than two questions."""
    sd: float | None
    """Standard deviation of the difference over questions; None with fewer than two questions."""
    detectable: float | None
    """Smallest true difference that so many questions find four times in five; None if nothing scatters."""


def compare_paired(
    a: Mapping[str, Values],
    b: Mapping[str, Values],
    clusters_N: Clusters,
    *,
    draws: int = DRAWS,
    seed: int = SEED,
) -> dict[str, PairedDifference]:
    """The paired difference of each metric, over the pairs in which both sides have a number.

    Args:
        a: metric → one number a pair; None or NaN where A has none.
        b: the same of B, in the same order.
        clusters_N: question of each pair.
        draws: bootstrap samples, and sign flips where not all are gone through.
        seed: of the random numbers.

    Raises:
        ValueError: if the lengths differ, or B lacks a metric.
    """
    if missing := a.keys() - b.keys():
        raise ValueError(f"B has no column {', '.join(sorted(missing))}")
    gaps = {name: as_column(b[name]) - as_column(a[name]) for name in a}
    estimates = mean_intervals(gaps, clusters_N, draws=draws, seed=seed)
    _, sums_CK, counts_CK = sum_by_cluster(gaps, clusters_N)
    compared = {}
    for k, (name, gap_N) in enumerate(gaps.items()):
        used_C = counts_CK[:, k] > 0
        sums_C, counts_C = sums_CK[used_C, k], counts_CK[used_C, k]
        enough = len(sums_C) > 1
        sd = _sd(sums_C, counts_C) if enough else None
        compared[name] = PairedDifference(
            mean_a=_mean(a[name], gap_N),
            mean_b=_mean(b[name], gap_N),
            difference=estimates[name],
            p=sign_flip_p(sums_C, draws=draws, seed=seed) if enough else None,
            sd=sd,
            detectable=None if sd is None else detectable_difference(sd, len(sums_C)),
        )
    return compared


def _mean(values_N: Values, gap_N: Floats) -> float | None:
    """Over the rows that have a difference."""
    paired = as_column(values_N)[np.isfinite(gap_N)]
    return float(paired.mean()) if len(paired) else None


def _sd(sums_C: Floats, counts_C: Floats) -> float:
    """√C times the standard error of the mean over rows: with one row a question, the sample standard deviation."""
    (error,) = standard_errors(np.stack([sums_C, counts_C], axis=1), lambda sums: ratio(sums[..., :1], sums[..., 1:]))
    sd = float(error * np.sqrt(len(sums_C)))
    return sd if sd > _ROUNDING else 0.0


def sign_flip_p(sums_C: Floats, *, draws: int = DRAWS, seed: int = SEED) -> float:
    """Two-sided p-value of the sign-flip permutation test: how often chance gives so large a sum of differences.

    If A and B are exchangeable, each question's difference is as likely to have the other sign (Fisher 1935). With few
    questions all sign patterns are gone through; else p is (k + 1) / (draws + 1), k random patterns reaching the sum
    that was seen, which is never 0 (Phipson and Smyth 2010). Above `MOST_RESAMPLED` questions, the normal limit.

    Args:
        sums_C: sum of the differences of each question.
        draws: random sign patterns.
        seed: of these.
    """
    sums_C = sums_C[sums_C != 0]  # a sign does not change them
    seen = abs(sums_C.sum())
    reached = seen - 1e-12 * np.abs(sums_C).sum()  # sums of the same numbers in another order are no less
    if len(sums_C) <= _MOST_EXACT:
        patterns = np.arange(2 ** len(sums_C))[:, np.newaxis] >> np.arange(len(sums_C)) & 1
        return float((np.abs((1.0 - 2.0 * patterns) @ sums_C) >= reached).mean())
    if len(sums_C) > MOST_RESAMPLED:
        return 2 * NormalDist().cdf(-float(seen / np.sqrt((sums_C**2).sum())))
    rng, block, hits = np.random.default_rng(seed), max(1, _CELLS // len(sums_C)), 0
    for start in range(0, draws, block):
        flipped_BC = rng.integers(2, size=(min(block, draws - start), len(sums_C)), dtype=np.int8)
        hits += int((np.abs((1.0 - 2.0 * flipped_BC) @ sums_C) >= reached).sum())
    return (hits + 1) / (draws + 1)
