"""The answers of the page, in one SQLite file, or in memory for as long as the server runs.

In: entries while they are worked on, and how they end. Out: entries, pages of them, searches. A file is readable by its
owner only and may be used by several servers; one that holds something else is refused before anything is written. What
is kept in memory is bounded, the oldest goes. Methods may be called from any thread. Not here: working on an answer
(runs.py), showing it (pages/).
"""

import json
import os
import re
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, NamedTuple

from pydantic import TypeAdapter, ValidationError

from citerefine.refiner.answer import Answer
from citerefine.refiner.errors import InputError
from citerefine.refiner.records import Snippet

MOST_IN_MEMORY: Final = 200
"""Answers that are kept where there is no file."""
_APPLICATION: Final = 0x63695361
"""What SQLite knows our files by."""
_FORMAT: Final = 1
_BUSY_SECONDS: Final = 10.0
_PART: Final = re.compile(r'"([^"]*)"|([^\s"]+)')
_MOST_PARTS: Final = 50
_SNIPPETS: Final = TypeAdapter(tuple[Snippet, ...])


class RunState(StrEnum):
    """How far an answer has come."""

    WORKING = "working"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"


class Line(NamedTuple):
    """An entry as a list shows it."""

    id: str
    question: str
    created_at: datetime
    parent: str | None
    state: RunState
    n_claims: int | None
    """None where there is no answer."""


class Entry(NamedTuple):
    """An entry in full."""

    line: Line
    settings: dict[str, Any]
    why: str
    """Why there is no answer; empty if there is one, or nothing is known."""
    found: tuple[Snippet, ...]
    """What was found before there was an answer; empty once there is one, which holds its evidence."""
    answer: Answer | None


class Listing(NamedTuple):
    """One page of a list, the newest first."""

    lines: tuple[Line, ...]
    total: int


class History:
    """The answers of a server."""

    def __init__(self, path: Path | None) -> None:
        """Opens the file, and makes it where there is none; None keeps answers in memory.

        Raises:
            InputError: if it cannot be opened, or holds something else.
        """
        self.path = path
        self._lock = threading.Lock()
        with self._errors():
            self._database = _opened(path)

    def begin(
        self,
        id: str,
        question: str,
        settings: Mapping[str, Any],
        parent: str | None = None,
        snippets: Sequence[Snippet] = (),
    ) -> None:
        """Adds an answer that is worked on from now on.

        Args:
            id: of the answer.
            question: what was asked.
            settings: how it is answered, JSON values without secrets.
            parent: the answer that it is refined from.
            snippets: what is known before anything is searched.

        Raises:
            InputError: if it cannot be written.
        """
        now = datetime.now(UTC).isoformat()
        known = (_dumped(snippets), question.casefold())
        self._write(
            "INSERT INTO answers (id, question, created_at, parent, settings, state, why, found, searched) "
            "VALUES (?, ?, ?, ?, ?, 'working', '', ?, ?)", (id, question, now, parent, json.dumps(settings), *known),
        )  # fmt: skip
        if self.path is None:
            self._write(
                "DELETE FROM answers WHERE state != 'working' AND id NOT IN "
                "(SELECT id FROM answers ORDER BY created_at DESC, id LIMIT ?)", (MOST_IN_MEMORY,),
            )  # fmt: skip

    def keep_found(self, id: str, snippets: Sequence[Snippet]) -> None:
        """Keeps what was found so far, for the case that the server does not live to see the answer."""
        self._write("UPDATE answers SET found = ? WHERE id = ? AND state = 'working'", (_dumped(snippets), id))

    def finish(self, id: str, answer: Answer) -> None:
        """Keeps the answer. Raises InputError."""
        searched = f"{answer.question}\n{answer.text}".casefold()
        values = (RunState.DONE, answer.model_dump_json(), len(answer.claims), searched, id)
        self._write(
            "UPDATE answers SET state = ?, answer = ?, n_claims = ?, searched = ?, found = '[]' WHERE id = ?", values
        )

    def give_up(self, id: str, state: RunState, why: str, snippets: Sequence[Snippet]) -> None:
        """Keeps that there is no answer, why, and what was found. Raises InputError."""
        values = (state, why, _dumped(snippets), id)
        self._write("UPDATE answers SET state = ?, why = ?, found = ? WHERE id = ?", values)

    def delete(self, id: str) -> None:
        """Removes an entry; what was refined from it stays. Raises InputError."""
        self._write("DELETE FROM answers WHERE id = ?", (id,))

    def get(self, id: str) -> Entry | None:
        """An entry; None if there is none. Raises InputError."""
        with self._lock, self._errors():
            row = self._database.execute(
                f"SELECT {_LINE}, settings, why, found, answer FROM answers WHERE id = ?", (id,)
            ).fetchone()
        return None if row is None else self._read(row)

    def children(self, id: str) -> tuple[Line, ...]:
        """What was refined from an answer, the oldest first. Raises InputError."""
        return self._lines("WHERE parent = ? ORDER BY created_at, id", (id,))

    def list(self, words: str = "", *, first: int = 0, most: int = 20) -> Listing:
        """Entries whose question or answer holds each of the words, or parts between quotes; case does not matter.

        Raises InputError.
        """
        patterns = tuple(f"%{_escaped(part)}%" for part in _parts(words))
        where = " AND ".join([r"searched LIKE ? ESCAPE '\'"] * len(patterns))
        where = f"WHERE {where}" if patterns else ""
        lines = self._lines(f"{where} ORDER BY created_at DESC, id LIMIT ? OFFSET ?", (*patterns, most, first))
        with self._lock, self._errors():
            (total,) = self._database.execute(f"SELECT count(*) FROM answers {where}", patterns).fetchone()
        return Listing(lines, total)

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            self._database.close()

    def _lines(self, where: str, values: tuple[object, ...]) -> tuple[Line, ...]:
        with self._lock, self._errors():
            rows = self._database.execute(f"SELECT {_LINE} FROM answers {where}", values).fetchall()
        return tuple(map(_line, rows))

    def _write(self, statement: str, values: tuple[object, ...]) -> None:
        with self._lock, self._errors():
            self._database.execute(statement, values)

    def _read(self, row: tuple[Any, ...]) -> Entry:
        settings, why, found, answer = row[_N_LINE:]
        try:
            read = None if answer is None else Answer.model_validate_json(answer)
            return Entry(_line(row), json.loads(settings), why, _SNIPPETS.validate_json(found), read)
        except ValidationError as error:
            raise InputError(f"the answer {row[0]} cannot be read ({error.error_count()} faults); delete it") from None

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            named = "answers in memory" if self.path is None else str(self.path)
            raise InputError(f"{named} cannot be used as a history: {error}; name another --history") from error


