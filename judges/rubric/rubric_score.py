"""What an answer is worth by a rubric: one number or None, and all cells that it is made of.

In: cells, worked out by grading.py. Out: `RubricScore`. Not here: formulas (citerefine.rubrics.aggregation).
"""

from typing import Self

from pydantic import Field, model_validator

from citerefine.judges.rubric.cell import Cell
from citerefine.refiner.records import Record, Text, Usage


class RubricScore(Record):
    """The score of one answer."""

    score: float | None = Field(default=None, allow_inf_nan=False)
    """By the formula, unclipped unless the formula is one that clips; None if it is not known."""
    reason: Text = ""
    """Why there is no score, or what else is to be known of it, as `code: what happened`."""
    formula: str
    """Name of the formula (citerefine.rubrics.aggregation)."""
    coverage: float = Field(ge=0, le=1, allow_inf_nan=False)
    """Share of the weight, without signs, whose cells have a value."""
    gate: str = ""
    """Why no judge was asked, a key of `gate.GATES`; empty if one was. The score then is 0."""
    cells: tuple[Cell, ...]
    """One for each judged leaf of the rubric, in its order."""
    judge: Text
    """Name and version of who judged."""
    rubric: str = ""
    """The rubric's content key."""
    usage: Usage | None = None
    """What judging this answer consumed; None where that is not known."""

    @model_validator(mode="after")
    def _says_why(self) -> Self:
        if self.score is None and not self.reason:
            raise ValueError("a score of None needs a reason")
        return self
