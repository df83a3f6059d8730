"""How well yes-or-no verdicts agree with labels, and with how well labellers agree among themselves.

In: verdicts, labels of one or several people a row, what belongs together. Out: accuracy, macro-F1, kappa, MCC and
error rates with intervals; macro-F1 beside the human ceiling. A row with several labels counts once for each of them,
as in HealthBench's meta-evaluation (Arora et al. 2025, arXiv 2505.08775, section 8). Not here: agreement of more than
two classes (confusion.py), values between 0 and 1 (alpha.py, calibration_error.py).
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from citerefine.judges.statistics.bootstrap import ratio
from citerefine.judges.statistics.cluster_figures import FigureSet, figure_estimates
from citerefine.judges.statistics.clusters import Clusters, Floats
from citerefine.judges.statistics.estimate import SEED, Estimate
from citerefine.judges.statistics.ranking import AGREEMENT_DRAWS

Labels = Sequence[Sequence[bool]]
"""What people say of each row: one flag for each of them who labelled it."""

FIGURES: Final = ("accuracy", "macro_f1", "kappa", "mcc", "false_positive_rate", "false_negative_rate")
_ONE_CLASS: Final = "people give one of the two labels only"
_ONE_SIDED: Final = "people or the judge give one of the two labels only"


def agreement_estimates(
    labels_N: Labels, said_N: Sequence[bool], clusters_N: Clusters, *, draws: int = AGREEMENT_DRAWS, seed: int = SEED
) -> dict[str, Estimate]:
    """`FIGURES` of verdicts against each label of their row.

    Args:
        labels_N: what people say of each row.
        said_N: what the judge says.
        clusters_N: what belongs together.
        draws: bootstrap samples.
        seed: of the random numbers.

    Raises:
        ValueError: if the lengths differ.
    """
    cells = _judge_cells(labels_N, said_N)
    return figure_estimates(_columns(cells), clusters_N, _AGREEMENT, draws=draws, seed=seed)


def ceiling_estimates(
    labels_N: Labels, said_N: Sequence[bool], clusters_N: Clusters, *, draws: int = AGREEMENT_DRAWS, seed: int = SEED
) -> dict[str, Estimate]:
    """Macro-F1 of `judge`, of `people`, and their `difference`, over the rows with two labels or more.

    People: each one against the others of the same row. A row counts as often as it does for the judge: a pair of its m
    labellers has the weight 1/(m - 1). Arguments and errors as of `agreement_estimates`.
    """
    judge, people = _judge_cells(labels_N, said_N), _people_cells(labels_N)
    several_N = np.array([len(labels) > 1 for labels in labels_N], dtype=np.bool_)
    columns = _columns(np.hstack([judge, people])[several_N])
    kept = [cluster for cluster, several in zip(clusters_N, several_N, strict=True) if several]
    return figure_estimates(columns, kept, _CEILING, draws=draws, seed=seed)


def agreement_figures(cells: Floats) -> Floats:
    """`FIGURES` (…6) of sums of hits, misses, false alarms and right rejections (…4); NaN where not defined."""
    hit, missed, wrong, rejected = (cells[..., k] for k in range(4))
    yes, no = hit + missed, wrong + rejected
    said_yes, said_no = hit + wrong, missed + rejected
    n = yes + no
    chance = ratio(yes * said_yes + no * said_no, n**2)
    sides = yes * no * said_yes * said_no
    kappa = np.where(sides > 0, ratio(ratio(hit + rejected, n) - chance, 1 - chance), np.nan)
    return np.stack(
        [
            ratio(hit + rejected, n),
            macro_f1(cells),
            kappa,
            ratio(hit * rejected - missed * wrong, np.sqrt(sides)),
            ratio(wrong, no),
            ratio(missed, yes),
        ],
        axis=-1,
    )


def macro_f1(cells: Floats) -> Floats:
    """Mean F1 of yes and no, of the same sums (…4 → …); NaN where people give one class only.

    A class that people give and the judge never does has the F1 0.
    """
    hit, missed, wrong, rejected = (cells[..., k] for k in range(4))
    both = (hit + missed > 0) & (wrong + rejected > 0)
    mean = (ratio(2 * hit, 2 * hit + missed + wrong) + ratio(2 * rejected, 2 * rejected + missed + wrong)) / 2
    return np.where(both, mean, np.nan)


def _judge_cells(labels_N: Labels, said_N: Sequence[bool]) -> Floats:
    """Hits, misses, false alarms and right rejections of each row, N4."""
    met_N, n_N = _counts(labels_N)
    said = np.asarray(said_N, dtype=np.float64)
    if len(said) != len(met_N):
        raise ValueError(f"there are {len(said)} verdicts and labels of {len(met_N)} rows")
    return np.stack([met_N * said, met_N * (1 - said), (n_N - met_N) * said, (n_N - met_N) * (1 - said)], axis=-1)


def _people_cells(labels_N: Labels) -> Floats:
    """The same of each labeller of a row against the others, N4; NaN of a row with one."""
    met_N, n_N = _counts(labels_N)
    unmet_N = n_N - met_N
    pairs = np.stack([met_N * (met_N - 1), met_N * unmet_N, met_N * unmet_N, unmet_N * (unmet_N - 1)], axis=-1)
    return ratio(pairs, (n_N - 1)[:, np.newaxis])


def _counts(labels_N: Labels) -> tuple[Floats, Floats]:
    """How many labels of each row say yes, and how many there are."""
    met = np.array([sum(map(bool, labels)) for labels in labels_N], dtype=np.float64)
    return met, np.array([len(labels) for labels in labels_N], dtype=np.float64)


def _columns(cells_NK: Floats) -> dict[str, Floats]:
    return {str(k): cells_NK[:, k] for k in range(cells_NK.shape[1])}


def _agreement_sizes(cells: Floats) -> Floats:
    yes, no = cells[..., 0] + cells[..., 1], cells[..., 2] + cells[..., 3]
    return np.stack([yes + no] * 4 + [no, yes], axis=-1)


def _ceiling_figures(cells: Floats) -> Floats:
    judge, people = macro_f1(cells[..., :4]), macro_f1(cells[..., 4:])
    return np.stack([judge, people, judge - people], axis=-1)


def _ceiling_sizes(cells: Floats) -> Floats:
    n = cells[..., :4].sum(axis=-1)
    return np.stack([n, n, n], axis=-1)


_AGREEMENT: Final = FigureSet(
    FIGURES,
    agreement_figures,
    _agreement_sizes,
    {
        "accuracy": "no row was judged",
        "macro_f1": _ONE_CLASS,
        "kappa": _ONE_SIDED,
        "mcc": _ONE_SIDED,
        "false_positive_rate": "people never say no",
        "false_negative_rate": "people never say yes",
    },
)
_NO_PAIR: Final = "no two people gave both labels between them on rows with two labels or more"
_CEILING: Final = FigureSet(
    ("judge", "people", "difference"),
    _ceiling_figures,
    _ceiling_sizes,
    dict.fromkeys(("judge", "people", "difference"), _NO_PAIR),
)
