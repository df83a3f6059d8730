"""The command that grades answers by rubrics, and its options: `citerefine grade`.

In: arguments, `CITEREFINE_*` variables (arguments win). Out: a call of what does the work, with checked values. Not
here: the work (grade.py), which is loaded when it runs; which commands there are (commands.py).
"""

from pathlib import Path
from typing import Annotated

import typer


def grade(
    run: Annotated[Path, typer.Argument(metavar="RUN.jsonl", help="Run rows; `-` reads them from standard input.")],
    rubrics: Annotated[
        Path | None,
        typer.Option(
            "--rubrics",
            "-r",
            envvar="CITEREFINE_RUBRICS",
            help="File of rubrics: one for all rows, or one each, found by id or question; TOML, JSON or JSONL in any "
            "format that docs/rubrics.md lists. Without it, each row brings its own.",
        ),
    ] = None,
    rubric_format: Annotated[
        str, typer.Option("--rubric-format", help="What format the rubrics have; `auto` finds out.")
    ] = "auto",
    static: Annotated[
        str | None,
        typer.Option(
            "--static", help="Sets that are added to each rubric: `citation`, `synthesis`, or both with a comma."
        ),
    ] = None,
    judge: Annotated[
        str,
        typer.Option(
            "--judge",
            "-j",
            envvar="CITEREFINE_JUDGE",
            help="Who says whether a criterion is met: `lexical` needs no model and compares words only; "
            "`openai:NAME@BASE_URL` (several addresses with commas), `vllm:PATH_OR_NAME`, `hf:PATH_OR_NAME` ask one; "
            "`table:LABELS.jsonl` looks labels up.",
        ),
    ] = "lexical",
    backup: Annotated[
        str | None, typer.Option("--backup", help="A second model, asked what the first one came to no verdict on.")
    ] = None,
    formula: Annotated[
        str,
        typer.Option(
            "--formula",
            help="How criteria become a score, such as `pos_norm`; docs/grading.md lists all.  "
            "[default: the rubric's own]",
        ),
    ] = "",
    form: Annotated[
        str, typer.Option("--form", help="How the answers cite; `auto` finds out. See docs/citation-forms.md.")
    ] = "auto",
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", help="File of grade rows, a cell for each criterion; what it holds is not asked again."
        ),
    ] = None,
    html: Annotated[Path | None, typer.Option("--html", help="Page with criteria, answers and every verdict.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
    votes: Annotated[
        int | None,
        typer.Option(
            "--votes", min=1, max=15, help="Most times that a model is asked about a criterion it is unsure of."
        ),
    ] = None,
    budget_calls: Annotated[int | None, typer.Option("--budget-calls", min=0, help="Most calls of a model.")] = None,
    budget_tokens: Annotated[
        int | None, typer.Option("--budget-tokens", min=0, help="Most tokens, of prompts and replies together.")
    ] = None,
    budget_dollars: Annotated[
        float | None, typer.Option("--budget-dollars", min=0, help="Most US dollars; needs CITEREFINE_PRICES.")
    ] = None,
    budget_seconds: Annotated[
        float | None, typer.Option("--budget-seconds", min=0, help="No call begins later than so long after the first.")
    ] = None,
    concurrency: Annotated[
        int,
        typer.Option("--concurrency", envvar="CITEREFINE_CONCURRENCY", min=1, max=1024, help="Most answers at once."),
    ] = 8,
    cache: Annotated[
        Path | None,
        typer.Option(
            "--cache", help="File in which calls of a model are kept.  [default: OUT.calls.db, or the user's cache]"
        ),
    ] = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Grade answers again in which a criterion has no verdict.")
    ] = False,
    no_self_test: Annotated[
        bool, typer.Option("--no-self-test", help="Do not try a model out before the first answer.")
    ] = False,
) -> None:
    """Grade answers by rubrics: a score with its interval, and a verdict for each criterion.

    Interrupted in any way, the same command goes on where it stopped, and pays nothing twice.

    Example: `citerefine grade run.jsonl --rubrics rubric.toml --out grades.jsonl --html grades.html`

    Example: `citerefine grade run.jsonl -r rubric.toml -j openai:Qwen/Qwen3-4B@http://localhost:8000/v1`
    """
    from citerefine.app.grade import GradeOutputs, RubricChoice, run_grade
    from citerefine.app.grade_judge import Asking
    from citerefine.judges.rubric.runs.grade_watch import GradeSettings

    sets = tuple(name.strip() for name in (static or "").split(",") if name.strip())
    asking = Asking(
        judge=judge,
        backup=backup,
        votes=votes,
        calls=budget_calls,
        tokens=budget_tokens,
        dollars=budget_dollars,
        seconds=budget_seconds,
        cache=cache,
        self_test=not no_self_test,
    )
    settings = GradeSettings(formula, form, concurrency, retry_failed)
    run_grade(run, RubricChoice(rubrics, rubric_format, sets), asking, settings, GradeOutputs(out, html, json))
