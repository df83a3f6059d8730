"""Krippendorff's alpha: agreement among any number of labellers, some of whom may have left rows out.

In: the values that each row was given. Out: alpha with its interval. By the interval metric (Krippendorff 2004,
Content Analysis, section 11.3): α = 1 - D_o/D_e, with D_o the mean squared difference of two values of one row, D_e of
any two values. Of yes and no that is nominal alpha. Not here: agreement of one judge with people (agreement.py).
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from citerefine.judges.statistics.bootstrap import ratio
from citerefine.judges.statistics.cluster_figures import FigureSet, figure_estimates
from citerefine.judges.statistics.clusters import Clusters, Floats
from citerefine.judges.statistics.estimate import SEED, Estimate
from citerefine.judges.statistics.ranking import AGREEMENT_DRAWS


def alpha_estimate(
    values_N: Sequence[Sequence[float]], clusters_N: Clusters, *, draws: int = AGREEMENT_DRAWS, seed: int = SEED
) -> Estimate:
    """Alpha over the rows with two values or more; None if all values are alike.

    Args:
        values_N: the values of each row, from 0 to 1, of as many labellers as gave one.
        clusters_N: what belongs together.
        draws: bootstrap samples.
        seed: of the random numbers.

    Raises:
        ValueError: if the lengths differ.
    """
    rows = [(values, cluster) for values, cluster in zip(values_N, clusters_N, strict=True) if len(values) > 1]
    n = np.array([len(values) for values, _ in rows], dtype=np.float64)
    total = np.array([sum(values) for values, _ in rows], dtype=np.float64)
    squares = np.array([sum(value * value for value in values) for values, _ in rows], dtype=np.float64)
    columns = {
        "within": 2 * (n * squares - total**2) / (n - 1),
        "values": n,
        "total": total,
        "squares": squares,
        "rows": np.ones(len(rows)),
    }
    return figure_estimates(columns, [cluster for _, cluster in rows], _ALPHA, draws=draws, seed=seed)["alpha"]


def alpha_figure(sums: Floats) -> Floats:
    """Alpha (…1) of sums of squared differences within rows, values, their total and squares, and rows (…5)."""
    within, n, total, squares = (sums[..., k] for k in range(4))
    expected = 2 * (n * squares - total**2)
    expected = np.where(expected > 1e-9 * np.maximum(1, n * squares), expected, 0)  # rounding is no difference
    return (1 - ratio((n - 1) * within, expected))[..., np.newaxis]


def _sizes(sums: Floats) -> Floats:
    return np.asarray(sums[..., 4:5], dtype=np.float64)


_ALPHA: Final = FigureSet(("alpha",), alpha_figure, _sizes, {"alpha": "no two different values to tell apart"})
