"""Says how far grading is, which rows could not be graded, and which have changed.

In: the report of a run. Out: standard error. Not here: how it is shown (row_progress.py), the summary at the end
(grade.py).
"""

from pathlib import Path

from citerefine.app.messages import counted
from citerefine.app.row_progress import RowProgress, pace
from citerefine.judges.rubric.runs.grade_watch import GradeReport
from citerefine.refiner.batch.ledger import Id


class GradeProgress(RowProgress[GradeReport]):
    """Progress of one run; a context manager."""

    def __init__(self, source: Path) -> None:
        super().__init__(source, GradeReport(), told)

    def changed(self, line: int, id: Id | None) -> None:
        """Says that the file of grades has something else of a row, of the first few."""
        named = "" if id is None else f" with the id {id!r}"
        self.refuse(line, "changed", f"the row{named} is graded, and is another answer or rubric now")


def told(report: GradeReport, size: int | None) -> str:
    """The report on one line: answers, how fast, how long it will take, what failed."""
    parts = [f"{counted(report.graded + report.done_before, 'answer')} graded"]
    parts += pace(report, report.graded, "answers", size)
    if report.failed:
        parts.append(f"{counted(report.failed, 'cell')} without a verdict")
    return ", ".join(parts)
