"""The row that `grade --out` writes for one answer.

In: a `RubricScore` with what it is of, or a row as it was written. Out: `GradeRow`, frozen, JSON both ways. Rows are
data: whoever reads them back trusts nothing in them. Not here: grading, files (grade_out.py).
"""

from collections import Counter
from typing import Self

from pydantic import ConfigDict, Field

from citerefine.judges.rubric.cell import Cell, Status
from citerefine.judges.rubric.rubric_score import RubricScore
from citerefine.judges.runs.score_row import RowError
from citerefine.refiner.records import Record, Text, Usage


class _Row(Record):
    """Written by us, perhaps by a later version: what it adds is passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class CellRow(_Row):
    """One criterion."""

    criterion: Text
    status: Status
    verdict: Text | None
    p_met: float | None = Field(ge=0, le=1)
    value: float | None = Field(ge=0, le=1)
    weight: float
    evidence: Text | None
    votes: tuple[Text, ...] = ()
    reason: Text = ""

    @property
    def failure(self) -> str:
        """Code of why it has no verdict; empty if it has one."""
        return self.reason.partition(":")[0] if self.status is Status.FAILED else ""


class GradeRow(_Row):
    """One answer with its grade."""

    id: str | int | None
    line: int | None = None
    """Line of the run file, for rows without an id, or that were refused."""
    score: float | None
    reason: Text = ""
    """Why there is no score, as `code: what happened`."""
    formula: str
    coverage: float = Field(ge=0, le=1)
    gate: str = ""
    judge: Text
    rubric: str
    """Content key of the rubric, with the static sets."""
    cells: tuple[CellRow, ...]
    question: Text = ""
    system: str | None = None
    """The model that answered, as the run row names it."""
    asked: str = ""
    """Stands for answer, question and evidence: another value is another answer."""
    usage: Usage | None = None
    error: RowError | None = None
    """Why the row was not graded at all."""

    @classmethod
    def of(
        cls,
        score: RubricScore,
        *,
        id: str | int | None,
        line: int | None,
        question: str,
        system: str | None,
        asked: str,
    ) -> Self:
        """The row of an answer that was graded."""
        same = {name: getattr(score, name) for name in _SAME}
        cells = tuple(_cell_row(cell) for cell in score.cells)
        return cls(id=id, line=line, question=question, system=system, asked=asked, cells=cells, **same)

    @property
    def failed(self) -> int:
        """Criteria without a verdict."""
        return sum(cell.status is Status.FAILED for cell in self.cells)

    @property
    def statuses(self) -> Counter[str]:
        """How many cells have each status."""
        return Counter(cell.status.value for cell in self.cells)

    def to_line(self) -> bytes:
        """The row as JSON; what says nothing is left out."""
        return self.model_dump_json(exclude_defaults=True).encode()


_SAME = ("score", "reason", "formula", "coverage", "gate", "judge", "rubric", "usage")


def _cell_row(cell: Cell) -> CellRow:
    return CellRow(**{name: getattr(cell, name) for name in CellRow.model_fields})


def refused_row(id: str | int | None, line: int, code: str, message: str, judge: str) -> GradeRow:
    """The row of what could not be graded."""
    return GradeRow(
        id=id,
        line=line,
        score=None,
        reason=f"{code}: {message}",
        formula="",
        coverage=0.0,
        judge=judge,
        rubric="",
        cells=(),
        error=RowError(code=code, message=message),
    )
