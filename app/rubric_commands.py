"""The commands about rubrics and their options: `citerefine rubrics lint | convert | generate | show | sets`.

In: arguments, `CITEREFINE_*` variables (arguments win). Out: calls of what does the work, with checked values. Not
here: the work (rubrics_lint.py, rubrics_convert.py, rubrics_generate.py, rubrics_show.py), exit codes (cli.py).
"""

from pathlib import Path
from typing import Annotated

import typer

rubrics_app = typer.Typer(
    name="rubrics",
    help="Check, translate, write and show rubrics: the criteria that answers are graded by.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

From = Annotated[
    str, typer.Option("--from", help="The format that the rubrics are in; `auto` finds out. See docs/rubrics.md.")
]


@rubrics_app.command()
def lint(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE…", help="Rubrics: .toml, .json or .jsonl; `-`: standard input.")
    ],
    form: From = "auto",
    json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Find criteria that ask for two things, are vague, negated, mirrored or there twice, or outweigh the rest.

    Exit code 1 if a finding is an error; warnings alone give 0.

    Example: `citerefine rubrics lint rubrics.toml`
    """
    from citerefine.app.rubrics_lint import run_lint

    run_lint(files, form, json)


@rubrics_app.command()
def convert(
    source: Annotated[Path, typer.Argument(metavar="IN", help="Rubrics: .toml, .json or .jsonl; `-`: standard input.")],
    out: Annotated[
        Path, typer.Argument(metavar="OUT", help="File to write; its suffix decides: .toml, .json, .jsonl.")
    ],
    to: Annotated[str, typer.Option("--to", help="The format to write; an unknown one gives the list.")],
    form: From = "auto",
    lossy: Annotated[
        bool, typer.Option("--lossy", help="Leave out what the format cannot say, and tell what that is.")
    ] = False,
) -> None:
    """Translate rubrics from one format into another.

    What the new format cannot say is an error, unless `--lossy` is given.

    Example: `citerefine rubrics convert rubrics.toml rubrics.jsonl --to healthbench`
    """
    from citerefine.app.rubrics_convert import run_convert

    run_convert(source, out, to, form, lossy)


@rubrics_app.command()
def show(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Rubrics: .toml, .json or .jsonl; `-`: standard input.")],
    form: From = "auto",
) -> None:
    """Print rubrics to be read: each criterion with its weight, and its share of what can be gained.

    Example: `citerefine rubrics show rubrics.toml`
    """
    from citerefine.app.rubrics_show import run_show

    run_show(file, form)


@rubrics_app.command()
def sets(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="The set to print, as TOML.")] = None,
) -> None:
    """List the sets of criteria that hold for any question, or print one.

    Example: `citerefine rubrics sets citation`
    """
    from citerefine.app.rubrics_show import run_sets

    run_sets(name)


@rubrics_app.command()
def generate(
    requests: Annotated[
        Path, typer.Argument(metavar="REQUESTS.jsonl", help="Request rows; `-` reads them from standard input.")
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="File of the same rows with criteria; rows in it are not asked again.")
    ],
    model: Annotated[
        str,
        typer.Option(
            "--model", "-m", envvar="CITEREFINE_WRITER", help="Who writes: a strong model, and not the one that judges."
        ),
    ],
    answers: Annotated[
        list[Path] | None,
        typer.Option("--answers", help="Run rows with answers to learn from, several of an id; may be given again."),
    ] = None,
    positive: Annotated[int, typer.Option("--positive", min=0, max=50, help="Most criteria of what is good.")] = 6,
    negative: Annotated[int, typer.Option("--negative", min=0, max=50, help="Most faults.")] = 3,
    concurrency: Annotated[
        int, typer.Option("--concurrency", envvar="CITEREFINE_CONCURRENCY", min=1, max=1024, help="Most rows at once.")
    ] = 8,
    deadline: Annotated[float, typer.Option("--deadline", min=0.001, help="Seconds for one call.")] = 300.0,
    temperature: Annotated[float, typer.Option("--temperature", min=0.0, max=2.0, help="Of the model.")] = 0.7,
    max_tokens: Annotated[int, typer.Option("--max-tokens", min=64, help="Most tokens of a reply.")] = 4096,
    thinking_tokens: Annotated[
        int, typer.Option("--thinking-tokens", min=0, help="How long the model may think; 0 turns it off.")
    ] = 0,
    seed: Annotated[int, typer.Option("--seed", help="Of the model.")] = 0,
    budget_calls: Annotated[int | None, typer.Option("--budget-calls", min=0, help="Most calls of this run.")] = None,
    budget_tokens: Annotated[
        int | None, typer.Option("--budget-tokens", min=0, help="Most tokens of prompts and replies.")
    ] = None,
    budget_dollars: Annotated[
        float | None, typer.Option("--budget-dollars", min=0.0, help="Most US dollars, by CITEREFINE_PRICES.")
    ] = None,
    budget_seconds: Annotated[
        float | None, typer.Option("--budget-seconds", min=0.0, help="No call begins later than that.")
    ] = None,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Ask rows without criteria again.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Have a strong model write criteria for each question: from its evidence, and from how answers to it differ.

    What is doubled, compound, or fits one answer alone is dropped, with the reason. Interrupted, the same command goes
    on where it stopped.

    Example: `citerefine rubrics generate requests.jsonl --out rows.jsonl -m openai:Qwen/Qwen3-235B@http://host:8000/v1`
    """
    from citerefine.app.rubrics_generate import Bounds, run_generate
    from citerefine.judges.rubric.writing.model_writer import WriterSampling
    from citerefine.judges.rubric.writing.write_file import WriteSettings

    sampling = WriterSampling(
        temperature=temperature, max_tokens=max_tokens, thinking_tokens=thinking_tokens, deadline=deadline, seed=seed
    )
    settings = WriteSettings(positive, negative, sampling, concurrency, retry_failed)
    bounds = Bounds(budget_calls, budget_tokens, budget_dollars, budget_seconds)
    run_generate(requests, out, model, answers or [], settings, bounds, json)
