"""The commands: `citerefine ask | refine | score | grade | train | … | rubrics … | data …`.

In: functions and groups of the modules that hold options (answer_commands.py, score_commands.py, …). Out: `app`, what
the command line runs. Not here: options, besides those of `index` and `doctor`; the work; exit codes (cli.py).
"""

from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from citerefine.app.answer_commands import ask, refine, walk
from citerefine.app.calibrate_command import calibrate
from citerefine.app.data_commands import data_app
from citerefine.app.grade_command import grade
from citerefine.app.import_command import import_runs
from citerefine.app.mcp_command import mcp
from citerefine.app.passk_command import passk_app
from citerefine.app.rubric_commands import rubrics_app
from citerefine.app.score_commands import compare, score
from citerefine.app.serve_command import serve
from citerefine.app.train_commands import export, train

app = typer.Typer(
    name="citerefine",
    help="Research answers in which every claim is tied to its source.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
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


def doctor(
    model: Annotated[
        str | None,
        typer.Option("--model", "-m", envvar="CITEREFINE_MODEL", help="A model to try: is it there, what can it do?"),
    ] = None,
    source: Annotated[
        list[str] | None, typer.Option("--source", "-s", help="A source to try, by a search for one hit.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Say what is installed, what works, and what is missing; of a model and of sources, what they can do.

    Example: `citerefine doctor --model openai:Qwen/Qwen3-4B@http://localhost:8000/v1 --source europepmc`
    """
    from citerefine.app.doctor import run_doctor

    run_doctor(json, model, source or [])


COMMANDS = (ask, refine, import_runs, score, grade, compare, calibrate, train, export, index, walk, serve, mcp, doctor)
"""Every command, in the order in which `--help` lists them. A new one stands in a module of its own."""
_NAMES: dict[Callable[..., None], str] = {import_runs: "import"}
"""Of commands that Python would not let a function be called."""
GROUPS = (passk_app, rubrics_app, data_app)
"""Every group of commands; listed behind them."""

for _command in COMMANDS:
    app.command(_NAMES.get(_command))(_command)
for _group in GROUPS:
    app.add_typer(_group)
