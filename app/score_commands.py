"""The commands that score citations, and their options: `citerefine score | compare`.

In: arguments, `CITEREFINE_*` variables (arguments win). Out: calls of what does the work, with checked values. Not
here: the work (score.py, compare.py), which is loaded when it runs; which commands there are (commands.py).
"""

from pathlib import Path
from typing import Annotated

import typer


def score(
    run: Annotated[Path, typer.Argument(metavar="RUN.jsonl", help="Run rows; `-` reads them from standard input.")],
    judge: Annotated[
        str,
        typer.Option(
            "--judge",
            "-j",
            envvar="CITEREFINE_JUDGE",
            help="Who says whether a claim is supported: `lexical` needs no model; `openai:NAME@BASE_URL`, "
            "`vllm:PATH_OR_NAME`, `hf:PATH_OR_NAME` ask one, `cascade:MODEL` spares one of these what has next to no "
            "words of its evidence; `table:LABELS.jsonl` looks labels up.",
        ),
    ] = "lexical",
    formula: Annotated[
        str,
        typer.Option(
            "--formula",
            envvar="CITEREFINE_FORMULA",
            help="What counts: `citerefine`, `alce`, `longcite`, `trec`; several with commas between them.",
        ),
    ] = "citerefine",
    form: Annotated[
        str, typer.Option("--form", help="How the answers cite; `auto` finds out. See docs/citation-forms.md.")
    ] = "auto",
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="File of score rows: one a run row and formula, claim by claim.")
    ] = None,
    html: Annotated[Path | None, typer.Option("--html", help="Page with figures and the worst answers.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
    workers: Annotated[
        int,
        typer.Option(
            "--workers", envvar="CITEREFINE_WORKERS", min=1, max=1024, help="Processes, for `lexical` and `table:`."
        ),
    ] = 1,
    ray: Annotated[
        str | None,
        typer.Option(
            "--ray", help="Address of a Ray cluster that scores, for `lexical` and `table:`; `local` starts one here."
        ),
    ] = None,
    concurrency: Annotated[
        int,
        typer.Option(
            "--concurrency", envvar="CITEREFINE_CONCURRENCY", min=1, max=1024, help="Most rows at once, for models."
        ),
    ] = 8,
    cache: Annotated[
        Path | None,
        typer.Option(
            "--cache",
            help="File in which verdicts of a model are kept.  [default: OUT.verdicts.db, or the user's cache]",
        ),
    ] = None,
) -> None:
    """Score the citations of answers: precision, recall and F1, with intervals, claim by claim.

    With a model as judge, an interrupted run goes on where it stopped when the same command is given again.

    Example: `citerefine score run.jsonl --out scores.jsonl --html report.html`
    """
    from citerefine.app.score import ScoreOutputs, run_score
    from citerefine.judges.runs.score_chunk import ScoreSettings
    from citerefine.judges.runs.score_file import Power

    settings = ScoreSettings(judge, tuple(name.strip() for name in formula.split(",")), form)
    run_score(run, settings, Power(concurrency, workers, ray), ScoreOutputs(out, html, cache, json))


def compare(
    a: Annotated[Path, typer.Argument(metavar="A.jsonl", help="What `score --out` wrote of one system, or run rows.")],
    b: Annotated[Path, typer.Argument(metavar="B.jsonl", help="The same of the other, on the same questions.")],
    judge: Annotated[
        str, typer.Option("--judge", "-j", envvar="CITEREFINE_JUDGE", help="Who judges run rows, as in `score`.")
    ] = "lexical",
    formula: Annotated[
        str | None,
        typer.Option(
            "--formula",
            help="Whose figures to compare, where files hold those of several; what counts in run rows.  "
            "[default: the only one, or citerefine]",
        ),
    ] = None,
    form: Annotated[
        str, typer.Option("--form", help="How answers in run rows cite, as in `score`; `auto` finds out.")
    ] = "auto",
    any_judge: Annotated[
        bool,
        typer.Option(
            "--any-judge", help="Compare although judges or formulas differ, which then are part of the difference."
        ),
    ] = False,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="File to write: one row a question, with what changed.")
    ] = None,
    html: Annotated[Path | None, typer.Option("--html", help="Page with the figures and what changed.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
    cache: Annotated[
        Path | None,
        typer.Option("--cache", help="File in which verdicts of a model are kept.  [default: in the user's cache]"),
    ] = None,
) -> None:
    """Compare two runs over the same questions: the difference, its interval, and what could have been told.

    Rows belong together by their id.

    Example: `citerefine compare before.jsonl after.jsonl --html changes.html`
    """
    from citerefine.app.compare import run_compare

    run_compare(
        a,
        b,
        judge=judge,
        cache=cache,
        formula=formula,
        form=form,
        any_judge=any_judge,
        out=out,
        html=html,
        as_json=json,
    )
