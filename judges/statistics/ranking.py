"""How well a score tells supported claims from others: area under the ROC curve, and where to cut.

In: one score a claim, and whether people say that it is supported. Out: AUC with its interval, the best threshold. Not
here: decisions at a threshold (decisions.py).
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from citerefine.judges.statistics.bootstrap import draw_counts, percentiles
from citerefine.judges.statistics.clusters import Clusters, Floats, number_clusters
from citerefine.judges.statistics.estimate import SEED, Estimate

Flags = Sequence[bool] | npt.NDArray[np.bool_]

AGREEMENT_DRAWS = 2_000
"""Bootstrap samples for agreement: the ends of an interval move by less than a hundredth of it from more."""


def auc(scores_N: Sequence[float] | Floats, positive_N: Flags) -> float | None:
    """Probability that a supported claim scores above another one, a tie counting one half; None with one class.

    The Mann-Whitney statistic by midranks (Hanley and McNeil 1982).

    >>> auc([0.1, 0.4, 0.4, 0.9], [False, False, True, True])
    0.875
    """
    ranked = _Ranked.of(scores_N, positive_N)
    (value,) = ranked.auc(np.ones((1, len(ranked.positive_N))))
    return float(value) if np.isfinite(value) else None


def auc_estimate(
    scores_N: Sequence[float] | Floats,
    positive_N: Flags,
    clusters_N: Clusters,
    *,
    draws: int = AGREEMENT_DRAWS,
    seed: int = SEED,
) -> Estimate:
    """AUC with its 95 % interval, clusters resampled whole: claims of one text are not independent.

    Raises ValueError if the lengths differ.
    """
    value = auc(scores_N, positive_N)
    n_clusters, index_N = number_clusters(clusters_N)
    n = len(index_N)
    if value is None:
        return Estimate(None, None, n, n_clusters, None, "AUC needs supported and other claims")
    if n_clusters < 2:
        return Estimate(value, None, n, n_clusters, None, "an interval needs at least two clusters")
    ranked = _Ranked.of(scores_N, positive_N)
    index_N = index_N[ranked.order_N]
    lines = max(1, (1 << 20) // n)  # claims may be many more than clusters
    drawn = [
        ranked.auc(counts_BC[start : start + lines][:, index_N])
        for counts_BC in draw_counts(n_clusters, draws, seed)
        for start in range(0, len(counts_BC), lines)
    ]
    ends = percentiles(np.concatenate(drawn))
    reason = "" if ends else "too few clusters hold supported and other claims"
    return Estimate(value, ends, n, n_clusters, "bootstrap" if ends else None, reason)


class _Ranked:
    """Claims in the order of their scores."""

    def __init__(self, order_N: npt.NDArray[np.intp], positive_N: Floats, starts_G: npt.NDArray[np.intp]) -> None:
        self.order_N = order_N
        self.positive_N = positive_N
        self._starts_G = starts_G
        """Where a new score begins."""

    @classmethod
    def of(cls, scores_N: Sequence[float] | Floats, positive_N: Flags) -> "_Ranked":
        scores, positive = np.asarray(scores_N, dtype=np.float64), np.asarray(positive_N, dtype=np.float64)
        if len(scores) != len(positive):
            raise ValueError(f"there are {len(scores)} scores and {len(positive)} labels")
        order_N = np.argsort(scores, kind="stable")
        ranked = scores[order_N]
        new_N = np.concatenate([np.ones(min(1, len(ranked)), dtype=np.bool_), ranked[1:] != ranked[:-1]])
        return cls(order_N, positive[order_N], np.flatnonzero(new_N))

    def auc(self, weights_BN: Floats) -> Floats:
        """AUC of each line of weights, B; NaN where one class has none."""
        if not len(self.positive_N):
            return np.full(len(weights_BN), np.nan)
        positive_BG = np.add.reduceat(weights_BN * self.positive_N, self._starts_G, axis=1)
        other_BG = np.add.reduceat(weights_BN, self._starts_G, axis=1) - positive_BG
        below_BG = np.cumsum(other_BG, axis=1) - other_BG / 2
        pairs_B = positive_BG.sum(axis=1) * other_BG.sum(axis=1)
        undefined = np.full(len(weights_BN), np.nan)
        np.divide((positive_BG * below_BG).sum(axis=1), pairs_B, out=undefined, where=pairs_B > 0)
        return undefined


def best_threshold(scores_N: Sequence[float] | Floats, positive_N: Flags) -> float | None:
    """Where to cut so that recall of both classes together is highest (Youden 1950); None with one class.

    Midway between two scores, or the lowest score if no place is better than to call all supported; the lowest of
    places that are equally good. To be used on other data than it was found on: on its own it flatters.

    >>> best_threshold([0.1, 0.3, 0.7, 0.8], [False, False, True, True])
    0.5
    """
    scores, positive = np.asarray(scores_N, dtype=np.float64), np.asarray(positive_N, dtype=np.bool_)
    if positive.all() or not positive.any():
        return None
    values_G, group_N = np.unique(scores, return_inverse=True)
    positive_G = np.bincount(group_N, weights=positive, minlength=len(values_G))
    other_G = np.bincount(group_N, weights=~positive, minlength=len(values_G))
    gain_G = np.cumsum(other_G) / other_G.sum() - np.cumsum(positive_G) / positive_G.sum()
    gain_G = np.concatenate([[0.0], gain_G[:-1]])  # the first place is below all scores
    place_G = np.concatenate([values_G[:1], (values_G[:-1] + values_G[1:]) / 2])
    return float(place_G[np.argmax(gain_G > gain_G.max() - 1e-12)])
