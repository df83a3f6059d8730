"""What training feels of a judge: whether answers to one prompt keep their order, and advantages their sign.

In: a score of the judge and one of people for each answer, and which answers belong to one prompt. Out: share of pairs
in the right order, share of advantages whose sign is turned or lost, their correlation; intervals over prompts. The
advantage of an answer is its score less the group's mean, over the group's sample standard deviation; 0 where the group
does not spread (Shao et al. 2024, arXiv 2402.03300, section 4.1). Not here: scores of rubrics.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import numpy as np

from citerefine.judges.statistics.bootstrap import ratio
from citerefine.judges.statistics.cluster_figures import FigureSet, figure_estimates
from citerefine.judges.statistics.clusters import Clusters, Floats, number_clusters
from citerefine.judges.statistics.estimate import SEED, Estimate
from citerefine.judges.statistics.ranking import AGREEMENT_DRAWS

FIGURES: Final = ("order_accuracy", "tied_by_judge", "tied_by_people", "sign_flips", "sign_lost", "correlation")
LARGE: Final = 0.25
"""Advantages of people beyond it are looked at: the sign of a smaller one says little."""
SAME: Final = 1e-9
"""Scores that differ by no more are tied: sums of the same weights in another order."""
_COLUMNS: Final = ("right", "tied", "pairs", "even", "turned", "lost", "large", "product", "judge", "people", "answers")


def order_estimates(
    scores_N: Sequence[float] | Floats,
    reference_N: Sequence[float] | Floats,
    groups_N: Clusters,
    *,
    clusters_N: Clusters | None = None,
    draws: int = AGREEMENT_DRAWS,
    seed: int = SEED,
) -> dict[str, Estimate]:
    """`FIGURES` of answers within their groups.

    * `order_accuracy`: of pairs that people order, those that the judge orders so, its ties counting one half;
    * `tied_by_judge`: of the same pairs, those that it does not order;
    * `tied_by_people`: of all pairs, those that people do not order: they are in neither of the two;
    * `sign_flips`, `sign_lost`: of people's advantages beyond ±`LARGE`, those to which the judge's has the other sign,
      or is 0;
    * `correlation`: of the two advantages, over groups in which people's scores spread.

    Args:
        scores_N: of the judge.
        reference_N: of people, or of whoever it is measured by.
        groups_N: the prompt of each answer.
        clusters_N: what is resampled as a whole; by default the group. A group is in one cluster.
        draws: bootstrap samples.
        seed: of the random numbers.

    Raises:
        ValueError: if the lengths differ.
    """
    scores, reference = np.asarray(scores_N, dtype=np.float64), np.asarray(reference_N, dtype=np.float64)
    n_groups, index_N = number_clusters(groups_N)
    if not len(scores) == len(reference) == len(index_N):
        raise ValueError(f"there are {len(scores)} scores, {len(reference)} of people, and groups of {len(index_N)}")
    order_N = np.argsort(index_N, kind="stable")
    starts_G = np.searchsorted(index_N[order_N], np.arange(n_groups + 1))
    members = [order_N[a:b] for a, b in pairwise(starts_G)]
    sums_GK = np.array([_group_sums(scores[m], reference[m]) for m in members]).reshape(n_groups, len(_COLUMNS))
    clusters = number_clusters(groups_N if clusters_N is None else clusters_N)[1]
    of_groups = np.array([clusters[m[0]] for m in members], dtype=np.uint64)
    columns = {name: sums_GK[:, k] for k, name in enumerate(_COLUMNS)}
    return figure_estimates(columns, of_groups, _ORDER, draws=draws, seed=seed)


def advantages(scores_G: Sequence[float] | Floats) -> Floats:
    """The advantages of a group's answers; all 0 if they do not spread.

    >>> advantages([1.0, 2.0, 3.0]).tolist()
    [-1.0, 0.0, 1.0]
    """
    scores = np.asarray(scores_G, dtype=np.float64)
    if len(scores) < 2 or np.ptp(scores) <= SAME:
        return np.zeros_like(scores)
    return np.asarray((scores - scores.mean()) / scores.std(ddof=1), dtype=np.float64)


def _group_sums(scores_G: Floats, reference_G: Floats) -> list[float]:
    """What `_COLUMNS` says, of one group."""
    right = tied = pairs = 0
    for k in range(len(scores_G) - 1):  # a row at a time: groups may be large
        people, judge = _sign(reference_G[k + 1 :] - reference_G[k]), _sign(scores_G[k + 1 :] - scores_G[k])
        ordered = people != 0
        pairs += int(ordered.sum())
        right += int((people == judge)[ordered].sum())
        tied += int((judge == 0)[ordered].sum())
    a, b = advantages(scores_G), advantages(reference_G)
    large = np.abs(b) > LARGE
    n_pairs = len(scores_G) * (len(scores_G) - 1) // 2
    turned, lost = (_sign(a) * _sign(b) < 0)[large].sum(), (_sign(a) == 0)[large].sum()
    spread = float(len(b)) if np.any(b) else 0.0
    judge_squares = float((a**2).sum()) if spread else 0.0
    return [
        right, tied, pairs, n_pairs - pairs, float(turned), float(lost), float(large.sum()),
        float((a * b).sum()), judge_squares, float((b**2).sum()), spread,
    ]  # fmt: skip


def _sign(differences: Floats) -> Floats:
    return np.where(np.abs(differences) <= SAME, 0.0, np.sign(differences))


def order_figures(sums: Floats) -> Floats:
    """`FIGURES` (…6) of the sums that `_COLUMNS` names (…11)."""
    right, tied, pairs, even, turned, lost, large, product, judge, people, _ = (
        sums[..., k] for k in range(len(_COLUMNS))
    )
    return np.stack(
        [
            ratio(right + tied / 2, pairs),
            ratio(tied, pairs),
            ratio(even, pairs + even),
            ratio(turned, large),
            ratio(lost, large),
            ratio(product, np.sqrt(judge * people)),
        ],
        axis=-1,
    )


def _sizes(sums: Floats) -> Floats:
    _, _, pairs, even, _, _, large, _, _, _, answers = (sums[..., k] for k in range(len(_COLUMNS)))
    return np.stack([pairs, pairs, pairs + even, large, large, answers], axis=-1)


_NO_PAIR: Final = "people order no two answers of a group"
_ORDER: Final = FigureSet(
    FIGURES,
    order_figures,
    _sizes,
    {
        "order_accuracy": _NO_PAIR,
        "tied_by_judge": _NO_PAIR,
        "tied_by_people": "no group has two answers",
        "sign_flips": _NO_PAIR,
        "sign_lost": _NO_PAIR,
        "correlation": "the judge's scores, or people's, do not spread in any group",
    },
)
