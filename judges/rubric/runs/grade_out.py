"""OUT of `grade`: one row for each row of IN that was graded, or could not be.

In: grade rows. Out: a file to which each was added in one step, and which a later run goes on with. Rows that could not
be graded are taken out each time: why they could not may have been mended. Not here: how the file is written and read
(refiner/batch/row_file.py), what a row says (grade_row.py).
"""

import os
import struct
from typing import Any, Final, NamedTuple

from pydantic import ValidationError

from citerefine.judges.rubric.judge_identity import judge_identity
from citerefine.judges.rubric.runs.grade_row import GradeRow
from citerefine.refiner.batch.ledger import Ledger, id_key, line_key
from citerefine.refiner.batch.row_file import DoneRow, OtherRun, RowFile

_OFFSET: Final = struct.Struct(">Q")


class GradedBy(NamedTuple):
    """What makes the grades of two runs alike."""

    judge: str
    """Name of the judge."""
    formula: str = ""
    """That was asked for; empty: each rubric's own."""
    rubrics: frozenset[str] | None = None
    """Content keys of all rubrics; None if rows bring their own."""


class GradeOut(RowFile):
    """OUT, open to be added to; also a context manager. Nobody else can write it meanwhile."""

    def __init__(
        self, path: str | os.PathLike[str], by: GradedBy, ledger: Ledger, *, retry_failed: bool = False
    ) -> None:
        """Opens or makes the file, and tells the ledger which rows are graded, and where they lie.

        Args:
            path: OUT.
            by: how this run grades.
            ledger: learns which rows are done.
            retry_failed: whether rows in which a criterion has no verdict are taken out, to be graded again.

        Raises:
            InputError: if it cannot be written, another process writes it, it holds something else than grade rows, or
                grades of another judge, formula or rubric.
        """
        self._by, self._retry_failed = by, retry_failed
        super().__init__(path, ledger, self._done_row, "grade")

    def _done_row(self, values: dict[str, Any], offset: int) -> DoneRow | None:
        try:
            row = GradeRow.model_validate(values)
        except ValidationError:
            return None
        key = id_key(row.id) if row.id is not None else line_key(row.line or 0)
        if row.error is not None:
            return DoneRow(key, None, failed=False, is_kept=False)
        self._refuse_others(row)
        failed = row.failed > 0
        return DoneRow(key, _OFFSET.pack(offset), failed, is_kept=not (failed and self._retry_failed))

    def _refuse_others(self, row: GradeRow) -> None:
        """Raises OtherRun if the row was not graded as this run grades."""
        by = self._by
        if judge_identity(row.judge) != judge_identity(by.judge):
            raise OtherRun(f"grades of the judge {row.judge!r}", f"with {by.judge!r}", "the same --judge")
        if by.formula and row.formula != by.formula:
            raise OtherRun(f"grades by the formula {row.formula!r}", f"by {by.formula!r}", "the same --formula")
        if by.rubrics is not None and row.rubric not in by.rubrics:
            raise OtherRun(
                f"grades by the rubric {row.rubric}",
                "by none of that content",
                "the same --rubrics and --static, as they were then",
            )

    def row_at(self, place: bytes) -> GradeRow:
        """The row that the ledger found done. Raises InputError if the file was changed from outside."""
        return GradeRow.model_validate_json(self.line_at(*_OFFSET.unpack(place)))

    def write(self, row: GradeRow) -> None:
        """Adds a row. Raises InputError if that cannot be done, as on a full disk."""
        self.append(row.to_line())
