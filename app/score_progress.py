"""Shows how far scoring is: a bar where somebody watches, else a line now and then.

In: the report of a run. Out: standard error. Not here: the summary at the end (score.py).
"""

import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from citerefine.app.messages import counted, say
from citerefine.app.refusals import Refusals
from citerefine.judges.runs.run_rows import RefusedRow
from citerefine.judges.runs.score_file import ScoreReport
from citerefine.refiner.report.terminal_text import sanitise

LINE_SECONDS: Final = 10.0
"""How often a line is written where nobody watches."""
DRAW_SECONDS: Final = 0.1
"""How often a bar is told of progress."""


class ScoreProgress:
    """Progress of one run; a context manager."""

    def __init__(self, source: Path) -> None:
        self.report = ScoreReport()
        """As it was told last."""
        self._size = source.stat().st_size if str(source) != "-" and source.is_file() else None
        self._bar: Progress | None = None
        self._task = TaskID(0)
        self._told = time.monotonic()
        self._refusals = Refusals(tell=self._say)

    def __enter__(self) -> Self:
        if sys.stderr is not None and sys.stderr.isatty():
            columns = (BarColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
            self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task(told(self.report, self._size), total=self._size)
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
        self._refusals.tell_rest()

    def progress(self, report: ScoreReport) -> None:
        """Shows the report when it is time."""
        self.report = report
        if time.monotonic() - self._told < (LINE_SECONDS if self._bar is None else DRAW_SECONDS):
            return
        self._told = time.monotonic()
        if self._bar is None:
            say(told(report, self._size))
        else:
            description = told(report, self._size)
            self._bar.update(self._task, completed=report.bytes_done, description=description)

    def refused(self, row: RefusedRow) -> None:
        """Says that a row cannot be scored, of the first few of each reason."""
        self._refusals.add(row.code, f"line {row.line}: {row.message}")

    def _say(self, message: str) -> None:
        """Writes a line, above the bar if there is one."""
        if self._bar is None:
            say(message)
        else:
            self._bar.console.print(Text(sanitise(message)), soft_wrap=True)


def told(report: ScoreReport, size: int | None) -> str:
    """The report on one line: rows, how fast, how long it will take, what failed."""
    parts = [f"{counted(report.rows, 'row')} scored"]
    if report.seconds:
        parts.append(f"{report.rows / report.seconds:.1f} rows/s")
    if size and report.bytes_done:
        parts.append(f"{_duration(report.seconds * (size / report.bytes_done - 1))} left")
    if report.failed:
        parts.append(f"{counted(report.failed, 'unit')} not judged")
    return ", ".join(parts)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
