"""`citerefine train --ablate`: from a file of variants to one table of what they came to.

In: an ablation's file, values that win over its base recipe's. Out: with `--dry-run` the runs and what they take, on
standard output; else `ablation.json` and `ablation.md` in the folder of all runs, and the table on standard output;
progress on standard error. Exit code 2 if it cannot be run, 1 if a run failed, 130 if it was stopped. Not here: runs
and figures (citerefine.training.ablating).
"""

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import typer

from citerefine.app.messages import counted, say
from citerefine.app.outputs import write_output
from citerefine.app.train import STOPPED, TrainOptions, check_installed
from citerefine.refiner.errors import InputError
from citerefine.refiner.report.terminal_text import sanitise
from citerefine.training.ablating.ablation import Ablation, read_ablation
from citerefine.training.ablating.estimates import INTERVAL
from citerefine.training.ablating.grid import PlannedRun, plan_runs
from citerefine.training.ablating.report import Report, make_report, markdown
from citerefine.training.ablating.running import run_all
from citerefine.training.planning.plan import Plan, make_plan
from citerefine.training.recipes.problem import Problem, refuse, warnings_of
from citerefine.training.running.run_folder import process_count

_COMMAND: Final = (sys.executable, "-P", "-c", "from citerefine.app.cli import main; main()", "train")
"""What trains by one recipe: this program, wherever its script is. `-P` keeps the folder that it is called in from
being searched for modules."""


def run_ablation(file: Path, options: TrainOptions) -> None:
    """Runs what is not done, and prints the table. Raises CiterefineError; exits with 1, 2 or 130 as the module
    says."""
    ablation = read_ablation(file)
    out = options.out or Path("runs") / file.stem
    runs = plan_runs(ablation, out, options.sets)
    plans = [make_plan(run.recipe, require_card=options.require_card) for run in runs[: len(ablation.variants)]]
    errors = _errors(runs, plans)
    if options.dry_run:
        _print_plan(ablation, runs, plans, options.as_json)
        if errors:
            raise refuse(str(file), errors)
        return
    check_installed()
    if process_count() > 1:
        raise InputError(f"an ablation starts its runs itself, and {process_count()} processes call it; call it once")
    if errors:
        raise refuse(str(file), errors)
    for line in dict.fromkeys(problem.line for plan in plans for problem in warnings_of(plan.problems)):
        say(f"warning: {line}")
    whole = run_all(runs, _command(options), resume=options.resume, tell=say)
    report = make_report(ablation, runs)
    _keep(report, out)
    print(report.model_dump_json(indent=2) if options.as_json else _page(markdown(report)))
    if not whole:
        say(f"stopped; {out} keeps what is done, and the same command with --resume goes on from there")
        raise typer.Exit(STOPPED)
    if report.failed:
        say(f"{counted(report.failed, 'run')} failed; the same command with --resume tries again")
        raise typer.Exit(1)


def _page(text: str) -> str:
    """The lines without control characters."""
    return "\n".join(map(sanitise, text.splitlines()))


def _command(options: TrainOptions) -> tuple[str, ...]:
    return (*_COMMAND, "--require-card") if options.require_card else _COMMAND


def _errors(runs: Sequence[PlannedRun], plans: Sequence[Plan]) -> list[Problem]:
    """What keeps variants from being run; what several have alike is told of the first."""
    found = dict[str, Problem]()
    for run, plan in zip(runs, plans, strict=False):
        for problem in plan.errors:
            found.setdefault(problem.line, problem.model_copy(update={"where": f"{run.variant.name}: {problem.where}"}))
    return [*found.values()]


def _keep(report: Report, out: Path) -> None:
    write_output(out / "ablation.json", report.model_dump_json(indent=2) + "\n")
    write_output(out / "ablation.md", markdown(report))
    say(f"the table is in {out / 'ablation.md'}, all figures in {out / 'ablation.json'}")


# --- what would be run ----------------------------------------------------------------------------------------


def _print_plan(ablation: Ablation, runs: Sequence[PlannedRun], plans: Sequence[Plan], as_json: bool) -> None:
    if as_json:
        print(json.dumps([_planned(run, plans[n % len(plans)]) for n, run in enumerate(runs)], indent=2))
        return
    for line in _plan_lines(ablation, runs, plans):
        print(sanitise(line))


def _planned(run: PlannedRun, plan: Plan) -> dict[str, object]:
    steps = run.recipe.train.steps
    return {
        "variant": run.variant.name,
        "seed": run.seed,
        "sets": [*run.variant.sets],
        "folder": str(run.folder),
        "samples": run.samples,
        "judge_calls": steps * plan.judging.calls,
        "cost": None if plan.judging.cost is None else steps * plan.judging.cost,
    }


def _plan_lines(ablation: Ablation, runs: Sequence[PlannedRun], plans: Sequence[Plan]) -> Iterator[str]:
    seeds = len(ablation.seeds)
    grid = f"{counted(len(ablation.variants), 'variant')} × {counted(seeds, 'seed')}"
    yield f"{grid}: {counted(len(runs), 'run')}, one after another; {INTERVAL}"
    if ablation.few_seeds:
        yield "few_seeds: fewer than three tell little"
    for run in runs:
        yield f"  {run}: {run.samples:,} answers, {run.folder}"
    for run, plan in zip(runs, plans, strict=False):
        steps, judging = run.recipe.train.steps, plan.judging
        cost = f"cost not known: {judging.reason}" if judging.cost is None else f"{steps * judging.cost:.2f} dollars"
        calls = f"{steps * judging.calls:,} calls of judges, {cost}" if judging.calls else "no calls of judges"
        yield f"{run.variant.name}: {' '.join(run.variant.sets) or 'the recipe as it is'}"
        yield f"  a run: {run.samples:,} answers in {counted(steps, 'step')}, {calls}"
    costs = [plan.judging.cost for plan in plans]
    if all(cost is not None for cost in costs):
        whole = seeds * sum((cost or 0.0) * run.recipe.train.steps for cost, run in zip(costs, runs, strict=False))
        yield f"all runs: {sum(run.samples for run in runs):,} answers, {whole:.2f} dollars for judges"
    for line in dict.fromkeys(problem.line for plan in plans for problem in warnings_of(plan.problems)):
        yield f"warning: {line}"
