"""OUT: one row for each row of IN that is done, and so the record of what is still to be done.

In: run rows. Out: a file to which each was added in one step. A process that is killed leaves whole rows and perhaps
one torn one, which the next run cuts off; that row is asked again. Opening reads what is there, once, and holds none
of it in memory. Not here: what a row is made of (requests.py).
"""

import os
import stat
from collections.abc import Iterator
from itertools import count
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from citerefine.refiner.batch.ledger import Ledger
from citerefine.refiner.batch.requests import asked_digest, key_of_run_row
from citerefine.refiner.batch.rows import MAX_ROW_BYTES, BadRow, read_values
from citerefine.refiner.errors import InputError
from citerefine.refiner.recording.line_file import LineFile, json_line

_START: Final = b'{"id": '
"""What every row of ours starts with."""
MAX_LINE_BYTES: Final = 8 * MAX_ROW_BYTES
"""A row of ours is hardly longer than the row that it comes from; escapes can make it six times as long."""


class Found(NamedTuple):
    """What OUT held when it was opened, less what was taken out to be asked again."""

    answered: int
    failed: int
    retried: int
    """Failed rows that were taken out."""


class _RunRow(NamedTuple):
    key: bytes
    asked: bytes | None
    """Digest of what was asked; None in a row that could not be asked, which does not hold its request."""
    failed: bool
    """Whether it has no answer."""


class Journal:
    """OUT, open to be added to; also a context manager. Nobody else can write it meanwhile."""

    def __init__(self, path: str | os.PathLike[str], model: str, ledger: Ledger, *, retry_failed: bool = False) -> None:
        """Opens or makes the file, and tells the ledger which rows are in it.

        Args:
            path: OUT.
            model: the model string of this run.
            ledger: learns which rows are done, and what they were asked.
            retry_failed: whether rows without an answer are taken out, to be asked again; all of them in one step.

        Raises:
            InputError: if it cannot be written, another process writes it, it holds something else than run rows, or
                answers of another model.
        """
        self._file = LineFile(path)
        self._model = model
        try:
            self.found: Final = self._read(ledger, retry_failed)
            if self.found.retried:
                self._drop_failed()
        except BaseException:
            self._file.close()
            raise

    def _read(self, ledger: Ledger, retry_failed: bool) -> Found:
        answered, failed, size = 0, 0, 0
        for number, line in enumerate(self._lines(), 1):
            if not line.endswith(b"\n") and not self._is_whole(line, number):
                self._file.cut(size)
                break
            size += len(line)
            row = self._run_row(line, number)
            answered, failed = answered + (not row.failed), failed + row.failed
            if not (retry_failed and row.failed):
                ledger.note_done(row.key, row.asked)
        return Found(answered, 0, failed) if retry_failed else Found(answered, failed, 0)

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
        self._run_row(line, number)
        self._file.append(b"")
        return True

    def _run_row(self, line: bytes, number: int) -> _RunRow:
        try:
            values = read_values(line)
        except BadRow:
            raise self._refusal(number) from None
        key = key_of_run_row(values)
        if key is None:
            raise self._refusal(number)
        other = values.get("model")
        if other is not None and other != self._model:
            raise InputError(
                f"{self._file.path} holds rows of the model {other!r} (line {number}), and this run is with "
                f"{self._model!r}; name another --out, or the same --model"
            )
        asked = asked_digest(values) if "question" in values else None
        return _RunRow(key, asked, values["answer"] is None)

    def _refusal(self, number: int) -> InputError:
        return InputError(f"{self._file.path}, line {number}, is no row that `refine` wrote; name another --out")

    def _drop_failed(self) -> None:
        """Puts in the file's place one without its failed rows: whoever looks sees the one or the other."""
        target = self._file.path.resolve()
        kept = LineFile(target.with_name(f".{target.name}.retry"), 0o600)
        try:
            kept.cut(0)
            for number, line in enumerate(self._lines(), 1):
                if not self._run_row(line, number).failed:
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

    def write(self, values: dict[str, Any]) -> None:
        """Adds a run row. Raises InputError if that cannot be done, as on a full disk."""
        self._file.append(json_line(values))

    def close(self) -> None:
        """Closes the file, and lets others write it."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
