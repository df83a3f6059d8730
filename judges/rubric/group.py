"""Scores the answers of one group, such as the rollouts of one prompt, together.

In: a rubric, the cells of each answer. Out: `GroupScore`. Cells that could not be judged are estimated from the group
(imputation.py) where at least LEAST_COVERAGE of an answer's weight is known; else its score is None: no advantage, and
no part in the group's mean and spread. An answer that says nothing, or fails a veto, is never worth more than the worst
of those that tried. Nothing of another group enters. Not here: advantages (training), judging.
"""

from collections.abc import Sequence
from typing import Final

from pydantic import Field, model_validator

from citerefine.judges.rubric.cell import Cell, Status
from citerefine.judges.rubric.grading import cell_values
from citerefine.judges.rubric.imputation import POLICIES, Row
from citerefine.refiner.errors import InputError
from citerefine.refiner.records import Record, Text
from citerefine.rubrics.aggregation import LEAST_COVERAGE, aggregate, default_formula, for_training
from citerefine.rubrics.aggregation.aggregate import after_vetoes
from citerefine.rubrics.aggregation.policy_aware import policy_aware
from citerefine.rubrics.aggregation.weights import weigh
from citerefine.rubrics.rubric import Rubric

_GATED: Final = "gated: no judge was asked"
_VETOED: Final = "veto: "


class GroupScore(Record):
    """What the answers of a group are worth."""

    scores_G: tuple[float | None, ...]
    """By the formula, unclipped unless the formula is one that clips; None if it is not known."""
    reasons_G: tuple[Text, ...]
    """Why there is no score, or why it is held down, as `code: what happened`; empty where there is nothing to say."""
    cells_GC: tuple[tuple[Cell, ...], ...]
    """As they entered, but for those that were estimated: these have the status `imputed`."""
    n_imputed: int = Field(ge=0)
    """Cells that were estimated, in answers that got a score."""
    n_missing: int = Field(ge=0)
    """Cells without a value, in all answers."""
    formula: str
    policy: str

    @model_validator(mode="after")
    def _says_why(self) -> "GroupScore":
        if not len(self.scores_G) == len(self.reasons_G) == len(self.cells_GC):
            raise ValueError("a group has one score, one reason and one row of cells an answer")
        if any(score is None and not reason for score, reason in zip(self.scores_G, self.reasons_G, strict=True)):
            raise ValueError("a score of None needs a reason")
        return self


def score_group(
    rubric: Rubric,
    cells_GC: Sequence[Sequence[Cell]],
    *,
    formula: str = "",
    policy: str = "two_way",
    least_coverage: float = LEAST_COVERAGE,
) -> GroupScore:
    """The scores of a group.

    An answer that fails a veto gets at most 0, and at most the lowest score of those that pass; one that is gated gets
    0, or the lowest score of the others if that is less. Alone, an answer that says nothing is worth 0 (grading.py). In
    a group 0 would be the best reward where all that tried have more faults than merits, and what training would then
    teach is to refuse. Equal to the worst is low enough: to be below it would teach no more, and it would widen the
    group's spread, by which the advantages of all others are divided.

    Args:
        rubric: all answers are judged by it.
        cells_GC: of each answer, one cell for each judged leaf, in their order.
        formula: a key of `aggregation.FORMULAS`; by default the rubric's own in the form that is not clipped.
        policy: what is done with cells that have no value, a key of `POLICIES`.
        least_coverage: share of an answer's weight that must be known.

    Raises:
        InputError: if there is no such policy.
        ValueError: if cells are not those of the rubric.
        RubricError: if there is no such formula.
    """
    if policy not in POLICIES:
        raise InputError(f"there is no policy {policy[:60]!r}; choose one of {', '.join(POLICIES)}")
    formula = formula or for_training(default_formula(rubric))
    values_GC = [[*cell_values(rubric, row).values()] for row in cells_GC]
    filled_GC = _fill(rubric, cells_GC, values_GC, policy)
    reasons = [
        _reason_not_to(rubric, row, values, least_coverage) for row, values in zip(cells_GC, values_GC, strict=True)
    ]
    scores = _scores(rubric, filled_GC, reasons, formula)
    for code in (_VETOED, _GATED):  # vetoed answers tried, and so they count among the others of those that did not
        scores = _held_down(scores, code)
    marked = [
        tuple(row) if why else _marked(row, values, filled)
        for row, values, filled, why in zip(cells_GC, values_GC, filled_GC, reasons, strict=True)
    ]
    return GroupScore(
        scores_G=tuple(score for score, _ in scores),
        reasons_G=tuple(reason for _, reason in scores),
        cells_GC=tuple(marked),
        n_imputed=sum(cell.status is Status.IMPUTED for row in marked for cell in row),
        n_missing=sum(value is None for values in values_GC for value in values),
        formula=formula,
        policy=policy,
    )


