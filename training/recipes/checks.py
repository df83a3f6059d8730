"""Whether a recipe can be run, found out before anything is loaded: `find_problems`.

In: a recipe, and on how many processes it is to run. Out: every problem at once, each with its remedy: errors, with
which no run begins, and warnings. Rows are not read, models not loaded, servers not asked. Not here: unknown keys and
values out of range (reading.py), judge cards (trust.py), what the rows lack (citerefine.training.planning).
"""

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from citerefine.refiner.chat.endpoint import Prices
from citerefine.refiner.errors import ModelError
from citerefine.training.data.tasks import improvement_tokens
from citerefine.training.errors import RecipeError
from citerefine.training.evolving.checks import evolving_problems
from citerefine.training.grpo.shapes import step_shape
from citerefine.training.recipes.family import family_of
from citerefine.training.recipes.problem import Problem
from citerefine.training.recipes.recipe import Recipe

_LEAST_PROMPT: Final = 128
"""Fewest tokens that a recipe can allow for a prompt."""
_JOB_PATIENCE: Final = 7200
"""Seconds after which the other processes of a job give up on one that waits (`ddp_timeout`, grpo/config.py)."""
_DEEPSPEED: Final = ("zero2", "zero3")
_BOARDS: Final = {"wandb": "wandb", "trackio": "trackio"}


def find_problems(recipe: Recipe, processes: int | None = None) -> tuple[Problem, ...]:
    """What keeps the recipe from running, and what may go wrong.

    Args:
        recipe: what is to be run.
        processes: on how many; None: as many as its hardware has.
    """
    ranks = recipe.hardware.ranks if processes is None else processes
    found = [problem for check in _CHECKS for problem in check(recipe)]
    return (*found, *_batch(recipe, ranks), *_hardware(recipe, ranks))


def _error(where: str, what: str, remedy: str) -> Problem:
    return Problem(where=where, what=what, remedy=remedy)


def _warning(where: str, what: str, remedy: str) -> Problem:
    return Problem(where=where, what=what, remedy=remedy, severity="warning")


def _phases(recipe: Recipe) -> Iterator[Problem]:
    train = recipe.train
    if recipe.phases == "one":
        return
    if train.steps % 2:
        yield _error(
            "train.steps", f"two phases take two steps, and {train.steps} is odd", f"set it to {train.steps + 1}"
        )
    if train.refill:
        yield _error("train.refill", "it replaces prompts, which phases share", "set it to false, and its tokens to 0")
    if recipe.second.select == "lowest_citation" and not recipe.reward.citation:
        yield _error(
            "second.select", "citations are worth nothing without the citation term", "set reward.citation, or uniform"
        )
    yield from _second_room(recipe)


def _second_room(recipe: Recipe) -> Iterator[Problem]:
    """Whether the prompt of the second phase, which holds the first one and a draft, leaves room for an answer."""
    data, added = recipe.data, improvement_tokens()
    needed = data.prompt_tokens + 2 * data.answer_tokens + added
    if needed <= data.total_tokens:
        return
    room = data.prompt_tokens - (needed - data.total_tokens)
    remedy = f"set data.prompt_tokens = {room}, or raise data.total_tokens"
    if room < _LEAST_PROMPT:
        remedy = f"set data.total_tokens = {needed}, or lower data.answer_tokens"
    yield _error(
        "phases",
        f"the second phase adds the draft and up to {added} tokens to the prompt: {needed} with the answer, and "
        f"{data.total_tokens} are allowed",
        remedy,
    )


def _files(recipe: Recipe) -> Iterator[Problem]:
    for key, name in (("data.train", recipe.data.train), ("data.eval", recipe.data.eval)):
        if name and not name.startswith("hub:") and not Path(name).is_file():
            yield _error(
                key,
                f"there is no file {name}",
                f"set it with --set {key}=ROWS.jsonl; `citerefine data build` makes rows from questions",
            )
    name = recipe.model.name
    if name.startswith(("/", "./", "../", "~")) and not (Path(name).expanduser() / "config.json").is_file():
        yield _error("model.name", f"{name} is no folder with a config.json", "name a model's folder, or a hub's model")


def _reward(recipe: Recipe) -> Iterator[Problem]:
    reward, train = recipe.reward, recipe.train
    if train.claim_credit and not reward.citation:
        yield _error(
            "train.claim_credit", "claims have no verdicts without the citation term", "set reward.citation, or 0 here"
        )
    if train.advantage == "gdpo" and len(reward.weights) < 2:
        yield _warning(
            "train.advantage",
            "gdpo normalises several terms, and there is one",
            "use rloo, or give more terms a weight",
        )
    for key, judge, weight in (
        ("reward.judge", reward.judge, reward.rubric),
        ("reward.support", reward.support, reward.citation),
    ):
        if weight and judge == "lexical":
            yield _warning(
                key,
                "the lexical judge compares words: it is a floor, and a policy learns to please it",
                "name a model, such as openai:NAME@http://host:8000/v1",
            )
    if reward.max_dollars is not None:
        yield from _prices()


