"""Answers of run files by the id of their row, for criteria on which answers differ.

In: run files. Out: the answers to one row, without their tags, since a criterion must not depend on ids. Kept in a
temporary database that goes away with the process, so that memory does not grow with the files. Not here: writing
criteria.
"""

import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from citerefine.refiner.answer import parse_answer
from citerefine.refiner.batch.ledger import Id, id_key
from citerefine.refiner.batch.requests import read_id
from citerefine.refiner.batch.rows import BadRow, opened_rows, read_rows
from citerefine.refiner.errors import InputError
from citerefine.refiner.evidence import Evidence

MOST_ANSWERS: Final = 8
"""So many answers to one row are shown at most, the first ones; a prompt has an end."""
MAX_ANSWER: Final = 20_000
"""Longest answer that is taken, in code points; a longer one is told, and left out."""


class AnswerStore:
    """Answers of any number of files; also a context manager."""

    def __init__(self, paths: Iterable[Path] = (), complain: Callable[[str], None] = lambda message: None) -> None:
        """Reads the files.

        Args:
            paths: run files.
            complain: is told of rows that have no usable answer.

        Raises:
            InputError: if a file cannot be read, or no row of it has an answer and an id.
        """
        # Rows are read ahead in a thread of their own, which calls `ask`; the library takes one statement at a time.
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._database.execute("CREATE TABLE answers (key BLOB, text TEXT)")
        self._database.execute("CREATE TABLE asked (key BLOB PRIMARY KEY) WITHOUT ROWID")
        self._database.execute("BEGIN")
        self._is_empty = True
        for path in paths:
            self._is_empty = False
            if not self._read(path, complain):
                raise InputError(f"no row of {path} has an id and an answer; name a file that `refine` wrote")
        self._database.execute("CREATE INDEX by_key ON answers (key)")

    def _read(self, path: Path, complain: Callable[[str], None]) -> int:
        n_found = 0
        with opened_rows(path, "run rows") as file:
            for line, _, values in read_rows(file):
                try:
                    found = _answer_of(values)
                except BadRow as reason:
                    complain(f"{path}, line {line}: {reason}")
                    continue
                if found is not None:
                    self._database.execute("INSERT INTO answers VALUES (?, ?)", found)
                    n_found += 1
        return n_found

    def of(self, id: Id | None) -> list[str]:
        """The answers to the row of an id, each text once, at most `MOST_ANSWERS`."""
        if id is None:
            return []
        asked = "SELECT text FROM answers WHERE key = ? GROUP BY text ORDER BY min(rowid) LIMIT ?"
        with closing(self._database.execute(asked, (id_key(id), MOST_ANSWERS))) as found:
            return [text for (text,) in found]

    def ask(self, id: object) -> None:
        """Takes down that there is a row with this id, whether its answers are looked at or not."""
        if not self._is_empty and isinstance(id, str | int) and not isinstance(id, bool):
            self._database.execute("INSERT OR IGNORE INTO asked VALUES (?)", (id_key(id),))

    def n_unused(self) -> int:
        """How many answers belong to no row that there is."""
        asked = "SELECT count(*) FROM answers WHERE key NOT IN (SELECT key FROM asked)"
        with closing(self._database.execute(asked)) as found:
            return int(found.fetchone()[0])

    def close(self) -> None:
        """Forgets everything."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _answer_of(values: dict[str, Any] | BadRow) -> tuple[bytes, str] | None:
    """Key and plain text of a row's answer; None if it has none. Raises BadRow."""
    if isinstance(values, BadRow):
        raise values
    id, answer = read_id(values), values.get("answer")
    if id is None or answer is None:
        return None
    if not isinstance(answer, str):
        raise BadRow("bad_field", f"its answer is no text, but {type(answer).__name__}")
    text = parse_answer(answer, Evidence(())).text.strip()
    if len(text) > MAX_ANSWER:
        raise BadRow("too_long", f"its answer has {len(text):,} characters, and {MAX_ANSWER:,} are taken")
    return (id_key(id), text) if text else None
