"""The file of a journal of calls: SQLite, only ever added to, used by any number of processes at once.

In: events. Out: the same events in order, the last usable reply to a key, totals. Events are in the file before
`add` returns: a process that is killed loses nothing of what it had added (a power cut may take the last few). What
was sent by a process that is gone counts as lost as soon as somebody opens the file and nobody else uses it. Not
here: what an event says (journal_events.py), asking (journal.py).
"""

import errno
import fcntl
import os
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final

from citerefine.refiner.chat.journal_events import COLUMNS, Event, Totals, from_row, to_row
from citerefine.refiner.errors import InputError
from citerefine.refiner.records import Usage

SCHEMA: Final = 1
"""Version of keys and rows; another one reads nothing of this one."""
_APPLICATION: Final = 0x43524A4E
"""Marks the file as one of ours (SQLite's application_id)."""
_WAIT_SECONDS: Final = 60.0
"""How long another process may hold the file."""
_PAGE: Final = 1000
_ROW: Final = f"seq, {', '.join(COLUMNS)}, crc"
_ADD: Final = f"INSERT INTO events ({', '.join(COLUMNS)}, crc) VALUES ({', '.join('?' * (len(COLUMNS) + 1))})"
_FIND: Final = f"SELECT {_ROW} FROM events WHERE key = ? AND status = 'ok' ORDER BY seq DESC"
_TABLES: Final = """
CREATE TABLE events (seq INTEGER PRIMARY KEY, key TEXT, attempt TEXT, status TEXT, code TEXT, endpoint TEXT,
                     reply TEXT, usage TEXT, time REAL, crc INTEGER);
CREATE INDEX answered ON events (key) WHERE status = 'ok';
"""
_UNFINISHED: Final = f"""
SELECT {_ROW} FROM events WHERE status = 'sent' AND attempt NOT IN
(SELECT attempt FROM events WHERE status <> 'sent' AND attempt IS NOT NULL) ORDER BY seq
"""
_CHECKPOINT_PAGES: Final = 4000
"""Each checkpoint waits for the disk; by default they come every 300 calls."""


