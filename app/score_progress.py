"""Says how far scoring is, and which rows it refused.

In: the report of a run. Out: standard error. Not here: how it is shown (status_line.py), the summary at the end
(score.py).
"""

from pathlib import Path
from types import TracebackType

from citerefine.app.messages import counted
from citerefine.app.refusals import Refusals
from citerefine.app.status_line import StatusLine, size_of
from citerefine.judges.runs.run_rows import RefusedRow
from citerefine.judges.runs.score_file import ScoreReport


class ScoreProgress(StatusLine):
    """Progress of one run; a context manager."""

    def __init__(self, source: Path) -> None:
        super().__init__()
        self.report = ScoreReport()
        """As it was told last."""
        self._bytes = size_of(source)
        self._refusals = Refusals(tell=self.say)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        self._refusals.tell_rest()

    def progress(self, report: ScoreReport) -> None:
        """Shows the report when it is time."""
        self.report = report
        self.show(lambda: told(report, self._bytes), report.bytes_done, self._bytes)

    def refused(self, row: RefusedRow) -> None:
        """Says that a row cannot be scored, of the first few of each reason."""
        self._refusals.add(row.code, f"line {row.line}: {row.message}")


def told(report: ScoreReport, size: int | None) -> str:
    """The report on one line: rows, how fast, how long it will take, what failed."""
    parts = [f"{counted(report.rows, 'row')} scored"]
    if report.seconds:
        parts.append(f"{report.rows / report.seconds:.1f} rows/s")
    if size and report.bytes_done:
        parts.append(f"{duration(report.seconds * (size / report.bytes_done - 1))} left")
    if report.failed:
        parts.append(f"{counted(report.failed, 'unit')} not judged")
    return ", ".join(parts)


def duration(seconds: float) -> str:
    """`2 h 5 min`, `3 min 20 s`, `9 s`."""
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
