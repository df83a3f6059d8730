"""Reads the questions that rows are made of.

In: a .jsonl file of objects with `question` and perhaps `id`, `gold`, `answerable`, `reasoning`, `mode` and rubrics; or
a .txt file with one a line. Out: `Questions`: training rows that have no evidence yet, without those that are nearly
the same as one before them. Not here: evidence.
"""

import codecs
import hashlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from citerefine.refiner.batch.rows import BadRow, Row, opened_rows, read_rows
from citerefine.refiner.errors import InputError
from citerefine.training.data.likeness import clusters, normal_form
from citerefine.training.data.row import TrainingRow
from citerefine.training.data.row_reading import RefusedRow, RowReader


class NearDuplicate(NamedTuple):
    """A question that is not used."""

    id: str
    like: str
    """Id of the question that it is nearly the same as."""


class Questions(NamedTuple):
    """What a file holds."""

    rows: tuple[TrainingRow, ...]
    """With evidence only where the file gives it."""
    refused: tuple[RefusedRow, ...]
    near_duplicates: tuple[NearDuplicate, ...]


def read_questions(path: Path) -> Questions:
    """The questions of a file, in its order. Raises InputError if it cannot be read, or is no such file."""
    if path.suffix.lower() not in (".txt", ".jsonl", ".ndjson"):
        raise InputError(f"{path} names no questions; they are read from .jsonl, and from .txt with one a line")
    reader, rows, refused, made = RowReader(), list[TrainingRow](), list[RefusedRow](), Counter[str]()
    with opened_rows(path, "questions") as file:
        lines = _lines(path) if path.suffix.lower() == ".txt" else read_rows(file)
        for line in lines:
            row = reader.read(_as_row(line, made))
            if isinstance(row, RefusedRow):
                refused.append(row)
            else:
                rows.append(row)
    kept, alike = list[TrainingRow](), list[NearDuplicate]()
    for place, cluster in enumerate(clusters([row.question for row in rows])):
        if place == cluster:
            kept.append(rows[place])
        else:
            alike.append(NearDuplicate(rows[place].id, rows[cluster].id))
    return Questions(tuple(kept), tuple(refused), tuple(alike))


def _lines(path: Path) -> Iterator[Row]:
    """The lines of a text file that are not blank."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                text = line.removeprefix(codecs.BOM_UTF8 if number == 1 else b"").decode().strip()
            except UnicodeDecodeError as error:
                yield Row(number, 0, BadRow("invalid_utf8", f"not UTF-8 at byte {error.start + 1} of the line"))
                continue
            if text:
                yield Row(number, 0, {"question": text})


def _as_row(row: Row, made: Counter[str]) -> Row:
    """The row with an id that stays when lines are put before it, and with snippets, if need be none.

    `made` counts the ids that were made: the same question has another one the second time, and is told as such.
    """
    if isinstance(row.values, BadRow):
        return row
    values = dict(row.values)
    if values.get("snippets") is None and values.get("tool_output") is None:
        values["snippets"] = []
    question = values.get("question")
    if values.get("id") in (None, "") and isinstance(question, str) and question.strip():
        id = f"q-{hashlib.sha256(normal_form(question).encode('utf-8', 'replace')).hexdigest()[:12]}"
        made[id] += 1
        values["id"] = id if made[id] == 1 else f"{id}-{made[id]}"
    return row._replace(values=values)
