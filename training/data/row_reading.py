"""Makes training rows of objects as they stand in files.

In: rows as they were read (refiner/batch/rows.py): request rows which, for a task without evidence, need no snippets,
and which have beside them rubrics in any format, a reference answer, an answer to imitate; or problems as published
sets have them (problem_rows.py). Out: `TrainingRow`, or `RefusedRow` with the reason. Not here: files (row_files.py).
"""


import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, NamedTuple

from pydantic import ValidationError

from citerefine.refiner.batch.ledger import Ledger
from citerefine.refiner.batch.requests import RefusedRow as RefusedRequest
from citerefine.refiner.batch.requests import RequestRow, read_requests
from citerefine.refiner.batch.rows import BAD_ROWS, BadRow, Row
from citerefine.refiner.records import Mode
from citerefine.rubrics.errors import RubricError
from citerefine.rubrics.loading import read_row_rubric
from citerefine.training.data.problem_rows import from_problem
from citerefine.training.data.row import DEFAULT_TASK, TrainingRow
from citerefine.training.data.tasks import TASKS

REFUSALS: Final[dict[str, str]] = {
    **BAD_ROWS,
    "bad_rubric": "what stands under `rubrics`, `positive_rubrics` or `negative_rubrics` is no rubric",
    "bad_task": "the task is none that is known, or one without evidence, with snippets",
    "bad_gold": "gold is no text or finite number, answer no text, or answerable neither true nor false",
}
"""What keeps a row from being trained on: code → meaning."""


class RefusedRow(NamedTuple):
    """A row that cannot be trained on."""

    line: int
    """From 1; in a table, the row."""
    id: str
    """Empty where it has none, or could not be read."""
    code: str
    """One of `REFUSALS`."""
    reason: str


class RowReader:
    """Makes training rows of rows as they stand in one file or more; knows which ids it has seen."""

    def __init__(self, mode: Mode = Mode.ANSWER_ONLY) -> None:
        """`mode` is what rows are asked in that name none."""
        self._mode = mode
        self._ledger = Ledger()

    def read(self, row: Row) -> TrainingRow | RefusedRow:
        """The training row, or why there is none."""
        try:
            row = row._replace(values=from_problem(row.values))
            prepared = row._replace(values=_with_evidence(row.values))
        except BadRow as reason:
            return _refused(row, reason)
        (request,) = read_requests([prepared], self._ledger, self._mode)
        if isinstance(request, RequestRow):
            try:
                return _training_row(request)
            except BadRow as reason:
                return _refused(row, reason)
        assert isinstance(request, RefusedRequest)  # the ledger holds nothing that was done in an earlier run
        return _refused(row, request.reason)


def _with_evidence(values: dict[str, Any] | BadRow) -> dict[str, Any] | BadRow:
    """The row with a list of snippets, which a task without evidence need not have. Raises BadRow."""
    if isinstance(values, BadRow):
        return values
    task = TASKS.get(str(values.get("task")))
    if task is None or task.cites:
        return values
    if values.get("snippets") or values.get("tool_output"):
        raise BadRow("bad_task", f"a row of the task {values['task']!r} has no snippets; leave them out")
    return {**values, "snippets": [], "tool_output": None}


def _refused(row: Row, reason: BadRow) -> RefusedRow:
    id = row.values.get("id") if isinstance(row.values, Mapping) else None
    return RefusedRow(row.line, "" if id is None else str(id)[:200], reason.code, str(reason))


def _training_row(row: RequestRow) -> TrainingRow:
    values, request = row.values, row.request
    try:
        rubric = read_row_rubric(values)
    except RubricError as error:
        raise BadRow("bad_rubric", f"{error}; mend it, or leave it out") from None
    try:
        return TrainingRow.model_validate(
            {
                **{name: getattr(request, name) for name in ("id", "question", "evidence", "reasoning", "mode")},
                "rubric": rubric,
                "gold": _number_as_text(values.get("gold")),
                "answer": values.get("answer"),
                "answerable": values.get("answerable"),
                "task": values.get("task") or DEFAULT_TASK,
            }
        )
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        if first["type"] == "value_error":
            raise BadRow("bad_task", first["msg"].removeprefix("Value error, ")) from None
        name, code = str(first["loc"][0]), "bad_task" if first["loc"] == ("task",) else "bad_gold"
        got = str(first["input"])[:60]
        raise BadRow(code, f"{name}: {first['msg']}, got {got!r}; mend it, or leave it out") from None


def _number_as_text(value: object) -> object:
    """Reference answers of mathematics are often written as numbers: here as a person writes them, without exponent.

    Raises BadRow if it is a number that is none.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    if not math.isfinite(value):
        raise BadRow("bad_gold", f"gold: {value} is no answer; mend it, or leave it out")
    return f"{Decimal(repr(value)):f}"


def read_row(values: Mapping[str, Any], mode: Mode = Mode.ANSWER_ONLY) -> TrainingRow:
    """The row that stands in an object alone. Raises BadRow."""
    row = RowReader(mode).read(Row(1, 0, dict(values)))
    if isinstance(row, RefusedRow):
        raise BadRow(row.code, row.reason)
    return row
