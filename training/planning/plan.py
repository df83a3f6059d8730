"""The plan of a training run: what it is made of and what it will take, before anything is loaded.

In: a recipe. Out: `Plan`, with every problem that was found. Model weights are not read, servers not asked. Not here:
printing it (app/train_text.py).
"""

from pathlib import Path
from typing import Final

from citerefine.refiner.chat.endpoint import Prices
from citerefine.refiner.errors import InputError, ModelError
from citerefine.refiner.records import Record, Text
from citerefine.training.planning.duration import DurationPlan, duration_plan
from citerefine.training.planning.judging import JudgePlan, judge_plan
from citerefine.training.planning.memory import MemoryPlan, memory_plan
from citerefine.training.planning.row_facts import (
    PromptLengths,
    RowFacts,
    prompt_lengths,
    read_facts,
    row_problems,
    rows_of,
)
from citerefine.training.planning.shape import ModelShape, UnknownShape, find_shape
from citerefine.training.planning.tokens import StepTokens, step_tokens
from citerefine.training.recipes.checks import find_problems
from citerefine.training.recipes.launching import launch_lines
from citerefine.training.recipes.problem import Problem, errors_of
from citerefine.training.recipes.recipe import Recipe
from citerefine.training.recipes.trust import Trust, missing_cards, trust_in_judges

_KEY: Final = "data.train"


class Plan(Record):
    """What a run is made of, and what it takes."""

    recipe: Recipe
    rows: RowFacts | None = None
    """None if they could not be read, which is a problem below."""
    prompts: PromptLengths | None = None
    """None if there are none; the longest that the recipe allows are then taken."""
    tokens: StepTokens
    shape: ModelShape | None = None
    memory: MemoryPlan | None = None
    duration: DurationPlan | None = None
    unknown: Text = ""
    """Why there is no shape, and so neither memory nor duration."""
    judging: JudgePlan
    trust: tuple[Trust, ...] = ()
    problems: tuple[Problem, ...] = ()
    launch: tuple[Text, ...] = ()
    """The commands that start it."""

    @property
    def errors(self) -> tuple[Problem, ...]:
        """What keeps the run from beginning."""
        return errors_of(self.problems)


def make_plan(
    recipe: Recipe, *, command: str = "citerefine train", processes: int | None = None, require_card: bool = False
) -> Plan:
    """The plan of a recipe.

    Args:
        recipe: what is to be run.
        command: what starts one process of it.
        processes: on how many; None: as its hardware says.
        require_card: whether a judge without a card is an error.
    """
    problems = [*find_problems(recipe, processes)]
    facts, lengths = _rows(recipe, problems)
    most = recipe.data.prompt_tokens
    tokens = step_tokens(recipe, most, most) if lengths is None else step_tokens(
        recipe, round(lengths.mean), lengths.longest
    )  # fmt: skip
    shape = find_shape(recipe.model.name)
    known, unloaded = trust_in_judges(recipe)
    problems += [*unloaded, *(missing_cards(known) if require_card else ())]
    criteria = 0.0 if facts is None else facts.criteria
    plan = Plan(
        recipe=recipe,
        rows=facts,
        prompts=lengths,
        tokens=tokens,
        judging=judge_plan(recipe, tokens, criteria, _prices(problems)),
        trust=known,
        launch=launch_lines(recipe, command),
    )
    if isinstance(shape, UnknownShape):
        return plan.model_copy(update={"unknown": shape.reason, "problems": tuple(problems)})
    memory = memory_plan(recipe, shape, tokens)
    problems += [*_context(recipe, shape), *_room(memory)]
    duration = duration_plan(recipe, shape, tokens)
    return plan.model_copy(
        update={"shape": shape, "memory": memory, "duration": duration, "problems": tuple(problems)}
    )


def _rows(recipe: Recipe, problems: list[Problem]) -> tuple[RowFacts | None, PromptLengths | None]:
    """What the rows hold; what is wrong with them is added to `problems`."""
    name = recipe.data.train
    if not name.startswith("hub:") and not Path(name).is_file():
        return None, None  # which is a problem already
    try:
        rows, refused = rows_of(recipe)
    except InputError as error:
        what, _, remedy = str(error).partition("; ")
        problems.append(Problem(where=_KEY, what=what, remedy=remedy or "name another file"))
        return None, None
    facts = read_facts(rows, refused, recipe)
    problems += row_problems(facts, recipe)
    if len(rows) < recipe.train.prompts_per_step:
        problems.append(
            Problem(
                where=_KEY,
                what=f"a step takes {recipe.train.prompts_per_step} prompts, and there are {len(rows)} rows",
                remedy="train on more rows, or lower train.prompts_per_step",
            )
        )
    lengths = prompt_lengths(rows, recipe)
    if rows and lengths is None:
        problems.append(
            Problem(
                where="data.prompt_tokens",
                what=f"no row has a prompt that fits {recipe.data.prompt_tokens} tokens with a snippet of its evidence",
                remedy="raise it, or cut snippets into shorter ones",
            )
        )
    return facts, lengths


def _prices(problems: list[Problem]) -> Prices | None:
    try:
        return Prices.read()
    except ModelError as error:
        what, _, remedy = str(error).partition("; ")
        problems.append(Problem(where="CITEREFINE_PRICES", what=what, remedy=remedy or "set it anew"))
        return None


def _context(recipe: Recipe, shape: ModelShape) -> list[Problem]:
    if shape.context is None or shape.context >= recipe.data.total_tokens:
        return []
    return [
        Problem(
            where="data.total_tokens",
            what=f"{recipe.data.total_tokens} tokens are more than the {shape.context} that {shape.name} takes",
            remedy=f"set it to {shape.context} or less, or choose another model",
        )
    ]


def _room(memory: MemoryPlan) -> list[Problem]:
    if memory.fits:
        return []
    return [
        Problem(
            where="hardware.gpu_memory",
            what=f"about {memory.needed:.0f} GiB are needed at once, and there are {memory.available:.0f}",
            remedy="train with train.lora, smaller train.micro_rows, engine zero3 on more GPUs, or shorter prompts",
            severity="warning",
        )
    ]
