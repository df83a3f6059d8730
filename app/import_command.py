"""The command that imports runs of other agents and its options: `citerefine import`.

In: arguments. Out: a call of what does the work, with checked values. Not here: the work (import_runs.py), which is
loaded when it runs.
"""

from pathlib import Path
from typing import Annotated

import typer

from citerefine.refiner.importing.kinds import RunKind


def import_runs(
    runs: Annotated[Path, typer.Argument(metavar="RUNS", help="Runs, one JSON object a line; `-`: standard input.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="File of request rows to write.")],
    kind: Annotated[RunKind, typer.Option("--from", help="Whose runs they are.")],
    every_turn: Annotated[
        bool, typer.Option("--every-turn", help="Make a row of every question of a conversation, not of the last one.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Make request rows of other agents' runs: their questions, with what their tools found as evidence.

    Nothing that a person or a model wrote becomes evidence. `refine` answers the rows.

    Example: `citerefine import runs.jsonl --from openai --out requests.jsonl`
    """
    from citerefine.app.import_runs import run_import

    run_import(runs, out, kind, every_turn, json)
