"""What really drives the update: the share of each reward term, and of each criterion, in the signal of a batch.

In: weights, and values of groups of answers. Out: `Signal`, a record for logs. Advantages are differences inside a
group, so a term moves the policy by its weight times its spread there, and not by its weight:

    share_i = w_i · std_i / Σ w · std

with std the standard deviation inside a group (over all its answers), summed over groups. A citation weight of .2 with
a spread of .25 beside a rubric weight of .8 with .08 has 44 % of the signal. Not here: what to do about it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from math import fsum
from statistics import pstdev
from typing import NamedTuple

from pydantic import Field

from citerefine.judges.rubric.cell import Cell
from citerefine.judges.rubric.grading import cell_values
from citerefine.refiner.records import Record, Text
from citerefine.rubrics.aggregation.weights import weigh
from citerefine.rubrics.rubric import Rubric


class Term(NamedTuple):
    """One part of the reward in one group."""

    weight: float
    """What it counts; the sign does not matter."""
    values_G: Sequence[float | None]
    """Of each answer; None where it is not known."""


class TermSignal(Record):
    """What one term does in a batch."""

    name: Text
    weight: float = Field(ge=0, allow_inf_nan=False)
    """Without sign; the mean over the groups that have the term."""
    std: float = Field(ge=0, allow_inf_nan=False)
    """Spread inside a group; the mean over the groups that have the term."""
    share: float | None = Field(default=None, ge=0, le=1, allow_inf_nan=False)
    """Of the signal; None if there is no signal at all."""
    n_groups: int = Field(ge=0)
    """Groups that have the term, with at least two known values."""


class Signal(Record):
    """The shares of all terms in one batch."""

    terms: tuple[TermSignal, ...]
    """Those with the largest share first."""
    n_groups: int = Field(ge=0)
    n_flat: int = Field(ge=0)
    """Groups without any signal: no term tells their answers apart."""
    n_rows: int = Field(ge=0)
    n_left_out: int = Field(ge=0)
    """Of reward terms, answers that were left out since a term is None; of criteria, cells without a value."""

    def to_log(self, prefix: str = "signal", *, most: int = 20) -> dict[str, float]:
        """Flat names and numbers for a log, of the first `most` terms; what is None is left out."""
        log = {f"{prefix}/{name}": float(getattr(self, name)) for name in ("n_groups", "n_flat", "n_left_out")}
        for term in self.terms[:most]:
            log[f"{prefix}/{term.name}/std"] = term.std
            if term.share is not None:
                log[f"{prefix}/{term.name}/share"] = term.share
        return log


def term_signal(groups: Sequence[Mapping[str, Term]]) -> Signal:
    """The shares of the terms of a reward, such as rubric and citations.

    An answer of which any term is None has no reward; it is left out of all spreads, and counted.

    Raises ValueError if the terms of a group are not of the same number of answers.

    >>> group = {"citation": Term(0.2, [0.25, 0.75]), "rubric": Term(0.8, [0.5, 0.66])}
    >>> [(term.name, round(term.share, 2)) for term in term_signal([group]).terms]
    [('rubric', 0.56), ('citation', 0.44)]
    """
    whole = [_whole_rows(group) for group in groups]
    n_rows = sum(_size(group) for group in groups)
    return _signal(whole, n_rows, n_rows - sum(_size(group) for group in whole))


def criterion_signal(groups: Sequence[tuple[Rubric, Sequence[Sequence[Cell]]]]) -> Signal:
    """The shares of criteria, over groups that each have their rubric and the cells of their answers.

    Criteria go by title, or content key where they have none, so that those of a static set are one term over all
    groups; their weight is that in the sum of the positive weights. Cells without a value are left out, and counted.

    Raises ValueError if cells are not those of the rubric.
    """
    terms = [_criteria(rubric, cells_GC) for rubric, cells_GC in groups]
    missing = sum(value is None for group in terms for term in group.values() for value in term.values_G)
    return _signal(terms, sum(len(cells_GC) for _, cells_GC in groups), missing)


def _criteria(rubric: Rubric, cells_GC: Sequence[Sequence[Cell]]) -> dict[str, Term]:
    rows = [cell_values(rubric, row) for row in cells_GC]
    leaves = weigh(rubric)
    positive = fsum(leaf.mass for leaf in leaves if not leaf.is_fault) or 1.0
    names = [leaf.criterion.title or leaf.criterion.key for leaf in leaves]
    counts = Counter(names)
    return {
        name if counts[name] == 1 else f"{name}:{leaf.criterion.key}": Term(
            leaf.mass / positive, [row[leaf.criterion.id] for row in rows]
        )
        for name, leaf in zip(names, leaves, strict=True)
    }


def _size(group: Mapping[str, Term]) -> int:
    sizes = {len(term.values_G) for term in group.values()}
    if len(sizes) > 1:
        raise ValueError(f"the terms of a group are of {sorted(sizes)} answers; each needs one value an answer")
    return sizes.pop() if sizes else 0


def _whole_rows(group: Mapping[str, Term]) -> dict[str, Term]:
    kept = [g for g in range(_size(group)) if all(term.values_G[g] is not None for term in group.values())]
    return {name: Term(term.weight, [term.values_G[g] for g in kept]) for name, term in group.items()}


def _signal(groups: Sequence[Mapping[str, Term]], n_rows: int, n_left_out: int) -> Signal:
    spreads: dict[str, list[tuple[float, float]]] = {}
    n_flat = 0
    for group in groups:
        found = {name: (abs(term.weight), std) for name, term in group.items() if (std := _std(term)) is not None}
        n_flat += not any(weight * std for weight, std in found.values())
        for name, pair in found.items():
            spreads.setdefault(name, []).append(pair)
    names = dict.fromkeys(name for group in groups for name in group)
    force = {name: fsum(weight * std for weight, std in spreads.get(name, [])) for name in names}
    total = fsum(force.values())
    terms = [_term(name, spreads.get(name, []), force[name] / total if total else None) for name in names]
    terms.sort(key=lambda term: -(term.share or 0.0))
    return Signal(terms=tuple(terms), n_groups=len(groups), n_flat=n_flat, n_rows=n_rows, n_left_out=n_left_out)


def _term(name: str, spreads: list[tuple[float, float]], share: float | None) -> TermSignal:
    n = len(spreads)
    weight = fsum(weight for weight, _ in spreads) / n if n else 0.0
    std = fsum(std for _, std in spreads) / n if n else 0.0
    return TermSignal(name=name, weight=weight, std=std, share=None if share is None else min(share, 1.0), n_groups=n)


def _std(term: Term) -> float | None:
    known = [value for value in term.values_G if value is not None]
    return pstdev(known) if len(known) > 1 else None
