"""Shows how far a run over a file of rows is, and tells which rows it cannot use.

In: the report of a run, refused rows. Out: standard error. Not here: how it is shown (status_line.py), what a run calls
its rows (score_progress.py, grade_progress.py, calibration_progress.py), the summary at the end.
"""

from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Generic, Protocol, TypeVar

from citerefine.app.refusals import MOST_TOLD, Refusals
from citerefine.app.status_line import StatusLine, size_of


class RowReport(Protocol):
    """What every report of a run over rows says."""

    bytes_done: int
    """Of the file, as far as its rows are through."""
    seconds: float


R = TypeVar("R", bound=RowReport)


class RefusalProgress(StatusLine):
    """Progress of a run that may refuse rows; a context manager."""

    def __init__(self, most: int = MOST_TOLD) -> None:
        """`most` refused rows of one reason are told by line; how many more there were is told at the end."""
        super().__init__()
        self._refusals = Refusals(most, self.say)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        self._refusals.tell_rest()

    def refuse(self, line: int, code: str, message: object) -> None:
        """Says that a row cannot be used, of the first few of each reason."""
        self._refusals.add(code, f"line {line}: {message}")


class RowProgress(RefusalProgress, Generic[R]):
    """The same of a run that reports how much of its file is done."""

    def __init__(self, source: Path, report: R, words: Callable[[R, int | None], str]) -> None:
        """Progress of a run.

        Args:
            source: the file.
            report: one of nothing.
            words: a report on one line, given the bytes of the file, if they are known.
        """
        super().__init__()
        self.report = report
        """As it was told last."""
        self._bytes = size_of(source)
        self._say_report = words

    def progress(self, report: R) -> None:
        """Shows the report when it is time."""
        self.report = report
        self.show(lambda: self._say_report(report, self._bytes), report.bytes_done, self._bytes)


def pace(report: RowReport, done: int, rows: str, size: int | None) -> list[str]:
    """How fast a run is, and how long it will take; what is not known yet is left out.

    Args:
        report: of the run.
        done: rows that it did itself.
        rows: what they are called.
        size: bytes of the file, if known.
    """
    parts = []
    if report.seconds:
        parts.append(f"{done / report.seconds:.1f} {rows}/s")
    if size and report.bytes_done and done:
        parts.append(f"{duration(report.seconds * (size / report.bytes_done - 1))} left")
    return parts


def duration(seconds: float) -> str:
    """`2 h 5 min`, `3 min 20 s`, `9 s`."""
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
