"""The formulas of ScholarQA and AstaBench, whose items have two halves.

In: a rubric, values by item name; an item that has evidence passages may have a second value, `NAME_evidence`: the
share of them that the answer tells. Out: a number, or None if nothing is known. Not here: judging either half.

    allenai/asta-bench astabench/evals/sqa/rubric.py
"""

from math import fsum
from typing import Final

from citerefine.rubrics.aggregation.weights import Values, Weighed, known_pairs, weigh, weighted_mean
from citerefine.rubrics.rubric import Rubric

EVIDENCE: Final = "_evidence"
"""Ends the id of an item's evidence half."""
_STATIC: Final = frozenset({"length", "expertise", "citations", "excerpts"})
_INSTANCE_SHARE: Final = 0.6
"""Weight of the items of a question; the static parts have the rest."""


def sqa_weighted(rubric: Rubric, values: Values) -> float | None:
    """Σ w·v over the static parts and the items; the weights sum to 1.

    v of an item with both halves is their mean, and the evidence half is 0 where the criterion got 0. Where only one
    half was judged, it stands for the item.
    """
    return _weighted_sum(weigh(rubric), values)


def sqa_ingredient_recall(rubric: Rubric, values: Values) -> float | None:
    """Σ w·v / 0.6 over the items, without the static parts."""
    items = [leaf for leaf in weigh(rubric) if leaf.criterion.id not in _STATIC]
    total = _weighted_sum(items, values)
    return None if total is None else total / _INSTANCE_SHARE


def whole_items(values: Values) -> dict[str, float | None]:
    """Item name → value of the item, its halves taken together."""
    names = dict.fromkeys(id.removesuffix(EVIDENCE) for id in values)
    return {name: _whole(values.get(name), values.get(name + EVIDENCE)) for name in names}


def _whole(criterion: float | None, evidence: float | None) -> float | None:
    if criterion is None or evidence is None:
        return evidence if criterion is None else criterion
    return (criterion + evidence) / 2 if criterion else 0.0


def _weighted_sum(leaves: list[Weighed], values: Values) -> float | None:
    pairs = known_pairs(leaves, whole_items(values))
    mean = weighted_mean([(leaf.mass, leaf.counted(value)) for leaf, value in pairs])
    return None if mean is None else mean * fsum(leaf.mass for leaf in leaves)
