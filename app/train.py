"""`citerefine train`: from a recipe to a trained model.

In: a recipe's file or name, values that win over it. Out: with `--dry-run` the plan, on standard output; else the
folder of the run, the trained model in it; progress, problems and what judges are worth on standard error. Exit code 2
if the recipe cannot be run, 1 if training failed, 130 if it was stopped. In a job of several processes the first one
speaks. Not here: training (citerefine.training).
"""

import importlib.util
import json
import shlex
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import typer

from citerefine.app.messages import say
from citerefine.app.train_text import plan_lines, trust_line
from citerefine.app.verdicts import greet
from citerefine.refiner.errors import InputError
from citerefine.refiner.report.terminal_text import sanitise
from citerefine.training.planning.plan import Plan, make_plan
from citerefine.training.recipes.bundled import recipe_lines
from citerefine.training.recipes.problem import Problem, refuse, warnings_of
from citerefine.training.recipes.reading import load_recipe, open_recipe
from citerefine.training.recipes.recipe import Recipe
from citerefine.training.running.run_folder import RunFolder, is_main, process_count, unless_failed

STOPPED: Final = 130
_PACKAGES: Final = ("torch", "transformers", "trl", "accelerate", "peft", "datasets")


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """How a recipe is run."""

    out: Path | None = None
    """None: `runs/NAME`."""
    sets: tuple[str, ...] = ()
    resume: bool = False
    dry_run: bool = False
    require_card: bool = False
    as_json: bool = False


def list_recipes() -> None:
    """Prints the recipes that come with the package."""
    about = recipe_lines()
    width = max(map(len, about))
    for name, line in about.items():
        print(f"{name:<{width}}  {line}")


def show_recipe(source: str) -> None:
    """Prints a recipe as its file has it. Raises RecipeError if there is none."""
    print(open_recipe(source).text.rstrip("\n"))


def run_train(source: str, options: TrainOptions) -> None:
    """Plans, and trains unless that is all. Raises CiterefineError; exits with 2 or 130 as the module says."""
    recipe = load_recipe(source, options.sets)
    out = options.out or Path("runs") / Path(source).stem
    command = _command(source, out, options.sets)
    if options.dry_run:
        _print_plan(make_plan(recipe, command=command, require_card=options.require_card), options.as_json)
        return
    check_installed()
    processes, folder = process_count(), RunFolder(out)
    if is_main():
        _check_folder(folder, recipe, options.resume, processes)
    plan = make_plan(recipe, command=command, processes=processes, require_card=options.require_card)
    if plan.errors:
        raise refuse(source, _errors_explained(plan))
    if is_main():
        _say_what_to_know(plan, processes, goes_on=folder.is_begun)
        _greet_judges(recipe)
    _train(recipe, folder, options)


def _errors_explained(plan: Plan) -> list[Problem]:
    """The errors, behind warnings of the same keys: there may be too few rows since some cannot be used."""
    keys = {problem.where for problem in plan.errors}
    return [*(problem for problem in warnings_of(plan.problems) if problem.where in keys), *plan.errors]


def _check_folder(folder: RunFolder, recipe: Recipe, resume: bool, processes: int) -> None:
    """Sees that a run can begin there, or go on with this recipe, before anybody is asked or told anything. Raises
    InputError or StateError."""
    from citerefine.training.run import run_identity
    from citerefine.training.running.going_on import check_same

    folder.check(resume=resume)
    if resume and folder.is_begun:
        check_same(folder, run_identity(recipe), processes)
    elif resume:
        say(f"{folder.path} holds nothing to go on with: a run begins")


def _print_plan(plan: Plan, as_json: bool) -> None:
    if as_json:
        print(json.dumps(plan.model_dump(mode="json"), ensure_ascii=False, indent=2))
    else:
        print("\n".join(map(sanitise, plan_lines(plan))))
    if plan.errors:
        raise typer.Exit(2)


def check_installed(work: str = "training") -> None:
    """Raises InputError if what the work needs is not installed."""
    missing = [package for package in _PACKAGES if importlib.util.find_spec(package) is None]
    if missing:
        raise InputError(f"{work} needs {', '.join(missing)}, not installed here: pip install 'citerefine[train]'")


def _say_what_to_know(plan: Plan, processes: int, *, goes_on: bool) -> None:
    """What judges are worth is told in full where a run begins, and in a line where it goes on."""
    if goes_on:
        say(f"judges: {trust_line(plan.trust)}")
    for one in () if goes_on else plan.trust:
        for line in one.lines:
            say(f"{one.where}: {line}")
    for problem in warnings_of(plan.problems):
        say(f"warning: {problem.line}")
    ranks = plan.recipe.hardware.ranks
    if processes != ranks and plan.recipe.hardware.gpus:
        say(f"warning: the recipe is made for {ranks} processes, and runs on {processes}; they would be started with:")
        for command in plan.launch:
            say(f"  {command}")


def _greet_judges(recipe: Recipe) -> None:
    """Sees that the servers of judges, and of whoever writes criteria, are there before a model is loaded. Raises
    CallError if one is not."""
    reward, evolve = recipe.reward, recipe.evolve
    wanted = (reward.rubric and reward.judge, reward.citation and reward.support, recipe.watch.audit)
    growing = () if evolve is None else (evolve.writer, evolve.admission)
    for judge in dict.fromkeys(filter(None, (*wanted, *growing))):
        greet(str(judge))


def _train(recipe: Recipe, folder: RunFolder, options: TrainOptions) -> None:
    from citerefine.training.errors import StateError, TrainingError
    from citerefine.training.run import run_training
    from citerefine.training.running.going_on import what_resuming_does

    try:
        with unless_failed(folder) if is_main() else nullcontext():
            finished = run_training(recipe, folder.path, resume=options.resume, tell=say)
    except (KeyboardInterrupt, TrainingError) as error:
        if is_main() and not isinstance(error, StateError):  # which says itself what can be gone on with
            say(what_resuming_does(folder, recipe))
        raise
    if not is_main():
        raise typer.Exit(0 if finished.model is not None else STOPPED)
    out = folder.path
    if finished.model is None:
        say(f"stopped after step {finished.steps} of {finished.of}; {what_resuming_does(folder, recipe)}")
        raise typer.Exit(STOPPED)
    if options.as_json:
        print(json.dumps({"run": str(out), "model": str(finished.model), "steps": finished.steps}))
    else:
        say(f"{finished.steps} steps; the model is in {finished.model}, the run's page is {out / 'run.html'}")
        say(f"citerefine export {out} --out DIR makes a model of it that any server takes")


def _command(source: str, out: Path, sets: Sequence[str]) -> str:
    return shlex.join(["citerefine", "train", source, "--out", str(out), *(f"--set={text}" for text in sets)])

