"""Whether probabilities mean what they say: of cells called 70 % met, 70 % should be.

In: probabilities, what people say (0 to 1), what belongs together. Out: expected calibration error, Brier score and
mean error with intervals. ECE = Σ_b |Σ_{i in b} (p_i - y_i)| / N over ten bins of equal width (Guo et al. 2017,
arXiv 1706.04599); chance alone makes it greater than 0, the more so with few rows. Brier = Σ (p_i - y_i)² / N. Not
here: mending probabilities (calibrators.py).
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from citerefine.judges.statistics.bootstrap import ratio
from citerefine.judges.statistics.cluster_figures import FigureSet, figure_estimates
from citerefine.judges.statistics.clusters import Clusters, Floats
from citerefine.judges.statistics.estimate import SEED, Estimate
from citerefine.judges.statistics.ranking import AGREEMENT_DRAWS

BINS: Final = 10
FIGURES: Final = ("ece", "brier", "mean_error")


def calibration_estimates(
    p_N: Sequence[float] | Floats,
    labels_N: Sequence[float] | Floats,
    clusters_N: Clusters,
    *,
    draws: int = AGREEMENT_DRAWS,
    seed: int = SEED,
) -> dict[str, Estimate]:
    """`FIGURES` of probabilities; mean_error > 0: they say more than people do.

    Args:
        p_N: probability of each row, from 0 to 1.
        labels_N: what people say of it, from 0 to 1: the mean where they differ.
        clusters_N: what belongs together.
        draws: bootstrap samples.
        seed: of the random numbers.

    Raises:
        ValueError: if the lengths differ.
    """
    p, y = np.asarray(p_N, dtype=np.float64), np.asarray(labels_N, dtype=np.float64)
    if len(p) != len(y):
        raise ValueError(f"there are {len(p)} probabilities and {len(y)} labels")
    bin_N = np.minimum((p * BINS).astype(np.int64), BINS - 1)
    columns = {f"bin {b}": np.where(bin_N == b, p - y, 0.0) for b in range(BINS)}
    columns |= {"squares": (p - y) ** 2, "rows": np.ones(len(p))}
    return figure_estimates(columns, clusters_N, _CALIBRATION, draws=draws, seed=seed)


def calibration_figures(sums: Floats) -> Floats:
    """`FIGURES` (…3) of sums of errors by bin, squared errors and rows (…`BINS` + 2)."""
    errors, squares, n = sums[..., :BINS], sums[..., BINS], sums[..., BINS + 1]
    total = [np.abs(errors).sum(axis=-1), squares]
    mean = np.where(n > 0, errors.sum(axis=-1) / np.maximum(n, 1), np.nan)
    return np.stack([*(ratio(np.asarray(one), n) for one in total), mean], axis=-1)


def _sizes(sums: Floats) -> Floats:
    return np.stack([sums[..., BINS + 1]] * len(FIGURES), axis=-1)


_CALIBRATION: Final = FigureSet(
    FIGURES, calibration_figures, _sizes, dict.fromkeys(FIGURES, "the judge gives no probabilities")
)