_LINE: Final = "id, question, created_at, parent, state, n_claims"
_N_LINE: Final = 6


def _line(row: tuple[Any, ...]) -> Line:
    id, question, created_at, parent, state, n_claims = row[:_N_LINE]
    return Line(id, question, datetime.fromisoformat(created_at), parent, RunState(state), n_claims)


def _dumped(snippets: Sequence[Snippet]) -> bytes:
    return _SNIPPETS.dump_json(tuple(snippets))


def _parts(words: str) -> list[str]:
    """The words, and what stands between two double quotes as a whole; at most as many as SQLite likes to look for."""
    found = (quoted.strip() or word for quoted, word in _PART.findall(words.casefold()))
    return [*dict.fromkeys(part for part in found if part)][:_MOST_PARTS]


def _escaped(words: str) -> str:
    return words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _opened(path: Path | None) -> sqlite3.Connection:
    if path is not None and not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
    named = ":memory:" if path is None else path.absolute().as_uri() + "?mode=rw"
    database = sqlite3.connect(
        named, uri=path is not None, isolation_level=None, timeout=_BUSY_SECONDS, check_same_thread=False
    )
    try:
        _prepare(database, path)
    except BaseException:
        database.close()
        raise
    return database


def _prepare(database: sqlite3.Connection, path: Path | None) -> None:
    database.execute("BEGIN IMMEDIATE")
    application, version = (_pragma(database, name) for name in ("application_id", "user_version"))
    is_new = not database.execute("SELECT 1 FROM sqlite_schema").fetchone()
    if not is_new and application != _APPLICATION:
        raise InputError(f"{path} holds no answers of a server; name another --history")
    if not is_new and version != _FORMAT:
        raise InputError(f"{path} was made by another version of citerefine; name another --history")
    if is_new:
        for statement in files(__package__).joinpath("history.sql").read_text(encoding="utf-8").split(";"):
            database.execute(statement)
        database.execute(f"PRAGMA application_id = {_APPLICATION}")
        database.execute(f"PRAGMA user_version = {_FORMAT}")
    database.execute("COMMIT")
    database.execute("PRAGMA journal_mode = WAL").fetchall()
    database.execute("PRAGMA synchronous = NORMAL")  # a killed process loses nothing; a power cut, the last few


def _pragma(database: sqlite3.Connection, name: str) -> int:
    value: int = database.execute(f"PRAGMA {name}").fetchone()[0]
    return value
