"""Joins the rubric of a question with static ones: what one answer is judged by in all.

In: rubrics. Out: one `Rubric`, with the criteria of the instance first. Not here: the static sets (sets/), formulas.
"""

from collections.abc import Iterator
from math import fsum
from typing import Final

from citerefine.rubrics.aggregation.weights import weigh
from citerefine.rubrics.criterion import Criterion, walk
from citerefine.rubrics.errors import RubricError
from citerefine.rubrics.rubric import Rubric

_FLIPPED: Final = frozenset({"seed", "drtulu_generated"})
"""Formats of two lists, whose recipe flips the scores of faults and takes the mean over all."""


def combine(instance: Rubric, *static: Rubric, aggregate: str = "") -> Rubric:
    """The criteria of `instance`, then those of the static rubrics, as one rubric.

    Static criteria get the origin `static`, ids with the name of their set before them (`citation/uncited`), and
    weights in the measure of the instance: 1 in a set weighs as much as a criterion of the instance does on average. A
    static criterion that the instance, or an earlier set, asks word for word already is not asked again.

    Args:
        instance: the rubric of one question; its criteria stay as they are.
        static: from `sets.load_set`, for instance.
        aggregate: name of the formula. By default the instance's own if it names one; else `flip_then_mean` where the
            instance has the seed's form, as the recipe has it, and `pos_norm` for all others.

    Raises:
        RubricError: if the whole breaks a bound.
    """
    try:
        return Rubric(
            id=instance.id,
            query=instance.query,
            aggregate=aggregate or instance.aggregate or _formula(instance),
            criteria=(*instance.criteria, *_static(instance, static)),
        )
    except ValueError as error:
        raise RubricError(f"these rubrics cannot be one: {error}") from error


def _static(instance: Rubric, static: tuple[Rubric, ...]) -> Iterator[Criterion]:
    asked = {leaf.key for leaf in instance.judged}
    taken = {node.id for node in walk(instance.criteria)}
    unit = _mean_mass(instance)
    for number, rubric in enumerate(static, 1):
        new = tuple(_new(rubric.criteria, _prefix(rubric, number, taken), asked))
        asked |= {leaf.key for leaf in rubric.judged}
        taken |= {node.id for node in walk(new)}
        yield from (node.model_copy(update={"weight": node.weight * unit}) if unit != 1 else node for node in new)


def _formula(instance: Rubric) -> str:
    return "flip_then_mean" if instance.format in _FLIPPED else "pos_norm"


def _mean_mass(rubric: Rubric) -> float:
    """What a judged criterion weighs on average; 1 if there is none with weight."""
    masses = [leaf.mass for leaf in weigh(rubric)]
    return fsum(masses) / len(masses) if any(masses) else 1.0


def _prefix(rubric: Rubric, number: int, taken: set[str]) -> str:
    """`citation/`, or `citation2/` if another criterion is called like that."""
    name = rubric.id or f"static{number}"
    return next(
        prefix
        for prefix in (f"{name}/", *(f"{name}{again}/" for again in range(2, len(taken) + 3)))
        if not any(id.startswith(prefix) for id in taken)
    )


def _new(criteria: tuple[Criterion, ...], prefix: str, asked: set[str]) -> Iterator[Criterion]:
    """What is not asked already. Recursion is safe here: a rubric is at most MAX_DEPTH deep."""
    for node in criteria:
        children = tuple(_new(node.children, prefix, asked))
        if children or (not node.children and node.key not in asked):
            update = {"id": f"{prefix}{node.id}", "origin": "static", "children": children}
            yield node.model_copy(update=update)
