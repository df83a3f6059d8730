"""The plan of a training run: what it is made of and what it will take, before anything is loaded.

In: a recipe. Out: `Plan`, with every problem that was found. Model weights are not read, servers not asked. Not here:
printing it (app/train_text.py).
"""

from collections.abc import Iterator
from pathlib import Path

from citerefine.refiner.chat.endpoint import Prices
from citerefine.refiner.errors import InputError, ModelError
from citerefine.refiner.records import Record, Text
from citerefine.training.planning.duration import DurationPlan, duration_plan
from citerefine.training.planning.judging import JudgePlan, judge_plan
from citerefine.training.planning.memory import MemoryPlan, imitation_memory, memory_plan
from citerefine.training.planning.row_facts import (
    PromptLengths,
    RowFacts,
    prompt_lengths,
    read_facts,
    row_problems,
    too_few,
)
from citerefine.training.planning.shape import ModelShape, UnknownShape, find_shape
from citerefine.training.planning.tokens import StepTokens, can_share, second_step, step_tokens
from citerefine.training.recipes.checks import find_problems
from citerefine.training.recipes.launching import launch_lines
from citerefine.training.recipes.problem import Problem, errors_of
from citerefine.training.recipes.recipe import Recipe
from citerefine.training.recipes.trust import Trust, missing_cards, trust_in_judges
from citerefine.training.running.job_data import sides_of


class Plan(Record):
    """What a run is made of, and what it takes."""

    recipe: Recipe
    rows: RowFacts | None = None
    """None if they could not be read, which is a problem below."""
    prompts: PromptLengths | None = None
    """None if there are none; the longest that the recipe allows are then taken."""
    tokens: StepTokens
    second: StepTokens | None = None
    """Of the steps between, where there are two phases."""
    shape: ModelShape | None = None
    memory: MemoryPlan | None = None
    """Of training on rewards, at its most."""
    fallback: MemoryPlan | None = None
    """The same if the prompt of a group cannot be computed once, which `auto` finds out when the run begins."""
    imitation: MemoryPlan | None = None
    """Of training on given answers; None if the recipe has none."""
    duration: DurationPlan | None = None
    second_duration: DurationPlan | None = None
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
    tokens = _tokens(recipe, lengths)
    second = second_step(recipe, tokens)
    shape = find_shape(recipe.model.name)
    known, unloaded = trust_in_judges(recipe)
    problems += [*unloaded, *(missing_cards(known) if require_card else ())]
    criteria = 0.0 if facts is None else facts.criteria
    plan = Plan(
        recipe=recipe,
        rows=facts,
        prompts=lengths,
        tokens=tokens,
        second=second,
        judging=judge_plan(recipe, tokens, criteria, _prices(problems)),
        trust=known,
        launch=launch_lines(recipe, command),
    )
    if isinstance(shape, UnknownShape):
        return plan.model_copy(update={"unknown": shape.reason, "problems": tuple(problems)})
    most = second or tokens
    found: dict[str, MemoryPlan | None] = {
        "memory": memory_plan(recipe, shape, most),
        "fallback": _fallback(recipe, shape, most),
        "imitation": imitation_memory(recipe, shape, _longest_imitated(recipe, lengths)),
    }
    problems += [*_context(recipe, shape), *_room(**found)]
    durations = {
        "duration": duration_plan(recipe, shape, tokens),
        "second_duration": None if second is None else duration_plan(recipe, shape, second),
    }
    return plan.model_copy(update={"shape": shape, **found, **durations, "problems": tuple(problems)})


def _tokens(recipe: Recipe, lengths: PromptLengths | None) -> StepTokens:
    """Of a step; where not all prompts were counted, a longer one than these may be among the others."""
    most = recipe.data.prompt_tokens
    if lengths is None:
        return step_tokens(recipe, most, most)
    return step_tokens(recipe, round(lengths.mean), lengths.longest if lengths.is_whole else most, lengths.rows)


def _longest_imitated(recipe: Recipe, lengths: PromptLengths | None) -> int:
    """Tokens of the longest row to imitate, or the most that the recipe allows where not all were counted."""
    known = lengths.longest_imitated if lengths is not None and lengths.is_whole else None
    return known or (recipe.sft.max_tokens if recipe.sft is not None else 0)


def _fallback(recipe: Recipe, shape: ModelShape, tokens: StepTokens) -> MemoryPlan | None:
    if recipe.train.shared_prefix != "auto" or not can_share(recipe):
        return None
    return memory_plan(recipe, shape, tokens, shared=False)


def _rows(recipe: Recipe, problems: list[Problem]) -> tuple[RowFacts | None, PromptLengths | None]:
    """What the rows hold; what is wrong with them is added to `problems`."""
    names = filter(None, (recipe.data.train, recipe.data.eval))
    if not all(name.startswith("hub:") or Path(name).is_file() for name in names):
        return None, None  # which is a problem already
    try:
        sides = sides_of(recipe)
    except InputError as error:
        what, _, remedy = str(error).partition("; ")
        problems.append(Problem(where="data", what=what, remedy=remedy or "name another file"))
        return None, None
    facts = read_facts(sides, recipe)
    lengths = prompt_lengths(sides.train, recipe)
    problems += [*row_problems(facts, recipe), *too_few(facts, lengths, recipe)]
    if sides.train and lengths is None:
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


def _room(memory: MemoryPlan | None, fallback: MemoryPlan | None, imitation: MemoryPlan | None) -> Iterator[Problem]:
    """What does not fit; without shared prompts only where it is not told of already."""
    less = "smaller train.micro_rows, engine zero3 on more GPUs, or shorter prompts"
    if memory is not None and not memory.fits:
        yield _too_large(memory, "are needed at once", f"train with train.lora, {less}")
    elif fallback is not None and not fallback.fits:
        yield _too_large(fallback, "are needed if the prompt of a group cannot be computed once", f"have ready: {less}")
    if imitation is not None and not imitation.fits:
        remedy = "set sft.lora, smaller sft.micro_rows or sft.max_tokens, or engine zero3 on more GPUs"
        yield _too_large(imitation, "are needed to train on given answers", remedy)


def _too_large(memory: MemoryPlan, what: str, remedy: str) -> Problem:
    return Problem(
        where="hardware.gpu_memory",
        what=f"about {memory.needed:.0f} GiB {what}, and there are {memory.available:.0f}",
        remedy=remedy,
        severity="warning",
    )
