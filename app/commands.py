"""The commands and their options: `citerefine ask | refine | score | grade | compare | calibrate | rubrics | …`.

In: arguments, `CITEREFINE_*` variables (arguments win). Out: calls of what does the work, with checked values. Not
here: the work (ask.py, refine.py, score.py, …), which is loaded when it runs; exit codes (cli.py).
"""

import os
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from citerefine.app.rubric_commands import rubrics_app
from citerefine.refiner.errors import InputError
from citerefine.refiner.records import Mode
from citerefine.refiner.settings import OnInvalid, RefinerSettings

app = typer.Typer(
    name="citerefine",
    help="Research answers in which every claim is tied to its source.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.add_typer(rubrics_app)

DEFAULTS = RefinerSettings()


class Format(StrEnum):
    """How an answer is written."""

    TEXT = "text"
    MARKDOWN = "md"
    JSON = "json"
    HTML = "html"
    TAGS = "tags"


class JudgeKind(StrEnum):
    """What a judge judges."""

    SUPPORT = "support"
    RUBRIC = "rubric"


Question = Annotated[str, typer.Argument(help="What to answer; `-` reads it from standard input.")]
CorpusPaths = Annotated[
    list[Path] | None,
    typer.Option(
        "--corpus",
        "-c",
        envvar="CITEREFINE_CORPUS",
        help="An index made by `citerefine index`, or files and folders to search (indexed on first use). "
        f"May be given more than once (in the variable: separated by `{os.pathsep}`). Without it, the built-in notes "
        "are searched.",
    ),
]
Model = Annotated[
    str, typer.Option("--model", "-m", envvar="CITEREFINE_MODEL", help="Who writes: `extractive` needs no model.")
]
Limit = Annotated[
    int,
    typer.Option(
        "--limit",
        "-n",
        envvar="CITEREFINE_LIMIT",
        min=1,
        max=200,
        help="Passages to search for; what stands around the best of them is read too.",
    ),
]
Policy = Annotated[
    OnInvalid,
    typer.Option(
        "--on-invalid",
        envvar="CITEREFINE_ON_INVALID",
        help="What happens to an answer whose citations are not valid: one repair, then mark, drop or raise.",
    ),
]
Passes = Annotated[
    int,
    typer.Option(
        "--passes", envvar="CITEREFINE_PASSES", min=1, max=2, help="2 lets the model improve its own draft once."
    ),
]
Thinking = Annotated[
    Mode,
    typer.Option("--mode", envvar="CITEREFINE_MODE", help="`think` lets the model reason first; that is not shown."),
]
PromptTokens = Annotated[
    int,
    typer.Option(
        "--prompt-tokens",
        envvar="CITEREFINE_PROMPT_TOKENS",
        min=128,
        help="Most tokens of a prompt; evidence is trimmed to it, least relevant first.",
    ),
]
AnswerTokens = Annotated[
    int,
    typer.Option("--answer-tokens", envvar="CITEREFINE_ANSWER_TOKENS", min=16, help="Most tokens of an answer."),
]
TotalTokens = Annotated[
    int | None,
    typer.Option(
        "--total-tokens",
        envvar="CITEREFINE_TOTAL_TOKENS",
        min=256,
        help="Most tokens of prompt and reply, thinking included.  [default: 8192, or what prompt and answer need]",
    ),
]


def _settings(
    on_invalid: OnInvalid, passes: int, mode: Mode, prompt: int, answer: int, total: int | None, deadline: float
) -> RefinerSettings:
    """How the refiner works. Raises InputError if the limits of tokens do not go together."""
    if total is not None and total < prompt + answer:
        raise InputError(
            f"--total-tokens {total} does not hold --prompt-tokens {prompt} and --answer-tokens {answer}; raise it, or "
            "lower one of these"
        )
    return RefinerSettings(
        on_invalid=on_invalid,
        passes=passes,
        mode=mode,
        prompt_tokens=prompt,
        answer_tokens=answer,
        total_tokens=max(DEFAULTS.total_tokens, prompt + answer) if total is None else total,
        deadline=deadline,
    )


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"citerefine {version('citerefine')}")
        raise typer.Exit


