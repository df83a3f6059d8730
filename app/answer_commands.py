"""The commands that answer questions, and their options: `citerefine ask | refine | walk`.

In: arguments, `CITEREFINE_*` variables (arguments win). Out: calls of what does the work, with checked values. Not
here: the work (ask.py, refine.py, walk.py), which is loaded when it runs; which commands there are (commands.py).
"""

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from citerefine.refiner.errors import InputError
from citerefine.refiner.records import Mode
from citerefine.refiner.settings import OnInvalid, RefinerSettings

DEFAULTS = RefinerSettings()


class Format(StrEnum):
    """How an answer is written."""

    TEXT = "text"
    MARKDOWN = "md"
    JSON = "json"
    HTML = "html"
    TAGS = "tags"


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
SourceNames = Annotated[
    list[str] | None,
    typer.Option(
        "--source",
        "-s",
        envvar="CITEREFINE_SOURCE",
        help="A source of the web to search, as in `europepmc`, `semanticscholar:papers`, `mcp:URL` or `scholarly` "
        "(several in turn); `citerefine doctor` lists them. May be given more than once (in the variable: separated "
        "by blanks).",
    ),
]
FilterTexts = Annotated[
    list[str] | None,
    typer.Option(
        "--filter",
        help="Narrows down what sources are asked, as in `since=2019` or `venue=Nature`; a source that cannot says so.",
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
        "--passes",
        envvar="CITEREFINE_PASSES",
        min=1,
        max=2,
        help="2 lets a model improve its own draft once; `extractive` makes none.",
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


def ask(
    question: Annotated[
        str | None,
        typer.Argument(help="What to answer; `-` reads it from standard input. May be left out with --replay."),
    ] = None,
    corpus: CorpusPaths = None,
    source: SourceNames = None,
    filter: FilterTexts = None,
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
    record: Annotated[
        Path | None, typer.Option(help="File to record in what sources answer, for the same command with --replay.")
    ] = None,
    replay: Annotated[
        Path | None,
        typer.Option(
            help="Answer again without a network, from a file of --record, whose sources are named again; or from one "
            "of --trace: then nothing is asked at all, and its settings hold."
        ),
    ] = None,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Ask sources anew where an answer of theirs is kept, for a day at most.")
    ] = False,
    read_pages: Annotated[
        int,
        typer.Option(
            envvar="CITEREFINE_READ_PAGES",
            min=0,
            max=20,
            help="Web pages to read behind the hits of each search; 0 reads none. Needs the extra `fetch`.",
        ),
    ] = 0,
    rerank: Annotated[
        str | None,
        typer.Option(
            envvar="CITEREFINE_RERANK", help="A model that orders what sources found: `rerank:NAME@URL`, or `hf:PATH`."
        ),
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Start anew where an interrupted run of the same command would go on.")
    ] = False,
) -> None:
    """Answer a question from corpora and sources of the web, every claim with its source.

    With a model, an interrupted run goes on where it stopped when the same command is given again.

    Example: `citerefine ask "How does ALCE measure citation recall?" --out answer.html`

    Example: `citerefine ask "Does vitamin D prevent falls?" --source europepmc --filter since=2015`

    Example: `citerefine ask "Did perch double?" -c papers/ -m openai:Qwen/Qwen3-4B@http://localhost:8000/v1`
    """
    from citerefine.app.ask import Output, run_ask, run_replay
    from citerefine.app.outputs import is_database
    from citerefine.app.searching import Sources
    from citerefine.tools.filters import read_filters

    if json and format not in (None, Format.JSON):
        raise InputError(f"--json and --format {format} contradict each other; give one of them")
    chosen = Format.JSON if json else format
    output = Output(chosen.value if chosen else None, out)
    if record is not None and replay is not None:
        raise InputError("--record and --replay contradict each other; a replay records nothing new")
    if replay is not None and not (replay.is_file() and is_database(replay)):
        if trace is not None:
            raise InputError("--trace and --replay contradict each other; a replay of a trace records nothing new")
        if not replay.exists():
            raise InputError(f"{replay} cannot be read: it does not exist; name a file of --record or of --trace")
        run_replay(question, replay, output)
        return
    if question is None:
        why = " A file of --record holds what sources answered, and no question." if replay is not None else ""
        raise typer.BadParameter(f"Missing argument 'QUESTION'.{why}")
    from citerefine.refiner.agent.context import RefinerContext

    context = RefinerContext(
        model=model,
        planner=planner,
        max_searches=max_searches,
        snippets_per_search=limit,
        max_seconds=max_seconds,
        settings=_settings(on_invalid, passes, mode, prompt_tokens, answer_tokens, total_tokens, max_seconds),
    )
    filters = read_filters(filter or [])
    sources = Sources(tuple(source or ()), filters, record, replay, not no_cache, read_pages, rerank)
    run_ask(question, corpus or [], context, output, sources=sources, trace=trace, fresh=fresh)


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


def walk(
    question: Question, corpus: CorpusPaths = None, model: Model = "extractive", limit: Limit = 10
) -> None:
    """Print each record on the way from a question to its answer: the tour of the code.

    Example: `citerefine walk "What does RLOO leave out?"`
    """
    from citerefine.app.walk import run_walk

    run_walk(question, corpus or [], model, limit)
