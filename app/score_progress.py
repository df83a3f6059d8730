"""Says how far scoring is, and which rows it refused.

In: the report of a run. Out: standard error. Not here: how it is shown (row_progress.py), the summary at the end
(score.py).
"""

from pathlib import Path

from citerefine.app.messages import counted
from citerefine.app.row_progress import RowProgress, pace
from citerefine.judges.runs.run_rows import RefusedRow
from citerefine.judges.runs.score_file import ScoreReport


class ScoreProgress(RowProgress[ScoreReport]):
    """Progress of one run; a context manager."""

    def __init__(self, source: Path) -> None:
        super().__init__(source, ScoreReport(), told)

    def refused(self, row: RefusedRow) -> None:
        """Says that a row cannot be scored, of the first few of each reason."""
        self.refuse(row.line, row.code, row.message)


def told(report: ScoreReport, size: int | None) -> str:
    """The report on one line: rows, how fast, how long it will take, what failed."""
    parts = [f"{counted(report.rows, 'row')} scored", *pace(report, report.rows, "rows", size)]
    if report.failed:
        parts.append(f"{counted(report.failed, 'unit')} not judged")
    return ", ".join(parts)
