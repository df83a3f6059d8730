"""Decisions at a threshold, and how well they agree with people.

In: scores, what people say, what belongs together. Out: decisions at a threshold that was found on other claims;
accuracy, balanced accuracy, precision, recall and F1 with intervals. Not here: finding a threshold (ranking.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from citerefine.judges.statistics.bootstrap import intervals, ratio
from citerefine.judges.statistics.clusters import Clusters, Floats, number_clusters, sum_by_cluster
from citerefine.judges.statistics.estimate import SEED, Estimate, Method
from citerefine.judges.statistics.ranking import AGREEMENT_DRAWS, Flags, best_threshold

FIGURES = ("accuracy", "balanced_accuracy", "precision", "recall", "f1")


@dataclass(frozen=True, slots=True)
class CrossFit:
    """Decisions on each half of the clusters, by the threshold of the other half."""

    positive_N: npt.NDArray[np.bool_]
    thresholds: tuple[float, float]
    """Found on the second half and used on the first, and the other way round."""


def cross_fit(
    scores_N: Sequence[float] | Floats, positive_N: Flags, clusters_N: Clusters, *, seed: int = SEED
) -> CrossFit | None:
    """Decides each claim by a threshold that its cluster had no part in; None if a half has one class only.

    Clusters are dealt into two halves at random; each half is cut where Youden's index is best on the other.
    """
    scores, positive = np.asarray(scores_N, dtype=np.float64), np.asarray(positive_N, dtype=np.bool_)
    n_clusters, index_N = number_clusters(clusters_N)
    first_C = np.random.default_rng(seed).permutation(n_clusters) < n_clusters // 2
    first_N = first_C[index_N]
    for_first = best_threshold(scores[~first_N], positive[~first_N])
    for_second = best_threshold(scores[first_N], positive[first_N])
    if for_first is None or for_second is None:
        return None
    return CrossFit(scores >= np.where(first_N, for_first, for_second), (for_first, for_second))


def decision_estimates(
    positive_N: Flags, said_N: Flags, clusters_N: Clusters, *, draws: int = AGREEMENT_DRAWS, seed: int = SEED
) -> dict[str, Estimate]:
    """`FIGURES` of decisions, with 95 % intervals, clusters resampled whole.

    Args:
        positive_N: whether people say that the claim is supported.
        said_N: whether the judge does.
        clusters_N: what belongs together, as text or as `cluster_key` gives it.
        draws: bootstrap samples.
        seed: of the random numbers.

    Raises:
        ValueError: if the lengths differ.
    """
    positive, said = np.asarray(positive_N, dtype=np.bool_), np.asarray(said_N, dtype=np.bool_)
    cells = {
        "hit": positive & said,
        "missed": positive & ~said,
        "wrong": ~positive & said,
        "rejected": ~positive & ~said,
    }
    _, sums_CK, counts_CK = sum_by_cluster({name: cell.astype(np.float64) for name, cell in cells.items()}, clusters_N)
    n, n_clusters = int(counts_CK[:, 0].sum()), len(sums_CK)
    ends: list[tuple[float, float] | None] = [None] * len(FIGURES)
    method: Method | None = None
    if n_clusters > 1:
        ends, method = intervals(sums_CK, decision_figures, draws=draws, seed=seed)
    return {
        name: _estimate(float(value), end, n, n_clusters, method)
        for name, value, end in zip(FIGURES, decision_figures(sums_CK.sum(axis=0)), ends, strict=True)
    }


def decision_figures(cells: Floats) -> Floats:
    """`FIGURES` (…5) of sums of hits, misses, false alarms and right rejections (…4); NaN where not defined."""
    hit, missed, wrong, rejected = (cells[..., k] for k in range(4))
    recall = ratio(hit, hit + missed)
    return np.stack(
        [
            ratio(hit + rejected, hit + missed + wrong + rejected),
            (recall + ratio(rejected, wrong + rejected)) / 2,
            ratio(hit, hit + wrong),
            recall,
            ratio(2 * hit, 2 * hit + missed + wrong),
        ],
        axis=-1,
    )


def _estimate(value: float, end: tuple[float, float] | None, n: int, clusters: int, method: Method | None) -> Estimate:
    if not np.isfinite(value):
        return Estimate(None, None, n, clusters, None, "a class that the figure needs does not occur")
    if end is None:
        return Estimate(value, None, n, clusters, None, "there are too few clusters to resample")
    return Estimate(value, end, n, clusters, method)
