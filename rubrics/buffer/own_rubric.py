"""A query's own rubric inside a buffer: kept as it is, tree, formula and all, so that its score stays what it was.

In: a rubric; ids of the criteria that are held out. Out: `OwnRubric`; what of a rubric can be kept, and why the rest
cannot; copies that share nothing with the buffer. Not here: adaptive criteria (folding.py), views (views.py).
"""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from math import fsum
from typing import Any, Final

from pydantic import BaseModel

from citerefine.rubrics.aggregation.formulas import default_formula
from citerefine.rubrics.aggregation.weights import weigh
from citerefine.rubrics.buffer.refusals import Refusal
from citerefine.rubrics.criterion import Criterion, walk
from citerefine.rubrics.rubric import Rubric

BY_WEIGHT: Final = frozenset(
    [
        *("pos_norm", "pos_norm_floor1", "abs_norm", "min_max", "flip_then_mean", "concat_flip_then_mean", "clip01"),
        *("floor0", "tree_mean", "saturating", "policy_aware", "choice_rank"),
    ]
)
"""Formulas in which a criterion beside the others counts by its weight, whatever its scale: what can be added to."""


@dataclass(frozen=True)
class OwnRubric:
    """The fixed criteria of a query. Not checked again: a buffer makes it of what was checked."""

    rubric: Rubric
    drawn: frozenset[str]
    """Ids of the leaves that are held out."""

    @cached_property
    def ids(self) -> frozenset[str]:
        """Of all its criteria, groups too."""
        return frozenset(node.id for node in walk(self.rubric.criteria))

    @cached_property
    def rewarded(self) -> Rubric:
        """Without what is held out; inside a group, the others take its weight over."""
        return kept(self.rubric, lambda leaf: leaf.id not in self.drawn) if self.drawn else self.rubric

    @cached_property
    def held_out(self) -> Rubric:
        """What is held out."""
        return kept(self.rubric, lambda leaf: leaf.id in self.drawn)

    @cached_property
    def rewarded_mass(self) -> float:
        """The rewarded weight, without signs."""
        return fsum(leaf.mass for leaf in weigh(self.rewarded))

    @cached_property
    def formula(self) -> str:
        """Its formula, or that of its format. Raises RubricError if it names none that there is."""
        return default_formula(self.rubric)


NO_RUBRIC: Final = OwnRubric(Rubric(), frozenset())
"""Of a query that has not begun."""


def is_adaptive(criterion: Criterion) -> bool:
    """Whether it may be retired; all others are fixed."""
    return criterion.origin == "adaptive" or criterion.state != "persistent"


def split(rubric: Rubric) -> tuple[Rubric, list[Criterion], list[Refusal]]:
    """The rubric of what is fixed, the adaptive criteria beside it, and why some can be neither."""
    adaptive = [node for node in rubric.criteria if not node.children and is_adaptive(node)]
    refused = {id(leaf): refusal for leaf, refusal in _refused(rubric)}
    fixed = kept(rubric, lambda leaf: not is_adaptive(leaf) and id(leaf) not in refused)
    return fixed, adaptive, [*refused.values()]


def _refused(rubric: Rubric) -> Iterator[tuple[Criterion, Refusal]]:
    outermost, seen = {node.id for node in rubric.criteria}, dict[str, str]()
    for leaf in rubric.leaves:
        if is_adaptive(leaf):
            if leaf.id not in outermost:
                yield leaf, Refusal("nested", f"{leaf.id[:60]!r} is adaptive, and in a group; put it beside the groups")
        elif other := seen.get(leaf.key):
            yield leaf, Refusal("duplicate", f"{leaf.id[:60]!r} asks what {other[:60]!r} asks, word for word")
        else:
            seen[leaf.key] = leaf.id


def kept(rubric: Rubric, wanted: Callable[[Criterion], bool]) -> Rubric:
    """The rubric with the wanted leaves, and the groups that hold any."""
    if all(map(wanted, rubric.leaves)):
        return rubric
    return rubric.model_copy(update={"criteria": tuple(_kept(rubric.criteria, wanted))})


def _kept(criteria: tuple[Criterion, ...], wanted: Callable[[Criterion], bool]) -> Iterator[Criterion]:
    """Recursion is safe here: a rubric is at most MAX_DEPTH deep."""
    for node in criteria:
        children = tuple(_kept(node.children, wanted))
        if children:
            yield _changed(node, children=children)
        elif not node.children and wanted(node):
            yield node


def detached(criterion: Criterion, **update: Any) -> Criterion:
    """A copy that shares nothing with a criterion that could be changed: all else of it is frozen."""
    children = tuple(map(detached, criterion.children))
    return _changed(criterion, extra=copy.deepcopy(criterion.extra), children=children, **update)


def detached_rubric(rubric: Rubric, *more: Criterion) -> Rubric:
    """The same of a rubric; with criteria beside its own, which are taken as they are."""
    values = {name: getattr(rubric, name) for name in Rubric.model_fields}
    criteria = (*map(detached, rubric.criteria), *more)
    return Rubric(**{**values, "criteria": criteria, "extra": copy.deepcopy(rubric.extra)})


def _changed(criterion: Criterion, **update: Any) -> Criterion:
    """Not checked again, which costs more than all else; never of what its key is made of, which is kept too."""
    return BaseModel.model_copy(criterion, update=update)
