"""From what is known of an answer, criterion by criterion, to one number: the formulas that the field uses, by name.

In: a rubric, and values in [0, 1] by criterion id, None where nothing is known. Out: `Aggregate`. Formulas for training
are not clipped, since a clip takes away the signal of weak answers; those that clip are for reports. Not here: cells
and what is done where judging failed (citerefine.judges.rubric).
"""

from citerefine.rubrics.aggregation.aggregate import LEAST_COVERAGE, Aggregate, aggregate
from citerefine.rubrics.aggregation.corpus import corpus_mean_then_clip
from citerefine.rubrics.aggregation.formulas import FORMULAS, NEEDS, default_formula, for_training

__all__ = [
    "FORMULAS",
    "LEAST_COVERAGE",
    "NEEDS",
    "Aggregate",
    "aggregate",
    "corpus_mean_then_clip",
    "default_formula",
    "for_training",
]