def _prices() -> Iterator[Problem]:
    try:
        prices = Prices.read()
    except ModelError as error:
        yield _error("reward.max_dollars", *_halves(error))
        return
    if prices is None:
        yield _error("reward.max_dollars", "a bound in dollars needs prices", "set CITEREFINE_PRICES, as in 0.15,0.60")


def _halves(error: Exception) -> tuple[str, str]:
    """What an error says, and what it says to do."""
    what, _, remedy = str(error).partition("; ")
    return what, remedy or "mend it"


def _family(recipe: Recipe) -> Iterator[Problem]:
    own, reward = family_of(recipe.model.name), recipe.reward
    judges = [("reward.judge", reward.judge, reward.rubric), ("reward.support", reward.support, reward.citation)]
    for key, judge, weight in judges:
        if own is not None and weight and family_of(judge) == own:
            yield _warning(
                key,
                f"judge and policy are both of the family {own}: such judges favour answers of their own kind",
                "watch the gap to an audit judge of another family (watch.audit), or judge with one",
            )
    audit = recipe.watch.audit
    if audit and reward.rubric and family_of(audit) is not None and family_of(audit) == family_of(reward.judge):
        yield _warning(
            "watch.audit",
            f"it is of the family {family_of(audit)}, as the judge that is trained on",
            "name one of another family",
        )


def _sampling(recipe: Recipe) -> Iterator[Problem]:
    train = recipe.train
    if train.top_p < 1 or train.top_k:
        yield _warning(
            "train.top_p" if train.top_p < 1 else "train.top_k",
            "what is sampled is then not the policy that is trained",
            "sample with top_p = 1 and top_k = 0",
        )
    if train.lora is not None and train.lora.dropout:
        yield _warning(
            "train.lora.dropout", "trained with dropout, sampled without: log-probabilities differ", "set it to 0"
        )
    room = train.group_size * recipe.data.total_tokens
    if train.refill and train.refill_tokens < room * recipe.hardware.ranks:
        yield _error(
            "train.refill_tokens",
            f"{train.refill_tokens} do not hold one group a process: {train.group_size} answers × "
            f"{recipe.data.total_tokens} tokens × {recipe.hardware.ranks} processes",
            f"set it to {room * recipe.hardware.ranks} or more, or train.refill = false",
        )


def _boards(recipe: Recipe) -> Iterator[Problem]:
    for board in recipe.watch.report_to:
        package = _BOARDS.get(board)
        if package is not None and importlib.util.find_spec(package) is None:
            yield _error("watch.report_to", f"{board} is not installed", f"pip install {package}, or leave it out")


def _batch(recipe: Recipe, ranks: int) -> Iterator[Problem]:
    try:
        step_shape(recipe.train, ranks)
    except RecipeError as error:
        yield _error("train.prompts_per_step", *_halves(error))
    if recipe.sft is not None and recipe.sft.rows_per_step % (recipe.sft.micro_rows * ranks):
        yield _error(
            "sft.rows_per_step",
            f"{recipe.sft.rows_per_step} rows cannot be shared out: {ranks} processes × {recipe.sft.micro_rows} a pass",
            f"use a multiple of {recipe.sft.micro_rows * ranks}",
        )
    if ranks > 1 and recipe.reward.patience >= _JOB_PATIENCE:
        yield _error(
            "reward.patience",
            f"the other processes give up after {_JOB_PATIENCE} seconds, and a judge is waited for "
            f"{recipe.reward.patience:g}",
            "wait less long",
        )


def _hardware(recipe: Recipe, ranks: int) -> Iterator[Problem]:
    hardware, train = recipe.hardware, recipe.train
    if hardware.engine == "single" and ranks > 1:
        yield _error(
            "hardware.engine", f"`single` is one process, and there are {ranks}", "set ddp, zero2, zero3 or fsdp"
        )
    if hardware.engine in (*_DEEPSPEED, "fsdp") and ranks == 1:
        yield _warning("hardware.engine", f"{hardware.engine} shares nothing out on one process", "set it to single")
    if hardware.engine in _DEEPSPEED and importlib.util.find_spec("deepspeed") is None:
        yield _warning(
            "hardware.engine", "deepspeed is not installed here", "pip install 'citerefine[deepspeed]' where it runs"
        )
    if train.rollout != "transformers" and importlib.util.find_spec("vllm") is None:
        yield _warning("train.rollout", "vllm is not installed here", "pip install 'citerefine[vllm]' where it runs")
    if hardware.vllm_gpus and train.rollout != "vllm_server":
        yield _warning(
            "hardware.vllm_gpus", f"GPUs of a server, and train.rollout is {train.rollout!r}", "set it to vllm_server"
        )


_CHECKS: Final[tuple[Callable[[Recipe], Iterator[Problem]], ...]] = (
    _phases,
    _files,
    _reward,
    _family,
    _sampling,
    _boards,
    evolving_problems,
)