class JournalFile:
    """The file. Opened at first use; may be used from any thread."""

    def __init__(self, path: Path, most_bytes: int | None = None) -> None:
        """Names the file; it is made where there is none, in a folder that exists, for its owner only.

        Args:
            path: the file; `-wal`, `-shm` and `-lock` files stand beside it.
            most_bytes: size beyond which nothing is added; None sets no bound.
        """
        self.path = path
        self._most_bytes = most_bytes
        self._connection: sqlite3.Connection | None = None
        self._descriptor = -1
        self._lock = threading.Lock()

    def add(self, *events: Event) -> None:
        """Adds events, all or none, in one transaction. Raises InputError if that cannot be done."""
        rows = [*map(to_row, events)]
        with self._opened() as connection:
            if len(rows) == 1:
                connection.execute(_ADD, rows[0])
            elif rows:
                with _transaction(connection):
                    connection.executemany(_ADD, rows)

    def find(self, key: str) -> Event | None:
        """The last usable reply to a key. Raises InputError if the file cannot be read."""
        with self._opened() as connection:
            rows = connection.execute(_FIND, (key,))
            return next((event for row in rows if (event := from_row(row)) and event.reply), None)

    def events(self) -> Iterator[Event]:
        """All events that can be believed, in order; what is added meanwhile comes too."""
        return (event for event in self._rows() if event)

    def _rows(self) -> Iterator[Event | None]:
        last = 0
        while True:
            with self._opened() as connection:
                rows = connection.execute(
                    f"SELECT {_ROW} FROM events WHERE seq > ? ORDER BY seq LIMIT {_PAGE}", (last,)
                ).fetchall()
            if not rows:
                return
            last = rows[-1][0]
            yield from map(from_row, rows)

    def totals(self) -> Totals:
        """What the requests came to so far. Raises InputError if the file cannot be read."""
        damaged = sum(event is None for event in self._rows())
        with self._opened() as connection:
            return _totals(_requests(connection), damaged)

    def close(self) -> None:
        """Closes the file; a later use opens it anew."""
        with self._lock:
            if self._connection is not None:
                with suppress(sqlite3.Error):
                    self._connection.close()
                self._connection = None
            if self._descriptor >= 0:
                os.close(self._descriptor)
                self._descriptor = -1

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                if self._connection is None:
                    self._connection = self._open()
                yield self._connection
            except (sqlite3.Error, OSError) as error:
                what = self._explained(error)
                raise InputError(f"{self.path} cannot be used as a journal of calls: {what}") from error

    def _explained(self, error: sqlite3.Error | OSError) -> str:
        code = getattr(error, "sqlite_errorcode", None)
        if code == sqlite3.SQLITE_FULL or getattr(error, "errno", None) == errno.ENOSPC:
            cap = f", or its bound of {self._most_bytes:,} bytes is reached" if self._most_bytes else ""
            return f"the disk is full{cap}; make room, or name another file"
        return f"{error}; name another file, or make its folder writable"

    def _open(self) -> sqlite3.Connection:
        with suppress(FileExistsError):  # SQLite would make it for everybody
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        connection = sqlite3.connect(self.path, timeout=_WAIT_SECONDS, check_same_thread=False, isolation_level=None)
        connection.text_factory = partial(str, encoding="utf-8", errors="replace")  # a check sum tells it from text
        try:
            self._prepare(connection)
            self._enter(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        """Makes the table in a new file, and refuses a file that is another's before anything is written to it."""
        with _transaction(connection):
            (application,) = connection.execute("PRAGMA application_id").fetchone()
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            if tables and application != _APPLICATION:
                raise InputError(f"{self.path} is a database, but no journal of calls; name another file")
            if tables and version != SCHEMA:
                raise InputError(
                    f"{self.path} is a journal of version {version}, and this program reads {SCHEMA}; name another file"
                )
            if not tables:
                connection.execute(f"PRAGMA application_id = {_APPLICATION}")
                connection.execute(f"PRAGMA user_version = {SCHEMA}")
                for statement in _TABLES.split(";")[:-1]:
                    connection.execute(statement)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")  # a killed process loses nothing
        connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
        if self._most_bytes is not None:
            (size,) = connection.execute("PRAGMA page_size").fetchone()
            connection.execute(f"PRAGMA max_page_count = {max(1, self._most_bytes // size)}")

    def _enter(self, connection: sqlite3.Connection) -> None:
        """Takes part in the file for as long as it is open; whoever is alone first counts what others left behind.

        The lock has a file of its own: closing any descriptor of the database would drop the locks of SQLite.
        """
        self._descriptor = os.open(f"{self.path}-lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with suppress(BlockingIOError):
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _lose(connection)
        fcntl.flock(self._descriptor, fcntl.LOCK_SH)


def _lose(connection: sqlite3.Connection) -> None:
    """Adds an event for each request of which no end is known. They are few: as many as were on the way at once."""
    rows = connection.execute(_UNFINISHED).fetchall()
    if not rows:
        return
    with _transaction(connection):
        for event in filter(None, map(from_row, rows)):
            lost = event._replace(status="lost", usage=None, time=time.time())
            connection.execute(_ADD, to_row(lost))


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _requests(connection: sqlite3.Connection) -> Iterable[tuple[Event | None, Event | None]]:
    """Each request as it was sent and as it ended, where the file tells."""
    names = [f"{table}.{name}" for table in ("sent", "ended") for name in ("seq", *COLUMNS, "crc")]
    pairs = connection.execute(
        "WITH ends AS MATERIALIZED "
        "(SELECT attempt, max(seq) AS seq FROM events WHERE status <> 'sent' GROUP BY attempt) "
        f"SELECT {', '.join(names)} FROM events AS sent LEFT JOIN ends ON ends.attempt = sent.attempt "
        "LEFT JOIN events AS ended ON ended.seq = ends.seq WHERE sent.status = 'sent'"
    )
    half = len(names) // 2
    return ((from_row(row[:half]), from_row(row[half:])) for row in pairs)


def _totals(requests: Iterable[tuple[Event | None, Event | None]], damaged: int) -> Totals:
    counts = {"ok": 0, "failed": 0, "lost": 0, "sent": 0}
    known, most = (Usage(prompt_tokens=0, completion_tokens=0, cost=0.0, calls=0) for _ in range(2))
    unknown = 0
    for sent, ended in requests:
        last = ended or sent
        if last is None:
            continue
        counts[last.status] += 1
        if last.status in ("ok", "failed") and last.usage is not None:
            known = known + _one(last.usage)
        else:
            unknown += 1
            most = most + _one(sent.usage if sent and sent.usage else Usage())
    return Totals(sum(counts.values()), counts["ok"], counts["failed"], unknown, counts["sent"], known, most, damaged)


def _one(usage: Usage) -> Usage:
    """The usage, without what only some servers tell and what nobody priced."""
    return usage.model_copy(update={"cached_tokens": None, "calls": 1})
