"""What each judged leaf counts, and what each node of a tree is worth.

In: a rubric, values by criterion id. Out: `Weighed` leaves, values of nodes. Weights count among siblings: a group's
weight is dealt out to the leaves below it, so that a leaf of a flat rubric has its own. Inactive leaves get none.
Iterative, since trees come from files. Not here: formulas.
"""

from collections.abc import Iterator, Mapping
from math import fsum
from typing import NamedTuple

from citerefine.rubrics.criterion import Criterion, walk
from citerefine.rubrics.rubric import Rubric

Values = Mapping[str, float | None]
"""Criterion id → how far it is met, of a fault how far it is present, in [0, 1]; None or absent: not known."""


class Weighed(NamedTuple):
    """A judged leaf and what it counts."""

    criterion: Criterion
    mass: float
    """Its share of the weight of the groups it is in, without sign; of a flat rubric, the absolute of its weight."""
    is_fault: bool
    """Whether it, or a group it is in, is a fault."""

    def counted(self, value: float) -> float:
        """`value` turned so that more is better: 1 - v of a fault."""
        return 1 - value if self.is_fault else value


def weigh(rubric: Rubric) -> list[Weighed]:
    """The judged leaves in the order of the document, each with what it counts."""
    judged = judged_nodes(rubric)
    found: list[Weighed] = []
    waiting = [(node, abs(float(node.weight)), node.is_negative) for node in reversed(rubric.criteria)]
    while waiting:
        node, mass, is_fault = waiting.pop()
        if node.id not in judged:
            continue
        if node.children:
            waiting.extend(_dealt(node, mass, is_fault, judged))
        else:
            found.append(Weighed(node, mass, is_fault))
    return found


def _dealt(node: Criterion, mass: float, is_fault: bool, judged: set[str]) -> Iterator[tuple[Criterion, float, bool]]:
    total = fsum(abs(child.weight) for child in node.children if child.id in judged)
    for child in reversed(node.children):
        share = mass * (abs(child.weight) / total) if total else 0.0
        yield child, share, is_fault or child.is_negative


def judged_nodes(rubric: Rubric) -> set[str]:
    """Ids of the leaves that are judged, and of the groups that hold any."""
    judged = set[str]()
    for node in reversed([*walk(rubric.criteria)]):  # children before their parents
        if any(child.id in judged for child in node.children) or (not node.children and node.state != "inactive"):
            judged.add(node.id)
    return judged


def node_values(rubric: Rubric, leaf_values: Values) -> dict[str, float]:
    """Id → weighted mean of the children whose value is known, for all nodes of which something is known.

    Args:
        rubric: its weights count among siblings.
        leaf_values: by leaf id, already turned so that more is better (`Weighed.counted`).
    """
    found = {id: value for id, value in leaf_values.items() if value is not None}
    for node in reversed([*walk(rubric.criteria)]):  # children before their parents
        known = [(abs(child.weight), found[child.id]) for child in node.children if child.id in found]
        mean = weighted_mean(known)
        if mean is not None:
            found[node.id] = mean
    return found


def weighted_mean(pairs: list[tuple[float, float]]) -> float | None:
    """Σ w·v / Σ w over pairs (w, v); None where there is no weight. Exactly rounded: the order does not matter."""
    total = fsum(weight for weight, _ in pairs)
    return fsum(weight * value for weight, value in pairs) / total if total else None


def known_pairs(leaves: list[Weighed], values: Values) -> list[tuple[Weighed, float]]:
    """The leaves whose value is known, with it."""
    return [(leaf, value) for leaf in leaves if (value := values.get(leaf.criterion.id)) is not None]
