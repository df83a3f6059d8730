"""Replies of services in one SQLite file: as a cache, as a recording, as what a run is replayed from.

In: a path and a mode; requests with what came of them. Out: what is stored of a request. A cache takes successes only,
and forgets them after a while; what it cannot read or write is merely not kept. A recording takes failures too, so that
a replay meets them again, but none in place of a success; a replay reads, and what it does not hold is an error. Keys
are no part of a request, and so of no file. Readable by its owner only. Not here: asking (client.py), traces of whole
runs (refiner/recording/).
"""

import asyncio
import os
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import partial
from importlib.resources import files
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self

from pydantic import ValidationError
from rapidfuzz import fuzz, process

from citerefine.refiner.errors import InputError, ReplayError
from citerefine.tools.web.failures import WebFailure
from citerefine.tools.web.reply import WebReply
from citerefine.tools.web.request import WebRequest

DAY: Final = timedelta(days=1)
_APPLICATION: Final = 0x63697457
"""What SQLite knows our files by."""
_FORMAT: Final = 2
_BUSY_SECONDS: Final = 10.0
"""How long is waited for others who write to the file."""
_CACHE_BUSY_MS: Final = 250
"""So long in a cache: it is there to save time."""
_MAGIC: Final = b"SQLite format 3\0"
_WAL_IN_HEADER: Final = b"\2\2"
"""Of a file whose latest changes may stand in another one beside it."""


_WRITE: Final = (
    "INSERT INTO replies"
    " (key, replay_key, source, request, fetched_at, content_type, body, failure_code, failure)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_REPLACE: Final = (
    "UPDATE SET request = excluded.request, fetched_at = excluded.fetched_at, content_type = excluded.content_type,"
    " body = excluded.body, failure_code = excluded.failure_code, failure = excluded.failure"
    " WHERE excluded.body IS NOT NULL OR replies.body IS NULL"
)
"""A failure replaces no success."""


class StoreMode(StrEnum):
    """What a store does for a request."""

    CACHE = "cache"
    """Gives what it holds and is not too old; takes what succeeds."""
    RECORD = "record"
    """Gives nothing; takes all that comes, failures too."""
    REPLAY = "replay"
    """Gives what it holds, and raises ReplayError for what it does not hold; takes nothing."""


class Stored(NamedTuple):
    """What came of a request."""

    reply: WebReply | None
    failure: WebFailure | None


