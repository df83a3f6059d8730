"""Mends probabilities by labels: isotonic regression and Platt scaling, fitted on other rows than they are used on.

In: probabilities and labels. Out: functions from probability to probability, and probabilities mended by the other half
of the clusters. Isotonic: the non-decreasing function of least squared error (pool adjacent violators; Barlow et al.
1972), linear between the probabilities that it saw. Platt: σ(a · logit p + b) of greatest likelihood, with Platt's
smoothed targets (Platt 1999). Not here: how far off probabilities are (calibration_error.py).
"""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from citerefine.judges.statistics.clusters import Clusters, Floats, number_clusters
from citerefine.judges.statistics.estimate import SEED

Calibrator = Callable[[Floats], Floats]
_CLIP: Final = 0.01
"""Nearer to 0 or 1 probabilities are taken for this far: judges round, and odds without end would decide alone."""
_LEAST_STEP: Final = 1e-6
_STEPS: Final = 100
_SMALL: Final = 1e-9
"""Added to the diagonal of the Hessian: separable labels have no finite optimum otherwise."""


def fit_isotonic(p_N: Floats, labels_N: Floats) -> Calibrator:
    """The best non-decreasing function from probability to label."""
    x_G, group_N = np.unique(p_N, return_inverse=True)
    size_G = np.bincount(group_N).astype(np.float64)
    y_G = pool_adjacent_violators(np.bincount(group_N, weights=labels_N) / size_G, size_G)
    return lambda p: np.interp(p, x_G, y_G)


def pool_adjacent_violators(y_G: Floats, weights_G: Floats) -> Floats:
    """The non-decreasing sequence that is nearest to `y_G` by weighted squared error.

    >>> pool_adjacent_violators(np.array([1.0, 3.0, 2.0, 4.0]), np.ones(4)).tolist()
    [1.0, 2.5, 2.5, 4.0]
    """
    means, weights, sizes = list[float](), list[float](), list[int]()
    for y, weight in zip(y_G.tolist(), weights_G.tolist(), strict=True):
        mean, size = y, 1
        while means and means[-1] >= mean:
            before = weights.pop()
            mean = (means.pop() * before + mean * weight) / (before + weight)
            weight, size = weight + before, size + sizes.pop()
        means.append(mean)
        weights.append(weight)
        sizes.append(size)
    return np.repeat(np.array(means, dtype=np.float64), sizes)


def fit_platt(p_N: Floats, labels_N: Floats) -> Calibrator:
    """The sigmoid of the log odds that makes the labels likeliest."""
    yes = float(labels_N.sum())
    no = len(labels_N) - yes
    target_N = labels_N * (yes + 1) / (yes + 2) + (1 - labels_N) / (no + 2)
    features_N2 = np.stack([_logit(p_N), np.ones(len(p_N))], axis=-1)
    slope = _most_likely(features_N2, target_N)
    return lambda p: _sigmoid(np.stack([_logit(p), np.ones(len(p))], axis=-1) @ slope)


def _most_likely(features_NK: Floats, target_N: Floats) -> Floats:
    """Coefficients of the logistic regression, by Newton's method with halved steps."""
    at_K = np.zeros(features_NK.shape[1])
    loss = _loss(features_NK @ at_K, target_N)
    for _ in range(_STEPS):
        said_N = _sigmoid(features_NK @ at_K)
        gradient = features_NK.T @ (said_N - target_N)
        hessian = (features_NK.T * (said_N * (1 - said_N))) @ features_NK + _SMALL * np.eye(len(at_K))
        step, scale = np.linalg.solve(hessian, gradient), 1.0
        while scale > _LEAST_STEP and _loss(features_NK @ (at_K - scale * step), target_N) > loss:
            scale /= 2
        moved = at_K - scale * step
        before, loss = loss, _loss(features_NK @ moved, target_N)
        if before - loss <= 1e-12 * max(1.0, abs(before)):
            break
        at_K = moved
    return at_K


def _loss(odds_N: Floats, target_N: Floats) -> float:
    return float((np.logaddexp(0, odds_N) - target_N * odds_N).sum())


def _logit(p: Floats) -> Floats:
    clipped = np.clip(p, _CLIP, 1 - _CLIP)
    return np.asarray(np.log(clipped / (1 - clipped)), dtype=np.float64)


def _sigmoid(odds: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(odds, -500, 500))), dtype=np.float64)


METHODS: Final[dict[str, Callable[[Floats, Floats], Calibrator]]] = {"isotonic": fit_isotonic, "platt": fit_platt}


def cross_calibrated(
    method: str,
    p_N: Sequence[float] | Floats,
    labels_N: Sequence[float] | Floats,
    clusters_N: Clusters,
    *,
    seed: int = SEED,
) -> Floats | None:
    """Each probability as the other half of the clusters mends it; None if a half has labels of one kind only.

    Args:
        method: one of `METHODS`.
        p_N: probabilities, from 0 to 1.
        labels_N: what people say, from 0 to 1.
        clusters_N: what belongs together; clusters are dealt into two halves at random.
        seed: of the halves.
    """
    p, y = np.asarray(p_N, dtype=np.float64), np.asarray(labels_N, dtype=np.float64)
    n_clusters, index_N = number_clusters(clusters_N)
    first_N = (np.random.default_rng(seed).permutation(n_clusters) < n_clusters // 2)[index_N]
    mended = np.empty_like(p)
    for half_N in (first_N, ~first_N):
        if not half_N.any() or len(np.unique(y[~half_N])) < 2:
            return None
        mended[half_N] = METHODS[method](p[~half_N], y[~half_N])(p[half_N])
    return mended
