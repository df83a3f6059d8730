"""Keeps the verdicts of a judge in a file, so that no query is paid twice: not in this run, nor when it goes on later.

In: a judge, a path. Out: the same judge, which asks only what the file does not hold. Only verdicts with a label are
kept: what failed is asked again. A verdict is found by all that decides it (`query_key`), and by nothing else: not by
snippets' ids, so the same claim and texts are the same query in every answer. Equal queries under way at once are
asked once. The file is SQLite and may be used by several processes at once; nothing of it is held in memory. Not here:
judging.
"""

import asyncio
import hashlib
import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from weakref import WeakKeyDictionary

from pydantic import ValidationError

from citerefine.judges.judge import SupportJudge
from citerefine.judges.verdict import EvidenceSpan, SupportQuery, Verdict
from citerefine.refiner.errors import InputError

SCHEMA: Final = 2
"""Version of keys and values; another one reads nothing of this one."""
_APPLICATION: Final = 0x43525643
"""Marks the file as one of ours (SQLite's application_id)."""
_WAIT_SECONDS: Final = 60.0
"""How long another process may hold the file."""
_MOST_AT_ONCE: Final = 500
"""Keys of one SELECT; SQLite takes at least 999 parameters."""

Flights = dict[str, "asyncio.Future[Verdict | None]"]
"""Key → the verdict to come, from whoever asks; None if that task came to nothing."""


def query_key(judge: str, query: SupportQuery) -> str:
    """SHA-256, in hex, of what decides a verdict: judge, claim, titles and texts of the premise in order, question,
    the claim's sentence."""
    premise = [[snippet.title, snippet.text] for snippet in query.snippets]
    parts = [SCHEMA, judge, query.claim, premise, query.question, query.context]
    return hashlib.sha256(json.dumps(parts, ensure_ascii=True, separators=(",", ":")).encode()).hexdigest()


class VerdictCache:
    """The file. Opened at first use; may be used from any thread."""

    def __init__(self, path: Path) -> None:
        """Names the file; it is made where there is none, in a folder that exists."""
        self.path = path
        self._connection: sqlite3.Connection | None = None
        self._lock = threading.Lock()

    def find(self, keys: Iterable[str]) -> dict[str, Verdict]:
        """The verdicts that are kept for these keys. Raises InputError if the file cannot be read."""
        wanted, found = [*dict.fromkeys(keys)], dict[str, Verdict]()
        with self._opened() as connection:
            for first in range(0, len(wanted), _MOST_AT_ONCE):
                part = wanted[first : first + _MOST_AT_ONCE]
                marks = ",".join("?" * len(part))
                rows = connection.execute(f"SELECT key, verdict FROM verdicts WHERE key IN ({marks})", part)
                found |= {key: self._read(value) for key, value in rows}
        return found

    def _read(self, value: object) -> Verdict:
        try:
            verdict = Verdict.model_validate_json(value if isinstance(value, str | bytes) else "")
        except ValidationError:
            verdict = None
        if verdict is None or verdict.label is None:
            raise InputError(f"{self.path} holds a verdict that cannot be read; delete the file, or name another")
        return verdict

    def keep(self, verdicts: Mapping[str, Verdict]) -> None:
        """Adds verdicts, in one step; those that are there already stay. Raises InputError if that cannot be done."""
        rows = [(key, verdict.model_dump_json(exclude_defaults=True)) for key, verdict in verdicts.items()]
        if rows:
            with self._opened() as connection, connection:
                connection.executemany("INSERT OR IGNORE INTO verdicts (key, verdict) VALUES (?, ?)", rows)

    def __len__(self) -> int:
        """How many verdicts are kept."""
        with self._opened() as connection:
            count: int = connection.execute("SELECT count(*) FROM verdicts").fetchone()[0]
            return count

    def close(self) -> None:
        """Closes the file; a later use opens it anew."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                if self._connection is None:
                    self._connection = self._open()
                yield self._connection
            except sqlite3.Error as error:
                raise InputError(
                    f"{self.path} cannot be used as a verdict cache: {error}; name another file, or delete this one "
                    "if it is a damaged cache"
                ) from error

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=_WAIT_SECONDS, check_same_thread=False)
        try:
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        """Makes the table in a new file, and refuses a file that is another's before anything is written to it."""
        connection.execute("BEGIN IMMEDIATE")
        with connection:
            (application,) = connection.execute("PRAGMA application_id").fetchone()
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            if tables and application != _APPLICATION:
                raise InputError(f"{self.path} is a database, but no verdict cache; name another file")
            if tables and version != SCHEMA:
                raise InputError(
                    f"{self.path} is a verdict cache of version {version}, and this program reads {SCHEMA}; name "
                    "another file"
                )
            if not tables:
                connection.execute(f"PRAGMA application_id = {_APPLICATION}")
                connection.execute(f"PRAGMA user_version = {SCHEMA}")
                connection.execute("CREATE TABLE verdicts (key TEXT PRIMARY KEY, verdict TEXT NOT NULL) WITHOUT ROWID")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")  # a killed process loses nothing; a power cut, the last few


