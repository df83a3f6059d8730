"""A file of score rows: its numbers in memory, 64 bytes a row, and its rows on the disk.

In: what `score --out` wrote. Out: `ScoredFile`: columns of numbers, and any row when it is asked for. A row that cannot
be used is told by line and reason, and counted; the rest is read. Not here: pairing two of them (comparing.py).
"""

from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from citerefine.judges.runs.comparison import METRICS
from citerefine.judges.runs.score_row import ScoreRow
from citerefine.judges.statistics.clusters import Floats, cluster_key
from citerefine.refiner.batch.ledger import id_key
from citerefine.refiner.batch.requests import read_id
from citerefine.refiner.batch.rows import BAD_ROWS, BadRow, opened_rows, read_rows
from citerefine.refiner.errors import InputError
from citerefine.refiner.records import normalised

REFUSALS: Final[dict[str, str]] = {
    **{code: BAD_ROWS[code] for code in ("too_long", "invalid_utf8", "invalid_json", "too_deep", "no_object")},
    "bad_id": "the id is neither text nor a whole number",
    "no_id": "the row has no id, and nothing else tells which row of the other file belongs to it",
    "duplicate_id": "an earlier row has the same id",
    "no_score_row": "the row has no field f1, or a field has a value that it cannot have",
}
"""What keeps a score row from being paired, beside what kept its answer from being scored: code → meaning."""

Keys = npt.NDArray[np.uint64]
Refused = Callable[[str, int, BadRow], None]
"""Is told of a row that cannot be used: file, line, reason."""
_SYSTEMS: Final = 10
NO_QUESTION: Final = 0
"""The key of a blank question."""


class ScoredFile:
    """The score rows of one file, in its order, without those that were refused."""

    def __init__(self, file: BinaryIO, name: str, formula: str | None) -> None:
        """Made by `opened_scores`."""
        self._file = file
        self._wanted = formula
        self._offsets = array("Q")
        self._ids = array("Q")
        self._questions = array("Q")
        self._figures = {metric: array("d") for metric in METRICS}
        self.name = name
        self.rows = 0
        """Rows of the file that were not blank."""
        self.refused = Counter[str]()
        self.no_figures = Counter[str]()
        """Why rows have no F1: code → rows."""
        self.judges = Counter[str | None]()
        """Of rows with F1, and of others that name one."""
        self.formula: str | None = None
        """What the figures are; None if there is no row."""
        self.other_formulas = 0
        """Rows of other formulas than the one that was asked for; passed over."""
        self.systems = dict[str, None]()

    def __len__(self) -> int:
        """How many rows can be used."""
        return len(self._ids)

    @property
    def id_keys(self) -> Keys:
        """64 bits of the digest of each row's id."""
        return np.asarray(self._ids, dtype=np.uint64)

    @property
    def question_keys(self) -> Keys:
        """Key of each row's question, white space aside; `NO_QUESTION` where it is blank."""
        return np.asarray(self._questions, dtype=np.uint64)

    def figures(self, metric: str) -> Floats:
        """One of `METRICS`; NaN where a row has none."""
        return np.asarray(self._figures[metric], dtype=np.float64)

    def row(self, index: int) -> ScoreRow:
        """A row, read anew. Raises InputError if the file has changed."""
        self._file.seek(self._offsets[index])
        for row in read_rows(self._file):
            if isinstance(row.values, dict):
                return ScoreRow.model_validate(row.values)
            break
        raise InputError(f"{self.name} has changed while it was read; run the command again")

    def read(self, refused: Refused) -> None:
        """Takes all rows in."""
        seen, start = set[int](), 0
        for line, end, values in read_rows(self._file):
            self.rows += 1
            try:
                self._take(start, values, seen)
            except BadRow as reason:
                self.refused[reason.code] += 1
                refused(self.name, line, reason)
            start = end

    def _take(self, start: int, values: dict[str, Any] | BadRow, seen: set[int]) -> None:
        row = _scored(values)
        if self._wanted is not None and row.formula != self._wanted:
            self.other_formulas += 1
            return
        if row.formula != (self.formula or row.formula):
            raise InputError(
                f"{self.name} holds figures of several formulas, {self.formula} and {row.formula}; name the one to "
                "compare with --formula"
            )
        self.formula = row.formula
        if row.error is not None and (row.id is None or row.error.code == "duplicate_id"):
            where = "" if row.line is None else f"line {row.line} of its run file: "
            raise BadRow(row.error.code, f"{where}{row.error.message}")
        if row.id is None:
            raise BadRow("no_id", "it has no id; give the rows of both files ids, and score them anew")
        key = int.from_bytes(id_key(row.id)[:8], "big")
        if key in seen:
            raise BadRow("duplicate_id", f"an earlier row has the id {row.id!r}; give each row its own")
        seen.add(key)
        self._offsets.append(start)
        self._ids.append(key)
        self._questions.append(cluster_key(normalised(row.question)) if row.question.strip() else NO_QUESTION)
        for metric, column in self._figures.items():
            value = getattr(row, metric)
            column.append(float("nan") if value is None else value)
        if row.f1 is None:
            self.no_figures[row.error.code if row.error is not None else _why(row.reason)] += 1
        if row.f1 is not None or row.judge is not None:
            self.judges[row.judge] += 1
        if row.system is not None and len(self.systems) < _SYSTEMS:
            self.systems[row.system] = None


def _scored(values: dict[str, Any] | BadRow) -> ScoreRow:
    """The score row that the values are. Raises BadRow."""
    if isinstance(values, BadRow):
        raise values
    read_id(values)
    if "f1" not in values:
        raise BadRow("no_score_row", "it has no field f1: it is no row of `citerefine score --out`")
    try:
        return ScoreRow.model_validate(values)
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(map(str, problem["loc"]))
        raise BadRow("no_score_row", f"{place}: {problem['msg']}; it is no row of `citerefine score --out`") from None


def _why(reason: str) -> str:
    """The code that a reason opens with."""
    code = reason.partition(":")[0]
    return code if code.isidentifier() else "no_figures"


@contextmanager
def opened_scores(
    path: Path, refused: Refused, formula: str | None = None, name: str | None = None
) -> Iterator[ScoredFile]:
    """The score rows of a file, readable within the context.

    Args:
        path: what `score --out` wrote.
        refused: is told of rows that cannot be used.
        formula: the rows to take, where the file has those of several formulas.
        name: what to call the file, if not by its path.

    Raises:
        InputError: if it cannot be read, or holds rows of several formulas and none was named.
    """
    with opened_rows(path, "score rows") as file:
        if not file.seekable():
            raise InputError(f"{path} is no file that can be read twice; write the score rows to a file")
        scored = ScoredFile(file, name or str(path), formula)
        scored.read(refused)
        yield scored
