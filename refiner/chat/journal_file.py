"""The file of a journal of calls: SQLite, only ever added to, used by any number of processes at once.

In: events. Out: the same events in order, the last usable reply to a key, totals. Events are in the file before
`add` returns: a process that is killed loses nothing of what it had added (a power cut may take the last few). What
was sent by a process that is gone counts as lost as soon as somebody opens the file and nobody else uses it. Not
here: what an event says (journal_events.py), what requests came to (journal_totals.py), asking (journal.py).
"""

import errno
import fcntl
import os
import sqlite3
import stat
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

from citerefine.refiner.chat.journal_events import COLUMNS, Event, Totals, from_row, to_row
from citerefine.refiner.chat.journal_totals import add_up
from citerefine.refiner.errors import InputError

T = TypeVar("T")

SCHEMA: Final = 2
"""Version of keys and rows; another one reads nothing of this one."""
MOST_BYTES: Final = 4 * 1024**3
"""Size of a file at most, unless another one is given."""
WAIT: Final = 5.0
"""Seconds that another process may hold the file, unless another time is given."""
_APPLICATION: Final = 0x43524A4E
"""Marks the file as one of ours (SQLite's application_id)."""
_HELD: Final = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_PAGE: Final = 1000
_ROW: Final = f"seq, {', '.join(COLUMNS)}, crc"
_ADD: Final = f"INSERT INTO events ({', '.join(COLUMNS)}, crc) VALUES ({', '.join('?' * (len(COLUMNS) + 1))})"
_FIND: Final = f"SELECT {_ROW} FROM events WHERE key = ? AND status IN ('ok', 'rejected') ORDER BY seq DESC"
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS events (seq INTEGER PRIMARY KEY, key TEXT, attempt TEXT, status TEXT, code TEXT,
                                   endpoint TEXT, calls INTEGER, prompt_tokens INTEGER, completion_tokens INTEGER,
                                   cached_tokens INTEGER, cost REAL, time REAL, reply TEXT, crc INTEGER);
