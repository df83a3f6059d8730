"""The formulas of formats with graded scales and tiers.

In: a rubric, values by criterion id. Out: a number, or None if nothing is known. Values that are not known leave the
mean. A fault counts 1 - v. Not here: ScholarQA (scholarqa.py), RACE (trees.py).
"""

from math import fsum
from typing import Final

from citerefine.rubrics.aggregation.trees import flat_leaf_mean
from citerefine.rubrics.aggregation.weights import Values, Weighed, known_pairs, weigh, weighted_mean
from citerefine.rubrics.rubric import Rubric

TIERS: Final = {"critical": 4.0, "major": 3.0, "minor": 2.0, "additional": 1.0}
"""What ProfBench's words weigh."""


def mean_1_10(rubric: Rubric, values: Values) -> float | None:
    """Σ x / n over native scores x from 1 to 10. WritingBench (X-PLUG/WritingBench calculate_scores.py)."""
    return _native_mean(rubric, values)


def unit_mean(rubric: Rubric, values: Values) -> float | None:
    """Σ v / n, with v = (x - 1) / 9 for scores x from 1 to 10: `mean_1_10` for a reward; same as `flat_leaf_mean`."""
    return flat_leaf_mean(rubric, values)


def likert_1_5(rubric: Rubric, values: Values) -> float | None:
    """The native score x from 1 to 5; of several criteria, Σ x / n. Prometheus (prometheus-eval/prometheus-eval).

    Same as `mean_1_10`: the scale is the criterion's.
    """
    return _native_mean(rubric, values)


def unit(rubric: Rubric, values: Values) -> float | None:
    """Σ v / n, with v = (x - 1) / 4 for scores x from 1 to 5: `likert_1_5` for a reward; same as `flat_leaf_mean`."""
    return flat_leaf_mean(rubric, values)


def tier_mean_4321(rubric: Rubric, values: Values) -> float | None:
    """Σ t·v / Σ t with t = 4, 3, 2, 1 for Critical, Major, Minor, Additional; the weight where a tier has no such word.

    ProfBench (NVlabs/ProfBench score_report_generation.py).
    """
    known = known_pairs(weigh(rubric), values)
    return weighted_mean([(_tier_weight(leaf), leaf.counted(value)) for leaf, value in known])


def choice_rank(rubric: Rubric, values: Values) -> float | None:
    """Σ w·r / (n - 1) / Σ w, with r the rank of the choice among n, worst to best: a value is r / (n - 1).

    verifiers v1 (PrimeIntellect-ai/verifiers verifiers/v1/judges/rubric.py).
    """
    known = known_pairs(weigh(rubric), values)
    return weighted_mean([(leaf.mass, leaf.counted(value)) for leaf, value in known])


def _tier_weight(leaf: Weighed) -> float:
    return TIERS.get(leaf.criterion.tier.strip().lower(), leaf.mass)


def _native_mean(rubric: Rubric, values: Values) -> float | None:
    known = known_pairs(weigh(rubric), values)
    natives = [leaf.criterion.scale.to_native(leaf.counted(value)) for leaf, value in known]
    return fsum(natives) / len(natives) if natives else None
