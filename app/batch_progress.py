"""Says how far a batch is, which rows it refused, and which have changed.

In: the report of a running batch. Out: standard error. Not here: how it is shown (status_line.py), the summary at the
end (refine.py).
"""

from pathlib import Path
from typing import Final

from citerefine.app.messages import counted
from citerefine.app.status_line import StatusLine, size_of
from citerefine.refiner.batch.ledger import Id
from citerefine.refiner.batch.report import BatchReport

MOST_CHANGED: Final = 3
"""So many rows that have changed are named; the summary counts them all."""


class BatchProgress(StatusLine):
    """Progress of one batch; a context manager."""

    def __init__(self, source: Path) -> None:
        super().__init__()
        self.report = BatchReport()
        """As it was told last."""
        self._n_changed = 0
        self._bytes = size_of(source)

    def progress(self, report: BatchReport) -> None:
        """Shows the report when it is time."""
        self.report = report
        self.show(lambda: _told(report), report.bytes_read, self._bytes)

    def refused(self, line: int, reason: str) -> None:
        """Says that a row cannot be asked."""
        self.say(f"line {line}: {reason}")

    def changed(self, line: int, id: Id | None) -> None:
        """Says that a row asks something else than when it was done, of the first few that do."""
        self._n_changed += 1
        if self._n_changed <= MOST_CHANGED:
            named = "" if id is None else f" with the id {id!r}"
            self.say(f"line {line}: the row{named} is done, and asks something else now")


def _told(report: BatchReport) -> str:
    done = report.answered + report.failed
    parts = [f"{counted(done + report.done_before, 'row')} done", f"{report.failed} failed"]
    if report.seconds:
        parts.append(f"{done / report.seconds:.1f} rows/s")
    if report.usage is not None and None not in (report.usage.prompt_tokens, report.usage.completion_tokens):
        parts.append(f"{(report.usage.prompt_tokens or 0) + (report.usage.completion_tokens or 0):,} tokens")
    return ", ".join(parts)
