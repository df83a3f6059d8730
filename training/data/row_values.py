"""A training row as the object that stands in a file of rows.

In: `TrainingRow`. Out: the values that `row_reading` reads the same row from. Not here: writing files.
"""

from typing import Any, Final

from citerefine.rubrics.loading import dump_rubric
from citerefine.rubrics.rubric import Rubric
from citerefine.training.data.row import DEFAULT_TASK, TrainingRow
from citerefine.training.data.tasks import task_of

_SEED: Final = ("positive_rubrics", "negative_rubrics", "aggregate")
"""What stands in the row itself of a rubric of this form; others are a document of their own."""


def row_values(row: TrainingRow) -> dict[str, Any]:
    """The object of a row. Raises RubricError if the rubric's own format cannot say it."""
    values: dict[str, Any] = {"id": row.id, "question": row.question}
    if row.reasoning:
        values["reasoning"] = row.reasoning
    if task_of(row).cites:
        values["snippets"] = [snippet.model_dump(mode="json", exclude_none=True) for snippet in row.evidence.snippets]
    if row.rubric is not None:
        own = row.rubric.query if row.rubric.query != row.question else ""
        values |= _rubric_values(row.rubric.model_copy(update={"query": own}))
    others = {"gold": row.gold, "answer": row.answer, "answerable": row.answerable}
    values |= {name: value for name, value in others.items() if value is not None}
    return values | {"mode": row.mode.value} | ({} if row.task == DEFAULT_TASK else {"task": row.task})


def _rubric_values(rubric: Rubric) -> dict[str, Any]:
    native = dump_rubric(rubric)
    if isinstance(native, dict) and native.keys() & {*_SEED[:2]}:
        return {key: native[key] for key in _SEED if key in native}
    return {"rubrics": native}
