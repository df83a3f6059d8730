"""The formulas over trees and groups of criteria.

In: a rubric, values by criterion id. Out: a number, or None where it has none. Values that are not known leave the mean
of their siblings. A fault counts 1 - v. Not here: rubrics without groups (linear.py), native scales but RACE's.
"""

from math import exp, fsum
from typing import Final

from citerefine.rubrics.aggregation.linear import sides
from citerefine.rubrics.aggregation.weights import Values, judged_nodes, known_pairs, node_values, weigh, weighted_mean
from citerefine.rubrics.criterion import leaves
from citerefine.rubrics.rubric import Rubric

STEEPNESS: Final = 2.0
"""k of `saturating`: the first half of a dimension counts 73 %."""


def tree_mean(rubric: Rubric, values: Values) -> float | None:
    """Weighted mean of the children, at every node: v(node) = Σ w·v(child) / Σ w.

    PaperBench (openai/frontier-evals project/paperbench/paperbench/rubric/tasks.py).
    """
    return _top_mean(rubric, _counted(rubric, values))


def flat_leaf_mean(rubric: Rubric, values: Values) -> float | None:
    """Σ v / n over the leaves, without weights or tree. To show what the tree changes."""
    counted = _counted(rubric, values)
    return fsum(counted.values()) / len(counted) if counted else None


def race_total(rubric: Rubric, values: Values) -> float | None:
    """Σ_d W_d · (Σ w·x / Σ w) over dimensions d, with x the native scores (0 to 10).

    RACE (Ayanami0730/deep_research_bench utils/score_calculator.py). The dimensions are the outermost groups.
    """
    natives = {
        leaf.criterion.id: leaf.criterion.scale.to_native(leaf.counted(value))
        for leaf, value in known_pairs(weigh(rubric), values)
    }
    mean, judged = _top_mean(rubric, natives), judged_nodes(rubric)
    return None if mean is None else mean * fsum(abs(node.weight) for node in rubric.criteria if node.id in judged)


def race_relative(rubric: Rubric, values: Values, reference: Values) -> float | None:
    """t / (t + r), with t = `race_total` of the answer and r that of a reference answer; None if both are 0.

    RACE, as `race_total`. 0.5: as good as the reference.
    """
    target, other = race_total(rubric, values), race_total(rubric, reference)
    return target / (target + other) if target is not None and other is not None and target + other else None


def saturating(rubric: Rubric, values: Values) -> float | None:
    """Σ_d W_d·g(v_d) / P - N·f / P with g(v) = (1 - exp(-k·v)) / (1 - exp(-k)): concave, g(0) = 0, g(1) = 1.

    Saturation-aware aggregation as in Rubicon (arXiv 2508.12790): more of one dimension pays less and less, so that it
    does not pay to outdo one and neglect the rest. The paper gives the idea; this g is ours. Dimensions are the
    outermost groups, or single criteria where there are none. None if P = 0.
    """
    weighed = weigh(rubric)
    both = sides(weighed, values)
    if both is None or not both.positive:
        return None
    merits = {leaf.criterion.id: value for leaf, value in known_pairs(weighed, values) if not leaf.is_fault}
    nodes = node_values(rubric, merits)
    masses = _merit_masses(rubric)
    saturated = weighted_mean([(masses[id], _saturate(nodes[id])) for id in masses if id in nodes])
    return None if saturated is None else saturated - both.negative * both.faults / both.positive


def _saturate(value: float) -> float:
    return (1 - exp(-STEEPNESS * value)) / (1 - exp(-STEEPNESS))


def _merit_masses(rubric: Rubric) -> dict[str, float]:
    """Outermost node → the weight of the positive leaves in it."""
    masses = {leaf.criterion.id: leaf.mass for leaf in weigh(rubric) if not leaf.is_fault}
    found = {node.id: fsum(masses.get(leaf.id, 0.0) for leaf in leaves((node,))) for node in rubric.criteria}
    return {id: mass for id, mass in found.items() if mass}


def _counted(rubric: Rubric, values: Values) -> dict[str, float]:
    return {leaf.criterion.id: leaf.counted(value) for leaf, value in known_pairs(weigh(rubric), values)}


def _top_mean(rubric: Rubric, leaf_values: Values) -> float | None:
    nodes = node_values(rubric, leaf_values)
    return weighted_mean([(abs(node.weight), nodes[node.id]) for node in rubric.criteria if node.id in nodes])
