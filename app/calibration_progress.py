"""Shows how far a calibration is, and which rows have no labels that can be used.

In: counts and refusals. Out: standard error. Not here: measuring (judges/calibration/).
"""

from pathlib import Path
from typing import Final

from citerefine.app.messages import counted
from citerefine.app.outputs import check_output
from citerefine.app.row_progress import RefusalProgress
from citerefine.refiner.batch.rows import BadRow
from citerefine.refiner.errors import InputError

MOST_REFUSED: Final = 10
"""So many refused rows of one reason are told by line."""
STOPPED: Final = "stopped: nothing was measured; verdicts of a model are kept, and the same command goes on from there"


class CalibrationProgress(RefusalProgress):
    """Progress, and which rows are refused; a context manager."""

    def __init__(self, noun: str) -> None:
        """`noun` is what a row is called: claim, row."""
        super().__init__(MOST_REFUSED)
        self._noun = noun

    def progress(self, rows: int, done: int, size: int) -> None:
        """Says how far it is, when it is time."""
        self.show(lambda: f"{counted(rows, self._noun)} judged, {100 * done // max(1, size)} %", done, size)

    def refused(self, line: int, reason: BadRow) -> None:
        """Says that a row cannot be used, of the first few of each reason."""
        self.refuse(line, reason.code, reason)


def check_card_file(out: Path, labels: Path) -> None:
    """Raises InputError if a card must not be written to `out`."""
    if str(out) == "-":
        raise InputError("--out names a file, and '-' is none; --json prints to standard output")
    check_output(out, ())
    if out.exists() and labels.exists() and out.samefile(labels):
        raise InputError(f"{out} is the file of labels; name another file")
