"""The commands that train and hand on what was trained: `citerefine train | export`.

In: arguments. Out: calls of what does the work, with checked values. Not here: the work (train.py, export.py), which is
loaded when it runs; exit codes (cli.py).
"""

from pathlib import Path
from typing import Annotated

import typer

from citerefine.refiner.errors import InputError


def train(
    recipe: Annotated[
        str | None, typer.Argument(metavar="RECIPE", help="A recipe's file, or the name of one that `--list` shows.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder of the run.  [default: runs/NAME]")
    ] = None,
    sets: Annotated[
        list[str] | None,
        typer.Option("--set", help="A value that wins over the recipe's: `section.key=value`. May be given again."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run in the folder, from its last checkpoint.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the plan: tokens, memory, judge calls, problems; load no weights.")
    ] = False,
    list_all: Annotated[bool, typer.Option("--list", help="Show the recipes that come with this program.")] = False,
    show: Annotated[bool, typer.Option("--show", help="Print the recipe, to be copied and changed.")] = False,
    require_card: Annotated[
        bool, typer.Option("--require-card", help="Refuse judges whose agreement with people nobody has measured.")
    ] = False,
    report_to: Annotated[
        str | None,
        typer.Option("--report-to", help="Where curves go: `tensorboard`, `wandb`, `trackio`, with commas; or `none`."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the plan, or what became of the run, as JSON.")] = False,
    ablate: Annotated[
        Path | None,
        typer.Option(
            "--ablate", metavar="FILE", help="Train variants of a recipe with several seeds, and print one table."
        ),
    ] = None,
) -> None:
    """Train a refiner by a recipe: on given answers first if it says so, then on rewards.

    Ctrl-C finishes and saves the step; the same command with --resume goes on from there.

    Example: `citerefine train tiny-cpu --set data.train=rows.jsonl --dry-run`

    Example: `citerefine train my-recipe.toml --out runs/first`

    Example: `citerefine train --ablate ablation.toml --out runs/ablation --dry-run`
    """
    from citerefine.app.train import TrainOptions, list_recipes, run_train, show_recipe

    if list_all:
        list_recipes()
        return
    given = [*(sets or []), *([] if report_to is None else [_boards(report_to)])]
    options = TrainOptions(out, tuple(given), resume, dry_run, require_card, json)
    if ablate is not None:
        from citerefine.app.ablate import run_ablation

        if recipe is not None:
            raise InputError(f"--ablate names its recipe in {ablate}, and {recipe} is named too; leave that out")
        run_ablation(ablate, options)
        return
    if recipe is None:
        raise InputError("no recipe is named; name a file, or one of those that citerefine train --list shows")
    if show:
        show_recipe(recipe)
        return
    run_train(recipe, options)


def _boards(names: str) -> str:
    chosen = [] if names == "none" else [name.strip() for name in names.split(",")]
    return f"watch.report_to=[{', '.join(map(repr, chosen))}]"


def export(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run, or of a model that one made.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write; it must not exist.")],
    lora: Annotated[
        bool, typer.Option("--lora", help="Hand on the small matrices alone, to be loaded beside their model.")
    ] = False,
    base: Annotated[
        str | None, typer.Option("--base", help="Where the model is that small matrices belong to, if it has moved.")
    ] = None,
    float32: Annotated[
        bool, typer.Option("--float32", help="Write four bytes a weight instead of two (bfloat16).")
    ] = False,
) -> None:
    """Make a model that serves at once of what a run trained, and print the command that serves it.

    Example: `citerefine export runs/first --out refiner`
    """
    from citerefine.app.export import run_export

    run_export(run, out, lora=lora, base=base, float32=float32)
