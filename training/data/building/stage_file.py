"""The file of one stage: what it made of each row, and with which settings.

In: rows' ids, keys that stand for all that decides a result, results. Out: a file of lines that is only added to, and
what it holds for an id and a key. A row whose input or settings changed has another key: its result is made anew, and
the old line stays behind. A process that is killed leaves whole lines, and perhaps one torn one, which the next run
cuts off. Not here: what stages do.
"""

import os
import sqlite3
from pathlib import Path
from typing import Any, Final, NamedTuple

from citerefine.refiner.batch.ledger import Ledger, id_key
from citerefine.refiner.batch.row_file import DoneRow, RowFile
from citerefine.refiner.batch.rows import read_values
from citerefine.refiner.recording.line_file import json_line

_TABLE: Final = "CREATE TABLE made (id TEXT PRIMARY KEY, key TEXT, place INTEGER) WITHOUT ROWID"


class Failure(NamedTuple):
    """Why a stage made nothing of a row."""

    code: str
    message: str


class Made(NamedTuple):
    """What a stage made of a row: values, or else a failure."""

    values: dict[str, Any] | None
    failure: Failure | None = None


class StageFile(RowFile):
    """The file, open to be added to; also a context manager. Nobody else can write it meanwhile."""

    def __init__(self, path: Path, command: str) -> None:
        """Opens or makes the file.

        Args:
            path: the file.
            command: who writes such files.

        Raises:
            InputError: if it cannot be written, another process writes it, or it holds something else.
        """
        # Where lines are, not what they say; SQLite moves it to the disk when it grows. What one stage made may be what
        # the next run reads its rows from, in the thread that reads ahead.
        self._places = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._places.execute(_TABLE)
        self._places.execute("BEGIN")
        with Ledger() as ledger:
            super().__init__(path, ledger, self._done_row, command)

    def _done_row(self, values: dict[str, Any], offset: int) -> DoneRow | None:
        id, key = values.get("id"), values.get("key")
        if not isinstance(id, str) or not isinstance(key, str) or not {"made", "error"} <= values.keys():
            return None
        self._note(id, key, offset)
        return DoneRow(id_key(id), None, failed=values["error"] is not None)

    def _note(self, id: str, key: str, offset: int) -> None:
        self._places.execute("INSERT OR REPLACE INTO made VALUES (?, ?, ?)", (id, key, offset))

    def find(self, id: str, key: str) -> Made | None:
        """The last result of a row, if it was made with this key; else None."""
        place = self._places.execute("SELECT place FROM made WHERE id = ? AND key = ?", (id, key)).fetchone()
        if place is None:
            return None
        values = read_values(self.line_at(place[0]))
        error = values["error"]
        return Made(values["made"], None if error is None else Failure(error["code"], error["message"]))

    def add(self, id: str, key: str, made: Made) -> None:
        """Writes a result. Raises InputError if that cannot be done, as on a full disk."""
        offset = os.fstat(self._file.descriptor).st_size
        error = None if made.failure is None else made.failure._asdict()
        self.append(json_line({"id": id, "key": key, "made": made.values, "error": error}))
        self._note(id, key, offset)

    def close(self) -> None:
        """Closes the file, and lets others write it."""
        self._places.close()
        super().close()