def _is_gated(row: Sequence[Cell]) -> bool:
    return bool(row) and all(cell.status is Status.GATED for cell in row)


def _fill(
    rubric: Rubric, cells_GC: Sequence[Sequence[Cell]], values_GC: Sequence[Row], policy: str
) -> list[list[float | None]]:
    """Values with estimates. Answers that nobody judged say nothing of those that were, and take no part."""
    judged = [g for g, row in enumerate(cells_GC) if not _is_gated(row)]
    filled = POLICIES[policy]([values_GC[g] for g in judged], [leaf.is_fault for leaf in weigh(rubric)])
    return [filled[judged.index(g)] if g in judged else list(values_GC[g]) for g in range(len(cells_GC))]


def _reason_not_to(rubric: Rubric, row: Sequence[Cell], values: Row, least_coverage: float) -> str:
    """Why an answer is not scored by the formula; empty if it is."""
    if _is_gated(row):
        return _GATED
    known = dict(zip((leaf.id for leaf in rubric.judged), values, strict=True))
    got = aggregate(rubric, known, "flat_leaf_mean", least_coverage=least_coverage)
    return got.reason if got.score is None else ""


def _scores(
    rubric: Rubric, filled_GC: Sequence[Row], reasons: Sequence[str], formula: str
) -> list[tuple[float | None, str]]:
    ids = [leaf.id for leaf in rubric.judged]
    rows = [dict(zip(ids, row, strict=True)) for row in filled_GC]
    if formula == "policy_aware":
        scored = [row for row, why in zip(rows, reasons, strict=True) if not why]
        group = iter(policy_aware(rubric, scored))
        return [
            _unscored(why) if why else after_vetoes(rubric, row, *_weighed(next(group)))
            for row, why in zip(rows, reasons, strict=True)
        ]
    # What was known was enough, and what is still not known is not known of any answer.
    return [
        _unscored(why) if why else aggregate(rubric, row, formula, least_coverage=0)[:2]
        for row, why in zip(rows, reasons, strict=True)
    ]


def _held_down(scored: list[tuple[float | None, str]], code: str) -> list[tuple[float | None, str]]:
    """The scores, those with this code lowered to the lowest of the others that is below 0; gated ones have no say."""
    others = [score for score, why in scored if score is not None and not why.startswith((code, _GATED))]
    lowest = min([0.0, *others])
    return [
        (min(score, lowest), why) if score is not None and why.startswith(code) else (score, why)
        for score, why in scored
    ]


def _unscored(why: str) -> tuple[float | None, str]:
    return (0.0, why) if why == _GATED else (None, why)


def _weighed(score: float | None) -> tuple[float | None, str]:
    return score, "" if score is not None else "no_weight: no positive criterion has weight"


def _marked(row: Sequence[Cell], values: Row, filled: Row) -> tuple[Cell, ...]:
    return tuple(
        _imputed(cell, now) if before is None and now is not None else cell
        for cell, before, now in zip(row, values, filled, strict=True)
    )


def _imputed(cell: Cell, value: float) -> Cell:
    why = f"imputed: {cell.status} before{f' ({cell.reason})' if cell.reason else ''}"
    return cell.model_copy(update={"status": Status.IMPUTED, "value": value, "reason": why})
