"""One score from the values of one answer, or None and why.

In: a rubric, values by criterion id, a formula's name. Out: `Aggregate`. Not here: the formulas (formulas.py).
"""

from math import ceil, fsum
from typing import Final, NamedTuple

from citerefine.rubrics.aggregation.formulas import COMPUTE, NEEDS, checked_name, default_formula
from citerefine.rubrics.aggregation.scholarqa import whole_items
from citerefine.rubrics.aggregation.trees import race_relative
from citerefine.rubrics.aggregation.weights import Values, Weighed, known_pairs, node_values, weigh
from citerefine.rubrics.criterion import MOST_LEVELS, Scale, walk
from citerefine.rubrics.errors import RubricError
from citerefine.rubrics.rubric import Rubric

LEAST_COVERAGE: Final = 0.8
"""Least share of the weight that must be known; below it there is no score."""
_PRESENT: Final = 0.5
"""A fault with a veto is present from here on, and what is not met by more than this is not met."""
_EVEN_STEPS: Final = 10
"""Into how many steps a numeric scale falls whose bounds are not a few whole numbers apart."""


class Aggregate(NamedTuple):
    """What an answer is worth."""

    score: float | None
    """By the formula; None if it is not known."""
    reason: str
    """Why there is no score, or why a veto holds it down, as `code: what happened`; empty else."""
    coverage: float
    """Share of the weight, without signs, whose values are known; of criteria that all weigh 0, their share."""


def aggregate(
    rubric: Rubric,
    values: Values,
    formula: str = "",
    *,
    least_coverage: float = LEAST_COVERAGE,
    reference: Values | None = None,
) -> Aggregate:
    """The score of one answer.

    Args:
        rubric: whose judged leaves count.
        values: by criterion id, in [0, 1]; of a fault, how far it is present. None or absent: not known; such values
            leave the formula, and the weights of the others are scaled up.
        formula: a key of `FORMULAS`; the rubric's own by default.
        least_coverage: share of the weight that must be known.
        reference: values of a reference answer, for `race_relative`.

    Raises:
        RubricError: if there is no such formula, or a value is outside [0, 1] or of no criterion of the rubric.

    >>> from citerefine.rubrics.criterion import Criterion
    >>> named, dated = Criterion(id="a", text="Names the river.", weight=3), Criterion(id="b", text="Dates the flood.")
    >>> rubric = Rubric(criteria=(named, dated))
    >>> aggregate(rubric, {"a": 1.0, "b": 0.0}).score
    0.75
    >>> aggregate(rubric, {"a": None, "b": 0.0}).reason
    'coverage: values are known for 25 % of the weight, at least 80 % are needed'
    """
    formula = checked_name(formula) if formula else default_formula(rubric)
    leaves, items = weigh(rubric), whole_items(values) if formula.startswith("sqa") else values
    _check(rubric, values, items)
    coverage = _coverage(leaves, items)
    if missing := _missing(rubric, leaves, coverage, least_coverage):
        return Aggregate(None, missing, coverage)
    score, reason = after_vetoes(rubric, items, *_compute(rubric, values, formula, reference))
    return Aggregate(score, reason, coverage)


def after_vetoes(rubric: Rubric, values: Values, score: float | None, reason: str) -> tuple[float | None, str]:
    """The score of a formula, and why it is so, with the vetoes of the rubric: the last step of every formula.

    A positive criterion fails its veto where its value comes nearest to the worst verdict of its scale, which is 0: of
    a binary one, where it is at most 1/2. A group fails where all of it does. A fault vetoes from 1/2 on.
    """
    failed, unknown = _vetoes(rubric, values)
    if failed:
        # Less than 0 stays: a fault that vetoes must not lift an answer that was worth less.
        return min(score or 0.0, 0.0), f"veto: {failed[0]!r} is not passed, which alone makes it 0"
    if unknown:
        return None, f"veto_unknown: nothing is known of {unknown[0]!r}, which has a veto"
    return score, reason


def _compute(rubric: Rubric, values: Values, formula: str, reference: Values | None) -> tuple[float | None, str]:
    if formula == "race_relative" and reference is not None:
        _check(rubric, reference, reference)
        score = race_relative(rubric, values, reference)
    elif formula in NEEDS:
        return None, f"needs_more: {formula} needs {NEEDS[formula]}"
    else:
        score = COMPUTE[formula](rubric, values)
    return score, "" if score is not None else f"no_weight: {formula} has nothing to divide by; {_advice(rubric)}"


def _advice(rubric: Rubric) -> str:
    has_merit = any(leaf.mass and not leaf.is_fault for leaf in weigh(rubric))
    return "no positive criterion has a value" if has_merit else "no positive criterion has weight; try min_max"


def _check(rubric: Rubric, values: Values, items: Values) -> None:
    strange = items.keys() - {leaf.id for leaf in rubric.leaves}
    if strange:
        raise RubricError(f"there is a value for {min(strange)[:60]!r}, and the rubric has no such criterion")
    for id, value in values.items():
        if value is not None and not 0 <= value <= 1:
            raise RubricError(f"the value of {id[:60]!r} is {value}; values lie in [0, 1], or are None if not known")


def _coverage(leaves: list[Weighed], values: Values) -> float:
    known = [leaf for leaf, _ in known_pairs(leaves, values)]
    total = fsum(leaf.mass for leaf in leaves)
    if not total:
        return len(known) / len(leaves) if leaves else 0.0
    return min(1.0, fsum(leaf.mass for leaf in known) / total)


def _missing(rubric: Rubric, leaves: list[Weighed], coverage: float, least: float) -> str:
    if not leaves:
        return "no_criteria: the rubric has no criterion that is judged"
    # As 0.8 of ten equal weights is meant to be enough, whatever their sum rounds to.
    if coverage + 1e-9 < least:
        return f"coverage: values are known for {coverage:.0%} of the weight, at least {least:.0%} are needed".replace(
            "%", " %"
        )
    return ""


def _vetoes(rubric: Rubric, values: Values) -> tuple[list[str], list[str]]:
    """Ids of nodes with a veto that are not passed, and of those of which nothing is known."""
    nodes = [node for node in walk(rubric.criteria) if node.veto and node.state != "inactive"]
    if not nodes:
        return [], []
    known = known_pairs(weigh(rubric), values)
    worth = node_values(rubric, {leaf.criterion.id: leaf.counted(value) for leaf, value in known})
    said = node_values(rubric, {leaf.criterion.id: _as_verdict(leaf, value) for leaf, value in known})
    failed = [
        node.id
        for node in nodes
        if node.id in worth and (worth[node.id] <= _PRESENT if node.is_negative else said[node.id] == 0)
    ]
    return failed, [node.id for node in nodes if node.id not in worth]


def _as_verdict(leaf: Weighed, value: float) -> float:
    """The verdict that a value comes nearest to, turned so that more is better: odds and votes give what lies between.

    In the middle between two, the worse one.
    """
    counted, scale = leaf.counted(value), leaf.criterion.scale
    if scale.kind == "ordinal":
        return min((leaf.counted(level.value) for level in scale.levels), key=lambda step: (abs(step - counted), step))
    n = _n_steps(scale)
    return ceil(counted * n - 0.5) / n


def _n_steps(scale: Scale) -> float:
    span = scale.hi - scale.lo
    if scale.kind == "binary":
        return 1
    return span if scale.lo.is_integer() and span.is_integer() and span < MOST_LEVELS else _EVEN_STEPS
