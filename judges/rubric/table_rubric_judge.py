"""A rubric judge that looks labels up: what people said of answers, or an oracle of a test.

In: labels by answer and criterion, or a function that knows them; a file of JSON Lines `{"answer" or "answer_sha256",
"criterion", "label"}`. Out: cells; what nobody labelled is a failed cell with the reason `no_label`. Reading is strict:
a row that says nothing usable, or the opposite of an earlier one, is an error with its line number. Not here: measuring
judges with labels (calibration/).
"""

import hashlib
import re
import unicodedata
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from citerefine.judges.rubric.cell import Cell, Status
from citerefine.judges.rubric.rubric_judge import Graded, GradeQuery
from citerefine.refiner.batch.rows import BadRow, opened_rows, read_rows
from citerefine.refiner.errors import InputError
from citerefine.refiner.tags.markup import scrub
from citerefine.rubrics.criterion import Criterion

Label = bool | int | float | str
"""`MET`, `UNMET`, `CANNOT_ASSESS` (in any case), true, false, the name of a level, or a score on the native scale."""
Labels = Mapping[tuple[str, str], Label]
"""Answer's `answer_digest`, and the criterion's key or text → label."""
LookUp = Callable[[GradeQuery, Criterion], Label | None]

WORDS: Final = {"met": "MET", "unmet": "UNMET", "cannot_assess": "CANNOT_ASSESS"}
_DIGEST = re.compile(r"[0-9a-f]{64}")


def answer_digest(answer: str) -> str:
    """SHA-256 of an answer's text, without white space at its ends, in hex digits."""
    return hashlib.sha256(scrub(answer.strip()).encode()).hexdigest()


class TableRubricJudge:
    """Gives the labels that it was given."""

    def __init__(self, labels: Labels | LookUp, name: str = "table") -> None:
        """Takes a table, or a function that gives a label, or None where it has none."""
        self.name = name
        self._look_up: LookUp
        if callable(labels):
            self._look_up = labels
        else:
            table = {(digest, _plain(criterion)): label for (digest, criterion), label in labels.items()}
            self._look_up = lambda query, criterion: _found(table, answer_digest(query.answer), criterion)

    async def grade(self, query: GradeQuery) -> Graded:
        """The label of each criterion, as a cell."""
        return Graded(tuple(self._cell(query, criterion) for criterion in query.criteria))

    async def aclose(self) -> None:
        """Nothing to give back."""

    def _cell(self, query: GradeQuery, criterion: Criterion) -> Cell:
        label = self._look_up(query, criterion)
        if label is None:
            return _without_value(criterion, "no_label: nobody labelled this answer with this criterion")
        try:
            verdict, value = read_label(label, criterion)
        except ValueError as error:
            return _without_value(criterion, f"bad_label: {error}")
        return Cell(
            criterion=criterion.id,
            key=criterion.key,
            status=Status.ABSTAIN if verdict == "CANNOT_ASSESS" else Status.OK,
            verdict=verdict,
            value=value,
            weight=criterion.weight,
        )


def read_label(label: Label, criterion: Criterion) -> tuple[str, float | None]:
    """Verdict and value of a label; of one that cannot be told, no value for a fault, else 0.

    Raises:
        ValueError: if the scale of the criterion has no such label.
    """
    if isinstance(label, bool):
        return ("MET", 1.0) if label else ("UNMET", 0.0)
    scale = criterion.scale
    if isinstance(label, str):
        for level in scale.levels:
            if label == level.name:
                return label, level.value
        word = WORDS.get(label.strip().lower())
        if word == "CANNOT_ASSESS":
            return word, None if criterion.is_negative else 0.0
        if word is None:
            raise ValueError(f"the label is {label[:40]!r}; use MET, UNMET, CANNOT_ASSESS, a level or a number")
        return word, float(word == "MET")
    return f"{label:g}", scale.to_unit(label)


def load_table_rubric_judge(path: Path) -> TableRubricJudge:
    """The judge that gives the labels of this file; its name holds a digest of them.

    Raises:
        InputError: if the file cannot be read, holds no label, or a row is not one.
    """
    labels = dict[tuple[str, str], Label]()
    digest = hashlib.sha256()
    with opened_rows(path, "labels") as file:
        for row in read_rows(file):
            try:
                key, label = _labelled(row.values)
            except BadRow as reason:
                raise InputError(f"{path}, line {row.line}: {reason}") from None
            if key in labels and labels[key] != label:
                raise InputError(
                    f"{path}, line {row.line}: label is {label!r}, and an earlier row has {labels[key]!r} for the same "
                    "answer and criterion; keep one of them"
                )
            labels[key] = label
            digest.update(repr((key, label)).encode())
    if not labels:
        raise InputError(f"{path} holds no labels; write one row a cell, with answer, criterion and label")
    return TableRubricJudge(labels, f"table:{path.name} ({digest.hexdigest()[:8]})")


def _labelled(values: dict[str, Any] | BadRow) -> tuple[tuple[str, str], Label]:
    if isinstance(values, BadRow):
        raise values
    criterion, label = values.get("criterion"), values.get("label")
    if not isinstance(criterion, str) or not criterion.strip():
        raise BadRow("bad_field", "criterion is missing, or no text; give the criterion's text or key")
    if not isinstance(label, Label) or (isinstance(label, str) and not label.strip()):
        raise BadRow("bad_field", f"label is {str(label)[:40]!r}; use MET, UNMET, CANNOT_ASSESS, a level or a number")
    return (_digest(values), _plain(criterion)), label


def _digest(values: dict[str, Any]) -> str:
    answer, digest = values.get("answer"), values.get("answer_sha256")
    if (answer is None) == (digest is None):
        raise BadRow("bad_field", "give either answer, its text, or answer_sha256")
    if answer is not None:
        if not isinstance(answer, str):
            raise BadRow("bad_field", f"answer is no text but {type(answer).__name__}")
        return answer_digest(answer)
    if not isinstance(digest, str) or not _DIGEST.fullmatch(digest.lower()):
        raise BadRow("bad_field", f"answer_sha256 is {str(digest)[:40]!r}; give 64 hex digits")
    return digest.lower()


def _found(table: Labels, digest: str, criterion: Criterion) -> Label | None:
    by_key = table.get((digest, criterion.key))
    return table.get((digest, _plain(criterion.text))) if by_key is None else by_key


def _plain(criterion: str) -> str:
    return unicodedata.normalize("NFC", criterion.strip())


def _without_value(criterion: Criterion, reason: str) -> Cell:
    return Cell(criterion=criterion.id, key=criterion.key, status=Status.FAILED, weight=criterion.weight, reason=reason)
