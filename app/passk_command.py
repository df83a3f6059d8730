"""The commands about pass@k and their options: `citerefine passk [run] | compare | select`.

In: arguments, `CITEREFINE_*` variables (arguments win). Out: calls of what does the work, with checked values. Not
here: the work (passk.py), exit codes (cli.py).
"""

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

_RUN = "run"


class _RunUnlessNamed(TyperGroup):
    """`passk rows.jsonl …` is `passk run rows.jsonl …`: what stands first is a command or what to sample."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """The arguments, with the command that is meant."""
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = [_RUN, *args]
        return super().parse_args(ctx, args)


passk_app = typer.Typer(
    name="passk",
    cls=_RunUnlessNamed,
    help="Sample n answers to each problem, before and after refinement: how often do k of them hold a right one?\n\n"
    "Example: `citerefine passk problems.jsonl -m openai:Qwen/Qwen3-4B@http://localhost:8000/v1 --refine --out passk/`",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

Refined = Annotated[bool, typer.Option("--refined", help="Choose by refinements, and not by drafts.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")]


@passk_app.command(_RUN)
def run(
    source: Annotated[
        str,
        typer.Argument(
            metavar="RECIPE|ROWS",
            help="Problems: .jsonl, .parquet, `hub:ORG/NAME[:SPLIT]`; or a recipe of `train`, whose held-out rows, "
            "lengths and support judge these are.",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write; an interrupted run goes on in it.")],
    model: Annotated[
        str | None,
        typer.Option("--model", "-m", envvar="CITEREFINE_MODEL", help="Who answers.  [default: the recipe's, as hf:]"),
    ] = None,
    n: Annotated[int, typer.Option("-n", "--samples", min=1, max=4096, help="Answers to each problem.")] = 32,
    k: Annotated[
        str | None, typer.Option("--k", help="Of how many answers one must be right, with commas.  [default: 1,n]")
    ] = None,
    refine: Annotated[
        bool | None,
        typer.Option(
            "--refine/--no-refine", help="Refine each answer once.  [default: as the recipe's phases; without one, no]"
        ),
    ] = None,
    refiner: Annotated[
        str | None, typer.Option("--refiner", help="Who refines, where it is another model.  [default: who answers]")
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(
            "--split",
            help="What the problems are for: `dev` to choose a checkpoint by, `test` to report on.  [default: test; of "
            "a recipe's held-out rows, dev]",
        ),
    ] = None,
    train: Annotated[
        list[str] | None,
        typer.Option("--train", help="Rows that the model was trained on: problems that are asked there are told."),
    ] = None,
    right: Annotated[
        float | None,
        typer.Option(
            "--right", min=0.0, max=1.0, help="For cited answers: the least citation F1 of one that counts as right."
        ),
    ] = None,
    support: Annotated[
        str | None,
        typer.Option(
            "--support",
            envvar="CITEREFINE_JUDGE",
            help="For cited answers: who judges support, as in `score`.  [default: the recipe's; without one, lexical]",
        ),
    ] = None,
    max_rows: Annotated[int | None, typer.Option("--max-rows", min=1, help="Most problems, the first ones.")] = None,
    mode: Annotated[
        str | None, typer.Option("--mode", help="Of rows that name none: `answer_only`, or `think` before answering.")
    ] = None,
    sets: Annotated[
        list[str] | None, typer.Option("--set", help="KEY=VALUE that wins over the recipe's, as in `train`.")
    ] = None,
    temperature: Annotated[
        float | None, typer.Option("--temperature", min=0.0, max=2.0, help="Of answers.  [default: 1]")
    ] = None,
    top_p: Annotated[float | None, typer.Option("--top-p", min=0.01, max=1.0, help="Of answers.  [default: 1]")] = None,
    seed: Annotated[int, typer.Option("--seed", help="Decides the seed of each answer.")] = 0,
    prompt_tokens: Annotated[
        int | None,
        typer.Option(
            "--prompt-tokens", min=128, help="Most tokens of a prompt.  [default: the recipe's; without one, 6144]"
        ),
    ] = None,
    answer_tokens: Annotated[
        int | None,
        typer.Option(
            "--answer-tokens", min=16, help="Most tokens of an answer.  [default: the recipe's; without one, 1024]"
        ),
    ] = None,
    concurrency: Annotated[
        int,
        typer.Option("--concurrency", envvar="CITEREFINE_CONCURRENCY", min=1, max=1024, help="Most answers at once."),
    ] = 8,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Ask for answers again that failed.")] = False,
    json: AsJson = False,
) -> None:
    """Sample and grade: pass@k and the mean, with intervals by problem, and what refining changes.

    OUT gets result.json, problems.jsonl, and samples.jsonl with every answer. Interrupted, the same command goes on
    where it stopped, and pays nothing twice. Exit code 1 if a row could not be asked, or an answer failed.

    Example: `citerefine passk problems.jsonl -m hf:runs/first/model -n 32 --k 1,4,32 --refine --out passk/first`
    """
    from citerefine.app.passk import PasskOptions, run_passk_command

    options = PasskOptions(
        model=model,
        n=n,
        k=k,
        refine=refine,
        refiner=refiner,
        split=split,
        train=tuple(train or ()),
        right=right,
        support=support,
        max_rows=max_rows,
        mode=mode,
        sets=tuple(sets or ()),
        temperature=temperature,
        top_p=top_p,
        seed=seed,
        prompt_tokens=prompt_tokens,
        answer_tokens=answer_tokens,
        concurrency=concurrency,
        retry_failed=retry_failed,
    )
    run_passk_command(source, out, options, json)


@passk_app.command()
def compare(
    a: Annotated[Path, typer.Argument(metavar="A", help="The --out of one run.")],
    b: Annotated[Path, typer.Argument(metavar="B", help="That of another, over the same problems.")],
    k: Annotated[
        str | None, typer.Option("--k", help="Of how many answers one must be right, with commas.  [default: as both]")
    ] = None,
    json: AsJson = False,
) -> None:
    """Compare two runs problem by problem: the difference, its interval, p.

    Example: `citerefine passk compare passk/before passk/after`
    """
    from citerefine.app.passk import run_passk_compare

    run_passk_compare(a, b, k, json)


@passk_app.command()
def select(
    folders: Annotated[list[Path], typer.Argument(metavar="DIR…", help="The --out of runs with --split dev.")],
    train: Annotated[
        list[str] | None, typer.Option("--train", help="Rows that a model was trained on; none of them may be asked.")
    ] = None,
    test: Annotated[
        list[str] | None, typer.Option("--test", help="Rows that will be reported on; none of them may be asked.")
    ] = None,
    refined: Refined = False,
    json: AsJson = False,
) -> None:
    """Choose the best of several checkpoints by their mean on development problems; never by test problems.

    Example: `citerefine passk select passk/step100 passk/step200 --train train.jsonl --test test.jsonl`
    """
    from citerefine.app.passk import run_passk_select

    run_passk_select(folders, tuple(train or ()), tuple(test or ()), refined, json)
