"""Cells and judges for tests of rubric scores."""

from collections.abc import Mapping, Sequence

from citerefine.judges.rubric.cell import Cell, Status
from citerefine.judges.rubric.rubric_judge import Graded, GradeQuery
from citerefine.refiner.records import Usage
from citerefine.rubrics.criterion import Criterion
from citerefine.rubrics.rubric import Rubric


def cell(criterion: Criterion, value: float | None, status: Status | None = None) -> Cell:
    """A cell; a failed one if the value is None and nothing else is said."""
    status = status or (Status.FAILED if value is None else Status.OK)
    reason = "timeout: no reply in 60 s" if value is None else ""
    return Cell(
        criterion=criterion.id,
        key=criterion.key,
        status=status,
        value=value,
        weight=criterion.weight,
        reason=reason,
    )


def cells(rubric: Rubric, values: Sequence[float | None]) -> list[Cell]:
    """A row of cells for the judged leaves."""
    return [cell(leaf, value) for leaf, value in zip(rubric.judged, values, strict=True)]


class ToldJudge:
    """Gives the values it was told, by criterion id; a failed cell where it was told None."""

    def __init__(self, values: Mapping[str, float | None]) -> None:
        self.name = "told-1"
        self.values = values
        self.queries: list[GradeQuery] = []
        self.closed = False

    async def grade(self, query: GradeQuery) -> Graded:
        """The values, and what was asked."""
        self.queries.append(query)
        return Graded(tuple(cell(each, self.values[each.id]) for each in query.criteria), Usage(prompt_tokens=7))

    async def aclose(self) -> None:
        """Remembered."""
        self.closed = True
