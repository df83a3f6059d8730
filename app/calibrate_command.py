"""The command that measures judges, and its options: `citerefine calibrate`.

In: arguments, `CITEREFINE_*` variables (arguments win). Out: a call of what does the work, with checked values. Not
here: the work (calibrate.py), which is loaded when it runs; which commands there are (commands.py).
"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class JudgeKind(StrEnum):
    """What a judge judges."""

    SUPPORT = "support"
    RUBRIC = "rubric"


def calibrate(
    labels: Annotated[
        Path,
        typer.Argument(
            metavar="LABELS.jsonl",
            help="Rows with claim, evidence or snippets, and label (docs/comparing.md), or with answer, criterion and "
            "label (docs/judge-cards.md).",
        ),
    ],
    judge: Annotated[
        str | None,
        typer.Option(
            "--judge",
            "-j",
            help="Who is measured, as in `score` or `grade`.  [env: CITEREFINE_JUDGE, for criteria "
            "CITEREFINE_RUBRIC_JUDGE; default: lexical]",
        ),
    ] = None,
    kind: Annotated[
        JudgeKind | None,
        typer.Option("--kind", help="Which kind of judge.  [default: the one that the rows are for]"),
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", help="What reports call the labels.  [default: the file's name]")
    ] = None,
    repeats: Annotated[
        int,
        typer.Option(
            "--repeats",
            min=0,
            max=100,
            help="Ask a rubric judge so often again, with other seeds, about 200 answers: how often do verdicts flip?",
        ),
    ] = 0,
    positive: Annotated[
        str | None,
        typer.Option(
            "--positive",
            help="The label that means supported, all others meaning not; for sets in which, say, 1 is inconsistent.",
        ),
    ] = None,
    votes: Annotated[
        int | None, typer.Option("--votes", min=1, max=15, help="Of a rubric judge that is a model, as in `grade`.")
    ] = None,
    backup: Annotated[str | None, typer.Option("--backup", help="Of a rubric judge, as in `grade`.")] = None,
    concurrency: Annotated[
        int,
        typer.Option(
            "--concurrency", envvar="CITEREFINE_CONCURRENCY", min=1, max=1024, help="Most rows at once, for models."
        ),
    ] = 8,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="File to write the card to, too.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the card as JSON.")] = False,
    cache: Annotated[
        Path | None,
        typer.Option("--cache", help="File in which verdicts of a model are kept.  [default: in the user's cache]"),
    ] = None,
) -> None:
    """Measure how far a judge agrees with people, and keep that where `score`, `grade` and training find it.

    With a model as judge, an interrupted run goes on where it stopped when the same command is given again.

    Example: `citerefine calibrate labels.jsonl --judge lexical`
    """
    from citerefine.app.calibrate import CalibrateOptions, run_calibrate
    from citerefine.app.calibrate_rubric import RubricJudgeOptions

    of_rubric_judge = RubricJudgeOptions(repeats, votes, backup)
    options = CalibrateOptions(judge, kind, name, positive, of_rubric_judge, concurrency, cache, out, json)
    run_calibrate(labels, options)
