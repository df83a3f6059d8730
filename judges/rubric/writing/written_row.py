"""The rows of a file of written rubrics: request rows with criteria, as training and grading take them.

In: a request row, what was generated for it, or why nothing was. Out: the object that is written, and what a row that
is there already was asked. Not here: the file (write_file.py).
"""

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from citerefine.refiner.batch.ledger import Ledger, id_key, line_key
from citerefine.refiner.batch.requests import RefusedRow, RequestRow, asked_digest
from citerefine.refiner.batch.row_file import DoneRow, OtherRun, RowFile
from citerefine.refiner.recording.line_file import json_line
from citerefine.refiner.records import Usage
from citerefine.rubrics.generation.generate import Dropped, Generated

LISTS: Final = ("positive_rubrics", "negative_rubrics")
OWN_FIELDS: Final = (*LISTS, "rubric_model", "rubric_settings", "rubric_usage", "dropped", "rubric_error")
"""What a row says beside its request row."""


class Writer(NamedTuple):
    """Who writes, and how."""

    model: str
    settings: Mapping[str, int | float]
    """All that decides what is written, by name."""


def written_row(row: RequestRow, generated: Generated, writer: Writer, usage: Usage | None) -> dict[str, Any]:
    """The row with its criteria; those that it had already come first."""
    lists = {name: [*_had(row.values, name), *items] for name, items in generated.native.items()}
    dropped = [one._asdict() for one in generated.dropped]
    return {**_carried(row), **lists, **_made(writer, usage), "dropped": dropped, "rubric_error": None}


def failed_row(
    row: RequestRow, code: str, message: str, writer: Writer, usage: Usage | None, dropped: Iterable[Dropped] = ()
) -> dict[str, Any]:
    """The row of a request that no criteria were written for, with those that it had."""
    had = {name: row.values.get(name) for name in LISTS}
    why = {"dropped": [one._asdict() for one in dropped], "rubric_error": {"code": code, "message": message}}
    return {**_carried(row), **had, **_made(writer, usage), **why}


def refused_row(row: RefusedRow) -> dict[str, Any]:
    """The row of what is no request."""
    error = {"code": row.reason.code, "message": str(row.reason)}
    return {"id": row.id, "line": row.line, **dict.fromkeys(LISTS), "rubric_error": error}


def _made(writer: Writer, usage: Usage | None) -> dict[str, Any]:
    used = usage and usage.model_dump(mode="json")
    return {"rubric_model": writer.model, "rubric_settings": dict(writer.settings), "rubric_usage": used}


def _carried(row: RequestRow) -> dict[str, Any]:
    """The request row, its id first; a row without id gets its line, by which it is found again."""
    names = {"id": row.id} if row.id is not None else {"id": None, "line": row.line}
    return {**names, **{name: value for name, value in row.values.items() if name not in (*names, *OWN_FIELDS)}}


def _had(values: Mapping[str, Any], name: str) -> list[Any]:
    found = values.get(name)
    return [*found] if isinstance(found, list) else []


class WrittenFile(RowFile):
    """OUT, open to be added to; also a context manager. Nobody else can write it meanwhile."""

    def __init__(self, path: str | os.PathLike[str], writer: Writer, ledger: Ledger, *, retry_failed: bool) -> None:
        """Opens or makes the file, and tells the ledger which rows are in it.

        Raises:
            InputError: if it cannot be written, another process writes it, or it holds something else than rows with
                criteria of this model.
        """
        self._writer, self._retry_failed = writer, retry_failed
        self.other_settings = Counter[str]()
        """Settings that differ from ours in rows that are kept: `name value` → rows."""
        super().__init__(path, ledger, self._done_row, "rubrics generate")

    def _done_row(self, values: dict[str, Any], offset: int) -> DoneRow | None:
        id, line, error = values.get("id"), values.get("line"), values.get("rubric_error")
        if "rubric_error" not in values or isinstance(id, bool):
            return None
        model = values.get("rubric_model")
        if model is not None and model != self._writer.model:
            raise OtherRun(f"rubrics by the model {model!r}", f"with {self._writer.model!r}", "the same --model")
        is_repeated = isinstance(error, dict) and error.get("code") == "duplicate_id"
        if isinstance(id, str | int) and not is_repeated:
            key = id_key(id)
        elif isinstance(line, int):
            key = line_key(line)
        else:
            return None
        asked = asked_digest(values) if "question" in values else None
        is_kept = not (self._retry_failed and error is not None)
        if is_kept:
            self._compare(values.get("rubric_settings"))
        return DoneRow(key, asked, error is not None, is_kept)

    def _compare(self, settings: object) -> None:
        """Counts what was set otherwise; rows that do not say how they were written count for nothing."""
        known = settings if isinstance(settings, dict) else {}
        for name, ours in self._writer.settings.items():
            if (theirs := known.get(name, ours)) != ours:
                self.other_settings[f"{name} {theirs}, not {ours}"[:80]] += 1

    def write(self, values: dict[str, Any]) -> None:
        """Adds a row. Raises InputError if that cannot be done, as on a full disk."""
        self.append(json_line(values))
