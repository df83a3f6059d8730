"""OUT of `score`: whole when it is there, and until then a file of another name.

In: lines. Out: the file `OUT.part`, which becomes OUT in one step when all rows are written. What a run that stopped
leaves is so never taken for a whole one. Not here: what lines say (score_row.py).
"""

from pathlib import Path
from types import TracebackType
from typing import Self

from citerefine.refiner.errors import InputError
from citerefine.refiner.recording.line_file import LineFile


def part_of(out: Path) -> Path:
    """Where rows are written until all are."""
    target = out.resolve()  # a link stays one
    return target.with_name(f"{target.name}.part")


class ScoreWriter:
    """The file, open to be written; also a context manager. Nobody else can write it meanwhile."""

    def __init__(self, out: Path) -> None:
        """Opens or makes `OUT.part`, empty. Raises InputError if it cannot be written, or OUT is no file."""
        if out.exists() and not out.is_file():
            raise InputError(f"{out} is no file, and cannot be replaced by one; name another --out")
        self._target = out.resolve()
        self._file = LineFile(part_of(out))
        self._file.cut(0)

    def write(self, line: bytes) -> None:
        """Adds one line, given without its end. Raises InputError, as on a full disk."""
        self._file.append(line)

    def finish(self) -> None:
        """Makes the file OUT: all rows are written."""
        self._file.move(self._target)

    def close(self) -> None:
        """Closes the file; unless it is finished, it stays where it is."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
