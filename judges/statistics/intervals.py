"""Intervals of what a run is summed up by: means over answers, and micro precision, recall and F1.

In: one number a row, and what question the row belongs to. Out: `Estimate` by name. Not here: comparisons (paired.py).
"""

from collections.abc import Mapping

import numpy as np

from citerefine.judges.statistics.bootstrap import Figures, intervals, ratio
from citerefine.judges.statistics.clusters import Clusters, Floats, Values, sum_by_cluster
from citerefine.judges.statistics.estimate import DRAWS, SEED, Estimate, Method

TOTALS = ("value", "citations", "supported", "needed")
"""The columns that micro figures need, as `citation_score.Totals` names them."""
TOO_FEW = "an interval needs at least two questions"


def mean_intervals(
    columns: Mapping[str, Values], clusters_N: Clusters, *, draws: int = DRAWS, seed: int = SEED
) -> dict[str, Estimate]:
    """The mean of each column over the rows that have a number, with its 95 % interval.

    Whole questions are resampled, with all of their rows: rows of one question are not independent.

    Args:
        columns: name → one number a row; None or NaN where the row has none.
        clusters_N: question of each row, as text or as `cluster_key` gives it.
        draws: bootstrap samples.
        seed: of the random numbers; the order of rows does not matter beyond rounding.

    Raises:
        ValueError: if columns and clusters differ in length.
    """
    names, sums_CK, counts_CK = sum_by_cluster(columns, clusters_N)
    k = len(names)

    def means(totals: Floats) -> Floats:
        return ratio(totals[..., :k], totals[..., k:])

    return _estimates(names, np.hstack([sums_CK, counts_CK]), means, counts_CK, draws, seed)


def micro_intervals(
    totals: Mapping[str, Values], clusters_N: Clusters, *, draws: int = DRAWS, seed: int = SEED
) -> dict[str, Estimate]:
    """Micro precision, recall and F1: all citations, and all weight, of all answers together.

    Precision is Σ value / Σ citations, recall Σ supported / Σ needed; without citations precision is 0, without
    anything that needs support recall is, as in a single answer.

    Args:
        totals: the columns `TOTALS`, one number a row; rows without totals have None in all four.
        clusters_N: question of each row.
        draws: bootstrap samples.
        seed: of the random numbers.

    Raises:
        ValueError: if columns and clusters differ in length, or one is missing.
    """
    if missing := [name for name in TOTALS if name not in totals]:
        raise ValueError(f"there is no column {', '.join(missing)}; micro figures need {', '.join(TOTALS)}")
    _, sums_CK, counts_CK = sum_by_cluster({name: totals[name] for name in TOTALS}, clusters_N)
    return _estimates(("precision", "recall", "f1"), sums_CK, micro_figures, counts_CK[:, [0, 0, 0]], draws, seed)


def micro_figures(totals: Floats) -> Floats:
    """Precision, recall and F1 (…3) of sums of `TOTALS` (…4)."""
    precision = np.nan_to_num(ratio(totals[..., 0], totals[..., 1]))
    recall = np.nan_to_num(ratio(totals[..., 2], totals[..., 3]))
    f1 = np.nan_to_num(ratio(2 * precision * recall, precision + recall))
    return np.stack([precision, recall, f1], axis=-1)


def _estimates(
    names: tuple[str, ...], sums_CK: Floats, figures: Figures, counts_CS: Floats, draws: int, seed: int
) -> dict[str, Estimate]:
    used_C = counts_CS.any(axis=1)
    sums_CK, counts_CS = sums_CK[used_C], counts_CS[used_C]
    if len(sums_CK) < 2:
        ends: list[tuple[float, float] | None] = [None] * len(names)
        method: Method | None = None
    else:
        ends, method = intervals(sums_CK, figures, draws=draws, seed=seed)
    values_S = figures(sums_CK.sum(axis=0))
    shape = zip(names, values_S, ends, counts_CS.sum(axis=0), (counts_CS > 0).sum(axis=0), strict=True)
    return {name: _estimate(float(value), end, int(n), int(c), method) for name, value, end, n, c in shape}


def _estimate(value: float, end: tuple[float, float] | None, n: int, clusters: int, method: Method | None) -> Estimate:
    if n == 0:
        return Estimate(None, None, 0, 0, None, "no row has a value")
    if clusters < 2:
        return Estimate(value, None, n, clusters, None, TOO_FEW)
    if end is None:
        return Estimate(value, None, n, clusters, None, "too few questions have a value to resample them")
    return Estimate(value, end, n, clusters, method)
