"""Whether a judge favours the answers of one writer.

In: what the judge says less what people say, and who wrote each answer. Out: the mean of that by writer, and the bias
index max - min of the means (ProfBench, arXiv 2510.18941), with intervals. Chance alone makes the index greater than 0,
the more so with many writers and few rows of each. Not here: what a writer is.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from citerefine.judges.statistics.cluster_figures import FigureSet, figure_estimates
from citerefine.judges.statistics.clusters import Clusters, Floats
from citerefine.judges.statistics.estimate import SEED, Estimate
from citerefine.judges.statistics.ranking import AGREEMENT_DRAWS

INDEX: Final = "bias index"


def bias_estimates(
    errors_N: Sequence[float] | Floats,
    sources_N: Sequence[str],
    clusters_N: Clusters,
    *,
    draws: int = AGREEMENT_DRAWS,
    seed: int = SEED,
) -> tuple[Estimate, dict[str, Estimate]]:
    """The bias index, None with fewer than two writers; and the mean error of each writer.

    Args:
        errors_N: what the judge says less what people say, of each row.
        sources_N: who wrote the answer.
        clusters_N: what belongs together.
        draws: bootstrap samples.
        seed: of the random numbers.

    Raises:
        ValueError: if the lengths differ.
    """
    errors, sources = np.asarray(errors_N, dtype=np.float64), np.asarray(sources_N, dtype=np.str_)
    if len(errors) != len(sources):
        raise ValueError(f"there are {len(errors)} errors and {len(sources)} sources")
    names = sorted({*sources_N})
    masks = [(sources == name).astype(np.float64) for name in names]
    columns = {f"sum {k}": mask * errors for k, mask in enumerate(masks)}
    columns |= {f"rows {k}": mask for k, mask in enumerate(masks)}
    k = len(names)

    def figures(sums: Floats) -> Floats:
        rows = sums[..., k:]
        means = np.where(rows > 0, sums[..., :k] / np.maximum(rows, 1), np.nan)
        known = np.isfinite(means)
        top, low = np.where(known, means, -np.inf), np.where(known, means, np.inf)
        spread = top.max(axis=-1, initial=-np.inf) - low.min(axis=-1, initial=np.inf)
        index = np.where(known.sum(axis=-1) > 1, spread, np.nan)
        return np.concatenate([index[..., np.newaxis], means], axis=-1)

    def sizes(sums: Floats) -> Floats:
        rows = sums[..., k:]
        return np.concatenate([rows.sum(axis=-1, keepdims=True), rows], axis=-1)

    keys = (INDEX, *(f"source {name}" for name in names))
    why_none = {**dict.fromkeys(keys, "no row"), INDEX: "the labels name fewer than two sources of answers"}
    found = figure_estimates(columns, clusters_N, FigureSet(keys, figures, sizes, why_none), draws=draws, seed=seed)
    return found[INDEX], {name: found[f"source {name}"] for name in names}
