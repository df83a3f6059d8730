"""What the rows of a recipe hold, and how long their prompts are.

In: the rows of a recipe, as they are split for its run. Out: `RowFacts`, `PromptLengths`, and what the rows lack for
this recipe. Prompts are counted by the model's tokenizer if it is on this machine, else estimated; where there are many
rows, of a sample, if that is enough for a step. Nothing is fetched from a hub but rows that it holds. Not here: reading
and splitting rows (citerefine.training.running.job_data).
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from citerefine.refiner.chat.token_estimate import estimate_tokens
from citerefine.refiner.errors import CallError
from citerefine.refiner.prompts.fit import MESSAGE_TOKENS
from citerefine.refiner.records import Record, Text
from citerefine.rubrics.sets import load_set
from citerefine.training.data.prompted import prompt_rows, row_of
from citerefine.training.data.row import TrainingRow
from citerefine.training.data.settings import DataSettings
from citerefine.training.data.tasks import TASKS, build
from citerefine.training.data.tasks.prompt import TaskPrompt
from citerefine.training.planning.shape import find_cached
from citerefine.training.recipes.problem import Problem, Severity
from citerefine.training.recipes.recipe import Recipe
from citerefine.training.running.job_data import Sides

MOST_COUNTED: Final = 256
"""Rows whose prompts are made for a plan."""
_MOST_TOLD: Final = 5
_TOKENIZER: Final = "tokenizer.json"


class RowFacts(Record):
    """What the rows to train on hold."""

    rows: int
    """To train on: those that are held out, or ask the same, are not among them."""
    held_out: int = 0
    leaking: int = 0
    """Rows that are left out, since a row that is held out asks the same, or nearly."""
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

    rows: int
    """To train on."""
    counted: int
    """Of these, rows whose prompts were made."""
    source: Text
    """What counted: the tokenizer, or an estimate, which is too long rather than too short."""
    mean: float
    longest: int
    trimmed: int
    """Of those counted, rows whose prompt shows less than all."""
    dropped: int
    """Of those counted, rows that have no prompt."""
    imitable: int | None = None
    """Of those counted, rows with an answer to imitate that is not too long; None if none is imitated."""
    longest_imitated: int | None = None
    """Most tokens of such a row; None if there is none."""
    is_exact: bool
    """Whether the tokenizer counted."""

    @property
    def usable(self) -> int:
        """Of those counted, rows that have a prompt."""
        return self.counted - self.dropped

    @property
    def is_whole(self) -> bool:
        """Whether all rows were counted."""
        return self.counted == self.rows


def read_facts(sides: Sides, recipe: Recipe) -> RowFacts:
    """What these rows hold."""
    rows, refused = sides.train, sides.refused
    static = sum(len(load_set(name).criteria) for name in recipe.reward.static_sets)
    own = [0 if row.rubric is None else len(row.rubric.leaves) for row in rows]
    tasks = [row.task for row in rows]
    return RowFacts(
        rows=len(rows),
        held_out=len(sides.held),
        leaking=sides.leaking,
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
            what=f"{facts.refused:,} rows cannot be used ({facts.first_refused[0]})",
            remedy="mend them, or train on the others",
            severity="warning",
        )
    cited = sum(n for task, n in facts.tasks.items() if TASKS[task].cites)
    needs = {
        "reward.rubric": (reward.rubric and not reward.static_sets, facts.with_rubric, cited, "criteria"),
        "reward.verification": (reward.verification, facts.with_gold, facts.rows, "a reference answer (gold)"),
        "sft": (recipe.sft is not None, facts.with_answer, facts.rows, "an answer to imitate"),
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
        told = f"{of - has:,} of {of:,} rows do not have {what}, and are trained on without"
        return Problem(where=where, what=told, remedy="add them, or leave these rows out", severity="warning")
    remedy = "add them, or leave the section out" if where == "sft" else f"add them, or go without: --set {where}=0"
    return Problem(where=where, what=f"none of the {of:,} rows has {what}", remedy=remedy)


def too_few(facts: RowFacts, lengths: PromptLengths | None, recipe: Recipe) -> Iterator[Problem]:
    """What a step takes more of than there is. What was only estimated is a warning: the run counts again, before the
    model is loaded."""
    a_step = recipe.train.prompts_per_step
    if facts.rows < a_step:
        held = f", beside {facts.held_out} held out" if facts.held_out else ""
        what = f"{a_step} prompts, and there are {facts.rows} rows{held}"
        yield _scarce("data.train", what, "train.prompts_per_step")
    if lengths is None:
        return
    severity: Severity = "error" if lengths.is_exact else "warning"
    of = f"of {lengths.counted} rows"
    if lengths.usable < a_step <= facts.rows:
        what = f"{a_step} prompts, and {of} {lengths.usable} have one that fits"
        yield _scarce("data.train", what, "train.prompts_per_step", severity)
    if recipe.sft is not None and lengths.imitable is not None and lengths.imitable < recipe.sft.rows_per_step:
        what = f"{recipe.sft.rows_per_step} answers to imitate, and {of} {lengths.imitable} have one that fits"
        yield _scarce("sft", what, "sft.rows_per_step", severity)


def _scarce(where: str, what: str, setting: str, severity: Severity = "error") -> Problem:
    remedy = f"train on more rows, or lower {setting}"
    return Problem(where=where, what=f"a step takes {what}", remedy=remedy, severity=severity)


class _Counted(NamedTuple):
    lengths: list[int]
    trimmed: int
    imitated: list[int]
    """Of rows with an answer that prompts still hold: tokens of both."""


def prompt_lengths(rows: Sequence[TrainingRow], recipe: Recipe) -> PromptLengths | None:
    """Lengths of the prompts of these rows; None if there are no rows, or none has a prompt."""
    tokenizer, sft = find_tokenizer(recipe.model.name), recipe.sft
    for sample in (rows[:: max(1, -(-len(rows) // MOST_COUNTED))], rows):
        found = _estimated(sample, recipe.data) if tokenizer is None else _counted(sample, tokenizer, recipe.data)
        imitated = [length for length in found.imitated if sft is not None and length <= sft.max_tokens]
        if len(found.lengths) >= recipe.train.prompts_per_step and (
            sft is None or len(imitated) >= sft.rows_per_step
        ):
            break  # so that all rows are enough too
    if not found.lengths:
        return None
    return PromptLengths(
        rows=len(rows),
        counted=len(sample),
        source="an estimate: the tokenizer is not on this machine" if tokenizer is None else "the model's tokenizer",
        mean=sum(found.lengths) / len(found.lengths),
        longest=max(found.lengths),
        trimmed=found.trimmed,
        dropped=len(sample) - len(found.lengths),
        imitable=None if sft is None else len(imitated),
        longest_imitated=max(imitated, default=None),
        is_exact=tokenizer is not None,
    )


def _counted(rows: Sequence[TrainingRow], tokenizer: Any, settings: DataSettings) -> _Counted:
    prompted = prompt_rows(rows, tokenizer, settings)
    answers = [(row.n_prompt_tokens, row_of(row.row).answer) for row in prompted.rows]
    imitated = [n + len(tokenizer.encode(answer, add_special_tokens=False)) + 1 for n, answer in answers if answer]
    return _Counted([row.n_prompt_tokens for row in prompted.rows], prompted.n_trimmed, imitated)


def _estimated(rows: Sequence[TrainingRow], settings: DataSettings) -> _Counted:
    made = [prompt for row in rows if (prompt := _built(row, settings)) is not None]
    lengths = [sum(estimate_tokens(one.content) + MESSAGE_TOKENS for one in prompt.call.messages) for prompt in made]
    answers = [(n, prompt.row.answer) for n, prompt in zip(lengths, made, strict=True)]
    imitated = [n + estimate_tokens(answer) + 1 for n, answer in answers if answer]
    return _Counted(lengths, sum(prompt.trimmed for prompt in made), imitated)


def _built(row: TrainingRow, settings: DataSettings) -> TaskPrompt | None:
    async def count(texts: Sequence[str]) -> list[int]:
        return [*map(estimate_tokens, texts)]

    try:
        prompt = build(row, settings, count)
    except CallError:
        return None
    return None if prompt.trimmed and settings.long == "drop" else prompt


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

