"""The SQLite file under a corpus: how it is opened and written, and what its errors mean.

In: a path. Out: a connection; inside `reading` and `writing` SQLite's errors come out as `CorpusError`s that name
the file and say what to do. While it is written the file is in WAL mode, in which others go on reading whatever the
size of a transaction; a finished corpus is one file again. Not here: tables (corpus_schema.sql), statements
(corpus.py, stored_files.py).
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from citerefine.tools.errors import CorpusError, CorpusWriteError, UnusableCorpusError

BUSY_SECONDS: Final = 10.0
"""How long to wait for another process."""
COMPANIONS: Final = ("", "-wal", "-shm", "-journal")
"""What SQLite appends to the name of a database for the files it keeps beside it."""

_BUSY: Final = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_REFUSED: Final = {
    sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_PERM, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_READONLY,
}  # fmt: skip
"""Errors of the system around the file; nothing is wrong with what is in it."""


def connect(path: Path, mode: str) -> sqlite3.Connection:
    """Opens the file; one that may not be written is opened for reading only."""
    if mode == "rw" and not os.access(path, os.W_OK):
        mode = "ro"
    with reading(str(path)):
        uri = f"{path.absolute().as_uri()}?mode={mode}"
        # Any thread may use it, one at a time: searches run beside an event loop (local.py).
        return sqlite3.connect(uri, uri=True, isolation_level=None, timeout=BUSY_SECONDS, check_same_thread=False)


@contextmanager
def reading(where: str) -> Iterator[None]:
    """Turns what goes wrong while the file `where` is read into CorpusError."""
    try:
        yield
    except sqlite3.ProgrammingError:  # a closed connection, say: the caller's mistake
        raise
    # ValueError: a row was found, and a value in it is not what its column says, such as JSON that is none.
    except (sqlite3.DatabaseError, ValueError) as error:
        busy = f"{where} is being written by another process; try again when it has finished"
        refused = f"{where} cannot be read: {error}; check that the file and its folder may be read and written"
        passing = _code(error) in _BUSY | _REFUSED
        kind = CorpusError if passing else UnusableCorpusError
        raise kind(_meaning(error, where, busy, refused)) from error


@contextmanager
def writing(connection: sqlite3.Connection, where: str) -> Iterator[None]:
    """A transaction, beside which others can read; what is finished stays when it ends early."""
    with errors_of_writing(where):
        connection.execute("PRAGMA journal_mode = WAL").fetchall()
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            if connection.in_transaction:
                connection.execute("COMMIT")
            _leave_wal(connection)


@contextmanager
def errors_of_writing(where: str) -> Iterator[None]:
    """Turns what goes wrong while the file `where` is written into CorpusWriteError."""
    try:
        yield
    except sqlite3.ProgrammingError:
        raise
    except sqlite3.DatabaseError as error:
        busy = f"{where} cannot be written: another process is writing to it; try again when it has finished"
        refused = (
            f"{where} cannot be written: {error}; what was finished is kept; make room on the disk, or make the "
            "file and its folder writable, and run it again"
        )
        raise CorpusWriteError(_meaning(error, where, busy, refused)) from error


def _leave_wal(connection: sqlite3.Connection) -> None:
    """Brings everything into the one file; while others have it open, that stays for the next update to do."""
    try:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        connection.execute("PRAGMA journal_mode = DELETE").fetchall()
    except sqlite3.OperationalError as error:
        if _code(error) not in _BUSY:
            raise


def _meaning(error: Exception, where: str, busy: str, refused: str) -> str:
    """The message for an error, by its primary result code."""
    code = _code(error)
    if code in _BUSY:
        return busy
    if code in _REFUSED:
        return refused
    if code == sqlite3.SQLITE_NOTADB:
        return f"{where} is no corpus ({error}); a corpus is made by: citerefine index FOLDER --out FILE"
    return f"{where} is damaged ({error}); index the files anew: delete it, then citerefine index FOLDER --out {where}"


def _code(error: Exception) -> int:
    # What Python finds by itself, such as text that is no UTF-8, carries no code; it is damage too.
    code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)
    return code & 0xFF
