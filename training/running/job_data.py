"""The data of a job: rows to train on and rows held out, as prompts.

In: a recipe, the policy's tokenizer. Out: `JobData`; what was left out is told. No question is on both sides. Every
process makes the same. Not here: reading, splitting, prompting (citerefine.training.data).
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from citerefine.training.data.prompted import Prompted, PromptedRow, prompt_rows, to_dataset
from citerefine.training.data.row import TrainingRow
from citerefine.training.data.row_files import RowsRead, read_rows
from citerefine.training.data.splitting import split_by_question, without_leaks
from citerefine.training.errors import RecipeError
from citerefine.training.recipes.recipe import Recipe

Tell = Callable[[str], None]


class JobData(NamedTuple):
    """What a job trains on, and what it is watched by."""

    train: Any
    """A `datasets.Dataset` with the columns of `to_dataset`."""
    heldout: tuple[PromptedRow, ...]


def job_data(recipe: Recipe, tokenizer: Any, tell: Tell) -> JobData:
    """Reads, splits and prompts.

    Raises:
        InputError: if rows cannot be read.
        RecipeError: if no row has a prompt.
    """
    train, held = _sides(recipe, tell)
    prompted = prompt_rows(train, tokenizer, recipe.data)
    _tell_lost(prompted, recipe, tell)
    if not prompted.rows:
        raise RecipeError(f"none of the {len(train)} rows of {recipe.data.train} has a prompt; {_why(prompted)}")
    watched = prompt_rows(held[: recipe.watch.heldout_rows], tokenizer, recipe.data)
    tell(f"{len(prompted.rows):,} rows to train on, {len(watched.rows):,} held out to watch")
    return JobData(to_dataset(prompted), watched.rows)


def _sides(recipe: Recipe, tell: Tell) -> tuple[list[TrainingRow], list[TrainingRow]]:
    data = recipe.data
    read = read_rows(data.train, mode=data.mode, max_rows=data.max_rows)
    _tell_refused(data.train, read, tell)
    if not data.eval:
        split = split_by_question(read.rows, data.eval_share, data.split_seed)
        return split.train, split.eval
    held = read_rows(data.eval, mode=data.mode)
    _tell_refused(data.eval, held, tell)
    train, leaking = without_leaks(read.rows, held.rows)
    if leaking:
        tell(f"{len(leaking):,} rows are not trained on: {data.eval} asks the same, or nearly")
    return train, [*held.rows]


def _tell_refused(source: str, read: RowsRead, tell: Tell) -> None:
    if read.refused:
        first = read.refused[0]
        tell(f"{source}: {len(read.refused):,} rows cannot be used; the first is line {first.line}: {first.reason}")


def _tell_lost(prompted: Prompted, recipe: Recipe, tell: Tell) -> None:
    if prompted.n_trimmed:
        tell(f"{prompted.n_trimmed:,} prompts show less than all of their evidence, to fit {recipe.data.prompt_tokens}")
    if prompted.dropped:
        tell(f"{len(prompted.dropped):,} rows are left out; {_why(prompted)}")
    if prompted.answers_lost and recipe.sft is not None:
        tell(f"{len(prompted.answers_lost):,} rows lost their answer; {prompted.answers_lost[0].reason}")


def _why(prompted: Prompted) -> str:
    return f"the first ({prompted.dropped[0].id}): {prompted.dropped[0].reason}" if prompted.dropped else "it is empty"
