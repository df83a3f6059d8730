"""A file with a row for each row of IN that is done, and so the record of what is still to be done.

In: rows, as JSON. Out: a file to which each was added in one step. A process that is killed leaves whole rows and
perhaps one torn one, which the next run cuts off. Opening reads what is there, once, and holds none of it in memory.
Not here: what the rows say (journal.py; grading has its own).
"""

import os
import stat
from collections.abc import Callable, Iterator
from itertools import count
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from citerefine.refiner.batch.ledger import Ledger
from citerefine.refiner.batch.rows import MAX_ROW_BYTES, BadRow, read_values
from citerefine.refiner.errors import InputError
from citerefine.refiner.recording.line_file import LineFile

_START: Final = b'{"id":'
"""What every row of ours starts with."""
_PIECE: Final = 1 << 16
"""Bytes that are read at once where one row is looked up."""
MAX_LINE_BYTES: Final = 8 * MAX_ROW_BYTES
"""A row of ours is hardly longer than the row that it comes from; escapes can make it six times as long."""


class OtherRun(Exception):
    """A row of another run: what it holds, what this run would write, and what makes the two alike."""

    def __init__(self, holds: str, mine: str, remedy: str) -> None:
        super().__init__(holds)
        self.holds, self.mine, self.remedy = holds, mine, remedy


class DoneRow(NamedTuple):
    """A row of the file."""

    key: bytes
    """What its row of IN is known by."""
    asked: bytes | None
    """What the ledger keeps of it; None for nothing."""
    failed: bool
    """Whether it holds no result, or not all of one."""
    is_kept: bool = True
    """Whether it stays; else it is taken out, and its row of IN is asked again."""


class Found(NamedTuple):
    """What the file held when it was opened, less what was taken out to be asked again."""

    answered: int
    failed: int
    retried: int
    """Failed rows that were taken out."""


Look = Callable[[dict[str, Any], int], DoneRow | None]
"""From a row and the offset at which it will lie, to what it is; None if it is no row of this kind."""


class RowFile:
    """The file, open to be added to; also a context manager. Nobody else can write it meanwhile."""

    def __init__(self, path: str | os.PathLike[str], ledger: Ledger, look: Look, command: str) -> None:
        """Opens or makes the file, and tells the ledger which rows are in it; takes those out that are not kept.

        Args:
            path: the file.
            ledger: learns which rows are done, and what they were asked.
            look: reads a row; may raise OtherRun.
            command: who writes such rows.

        Raises:
            InputError: if it cannot be written, another process writes it, or it holds other rows.
        """
        self._look, self._command = look, command
        self._file = LineFile(path)
        try:
            self.found: Final = self._read(ledger)
        except BaseException:
            self._file.close()
            raise

    def _read(self, ledger: Ledger) -> Found:
        answered = failed = dropped = retried = size = kept = 0
        for number, line in enumerate(self._lines(), 1):
            if not line.endswith(b"\n") and not self._is_whole(line, number):
                self._file.cut(size)
                break
            size += len(line)
            row = self._row(line, number, kept)
            if row.is_kept:
                kept += len(line) if line.endswith(b"\n") else len(line) + 1
                answered, failed = answered + (not row.failed), failed + row.failed
                ledger.note_done(row.key, row.asked)
            else:
                dropped, retried = dropped + 1, retried + row.failed
        if dropped:
            self._drop()
        return Found(answered, failed, retried)

    def _lines(self) -> Iterator[bytes]:
        """The lines that are there now; only the last one may lack its end."""
        with open(self._file.path, "rb") as file:
            for number in count(1):
                line = file.readline(MAX_LINE_BYTES)
                if len(line) == MAX_LINE_BYTES:
                    raise self._refusal(number)
                if line:
                    yield line
                if not line.endswith(b"\n"):  # reading on would find what we write behind it
                    return

    def _is_whole(self, line: bytes, number: int) -> bool:
        """Whether a last line without end lacks nothing but its end, which it then gets.

        Raises InputError if it is not the beginning of a row of ours: then the file is somebody's, and stays.
        """
        try:
            read_values(line)
        except BadRow:
            if not line.startswith(_START[: len(line)]):
                raise self._refusal(number) from None
            return False
        self._row(line, number, 0)
        self._file.append(b"")
        return True

    def _row(self, line: bytes, number: int, offset: int) -> DoneRow:
        try:
            row = self._look(read_values(line), offset)
        except BadRow:
            row = None
        except OtherRun as other:
            raise InputError(
                f"{self._file.path} holds {other.holds} (line {number}), and this run is {other.mine}; name another "
                f"--out, or {other.remedy}"
            ) from None
        if row is None:
            raise self._refusal(number)
        return row

    def _refusal(self, number: int) -> InputError:
        return InputError(
            f"{self._file.path}, line {number}, is no row that `{self._command}` wrote; name another --out"
        )

    def _drop(self) -> None:
        """Puts in the file's place one of the rows that are kept: whoever looks sees the one or the other."""
        target = self._file.path.resolve()
        kept = LineFile(target.with_name(f".{target.name}.retry"), 0o600)
        try:
            kept.cut(0)
            for number, line in enumerate(self._lines(), 1):
                if self._row(line, number, 0).is_kept:
                    kept.append(line.removesuffix(b"\n"))
            os.fchmod(kept.descriptor, stat.S_IMODE(os.fstat(self._file.descriptor).st_mode))
            os.fsync(kept.descriptor)
            kept.move(target)
        except BaseException:
            kept.path.unlink()
            kept.close()
            raise
        self._file.close()
        self._file = kept

    def append(self, line: bytes) -> None:
        """Adds a row, given as a line without its end. Raises InputError if that cannot be done, as on a full disk."""
        self._file.append(line)

    def line_at(self, offset: int) -> bytes:
        """The row that lies at an offset. Raises InputError if none does: the file was changed from outside."""
        line = b""
        while b"\n" not in line[-_PIECE:]:
            piece = os.pread(self._file.descriptor, _PIECE, offset + len(line))
            line += piece
            if not piece or len(line) > MAX_LINE_BYTES:
                break
        line = line.partition(b"\n")[0]
        if not line.startswith(_START):
            raise InputError(f"{self._file.path} was changed while it was in use; name another --out")
        return line

    def close(self) -> None:
        """Closes the file, and lets others write it."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
