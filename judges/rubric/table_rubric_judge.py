"""A rubric judge that looks labels up: what people said of answers, or an oracle of a test.

In: labels by answer and criterion, or a function that knows them; a file of JSON Lines `{"answer" or "answer_sha256",
"criterion", "label"}`. Out: cells; what nobody labelled is a failed cell with the reason `no_label`. Reading is strict:
a row that says nothing usable, or the opposite of an earlier one, is an error with its line number. Not here: what
a label says (label_reading.py), measuring judges with labels (calibration/).
"""

import hashlib
import re
import unicodedata
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from citerefine.judges.rubric.cell import Cell, Status
from citerefine.judges.rubric.label_reading import read_label
from citerefine.judges.rubric.rubric_judge import Graded, GradeQuery
from citerefine.refiner.batch.rows import BadRow, opened_rows, read_rows
from citerefine.refiner.errors import InputError
from citerefine.refiner.tags.markup import scrub
from citerefine.refiner.tags.scanner import parse_tags
from citerefine.rubrics.criterion import Criterion

Label = bool | int | float | str
"""What label_reading.py reads: the name of a level, a score on the native scale; of a criterion that is met or not,
`MET`, `UNMET`, true, false and the like. Or `CANNOT_ASSESS`, in any case."""
Labels = Mapping[tuple[str, str], Label]
"""Answer's `answer_digest`, and the criterion's key or text → label."""
LookUp = Callable[[GradeQuery, Criterion], Label | None]

CANNOT_ASSESS: Final = "CANNOT_ASSESS"
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
            self._look_up = lambda query, criterion: _found(table, query.answer, criterion)

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
            said = read_label(label, criterion)
        except ValueError as error:
            if isinstance(label, str) and label.strip().upper() == CANNOT_ASSESS:  # and no level of the scale
                return _cell(criterion, Status.ABSTAIN, CANNOT_ASSESS, None if criterion.is_negative else 0.0)
            return _without_value(criterion, f"bad_label: {error}")
        return _cell(criterion, Status.OK, said.verdict, said.value)


def load_table_rubric_judge(path: Path) -> TableRubricJudge:
    """The judge that gives the labels of this file; its name holds a digest of them.

    Raises:
        InputError: if the file cannot be read, holds no label, or a row is not one.
    """
    labels, by_words = dict[tuple[str, str], Label](), dict[tuple[str, str], set[Label]]()
    digest = hashlib.sha256()
    with opened_rows(path, "labels") as file:
        for row in read_rows(file):
            try:
                key, label = _labelled(row.values)
                if words := _words_of(row.values):
                    by_words.setdefault((words, key[1]), set()).add(label)
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
    # The judge is given an answer as a reader sees it, and people labelled it as the model wrote it, or without tags.
    alike = {key: found.pop() for key, found in by_words.items() if len(found) == 1}
    return TableRubricJudge(alike | labels, f"table:{path.name} ({digest.hexdigest()[:8]})")


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


def _words_of(values: dict[str, Any] | BadRow) -> str:
    """Digest of the labelled answer without its tags; empty where only a digest is given."""
    answer = None if isinstance(values, BadRow) else values.get("answer")
    return answer_digest(parse_tags(answer).text) if isinstance(answer, str) else ""


def _found(table: Labels, answer: str, criterion: Criterion) -> Label | None:
    """The label of the answer as it is shown, else of its plain text; by the criterion's key, else by its text."""
    names = (criterion.key, _plain(criterion.text))
    for text in (answer, parse_tags(answer).text):
        digest = answer_digest(text)
        if (label := next((table[digest, name] for name in names if (digest, name) in table), None)) is not None:
            return label
    return None


def _plain(criterion: str) -> str:
    return unicodedata.normalize("NFC", criterion.strip())


def _cell(criterion: Criterion, status: Status, verdict: str, value: float | None) -> Cell:
    return Cell(
        criterion=criterion.id,
        key=criterion.key,
        status=status,
        verdict=verdict,
        value=value,
        weight=criterion.weight,
    )


def _without_value(criterion: Criterion, reason: str) -> Cell:
    return Cell(criterion=criterion.id, key=criterion.key, status=Status.FAILED, weight=criterion.weight, reason=reason)
