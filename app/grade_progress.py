"""Says how far grading is, which rows could not be graded, and which have changed.

In: the report of a run. Out: standard error. Not here: how it is shown (status_line.py), the summary at the end
(grade.py).
"""

from pathlib import Path
from types import TracebackType

from citerefine.app.messages import counted
from citerefine.app.refusals import Refusals
from citerefine.app.score_progress import duration
from citerefine.app.status_line import StatusLine, size_of
from citerefine.judges.rubric.runs.grade_watch import GradeReport
from citerefine.refiner.batch.ledger import Id


class GradeProgress(StatusLine):
    """Progress of one run; a context manager."""

    def __init__(self, source: Path) -> None:
        super().__init__()
        self.report = GradeReport()
        """As it was told last."""
        self._bytes = size_of(source)
        self._refusals = Refusals(tell=self.say)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        self._refusals.tell_rest()

    def progress(self, report: GradeReport) -> None:
        """Shows the report when it is time."""
        self.report = report
        self.show(lambda: told(report, self._bytes), report.bytes_done, self._bytes)

    def refused(self, line: int, code: str, message: str) -> None:
        """Says that a row cannot be graded, of the first few of each reason."""
        self._refusals.add(code, f"line {line}: {message}")

    def changed(self, line: int, id: Id | None) -> None:
        """Says that the file of grades has something else of a row, of the first few."""
        named = "" if id is None else f" with the id {id!r}"
        self._refusals.add("changed", f"line {line}: the row{named} is graded, and is another answer or rubric now")


def told(report: GradeReport, size: int | None) -> str:
    """The report on one line: answers, how fast, how long it will take, what failed."""
    parts = [f"{counted(report.graded + report.done_before, 'answer')} graded"]
    if report.seconds:
        parts.append(f"{report.graded / report.seconds:.1f} answers/s")
    if size and report.bytes_done and report.graded:
        parts.append(f"{duration(report.seconds * (size / report.bytes_done - 1))} left")
    if report.failed:
        parts.append(f"{counted(report.failed, 'cell')} without a verdict")
    return ", ".join(parts)
