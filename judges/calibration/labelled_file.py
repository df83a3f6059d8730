"""A file of labels: read twice, once for its digest and once row by row.

In: an open file of JSON Lines, a reader of rows. Out: what the reader makes of each row; rows that it refuses are told
by line and counted. Not here: what rows mean (label_rows.py, criterion_rows.py).
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Generic, TypeVar

from citerefine.refiner.batch.rows import BadRow, read_rows

Row = TypeVar("Row")


def _nobody(*told: object) -> None:
    """Takes what nobody asked for."""


@dataclass(frozen=True, slots=True)
class CalibrationWatch:
    """Who is told what happens; called between rows."""

    progress: Callable[[int, int, int], None] = _nobody
    """Gets rows read so far, bytes of them, and bytes of the file."""
    refused: Callable[[int, BadRow], None] = _nobody
    """Gets line and reason of each row that has no labels that can be used."""


def file_digest(file: BinaryIO) -> str:
    """SHA-256 of the rest of a file, in hex digits."""
    digest = hashlib.sha256()
    while chunk := file.read(1 << 20):
        digest.update(chunk)
    return digest.hexdigest()


class LabelledRows(Generic[Row]):
    """The rows of a file, with a count of what it held."""

    def __init__(
        self, file: BinaryIO, size: int, read: Callable[[Mapping[str, Any]], Row], watch: CalibrationWatch
    ) -> None:
        self.n = 0
        """Rows that were not blank."""
        self.refused = Counter[str]()
        """Why rows cannot be used: code → rows."""
        self._file, self._size, self._read, self._watch = file, size, read, watch

    def __iter__(self) -> Iterator[Row]:
        self._file.seek(0)
        for line, end, values in read_rows(self._file):
            self.n += 1
            try:
                if isinstance(values, BadRow):
                    raise values
                row = self._read(values)
            except BadRow as reason:
                self.refused[reason.code] += 1
                self._watch.refused(line, reason)
            else:
                yield row
            self._watch.progress(self.n, end, self._size)
