"""Shows how far a batch is: a bar where somebody watches, else a line now and then.

In: the report of a running batch. Out: standard error. Not here: the summary at the end (refine.py).
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
from citerefine.refiner.batch.ledger import Id
from citerefine.refiner.batch.report import BatchReport
from citerefine.refiner.report.terminal_text import sanitise

LINE_SECONDS: Final = 10.0
"""How often a line is written where nobody watches."""
MOST_CHANGED: Final = 3
"""So many rows that have changed are named; the summary counts them all."""


class BatchProgress:
    """Progress of one batch; a context manager."""

    def __init__(self, source: Path) -> None:
        self.report = BatchReport()
        """As it was told last."""
        self._told = time.monotonic()
        self._n_changed = 0
        self._size = source.stat().st_size if str(source) != "-" and source.is_file() else None
        self._bar: Progress | None = None
        self._task = TaskID(0)

    def __enter__(self) -> Self:
        if sys.stderr is not None and sys.stderr.isatty():
            columns = (BarColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
            self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task(_told(self.report), total=self._size)
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def progress(self, report: BatchReport) -> None:
        """Shows the report, or does when it is time."""
        self.report = report
        if self._bar is not None:
            self._bar.update(self._task, completed=report.bytes_read, description=_told(report))
        elif time.monotonic() - self._told >= LINE_SECONDS:
            self._told = time.monotonic()
            say(_told(report))

    def refused(self, line: int, reason: str) -> None:
        """Says that a row cannot be asked."""
        self.say(f"line {line}: {reason}")

    def changed(self, line: int, id: Id | None) -> None:
        """Says that a row asks something else than when it was done, of the first few that do."""
        self._n_changed += 1
        if self._n_changed <= MOST_CHANGED:
            named = "" if id is None else f" with the id {id!r}"
            self.say(f"line {line}: the row{named} is done, and asks something else now")

    def say(self, message: str) -> None:
        """Writes one line, above the bar if there is one."""
        if self._bar is None:
            say(message)
        else:
            self._bar.console.print(Text(sanitise(message)), soft_wrap=True)


def _told(report: BatchReport) -> str:
    done = report.answered + report.failed
    parts = [f"{counted(done + report.done_before, 'row')} done", f"{report.failed} failed"]
    if report.seconds:
        parts.append(f"{done / report.seconds:.1f} rows/s")
    if report.usage is not None and None not in (report.usage.prompt_tokens, report.usage.completion_tokens):
        parts.append(f"{(report.usage.prompt_tokens or 0) + (report.usage.completion_tokens or 0):,} tokens")
    return ", ".join(parts)
