"""The formulas by name, and which one a rubric is meant for.

In: names and rubrics. Out: functions, names. Not here: the functions themselves (linear.py, trees.py, scales.py,
scholarqa.py, policy_aware.py), what is done around them (aggregate.py).
"""

from collections.abc import Callable
from difflib import get_close_matches
from typing import Final

from citerefine.rubrics.aggregation import linear, scales, scholarqa, trees
from citerefine.rubrics.aggregation.weights import Values
from citerefine.rubrics.errors import RubricError
from citerefine.rubrics.rubric import Rubric

FORMULAS: Final[dict[str, str]] = {
    "pos_norm": "Σwv / P, P the sum of positive weights; not clipped: what to train with",
    "pos_norm_floor1": "Σwv / max(P, 1)",
    "abs_norm": "Σwv / Σ|w|",
    "min_max": "(Σwv - lo) / (hi - lo), from the worst to the best answer that is possible",
    "flip_then_mean": "mean of v for positive and 1 - v for negative criteria, by weight; same as min_max",
    "concat_flip_then_mean": "same as flip_then_mean, over instance and static criteria together",
    "clip01": "pos_norm clipped to [0, 1]; faults alone: 1 + Σwv / Σ|w|; for reports",
    "floor0": "max(0, pos_norm); for reports",
    "tree_mean": "weighted mean of the children, at every node of a tree",
    "flat_leaf_mean": "plain mean over the leaves",
    "saturating": "pos_norm with diminishing returns inside each dimension",
    "policy_aware": "pos_norm with weights that follow what tells the answers of a group apart",
    "race_total": "sum over dimensions of weight times weighted mean of scores from 0 to 10",
    "race_relative": "race_total of the answer / (the same + race_total of a reference answer)",
    "mean_1_10": "mean of scores from 1 to 10",
    "unit_mean": "mean of (score - 1) / 9; same as flat_leaf_mean",
    "likert_1_5": "score from 1 to 5; same as mean_1_10, on its scale",
    "unit": "(score - 1) / 4; same as flat_leaf_mean",
    "tier_mean_4321": "Σtv / Σt with t = 4, 3, 2, 1 for Critical, Major, Minor, Additional",
    "choice_rank": "Σ w·rank/(n - 1) / Σw over ordered choices",
    "sqa_weighted": "sum of weight times value over the static parts and the items of ScholarQA",
    "sqa_ingredient_recall": "the items of ScholarQA alone, / 0.6",
}
"""Name → what it is, in one line."""

NEEDS: Final[dict[str, str]] = {
    "race_relative": "the values of a reference answer",
    "policy_aware": "the values of a whole group of answers",
}
"""Formulas that need more than the values of one answer → what."""

COMPUTE: Final[dict[str, Callable[[Rubric, Values], float | None]]] = {
    "pos_norm": linear.pos_norm,
    "pos_norm_floor1": linear.pos_norm_floor1,
    "abs_norm": linear.abs_norm,
    "min_max": linear.min_max,
    "flip_then_mean": linear.flip_then_mean,
    "concat_flip_then_mean": linear.concat_flip_then_mean,
    "clip01": linear.clip01,
    "floor0": linear.floor0,
    "tree_mean": trees.tree_mean,
    "flat_leaf_mean": trees.flat_leaf_mean,
    "saturating": trees.saturating,
    "race_total": trees.race_total,
    "mean_1_10": scales.mean_1_10,
    "unit_mean": scales.unit_mean,
    "likert_1_5": scales.likert_1_5,
    "unit": scales.unit,
    "tier_mean_4321": scales.tier_mean_4321,
    "choice_rank": scales.choice_rank,
    "sqa_weighted": scholarqa.sqa_weighted,
    "sqa_ingredient_recall": scholarqa.sqa_ingredient_recall,
}
"""Formulas of one answer → function of a rubric and values."""

_OF_FORMAT: Final = {
    "drtulu": "pos_norm_floor1",
    "drtulu_generated": "pos_norm_floor1",
    "drtulu_buffer": "pos_norm_floor1",
    "sqa": "sqa_weighted",
    "paperbench": "tree_mean",
    "paperbench_graded": "tree_mean",
    "drb_race": "race_total",
    "writingbench": "mean_1_10",
    "prometheus": "likert_1_5",
    "profbench": "tier_mean_4321",
    "verifiers": "choice_rank",
    "llmdata_rubric": "clip01",
    "autorubric": "clip01",
    "seed": "flip_then_mean",
}
_FOR_TRAINING: Final = {
    "clip01": "pos_norm",
    "floor0": "pos_norm",
    "race_total": "tree_mean",
    "race_relative": "tree_mean",
    "mean_1_10": "unit_mean",
    "likert_1_5": "unit",
}


def default_formula(rubric: Rubric) -> str:
    """The formula that the rubric names, else its format's own; of ours, `tree_mean` for trees, else `pos_norm`."""
    if rubric.aggregate:
        return checked_name(rubric.aggregate)
    nested = any(node.children for node in rubric.criteria)
    return _OF_FORMAT.get(rubric.format, "tree_mean" if nested else "pos_norm")


def for_training(formula: str) -> str:
    """The formula on the same values that is not clipped and has no scale of its own: what a reward is made with."""
    return _FOR_TRAINING.get(checked_name(formula), formula)


def checked_name(formula: str) -> str:
    """`formula`, if there is one of that name. Raises RubricError else."""
    if formula not in FORMULAS:
        meant = get_close_matches(formula[:60], FORMULAS, n=1)
        hint = f"did you mean `{meant[0]}`? There are" if meant else "choose one of"
        raise RubricError(f"there is no formula {formula[:60]!r}; {hint} {', '.join(FORMULAS)}")
    return formula