CREATE INDEX IF NOT EXISTS answered ON events (key) WHERE status IN ('ok', 'rejected');
CREATE TABLE IF NOT EXISTS settled (seq INTEGER);
INSERT INTO settled SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM settled);
"""
"""What `settled` holds: requests of events up to this number have ended, or count as lost. Those of later events are
few, and need no index, which each event would have to be written into too. Older files have two, and get a 0."""
_RECENT: Final = "seq > (SELECT coalesce(min(seq), 0) FROM settled)"
_UNFINISHED: Final = f"""
SELECT {_ROW} FROM events WHERE {_RECENT} AND status = 'sent' AND attempt NOT IN
(SELECT attempt FROM events WHERE {_RECENT} AND status IN ('ok', 'failed', 'lost') AND attempt IS NOT NULL)
"""
_CHECKPOINT_PAGES: Final = 16_000
"""Each checkpoint waits for the disk; by default they come every 300 calls. So many are 64 MB beside the file at most,
and one in some thousand calls; a page that changed many times in between is written once."""


class HeldError(InputError):
    """Another process holds the file just now."""


class JournalFile:
    """The file. Opened at first use; may be used from any thread."""

    def __init__(self, path: Path, most_bytes: int | None = MOST_BYTES, *, wait: float = WAIT) -> None:
        """Names the file; it is made where there is none, in a folder that exists, for its owner only.

        Args:
            path: the file; `-wal`, `-shm` and `-lock` files stand beside it.
            most_bytes: size beyond which nothing is added; None sets no bound.
            wait: seconds to wait, in the calling thread, while another process holds the file; then HeldError.
        """
        self.path = path
        self._most_bytes = most_bytes
        self._wait = wait
        self._connection: sqlite3.Connection | None = None
        self._descriptor = -1
        self._lock = threading.Lock()

    def add(self, *events: Event) -> None:
        """Adds events, all or none, in one transaction. Raises InputError if that cannot be done."""
        self._use(partial(_add, [*map(to_row, events)]))

    def find(self, key: str) -> Event | None:
        """The last usable reply to a key, unless it was rejected. Raises InputError if the file cannot be read."""
        return self._use(partial(_find, key))

    def events(self) -> Iterator[Event]:
        """All events that can be believed, in order; what is added meanwhile comes too."""
        last = 0
        while rows := self._use(partial(_page_after, last)):
            last = rows[-1][0]
            yield from filter(None, map(from_row, rows))

    def totals(self) -> Totals:
        """What the requests came to so far. Raises InputError if the file cannot be read."""
        return self._use(add_up)

    def close(self) -> None:
        """Closes the file; a later use opens it anew."""
        with self._lock:
            if self._connection is not None:
                with suppress(sqlite3.Error):
                    self._connection.close()
                self._connection = None
            self._leave()

    def _use(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """What `work` gives with the open file. Raises InputError. Generators in its stead cost each call more time."""
        with self._lock:
            try:
                if self._connection is None:
                    self._connection = self._open()
                return work(self._connection)
            except (sqlite3.Error, OSError) as error:
                raise self._explained(error) from error

    def _explained(self, error: sqlite3.Error | OSError) -> InputError:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        cannot = f"{self.path} cannot be used as a journal of calls"
        if code in _HELD or isinstance(error, BlockingIOError):
            return HeldError(f"{cannot}: another process holds it; end that, or name another file")
        if code == sqlite3.SQLITE_FULL or getattr(error, "errno", None) == errno.ENOSPC:
            cap = f", or its bound of {self._most_bytes:,} bytes is reached" if self._most_bytes else ""
            return InputError(f"{cannot}: the disk is full{cap}; make room, or name another file")
        return InputError(f"{cannot}: {error}; name another file, or make its folder writable")

    def _open(self) -> sqlite3.Connection:
        with suppress(FileExistsError):  # SQLite would make it for everybody
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        connection = sqlite3.connect(self.path, timeout=self._wait, check_same_thread=False, isolation_level=None)
        # Undecodable text is told by its check sum.
        connection.text_factory = partial(str, encoding="utf-8", errors="replace")
        try:
            self._prepare(connection)
            self._enter(connection)
        except BaseException:
            connection.close()
            self._leave()
            raise
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        """Makes the table in a new file, and refuses a file that is another's before anything is written to it."""
        with _Transaction(connection):
            self._refuse_others(connection)
            self._narrow()
            (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
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

    def _refuse_others(self, connection: sqlite3.Connection) -> None:
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if tables and application != _APPLICATION:
            raise InputError(f"{self.path} is a database, but no journal of calls; name another file")
        if tables and version != SCHEMA:
            raise InputError(
                f"{self.path} is a journal of version {version}, and this program reads {SCHEMA}; name another file"
            )

    def _narrow(self) -> None:
        """Takes from all but its owner what they may do to the file, and those beside it."""
        for path in (self.path, *(Path(f"{self.path}{ending}") for ending in ("-wal", "-shm", "-lock"))):
            # By path: to close a descriptor of the file would drop the locks of SQLite.
            with suppress(FileNotFoundError, PermissionError):  # who does not own it cannot change that
                if stat.S_IMODE(path.stat().st_mode) & 0o077:
                    path.chmod(0o600)

    def _enter(self, connection: sqlite3.Connection) -> None:
        """Takes part in the file for as long as it is open; whoever is alone first counts what others left behind.

        The lock has a file of its own: closing any descriptor of the database would drop the locks of SQLite.
        """
        self._descriptor = os.open(f"{self.path}-lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with suppress(BlockingIOError):
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _lose(connection)
        until = time.monotonic() + self._wait
        while True:  # for a moment only: another one counts
            try:
                return fcntl.flock(self._descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= until:
                    raise
                time.sleep(0.01)

    def _leave(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _add(rows: Sequence[tuple[object, ...]], connection: sqlite3.Connection) -> None:
    if len(rows) == 1:
        connection.execute(_ADD, rows[0])
    elif rows:
        with _Transaction(connection):
            connection.executemany(_ADD, rows)


def _find(key: str, connection: sqlite3.Connection) -> Event | None:
    for row in connection.execute(_FIND, (key,)):
        event = from_row(row)
        if event and event.key == key:  # a damaged index leads to rows of other keys
            return event if event.reply else None
    return None


def _page_after(seq: int, connection: sqlite3.Connection) -> list[Any]:
    query = f"SELECT {_ROW} FROM events WHERE seq > ? ORDER BY seq LIMIT {_PAGE}"
    return connection.execute(query, (seq,)).fetchall()


def _lose(connection: sqlite3.Connection) -> None:
    """Adds an event for each request of which no end is known. They are few: as many as were on the way at once."""
    (news,) = connection.execute(f"SELECT count(*) FROM (SELECT 1 FROM events WHERE {_RECENT} LIMIT 1)").fetchone()
    if not news:
        return
    rows = connection.execute(_UNFINISHED).fetchall()
    with _Transaction(connection):
        for event in filter(None, map(from_row, rows)):
            lost = event._replace(status="lost", usage=None, time=time.time())
            connection.execute(_ADD, to_row(lost))
        connection.execute("UPDATE settled SET seq = (SELECT max(seq) FROM events)")


class _Transaction:
    """All of a block, or nothing. A generator in its stead costs each call several microseconds."""

    __slots__ = ("_connection",)

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        try:
            if error is None:
                self._connection.execute("COMMIT")
        except BaseException:
            self._undo()
            raise
        if error is not None:
            self._undo()

    def _undo(self) -> None:
        with suppress(sqlite3.Error):  # some errors have rolled back already; what is raised already matters more
            self._connection.execute("ROLLBACK")
