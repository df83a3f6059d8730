"""Whether the weights of a rubric are in balance.

In: a rubric. Out: findings. Not here: which formula is used.
"""

from collections.abc import Iterator
from math import fsum
from typing import Final

from citerefine.rubrics.aggregation.formulas import FORMULAS, default_formula
from citerefine.rubrics.aggregation.weights import weigh
from citerefine.rubrics.lint.finding import Finding
from citerefine.rubrics.rubric import Rubric

MAX_SHARE: Final = 0.4
"""Most of the positive weight that one criterion should have."""
MAX_NEGATIVE: Final = 1.0
"""Most negative weight, in positive weight: beyond it, a weak policy is below 0 with nearly all it writes."""
_FLIPPING: Final = frozenset({"flip_then_mean", "concat_flip_then_mean", "min_max", "tree_mean", "flat_leaf_mean"})
"""Formulas that pay for the absence of a fault, so that no answer falls below 0."""
_FEW: Final = 3
"""With fewer positive criteria, one of them has much of the weight by need."""


def check_balance(rubric: Rubric) -> Iterator[Finding]:
    """One criterion that outweighs the rest; faults that outweigh all."""
    leaves = weigh(rubric)
    merits = [leaf for leaf in leaves if not leaf.is_fault]
    positive = fsum(leaf.mass for leaf in merits)
    negative = fsum(leaf.mass for leaf in leaves if leaf.is_fault)
    if len(merits) >= _FEW and positive:
        for leaf in merits:
            if leaf.mass > MAX_SHARE * positive:
                share = f"{leaf.mass / positive:.0%}".replace("%", " %")
                message = f"it has {share} of the positive weight; lower its weight, or split it"
                yield Finding("outweighs", leaf.criterion.id, message, "warning")
    if _formula(rubric) in _FLIPPING:
        return
    if negative > MAX_NEGATIVE * positive * (1 + 1e-9):
        message = f"faults weigh {negative:g} and criteria {positive:g} in all; lower the weights of the faults"
        yield Finding("negative_mass", "", message, "warning" if positive else "note")


def _formula(rubric: Rubric) -> str:
    """The rubric's formula; empty if it names one that does not exist."""
    return "" if rubric.aggregate and rubric.aggregate not in FORMULAS else default_formula(rubric)
