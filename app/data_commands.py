"""The commands about training data and their options: `citerefine data build | best-of-n`.

In: arguments, `CITEREFINE_*` variables (arguments win). Out: calls of what does the work, with checked values. Not
here: the work (data_build.py, data_best_of_n.py), exit codes (cli.py).
"""

import os
from pathlib import Path
from typing import Annotated

import typer

data_app = typer.Typer(
    name="data",
    help="Make training data: rows from questions, and answers to imitate.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

Concurrency = Annotated[
    int, typer.Option("--concurrency", envvar="CITEREFINE_CONCURRENCY", min=1, max=1024, help="Most rows at once.")
]
Recipe = Annotated[
    str | None,
    typer.Option("--recipe", help="Whose reward decides: a recipe of `train`, a file or a name.  [default: the usual]"),
]
Judge = Annotated[
    str | None,
    typer.Option(
        "--judge",
        "-j",
        envvar="CITEREFINE_RUBRIC_JUDGE",
        help="Who judges criteria, as in `grade`.  [default: the recipe's; without one, lexical]",
    ),
]
Support = Annotated[
    str | None,
    typer.Option(
        "--support", envvar="CITEREFINE_JUDGE", help="Who judges support for claims, as in `score`.  [default: alike]"
    ),
]
Temperature = Annotated[float, typer.Option("--temperature", min=0.01, max=2.0, help="Of sampled answers.")]
PromptTokens = Annotated[
    int, typer.Option("--prompt-tokens", envvar="CITEREFINE_PROMPT_TOKENS", min=128, help="Most tokens of a prompt.")
]
AnswerTokens = Annotated[
    int, typer.Option("--answer-tokens", envvar="CITEREFINE_ANSWER_TOKENS", min=16, help="Most tokens of an answer.")
]
Seed = Annotated[int, typer.Option("--seed", help="Of sampled answers and of what is drawn for the reward.")]
NoSelfTest = Annotated[bool, typer.Option("--no-self-test", help="Do not try a judging model out first.")]
RetryFailed = Annotated[bool, typer.Option("--retry-failed", help="Try rows again on which a stage failed before.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the report as JSON.")]


@data_app.command()
def build(
    questions: Annotated[
        Path,
        typer.Argument(
            metavar="QUESTIONS", help="A .jsonl file: `question`, perhaps `id` and `gold`; or .txt with one a line."
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write; an interrupted run goes on in it.")],
    corpus: Annotated[
        list[Path] | None,
        typer.Option(
            "--corpus",
            "-c",
            envvar="CITEREFINE_CORPUS",
            help=f"Where to search, as in `ask` (in the variable: separated by `{os.pathsep}`).  [default: the notes]",
        ),
    ] = None,
    planner: Annotated[
        str | None,
        typer.Option("--planner", envvar="CITEREFINE_PLANNER", help="The model that chooses queries, as in `ask`."),
    ] = None,
    max_searches: Annotated[
        int, typer.Option("--max-searches", envvar="CITEREFINE_MAX_SEARCHES", min=1, help="Most searches a question.")
    ] = 4,
    limit: Annotated[
        int, typer.Option("--limit", "-n", envvar="CITEREFINE_LIMIT", min=1, max=200, help="Passages a search.")
    ] = 10,
    writer: Annotated[
        str | None,
        typer.Option(
            "--writer", envvar="CITEREFINE_WRITER", help="A strong model that writes the criteria of each row."
        ),
    ] = None,
    samples: Annotated[
        int, typer.Option("--samples", min=0, max=256, help="Answers to draw to each row; 0 keeps all rows.")
    ] = 0,
    model: Annotated[
        str | None,
        typer.Option("--model", "-m", envvar="CITEREFINE_MODEL", help="For `--samples`: the model to be trained."),
    ] = None,
    recipe: Recipe = None,
    judge: Judge = None,
    support: Support = None,
    temperature: Temperature = 1.0,
    tolerance: Annotated[
        float, typer.Option("--tolerance", min=0.0, help="Rows whose rewards spread no more than this are left out.")
    ] = 0.01,
    eval_share: Annotated[
        float, typer.Option("--eval-share", min=0.0, max=0.9, help="Share of the questions to hold out.")
    ] = 0.05,
    split_seed: Annotated[int, typer.Option("--split-seed", help="Decides which ones.")] = 42,
    seed: Seed = 0,
    prompt_tokens: PromptTokens = 6144,
    answer_tokens: AnswerTokens = 1024,
    concurrency: Concurrency = 8,
    retry_failed: RetryFailed = False,
    no_self_test: NoSelfTest = False,
    json: AsJson = False,
) -> None:
    """Make training rows of questions: search for each, write criteria, leave out what nothing can be learned from.

    OUT gets train.jsonl, eval.jsonl, dropped.jsonl with the reasons, and README.md, the card of the set. Interrupted,
    the same command goes on where it stopped, and pays nothing twice.

    Example: `citerefine data build questions.txt --out rows/ --corpus papers/`

    Example: `citerefine data build questions.jsonl -o rows/ --writer openai:BIG@http://host:8000/v1 --samples 8
    -m openai:Qwen/Qwen3-4B@http://localhost:8000/v1`
    """
    from citerefine.app.data_build import BuildOptions, run_build
    from citerefine.app.data_parts import Sampled

    sampled = Sampled(
        model, samples, temperature, seed, prompt_tokens, answer_tokens, recipe, judge, support, not no_self_test
    )
    options = BuildOptions(
        corpus=tuple(corpus or ()),
        planner=planner,
        max_searches=max_searches,
        limit=limit,
        writer=writer,
        tolerance=tolerance,
        eval_share=eval_share,
        split_seed=split_seed,
        concurrency=concurrency,
        retry_failed=retry_failed,
    )
    run_build(questions, out, options, sampled, json)


@data_app.command("best-of-n")
def best_of_n(
    rows: Annotated[
        str, typer.Argument(metavar="ROWS", help="Training rows: .jsonl, .parquet, or `hub:ORG/NAME[:SPLIT]`.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="File to write: the rows, each with `answer`.")],
    model: Annotated[str, typer.Option("--model", "-m", envvar="CITEREFINE_MODEL", help="Who answers.")],
    n: Annotated[int, typer.Option("-n", "--samples", min=2, max=256, help="Answers to draw to each row.")] = 8,
    recipe: Recipe = None,
    judge: Judge = None,
    support: Support = None,
    temperature: Temperature = 1.0,
    seed: Seed = 0,
    prompt_tokens: PromptTokens = 6144,
    answer_tokens: AnswerTokens = 1024,
    concurrency: Concurrency = 8,
    retry_failed: RetryFailed = False,
    no_self_test: NoSelfTest = False,
    json: AsJson = False,
) -> None:
    """Draw n answers to each row, and keep the one that earns most: rows for supervised training.

    Only valid answers are kept; rows with none are listed beside OUT, with the reason. Interrupted, the same command
    goes on where it stopped, and pays nothing twice.

    Example: `citerefine data best-of-n rows/train.jsonl --out sft.jsonl -n 8 -m openai:Qwen/Qwen3-32B@http://host:8000/v1`
    """
    from citerefine.app.data_best_of_n import run_best_of_n
    from citerefine.app.data_parts import Sampled

    sampled = Sampled(
        model, n, temperature, seed, prompt_tokens, answer_tokens, recipe, judge, support, not no_self_test
    )
    run_best_of_n(rows, out, sampled, concurrency, retry_failed, json)
