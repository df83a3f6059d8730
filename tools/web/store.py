"""Replies of services in one SQLite file: as a cache, as a recording, as what a run is replayed from.

In: a path and a mode; requests with what came of them. Out: what is stored of a request. A cache takes successes only,
and forgets them after a while; a recording takes failures too, so that a replay meets them again; a replay reads, and
what it does not hold is an error. Keys are no part of a request, and so of no file. Readable by its owner only. Not
here: asking (client.py), traces of whole runs (refiner/recording/).
"""

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from enum import StrEnum
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
            path: of the file. A recording that is there already is added to; what is asked again is replaced.
            mode: what it does for requests.
            max_age: of what a cache gives; what is older, it removes.

        Raises:
            InputError: if it cannot be opened, or holds something else.
        """
        self.mode = mode
        self._path = Path(path)
        self._max_age = max_age
        self._lock = threading.Lock()
        with self._errors():
            self._database = self._open()

    def _open(self) -> sqlite3.Connection:
        is_new = not self._path.is_file() or not self._path.stat().st_size
        if is_new and self.mode is StoreMode.REPLAY:
            raise InputError(f"{self._path} does not exist, or is empty; record a run with: citerefine ask --record")
        if is_new:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            os.close(os.open(self._path, os.O_CREAT | os.O_WRONLY, 0o600))
        way = "ro" if self.mode is StoreMode.REPLAY else "rw"
        uri = f"{self._path.absolute().as_uri()}?mode={way}"
        database = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=_BUSY_SECONDS, check_same_thread=False)
        try:
            self._prepare(database)
        except BaseException:
            database.close()
            raise
        return database

    def _prepare(self, database: sqlite3.Connection) -> None:
        if self.mode is not StoreMode.REPLAY:
            # Others may read while it is written, and little is lost where the machine stops.
            database.execute("PRAGMA journal_mode = WAL").fetchall()
            database.execute("PRAGMA synchronous = NORMAL")
            database.execute("BEGIN IMMEDIATE")
            if (
                not _pragma(database, "application_id")
                and not database.execute("SELECT 1 FROM sqlite_schema").fetchone()
            ):
                for statement in _schema().split(";"):
                    database.execute(statement)
                database.execute(f"PRAGMA application_id = {_APPLICATION}")
                database.execute(f"PRAGMA user_version = {_FORMAT}")
            database.execute("COMMIT")
        if _pragma(database, "application_id") != _APPLICATION:
            raise InputError(f"{self._path} holds no replies of services; name another file")
        if _pragma(database, "user_version") != _FORMAT:
            raise InputError(f"{self._path} was made by another version of citerefine; record it anew")
        if self.mode is StoreMode.CACHE:
            database.execute("DELETE FROM replies WHERE fetched_at < ?", (self._oldest(),))

    def find(self, request: WebRequest) -> Stored | None:
        """What it gives for a request; None where the service is to be asked. Raises ReplayError, InputError."""
        if self.mode is StoreMode.RECORD:
            return None
        with self._lock, self._errors():
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

    def keep(self, request: WebRequest, reply: WebReply) -> None:
        """Takes a reply that could be read. Raises InputError if it cannot be written."""
        self._write(request, (reply.fetched_at.isoformat(), reply.content_type, reply.body, None, None))

    def keep_failure(self, request: WebRequest, failure: WebFailure) -> None:
        """Takes a failure, if it is a recording. Raises InputError if it cannot be written."""
        if self.mode is StoreMode.RECORD:
            self._write(request, (datetime.now(UTC).isoformat(), None, None, failure.code, str(failure)))

    def _write(self, request: WebRequest, values: tuple[object, ...]) -> None:
        if self.mode is StoreMode.REPLAY:
            return
        with self._lock, self._errors():
            named = (request.key, request.replay_key, request.source, request.model_dump_json())
            self._database.execute(_WRITE, (*named, *values))

    def _missing(self, request: WebRequest) -> str:
        """What a replay lacks, and what it has that is nearest to it."""
        rows = self._database.execute("SELECT request FROM replies WHERE source = ?", (request.source,))
        known = [str(found) for (text,) in rows if (found := _request(text)) is not None]
        best = process.extractOne(str(request), known, scorer=fuzz.ratio)
        nearest = f"nearest to it is: {best[0]}" if best else f"it holds no request of {request.source}"
        return f"{self._path} does not hold the request: {request}; {nearest}; record the run anew"

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

    def close(self) -> None:
        """Closes the file, which is one file then, unless others have it open."""
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
    " ORDER BY key = ? DESC, fetched_at DESC LIMIT 1"
)
_WRITE: Final = (
    "INSERT OR REPLACE INTO replies"
    " (key, replay_key, source, request, fetched_at, content_type, body, failure_code, failure)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


def _schema() -> str:
    return files("citerefine.tools.web").joinpath("store_schema.sql").read_text("utf-8")


def _pragma(database: sqlite3.Connection, name: str) -> int:
    value: int = database.execute(f"PRAGMA {name}").fetchone()[0]
    return value


def _request(text: str) -> WebRequest | None:
    try:
        return WebRequest.model_validate_json(text)
    except ValidationError:
        return None
