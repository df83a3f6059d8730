"""What the rows of a recipe hold, and how long their prompts are.

In: a recipe whose rows can be read. Out: `RowFacts`, `PromptLengths`, and what the rows lack for this recipe. Prompts
are counted by the model's tokenizer if it is on this machine, of a sample where there are many rows; else estimated.
Nothing is fetched from a hub but rows that it holds. Not here: reading rows (citerefine.training.data).
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from citerefine.refiner.chat.token_estimate import estimate_tokens
from citerefine.refiner.errors import CallError
from citerefine.refiner.prompts.fit import MESSAGE_TOKENS
from citerefine.refiner.records import Record, Text
from citerefine.rubrics.sets import load_set
from citerefine.training.data.prompted import prompt_rows
from citerefine.training.data.row import TrainingRow
from citerefine.training.data.row_files import read_rows
from citerefine.training.data.row_reading import RefusedRow
from citerefine.training.data.settings import DataSettings
from citerefine.training.data.tasks import build
from citerefine.training.data.tasks.prompt import TaskPrompt
from citerefine.training.planning.shape import find_cached
from citerefine.training.recipes.problem import Problem
from citerefine.training.recipes.recipe import Recipe

MOST_COUNTED: Final = 256
"""Rows whose prompts are made for a plan."""
_MOST_TOLD: Final = 5
_TOKENIZER: Final = "tokenizer.json"


class RowFacts(Record):
    """What the rows to train on hold."""

    rows: int
    refused: int
    first_refused: tuple[Text, ...] = ()
    """Line and reason of the first few."""
    tasks: dict[str, int]
    with_rubric: int
    """Rows with criteria of their own."""
    criteria: float
    """Of a row on average, with those of static sets."""
    with_gold: int
    with_answer: int


class PromptLengths(Record):
    """Lengths of prompts, in tokens."""

    counted: int
    """Rows whose prompts were made."""
    source: Text
    """What counted: the tokenizer, or an estimate, which is too long rather than too short."""
    mean: float
    longest: int
    trimmed: int
    """Of those counted, rows whose prompt shows less than all."""
    dropped: int
    """Of those counted, rows that have no prompt."""


def read_facts(rows: Sequence[TrainingRow], refused: Sequence[RefusedRow], recipe: Recipe) -> RowFacts:
    """What these rows hold."""
    static = sum(len(load_set(name).criteria) for name in recipe.reward.static_sets)
    own = [0 if row.rubric is None else len(row.rubric.leaves) for row in rows]
    tasks = [row.task for row in rows]
    return RowFacts(
        rows=len(rows),
        refused=len(refused),
        first_refused=tuple(f"line {one.line}: {one.reason}" for one in refused[:_MOST_TOLD]),
        tasks={task: tasks.count(task) for task in sorted({*tasks})},
        with_rubric=sum(map(bool, own)),
        criteria=(sum(own) / len(own) if own else 0.0) + static,
        with_gold=sum(row.gold is not None for row in rows),
        with_answer=sum(row.answer is not None for row in rows),
    )


def row_problems(facts: RowFacts, recipe: Recipe) -> Iterator[Problem]:
    """What the rows lack for what the recipe does with them."""
    reward = recipe.reward
    if facts.refused:
        yield Problem(
            where="data.train",
            what=f"{facts.refused:,} of {facts.rows + facts.refused:,} rows cannot be used ({facts.first_refused[0]})",
            remedy="mend them, or train on the others",
            severity="warning",
        )
    cited = facts.tasks.get("cited", 0)
    needs = {
        "reward.rubric": (reward.rubric and not reward.static_sets, facts.with_rubric, cited, "criteria"),
        "reward.verification": (reward.verification, facts.with_gold, facts.rows, "reference answer (gold)"),
        "sft": (recipe.sft is not None, facts.with_answer, facts.rows, "answer to imitate"),
    }
    for where, (is_needed, has, of, what) in needs.items():
        if is_needed and of and has < of:
            yield _lacking(where, has, of, what)
    if facts.rows and not cited and not reward.verification:
        yield Problem(
            where="reward.verification",
            what="no row has evidence, so that verification alone could earn anything, and its weight is 0",
            remedy="set reward.verification = 1",
        )


def _lacking(where: str, has: int, of: int, what: str) -> Problem:
    if has:
        told = f"{of - has:,} of {of:,} rows have no {what}, and are trained on without"
        return Problem(where=where, what=told, remedy="add them, or leave these rows out", severity="warning")
    return Problem(where=where, what=f"none of the {of:,} rows has a {what}", remedy=f"add them, or leave {where} out")


def prompt_lengths(rows: Sequence[TrainingRow], recipe: Recipe) -> PromptLengths | None:
    """Lengths of the prompts of these rows; None if there are no rows, or none has a prompt."""
    sample = rows[:: max(1, -(-len(rows) // MOST_COUNTED))]
    tokenizer = find_tokenizer(recipe.model.name)
    if tokenizer is None:
        made = [prompt for row in sample if (prompt := _built(row, recipe.data)) is not None]
        lengths, trimmed = [*map(_estimated, made)], sum(prompt.trimmed for prompt in made)
    else:
        prompted = prompt_rows(sample, tokenizer, recipe.data)
        lengths, trimmed = [row.n_prompt_tokens for row in prompted.rows], prompted.n_trimmed
    if not lengths:
        return None
    return PromptLengths(
        counted=len(sample),
        source="an estimate: the tokenizer is not on this machine" if tokenizer is None else "the model's tokenizer",
        mean=sum(lengths) / len(lengths),
        longest=max(lengths),
        trimmed=trimmed,
        dropped=len(sample) - len(lengths),
    )


def _built(row: TrainingRow, settings: DataSettings) -> TaskPrompt | None:
    async def count(texts: Sequence[str]) -> list[int]:
        return [*map(estimate_tokens, texts)]

    try:
        return build(row, settings, count)
    except CallError:
        return None


def _estimated(prompt: TaskPrompt) -> int:
    return sum(estimate_tokens(message.content) + MESSAGE_TOKENS for message in prompt.call.messages)


def find_tokenizer(name: str) -> Any:
    """The tokenizer of a model, if it is on this machine; else None. No weights are read, and nothing is fetched."""
    folder = Path(name).expanduser()
    if not (folder / _TOKENIZER).is_file() and find_cached(name, _TOKENIZER) is None:
        return None
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(name, local_files_only=True)
    except (OSError, ValueError):  # parts of it are not there
        return None


def rows_of(recipe: Recipe) -> tuple[tuple[TrainingRow, ...], tuple[RefusedRow, ...]]:
    """The rows to train on, and those that cannot be used. Raises InputError if there are none to read."""
    read = read_rows(recipe.data.train, mode=recipe.data.mode, max_rows=recipe.data.max_rows)
    return read.rows, read.refused
