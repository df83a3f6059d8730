"""The runs of an ablation: the recipe of each, where it is kept, how many answers it samples.

In: an `Ablation`, the folder that all of it is kept in. Out: `PlannedRun`s, first all variants with the first seed, so
that what is there when it is stopped can be compared. Variants that sample more answers than others are refused: what
more answers bring is not what a variant brings. Not here: whether a recipe can be run (citerefine.training.planning).
"""

import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import tomli_w

from citerefine.training.ablating.ablation import Ablation, Variant
from citerefine.training.errors import RecipeError
from citerefine.training.recipes.problem import Problem, refuse
from citerefine.training.recipes.reading import load_recipe
from citerefine.training.recipes.recipe import Recipe

_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._=]+")


class PlannedRun(NamedTuple):
    """One run."""

    variant: Variant
    seed: int
    recipe: Recipe
    folder: Path
    """Of the run; beside it are files of the same name: `.toml` its recipe, `.log` what it said, `.failed` why it
    failed."""

    @property
    def file(self) -> Path:
        """Its recipe, resolved."""
        return self.folder.with_suffix(".toml")

    @property
    def log(self) -> Path:
        """What it said."""
        return self.folder.with_suffix(".log")

    @property
    def failure(self) -> Path:
        """Why it failed, if it did."""
        return self.folder.with_suffix(".failed")

    @property
    def samples(self) -> int:
        """Answers that are trained on; each phase of a step is one of `train.steps`."""
        train = self.recipe.train
        return train.steps * train.prompts_per_step * train.group_size

    def __str__(self) -> str:
        return f"{self.variant.name}, seed {self.seed}"


def plan_runs(ablation: Ablation, out: Path, sets: Sequence[str] = ()) -> tuple[PlannedRun, ...]:
    """All runs of an ablation, in the order in which they are run.

    Args:
        ablation: what is compared.
        out: folder of all runs.
        sets: values that win over the base recipe's in all variants, and not over those that a variant sets.

    Raises:
        RecipeError: if a recipe is none, two variants are the same, or would be kept in the same folder, nothing is
            held out, or samples are unequal and must not be.
    """
    recipes = {variant.name: _recipe(ablation, variant, sets) for variant in ablation.variants}
    folders = {name: out / folder_name(name) for name in recipes}
    runs = tuple(
        PlannedRun(variant, seed, _seeded(recipes[variant.name], seed), folders[variant.name] / f"seed-{seed}")
        for seed in ablation.seeds
        for variant in ablation.variants
    )
    first = runs[: len(ablation.variants)]
    if problems := [*_alike(first), *_unfit(first), *(_unequal(first) if ablation.equal_samples else ())]:
        raise refuse("the ablation", problems)
    return runs


def folder_name(variant: str) -> str:
    """A folder for a variant, whatever its name is.

    >>> folder_name("two phases, λ = 0.1"), folder_name("../x")
    ('two-phases-=-0.1', 'x')
    """
    return _UNSAFE.sub("-", variant).strip("-.") or "variant"


def _recipe(ablation: Ablation, variant: Variant, sets: Sequence[str]) -> Recipe:
    try:
        return _load(ablation, (*sets, *variant.sets))
    except RecipeError as error:
        raise RecipeError(f"variant {variant.name!r}: {error}") from error


def _load(ablation: Ablation, sets: Sequence[str]) -> Recipe:
    if isinstance(ablation.recipe, str):
        return load_recipe(ablation.recipe, sets)
    with tempfile.TemporaryDirectory() as folder:  # what reads recipes, and tells what is wrong, takes files
        path = Path(folder) / "recipe.toml"
        path.write_text(tomli_w.dumps(ablation.recipe), "utf-8")
        try:
            return load_recipe(str(path), sets)
        except RecipeError as error:
            raise RecipeError(str(error).replace(str(path), "the recipe of the ablation")) from error


def _seeded(recipe: Recipe, seed: int) -> Recipe:
    """Answers to imitate come in another order too, where there are any."""
    update: dict[str, object] = {"train": recipe.train.model_copy(update={"seed": seed})}
    if recipe.sft is not None:
        update["sft"] = recipe.sft.model_copy(update={"seed": seed})
    return recipe.model_copy(update=update)


def _alike(runs: Sequence[PlannedRun]) -> Iterator[Problem]:
    for number, run in enumerate(runs):
        for other in runs[:number]:
            if run.recipe == other.recipe:
                what = f"{other.variant.name!r} and {run.variant.name!r} come to the same recipe"
                yield Problem(where="variants", what=what, remedy="leave one out, or look for a key that is overridden")
            elif run.folder == other.folder:
                what = f"{other.variant.name!r} and {run.variant.name!r} would be kept in the same folder"
                yield Problem(where="variants", what=what, remedy="rename one with letters or digits")


def _unfit(runs: Iterable[PlannedRun]) -> Iterator[Problem]:
    for run in runs:
        if run.recipe.hardware.ranks > 1:
            yield Problem(
                where=run.variant.name, what=f"it is made for {run.recipe.hardware.ranks} processes, and each run of "
                "an ablation is one", remedy="set hardware.gpus = 1, nodes = 1 and engine = 'single'",
            )  # fmt: skip
        data, rows = run.recipe.data, run.recipe.watch.heldout_rows
        if not rows or not (data.eval or data.eval_share):
            yield Problem(
                where=run.variant.name, what="nothing is held out, and variants are compared by held-out answers",
                remedy="set watch.heldout_rows, and data.eval or data.eval_share",
            )  # fmt: skip


def _unequal(runs: Sequence[PlannedRun]) -> Iterator[Problem]:
    first, allow = runs[0], "or equal_samples = false, which the table then says"
    for run in runs:
        if run.recipe.train.refill:
            what = "train.refill samples more answers where groups teach nothing, and nobody knows how many"
            yield Problem(where=run.variant.name, what=what, remedy=f"set it to false, and its tokens to 0, {allow}")
        elif run.samples != first.samples:
            yield Problem(
                where=run.variant.name,
                what=f"it samples {run.samples:,} answers, and {first.variant.name!r} {first.samples:,}: more answers "
                "are an advantage of their own",
                remedy=f"{_steps(run, first.samples)}, {allow}",
            )


def _steps(run: PlannedRun, samples: int) -> str:
    train = run.recipe.train
    steps, rest = divmod(samples, train.prompts_per_step * train.group_size)
    if rest or not steps or (run.recipe.phases == "two" and steps % 2):
        return "choose train.steps, prompts_per_step and group_size of the same product"
    return f"set train.steps = {steps} in it"