@app.callback()
def _root(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Research answers in which every claim is tied to its source."""


@app.command()
def ask(
    question: Annotated[
        str | None,
        typer.Argument(help="What to answer; `-` reads it from standard input. May be left out with --replay."),
    ] = None,
    corpus: CorpusPaths = None,
    model: Model = "extractive",
    limit: Limit = 10,
    format: Annotated[
        Format | None, typer.Option("--format", "-f", help="Default: by the suffix of --out, else text.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Same as `--format json`.")] = False,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="File to write instead of printing.")] = None,
    planner: Annotated[
        str | None,
        typer.Option(
            envvar="CITEREFINE_PLANNER",
            help="The model that chooses what to search for; without one, queries are built from the question.",
        ),
    ] = None,
    max_searches: Annotated[
        int, typer.Option(envvar="CITEREFINE_MAX_SEARCHES", min=0, max=1000, help="Most searches.")
    ] = 4,
    max_seconds: Annotated[
        float, typer.Option(envvar="CITEREFINE_MAX_SECONDS", min=1, help="Longest time for everything together.")
    ] = 300.0,
    on_invalid: Policy = OnInvalid.REPAIR,
    passes: Passes = 1,
    mode: Thinking = Mode.ANSWER_ONLY,
    prompt_tokens: PromptTokens = DEFAULTS.prompt_tokens,
    answer_tokens: AnswerTokens = DEFAULTS.answer_tokens,
    total_tokens: TotalTokens = None,
    trace: Annotated[
        Path | None, typer.Option(help="File to record in: all that models and searches gave, and the answer.")
    ] = None,
    replay: Annotated[
        Path | None,
        typer.Option(
            help="Answer again from a file made by --trace: nothing is searched or asked, and its settings hold."
        ),
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Start anew where an interrupted run of the same command would go on.")
    ] = False,
) -> None:
    """Answer a question from a corpus, every claim with its source.

    With a model, an interrupted run goes on where it stopped when the same command is given again.

    Example: `citerefine ask "How does ALCE measure citation recall?" --out answer.html`

    Example: `citerefine ask "Did perch double?" -c papers/ -m openai:Qwen/Qwen3-4B@http://localhost:8000/v1`
    """
    from citerefine.app.ask import Output, run_ask, run_replay

    if json and format not in (None, Format.JSON):
        raise InputError(f"--json and --format {format} contradict each other; give one of them")
    chosen = Format.JSON if json else format
    output = Output(chosen.value if chosen else None, out)
    if replay is not None:
        if trace is not None:
            raise InputError("--trace and --replay contradict each other; a replay records nothing new")
        run_replay(question, replay, output)
        return
    if question is None:
        raise typer.BadParameter("Missing argument 'QUESTION'.")
    from citerefine.refiner.agent.context import RefinerContext

    context = RefinerContext(
        model=model,
        planner=planner,
        max_searches=max_searches,
        snippets_per_search=limit,
        max_seconds=max_seconds,
        settings=_settings(on_invalid, passes, mode, prompt_tokens, answer_tokens, total_tokens, max_seconds),
    )
    run_ask(question, corpus or [], context, output, trace=trace, fresh=fresh)


@app.command()
def refine(
    rows: Annotated[Path, typer.Argument(metavar="IN.jsonl", help="Request rows; `-` reads them from standard input.")],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="File of run rows; what it holds already is not asked again.")
    ],
    model: Model = "extractive",
    concurrency: Annotated[
        int, typer.Option("--concurrency", envvar="CITEREFINE_CONCURRENCY", min=1, max=1024, help="Most rows at once.")
    ] = 8,
    deadline: Annotated[
        float, typer.Option("--deadline", envvar="CITEREFINE_DEADLINE", min=0.001, help="Seconds for one row.")
    ] = 120.0,
    on_invalid: Policy = OnInvalid.REPAIR,
    passes: Passes = 1,
    mode: Thinking = Mode.ANSWER_ONLY,
    prompt_tokens: PromptTokens = DEFAULTS.prompt_tokens,
    answer_tokens: AnswerTokens = DEFAULTS.answer_tokens,
    total_tokens: TotalTokens = None,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Ask rows without an answer again.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Refine many requests: one run row for each request row.

    Interrupted in any way, the same command goes on where it stopped.

    Example: `citerefine refine requests.jsonl --out run.jsonl --concurrency 16`
    """
    from citerefine.app.refine import run_refine

    settings = _settings(on_invalid, passes, mode, prompt_tokens, answer_tokens, total_tokens, deadline)
    run_refine(rows, out, model, settings, concurrency, retry_failed, json)


@app.command()
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


@app.command()
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


@app.command()
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


@app.command()
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


@app.command()
def index(
    paths: Annotated[list[Path], typer.Argument(help="Files and folders.")],
    out: Annotated[
        Path, typer.Option("--out", "-o", envvar="CITEREFINE_INDEX", help="The corpus to make or bring up to date.")
    ],
    prune: Annotated[bool, typer.Option("--prune", help="Remove files that are gone from the disk.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Build or update a searchable corpus from txt, md, html, pdf, JATS xml, jsonl, csv and bib files.

    Unchanged files are not read again; interrupted, it goes on where it stopped.

    Example: `citerefine index papers/ notes.md --out corpus.db`
    """
    from citerefine.app.index import run_index

    run_index(paths, out, prune, json)


@app.command()
def walk(
    question: Question, corpus: CorpusPaths = None, model: Model = "extractive", limit: Limit = 10
) -> None:
    """Print each record on the way from a question to its answer: the tour of the code.

    Example: `citerefine walk "What does RLOO leave out?"`
    """
    from citerefine.app.walk import run_walk

    run_walk(question, corpus or [], model, limit)


@app.command()
def doctor(
    model: Annotated[
        str | None,
        typer.Option("--model", "-m", envvar="CITEREFINE_MODEL", help="A model to try: is it there, what can it do?"),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Say what is installed, what works, and what is missing; of a model, what it can do.

    Example: `citerefine doctor --model openai:Qwen/Qwen3-4B@http://localhost:8000/v1`
    """
    from citerefine.app.doctor import run_doctor

    run_doctor(json, model)
