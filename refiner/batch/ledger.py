"""Knows which rows are done and which were seen, without holding them in memory.

In: keys of rows, digests of what was asked. Out: whether a row is new, done, or there for the second time, and what a
row that is done was asked. Kept in a temporary database that SQLite moves to the disk when it grows, and that goes away
with the process. Not here: the files themselves (journal.py, rows.py).
"""

import hashlib
import json
import sqlite3
from contextlib import closing
from enum import Enum, auto
from types import TracebackType
from typing import Final, Self

Id = str | int
"""What tells a row from others, as its file has it."""

_TABLE: Final = "CREATE TABLE rows (key BLOB PRIMARY KEY, asked BLOB, seen INTEGER NOT NULL) WITHOUT ROWID"


def id_key(id: Id) -> bytes:
    """The key of a row with an id; `1` and `"1"` are two ids."""
    return _key("id", id)


def line_key(line: int) -> bytes:
    """The key of a row that is known by its line only."""
    return _key("line", line)


def _key(kind: str, value: Id) -> bytes:
    return hashlib.sha256(json.dumps([kind, value]).encode()).digest()  # of one size, however long an id is


class Place(Enum):
    """How a row of IN stands to the rows before it and to those of OUT."""

    NEW = auto()
    DONE = auto()
    REPEATED = auto()
    """A row of the same key was seen in this run."""


class Ledger:
    """Keys of rows; also a context manager. One thread at a time may use it."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._database.execute("PRAGMA synchronous = OFF")
        self._database.execute(_TABLE)
        self._database.execute("BEGIN")  # never committed: nothing of it outlives the process

    def note_done(self, key: bytes, asked: bytes | None = None) -> None:
        """Takes in that OUT has a row of this key; `asked` is the digest of what it was asked, None if OUT lacks it."""
        self._database.execute("INSERT INTO rows VALUES (?, ?, 0) ON CONFLICT DO NOTHING", (key, asked))

    def see(self, key: bytes) -> Place:
        """How the next row of IN stands; from now on its key is seen."""
        if self._database.execute("INSERT INTO rows VALUES (?, NULL, 1) ON CONFLICT DO NOTHING", (key,)).rowcount:
            return Place.NEW
        if self._database.execute("UPDATE rows SET seen = 1 WHERE key = ? AND NOT seen", (key,)).rowcount:
            return Place.DONE
        return Place.REPEATED

    def asked(self, key: bytes) -> bytes | None:
        """The digest of what OUT's row of this key was asked; None if there is none."""
        with closing(self._database.execute("SELECT asked FROM rows WHERE key = ?", (key,))) as found:
            row: tuple[bytes | None] | None = found.fetchone()
            return row and row[0]

    def count_unseen(self) -> int:
        """How many rows are done and were not seen."""
        with closing(self._database.execute("SELECT count(*) FROM rows WHERE NOT seen")) as counted:
            n: int = counted.fetchone()[0]
            return n

    def close(self) -> None:
        """Forgets everything."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
