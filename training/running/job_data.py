"""The data of a job: rows to train on and rows held out, as prompts.

In: a recipe, the policy's tokenizer. Out: `JobData`; what was left out is told. No question is on both sides. Every
process makes the same. `sides_of` gives both sides before they are prompts, to plans too; it needs no torch. Not here:
reading, splitting, prompting (citerefine.training.data).
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from citerefine.training.data.prompted import Prompted, PromptedRow, prompt_rows, to_dataset
from citerefine.training.data.row import TrainingRow
from citerefine.training.data.row_files import read_rows
from citerefine.training.data.row_reading import RefusedRow
from citerefine.training.data.splitting import split_by_question, without_leaks
from citerefine.training.errors import RecipeError
from citerefine.training.recipes.recipe import Recipe

Tell = Callable[[str], None]


class JobData(NamedTuple):
    """What a job trains on, and what it is watched by."""

    train: Any
    """A `datasets.Dataset` with the columns of `to_dataset`."""
    heldout: tuple[PromptedRow, ...]


class Sides(NamedTuple):
    """Rows that are trained on, and rows that are not."""

    train: list[TrainingRow]
    held: list[TrainingRow]
    refused: tuple[RefusedRow, ...]
    """Of the file to train on, rows that cannot be used."""
    refused_held: tuple[RefusedRow, ...]
    """Of the file to hold out."""
    leaking: int
    """Rows that are not trained on, since a row of the file to hold out asks the same, or nearly."""


def job_data(recipe: Recipe, tokenizer: Any, tell: Tell) -> JobData:
    """Reads, splits and prompts.

    Raises:
        InputError: if rows cannot be read.
        RecipeError: if no row has a prompt, or fewer have one than a step takes.
    """
    sides = sides_of(recipe)
    _tell_unused(sides, recipe, tell)
    prompted = prompt_rows(sides.train, tokenizer, recipe.data)
    _tell_lost(prompted, recipe, tell)
    if not prompted.rows:
        raise RecipeError(f"none of the {len(sides.train)} rows of {recipe.data.train} has a prompt; {_why(prompted)}")
    check_enough(len(prompted.rows), recipe.train.prompts_per_step, "train.prompts_per_step")
    watched = prompt_rows(sides.held[: recipe.watch.heldout_rows], tokenizer, recipe.data)
    tell(f"{len(prompted.rows):,} rows to train on, {len(watched.rows):,} held out to watch")
    return JobData(to_dataset(prompted), watched.rows)


def sides_of(recipe: Recipe) -> Sides:
    """Reads the rows and splits them. Raises InputError if they cannot be read."""
    data = recipe.data
    read = read_rows(data.train, mode=data.mode, max_rows=data.max_rows)
    if not data.eval:
        split = split_by_question(read.rows, data.eval_share, data.split_seed)
        return Sides(split.train, split.eval, read.refused, (), 0)
    held = read_rows(data.eval, mode=data.mode)
    train, leaking = without_leaks(read.rows, held.rows)
    return Sides(train, [*held.rows], read.refused, held.refused, len(leaking))


def check_enough(rows: int, a_step: int, setting: str) -> None:
    """Raises RecipeError, which names the setting, if there are fewer rows than a step takes: before the model is
    loaded, and not when its trainer is made."""
    if rows < a_step:
        raise RecipeError(
            f"a step takes {a_step} rows, and there are only {rows} to train on; set {setting} to "
            + (f"{rows} or less, or give more rows" if rows else "less, and give rows")
        )


def _tell_unused(sides: Sides, recipe: Recipe, tell: Tell) -> None:
    for source, refused in ((recipe.data.train, sides.refused), (recipe.data.eval, sides.refused_held)):
        if refused:
            first = refused[0]
            tell(f"{source}: {len(refused):,} rows cannot be used; the first is line {first.line}: {first.reason}")
    if sides.leaking:
        tell(f"{sides.leaking:,} rows are not trained on: {recipe.data.eval} asks the same, or nearly")


def _tell_lost(prompted: Prompted, recipe: Recipe, tell: Tell) -> None:
    if prompted.n_trimmed:
        tell(f"{prompted.n_trimmed:,} prompts show less than all of their evidence, to fit {recipe.data.prompt_tokens}")
    if prompted.dropped:
        tell(f"{len(prompted.dropped):,} rows are left out; {_why(prompted)}")
    if prompted.answers_lost and recipe.sft is not None:
        tell(f"{len(prompted.answers_lost):,} rows lost their answer; {prompted.answers_lost[0].reason}")


def _why(prompted: Prompted) -> str:
    return f"the first ({prompted.dropped[0].id}): {prompted.dropped[0].reason}" if prompted.dropped else "it is empty"
