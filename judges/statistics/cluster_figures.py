"""Figures that follow from sums over clusters, with their intervals: whatever agreement is measured by.

In: columns of one number a row, what belongs together, and how a figure follows from the columns' sums. Out: `Estimate`
by name. Not here: any figure (agreement.py, alpha.py, calibration_error.py, group_order.py, source_bias.py).
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from citerefine.judges.statistics.bootstrap import Figures, intervals
from citerefine.judges.statistics.clusters import Clusters, Floats, Values, sum_by_cluster
from citerefine.judges.statistics.estimate import SEED, Estimate, Method
from citerefine.judges.statistics.ranking import AGREEMENT_DRAWS

TOO_FEW = "an interval needs at least two clusters"


class FigureSet(NamedTuple):
    """Figures that are worked out together."""

    names: tuple[str, ...]
    figures: Figures
    """Sums of the columns, …K → figures, …S; NaN where one is not defined."""
    sizes: Figures
    """The same sums → rows that each figure is over."""
    why_none: Mapping[str, str]
    """Name → what is missing where the figure is not defined."""


def figure_estimates(
    columns: Mapping[str, Values],
    clusters_N: Clusters,
    wanted: FigureSet,
    *,
    draws: int = AGREEMENT_DRAWS,
    seed: int = SEED,
) -> dict[str, Estimate]:
    """Each figure with its 95 % interval, clusters resampled whole: rows of one cluster are not independent.

    Args:
        columns: one number a row; what `wanted` adds up, in its order.
        clusters_N: what each row belongs to.
        wanted: the figures.
        draws: bootstrap samples.
        seed: of the random numbers.

    Raises:
        ValueError: if columns and clusters differ in length.
    """
    _, sums_CK, _ = sum_by_cluster(columns, clusters_N)
    n_clusters = len(sums_CK)
    total_K: Floats = sums_CK.sum(axis=0)
    ends: list[tuple[float, float] | None] = [None] * len(wanted.names)
    method: Method | None = None
    if n_clusters > 1:
        ends, method = intervals(sums_CK, wanted.figures, draws=draws, seed=seed)
    shape = zip(wanted.names, wanted.figures(total_K), wanted.sizes(total_K), ends, strict=True)
    return {
        name: _estimate(float(value), end, round(float(size)), n_clusters, method, wanted.why_none[name])
        for name, value, size, end in shape
    }


def _estimate(
    value: float, end: tuple[float, float] | None, n: int, clusters: int, method: Method | None, why_none: str
) -> Estimate:
    if not np.isfinite(value):
        return Estimate(None, None, n, clusters, None, why_none)
    if end is None:
        reason = TOO_FEW if clusters < 2 else "too few clusters define the figure to resample them"
        return Estimate(value, None, n, clusters, None, reason)
    return Estimate(value, end, n, clusters, method)