class WebStore:
    """A store; also a context manager. Its methods may be called from any thread."""

    def __init__(self, path: str | os.PathLike[str], mode: StoreMode, *, max_age: timedelta = DAY) -> None:
        """Opens the file, and makes it unless it is to be replayed.

        Args:
            path: of the file. A recording that is there already is added to; what is asked again is replaced, unless
                it succeeded then and fails now. A cache of another version of citerefine is made anew.
            mode: what it does for requests.
            max_age: of what a cache gives; what is older, it removes.

        Raises:
            InputError: if it cannot be opened, or holds something else.
        """
        self.mode = mode
        self._path = Path(path)
        self._max_age = max_age
        self._lock = threading.Lock()
        self._writer = ThreadPoolExecutor(1, "citerefine-replies")
        self._advice = "record the run anew"
        with self._errors():
            self._database = self._open()

    def _open(self) -> sqlite3.Connection:
        is_new = not self._path.is_file() or not self._path.stat().st_size
        if is_new and self.mode is StoreMode.REPLAY:
            raise InputError(f"{self._path} does not exist, or is empty; record a run with: citerefine ask --record")
        if is_new:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            os.close(os.open(self._path, os.O_CREAT | os.O_WRONLY, 0o600))
        else:
            self._look_into()
        way = "ro" if self.mode is StoreMode.REPLAY else "rw"
        uri = f"{self._path.absolute().as_uri()}?mode={way}"
        database = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=_BUSY_SECONDS, check_same_thread=False)
        try:
            self._prepare(database)
        except BaseException:
            database.close()
            raise
        return database

    def _look_into(self) -> None:
        """Looks at a file before SQLite does, which may already change one that was not closed. Raises InputError."""
        with self._path.open("rb") as file:
            header = file.read(100)
        if not header.startswith(_MAGIC):
            return  # SQLite says what is wrong with it
        if int.from_bytes(header[68:72], "big") != _APPLICATION:
            raise InputError(f"{self._path} holds no replies of services; name another file")
        beside = self._path.with_name(f"{self._path.name}-wal")
        if header[18:20] == _WAL_IN_HEADER and not (beside.is_file() and beside.stat().st_size):
            self._advice = (
                f"if it was copied after a run that was cut off, copy {beside.name} along with it; else {self._advice}"
            )

    def _prepare(self, database: sqlite3.Connection) -> None:
        if self.mode is not StoreMode.REPLAY and _pragma(database, "user_version") != _FORMAT:
            self._make(database)
        if _pragma(database, "user_version") != _FORMAT:
            raise InputError(f"{self._path} was made by another version of citerefine; record it anew")
        if self.mode is StoreMode.REPLAY:
            return
        # Others may read while it is written, and little is lost where the machine stops.
        database.execute("PRAGMA journal_mode = WAL").fetchall()
        database.execute("PRAGMA synchronous = NORMAL")
        if self.mode is StoreMode.CACHE:
            database.execute(f"PRAGMA busy_timeout = {_CACHE_BUSY_MS}")
            with suppress(sqlite3.OperationalError):  # what is too old is not given anyway
                database.execute("DELETE FROM replies WHERE fetched_at < ?", (self._oldest(),))

    def _make(self, database: sqlite3.Connection) -> None:
        """Makes the table, before anything else is done to the file: so the file itself says from then on whose it is.

        Another process may have made it meanwhile.
        """
        database.execute("BEGIN IMMEDIATE")
        is_empty = database.execute("SELECT 1 FROM sqlite_schema").fetchone() is None
        is_old = self.mode is StoreMode.CACHE and _pragma(database, "user_version") != _FORMAT
        if is_empty or is_old:
            for statement in ("DROP TABLE IF EXISTS replies", *_schema().split(";")):
                database.execute(statement)
            database.execute(f"PRAGMA application_id = {_APPLICATION}")
            database.execute(f"PRAGMA user_version = {_FORMAT}")
        database.execute("COMMIT")

    def find(self, request: WebRequest) -> Stored | None:
        """What it gives for a request; None where the service is to be asked. Raises ReplayError, InputError."""
        if self.mode is StoreMode.RECORD:
            return None
        row = None
        with self._use():
            if self.mode is StoreMode.REPLAY:
                row = self._database.execute(_REPLAY, (request.replay_key, request.key)).fetchone()
            else:
                row = self._database.execute(_FIND, (request.key,)).fetchone()
            if row is None and self.mode is StoreMode.REPLAY:
                raise ReplayError(self._missing(request))
        if row is None:
            return None
        fetched_at, content_type, body, code, message = row
        if self.mode is StoreMode.CACHE and (code is not None or fetched_at < self._oldest()):
            return None
        if code is not None:
            return Stored(None, WebFailure(message, code))
        return Stored(WebReply(body, content_type, datetime.fromisoformat(fetched_at)), None)

    async def take(self, request: WebRequest, came: WebReply | WebFailure) -> None:
        """Keeps it without holding up the event loop. Raises InputError if it is a recording that cannot be written."""
        if isinstance(came, WebFailure):
            keep = partial(self.keep_failure, request, came)
        else:
            keep = partial(self.keep, request, came)
        try:
            writing = self._writer.submit(keep)
        except RuntimeError:  # it is closed, which writing says in other words
            keep()
        else:
            await asyncio.wrap_future(writing)

    def note_unawaited(self, request: WebRequest) -> None:
        """Of a recording: nobody waited for the reply any more. A failure that is kept if nothing else is known.

        Does not wait until it is written; closing does.
        """
        if self.mode is StoreMode.RECORD:
            late = WebFailure(f"the reply to {request.source} was not waited for any longer", "deadline")
            with suppress(RuntimeError):  # it is closed: the recording is over
                self._writer.submit(self._write, request, _failed(late), "NOTHING")

    def keep(self, request: WebRequest, reply: WebReply) -> None:
        """Takes a reply that could be read. Raises InputError if it is a recording that cannot be written."""
        self._write(request, (reply.fetched_at.isoformat(), reply.content_type, reply.body, None, None))

    def keep_failure(self, request: WebRequest, failure: WebFailure) -> None:
        """Takes a failure, if it is a recording that holds no success. Raises InputError if it cannot be written."""
        if self.mode is StoreMode.RECORD:
            self._write(request, _failed(failure))

    def _write(self, request: WebRequest, values: tuple[object, ...], at_conflict: str = _REPLACE) -> None:
        if self.mode is StoreMode.REPLAY:
            return
        with self._use():
            named = (request.key, request.replay_key, request.source, request.model_dump_json())
            self._database.execute(f"{_WRITE} ON CONFLICT (key) DO {at_conflict}", (*named, *values))

    def _missing(self, request: WebRequest) -> str:
        """What a replay lacks, and what it has that is nearest to it."""
        rows = self._database.execute("SELECT request FROM replies WHERE source = ?", (request.source,))
        known = [str(found) for (text,) in rows if (found := _request(text)) is not None]
        best = process.extractOne(str(request), known, scorer=fuzz.ratio)
        nearest = f"nearest to it is: {best[0]}" if best else f"it holds no request of {request.source}"
        return f"{self._path} does not hold the request: {request}; {nearest}; {self._advice}"

    def _oldest(self) -> str:
        return (datetime.now(UTC) - self._max_age).isoformat()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise InputError(
                f"{self._path} cannot be used as a store of replies ({error}); check that it can be read and written, "
                "or name another file"
            ) from error

    @contextmanager
    def _use(self) -> Iterator[None]:
        """The file, for one thread; a cache that cannot be used is done without."""
        try:
            with self._lock, self._errors():
                yield
        except InputError:
            if self.mode is not StoreMode.CACHE:
                raise

    def close(self) -> None:
        """Closes the file, once all is written; it is one file then, unless others have it open."""
        self._writer.shutdown()
        if self.mode is StoreMode.RECORD:
            with suppress(sqlite3.OperationalError):
                self._database.execute("PRAGMA busy_timeout = 0")
                self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
                self._database.execute("PRAGMA journal_mode = DELETE").fetchall()
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


_FIND: Final = "SELECT fetched_at, content_type, body, failure_code, failure FROM replies WHERE key = ?"
_REPLAY: Final = (
    "SELECT fetched_at, content_type, body, failure_code, failure FROM replies WHERE replay_key = ?"
    " ORDER BY key = ? DESC, body IS NULL, fetched_at DESC LIMIT 1"
)


def _schema() -> str:
    return files("citerefine.tools.web").joinpath("store_schema.sql").read_text("utf-8")


def _pragma(database: sqlite3.Connection, name: str) -> int:
    value: int = database.execute(f"PRAGMA {name}").fetchone()[0]
    return value


def _failed(failure: WebFailure) -> tuple[object, ...]:
    return (datetime.now(UTC).isoformat(), None, None, failure.code, str(failure))


def _request(text: str) -> WebRequest | None:
    try:
        return WebRequest.model_validate_json(text)
    except ValidationError:
        return None