class CachedJudge:
    """A judge that asks another only what a file does not hold. Implements `SupportJudge`."""

    def __init__(self, judge: SupportJudge, path: Path) -> None:
        """The judge, and the file."""
        self._judge = judge
        self._cache = VerdictCache(path)
        self._flights = WeakKeyDictionary[asyncio.AbstractEventLoop, Flights]()

    @property
    def name(self) -> str:
        """That of the judge."""
        return self._judge.name

    @property
    def asks_at_once(self) -> bool:
        """As the judge likes it."""
        return self._judge.asks_at_once

    async def judge(self, queries: Sequence[SupportQuery]) -> list[Verdict]:
        """The verdict on each query, in order. Raises what the judge raises, and InputError where the file fails."""
        keys = [query_key(self.name, query) for query in queries]
        found = self._cache.find(keys)
        while left := {key: query for key, query in zip(keys, queries, strict=True) if key not in found}:
            found |= await self._ask_or_wait(left)
        return [_attached(found[key], query) for key, query in zip(keys, queries, strict=True)]

    async def _ask_or_wait(self, left: Mapping[str, SupportQuery]) -> dict[str, Verdict]:
        """Verdicts on queries that nobody was asking about, and what others found out who were."""
        flights = self._flights.setdefault(asyncio.get_running_loop(), {})
        others = {key: flights[key] for key in left if key in flights}
        mine = {key: query for key, query in left.items() if key not in flights}
        found = await self._ask(mine, flights) if mine else {}
        for key, flight in others.items():  # only now, so that no two wait for each other
            verdict = await asyncio.shield(flight)
            if verdict is not None:
                found[key] = verdict
        return found

    async def _ask(self, queries: Mapping[str, SupportQuery], flights: Flights) -> dict[str, Verdict]:
        loop = asyncio.get_running_loop()
        flights |= {key: loop.create_future() for key in queries}
        found = dict[str, Verdict]()
        try:
            verdicts = await self._judge.judge([*queries.values()])
            for (key, query), verdict in zip(queries.items(), verdicts, strict=True):
                found[key] = _detached(verdict, query)
            self._cache.keep({key: verdict for key, verdict in found.items() if verdict.label is not None})
        finally:
            for key in queries:
                flights.pop(key).set_result(found.get(key))
        return found

    async def aclose(self) -> None:
        """Closes the file and what the judge holds."""
        self._cache.close()
        await self._judge.aclose()


def _detached(verdict: Verdict, query: SupportQuery) -> Verdict:
    """The verdict with the place of the evidence's snippet in the premise instead of its id."""
    if verdict.span is None:
        return verdict
    ids = [snippet.id for snippet in query.snippets]
    return _with_span(verdict, verdict.span, str(ids.index(verdict.span.snippet)))


def _attached(verdict: Verdict, query: SupportQuery) -> Verdict:
    """The reverse, for a query with the same texts."""
    if verdict.span is None:
        return verdict
    return _with_span(verdict, verdict.span, query.snippets[int(verdict.span.snippet)].id)


def _with_span(verdict: Verdict, span: EvidenceSpan, snippet: str) -> Verdict:
    return verdict.model_copy(update={"span": span.model_copy(update={"snippet": snippet})})
