"""Which problems are asked: the rows of a file or of a hub, or those that a recipe holds out.

In: a name. Out: `Problems`. A row without a reference answer that can be read, where its kind needs one,
cannot be asked: it is named. Not here: reading rows (training/data/), asking.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from citerefine.refiner.errors import InputError
from citerefine.refiner.records import Mode
from citerefine.training.data.row import TrainingRow
from citerefine.training.data.row_files import HUB, read_rows
from citerefine.training.data.row_reading import RefusedRow
from citerefine.training.data.tasks import task_of
from citerefine.training.passk.references import words_in
from citerefine.training.recipes.reading import load_recipe
from citerefine.training.recipes.recipe import Recipe
from citerefine.training.running.job_data import sides_of

NO_LINE: Final = 0
"""Of a refused row that is known by its id."""
_ROWS: Final = (".jsonl", ".ndjson", ".parquet")


class Problems(NamedTuple):
    """What is asked."""

    rows: tuple[TrainingRow, ...]
    refused: tuple[RefusedRow, ...]
    """Rows that cannot be asked."""
    recipe: Recipe | None = None
    """That the rows come from."""
    trained: tuple[str, ...] = ()
    """Questions that the recipe trains on."""

    @property
    def task(self) -> str:
        """Of all rows."""
        return self.rows[0].task


def is_recipe(source: str) -> bool:
    """Whether a name is that of a recipe, and not of rows."""
    return not (source.startswith(HUB) or Path(source).suffix.lower() in _ROWS)


def read_problems(
    source: str, *, mode: Mode | None = None, most: int | None = None, sets: Sequence[str] = ()
) -> Problems:
    """The problems of a source, in its order.

    Args:
        source: a file of rows, `hub:ORG/NAME[:SPLIT]`, or a recipe, whose held-out rows they are then.
        mode: of rows that name none; None: as the recipe has it, or `answer_only`.
        most: problems behind the first so many are not asked.
        sets: values that win over those of a recipe.

    Raises:
        InputError: if nothing can be read or asked, or the rows are of several kinds.
    """
    if is_recipe(source):
        problems = _of_recipe(load_recipe(source, sets), most)
    elif sets:
        raise InputError(f"--set changes a recipe, and {source} is a file of rows; leave it out")
    else:
        read = read_rows(source, mode=mode or Mode.ANSWER_ONLY)
        problems = _checked(read.rows, read.refused, most)
    if not problems.rows:
        why = f": {problems.refused[0].reason}" if problems.refused else ""
        raise InputError(f"{source} holds no problem that can be asked{why}")
    if len({row.task for row in problems.rows}) > 1:
        raise InputError(f"{source} holds problems of several kinds, which no one figure can sum up; split it by task")
    return problems


def questions_of(source: str) -> tuple[str, ...]:
    """The questions of a file of rows, or of a hub. Raises InputError if there is none."""
    questions = tuple(row.question for row in read_rows(source).rows)
    if not questions:
        raise InputError(f"{source} holds no row that can be read, so that nothing can be compared with it")
    return questions


def _of_recipe(recipe: Recipe, most: int | None) -> Problems:
    sides = sides_of(recipe)
    refused = sides.refused_held if recipe.data.eval else sides.refused
    checked = _checked(sides.held, refused, most)
    return checked._replace(recipe=recipe, trained=tuple(row.question for row in sides.train))


def _checked(rows: Iterable[TrainingRow], refused: Iterable[RefusedRow], most: int | None) -> Problems:
    kept, others = list[TrainingRow](), [*refused]
    for row in rows:
        if (reason := _refused(row)) is not None:
            others.append(reason)
        elif most is None or len(kept) < most:
            kept.append(row)
    return Problems(tuple(kept), tuple(others))


def _refused(row: TrainingRow) -> RefusedRow | None:
    task, gold = task_of(row), (row.gold or "").strip()
    if task.cites:
        return None
    if not gold:
        why = "it has no reference answer; give it `gold`, or a solution with a \\boxed{…} or a last line `#### …`"
        return RefusedRow(NO_LINE, row.id, "no_gold", why)
    if task.agrees == "mathematics" and (words := words_in(gold)) is not None:
        why = (
            f"{words[:60]!r} in its reference answer would be read as a product of letters; give it a number or a "
            "formula, or write words as \\text{…}"
        )
        return RefusedRow(NO_LINE, row.id, "bad_gold", why)
    return None
