"""Weights that follow what tells the answers of a group apart.

In: a rubric, and the values of all answers to one question. Out: one number an answer, or None. Not here: groups in
which cells are missing (citerefine.judges.rubric.group), formulas for single answers.
"""

from collections.abc import Sequence
from math import fsum
from statistics import pstdev
from typing import Final

from citerefine.rubrics.aggregation.linear import pos_norm_of, sides
from citerefine.rubrics.aggregation.weights import Values, Weighed, weigh, weighted_mean
from citerefine.rubrics.rubric import Rubric

CONTRAST_SHARE: Final = 0.5
"""Part of each weight that follows contrast; the rest stays as it was written."""


def policy_aware(rubric: Rubric, values_G: Sequence[Values]) -> list[float | None]:
    """S' / P of each answer, with weights w' = w·((1 - λ) + λ·c / mean c), λ = 1/2.

    c is the standard deviation of a criterion's values in the group, mean c its weighted mean over the criteria of the
    same polarity, so that P and N stay what they were. After POW3R (arXiv 2605.20164), which keeps the human weights
    and the balance of categories as the aim and lays the weight of the moment on criteria that tell rollouts apart. The
    abstract gives the idea; the equation is ours. None if P = 0, or nothing positive is known of an answer.
    """
    leaves = contrasted(weigh(rubric), values_G)
    return [pos_norm_of(sides(leaves, values)) for values in values_G]


def contrasted(leaves: list[Weighed], values_G: Sequence[Values]) -> list[Weighed]:
    """The leaves with the weights w'."""
    contrast = {leaf.criterion.id: _spread(leaf.criterion.id, values_G) for leaf in leaves}
    means = {
        is_fault: weighted_mean(
            [(leaf.mass, contrast[leaf.criterion.id]) for leaf in leaves if leaf.is_fault == is_fault]
        )
        for is_fault in (False, True)
    }
    return [leaf._replace(mass=_new_mass(leaf, contrast[leaf.criterion.id], means[leaf.is_fault])) for leaf in leaves]


def _new_mass(leaf: Weighed, contrast: float, mean: float | None) -> float:
    return leaf.mass * (1 - CONTRAST_SHARE + CONTRAST_SHARE * contrast / mean) if mean else leaf.mass


def _spread(id: str, values_G: Sequence[Values]) -> float:
    known = [value for values in values_G if (value := values.get(id)) is not None]
    return pstdev(known, fsum(known) / len(known)) if len(known) > 1 else 0.0
