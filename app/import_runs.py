"""`citerefine import`: request rows of other agents' runs.

In: a file of runs or standard input, the file to write. Out: all request rows in that file, or the old file; what could
not be taken and a summary on standard error; with `--json` the report as JSON on standard output: {"out", "from",
"requests", "refused", "errors": {code: n}, "warnings"}. Exit code 1 if a row gave no request. Not here: reading runs
(refiner/importing/).
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import typer

from citerefine.app.inputs import rows_source
from citerefine.app.messages import counted, say
from citerefine.app.outputs import check_output
from citerefine.app.refusals import MOST_TOLD, Refusals
from citerefine.app.row_progress import RefusalProgress
from citerefine.app.status_line import size_of
from citerefine.refiner.batch.rows import Row, opened_rows, read_rows
from citerefine.refiner.errors import InputError
from citerefine.refiner.importing.kinds import RunKind
from citerefine.refiner.importing.runs import Refused, import_runs
from citerefine.training.data.building.whole_file import whole_file


@dataclass
class _Report:
    """How far an import is."""

    requests: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    warnings: int = 0
    bytes_done: int = 0

    def words(self) -> str:
        """The report on one line."""
        refused, warnings = self.errors.total(), counted(self.warnings, "warning")
        return f"{counted(self.requests, 'request')}, {refused} refused, {warnings}"


def run_import(source: Path, out: Path, kind: RunKind, every_turn: bool, as_json: bool) -> None:
    """Imports and reports. Raises InputError; exits with 1 if a row gave no request."""
    _check_out(out, source)
    runs = rows_source(source)
    if isinstance(runs, Path):
        with opened_rows(runs, "runs") as file:
            report = _write(file, source, out, kind, every_turn)
    else:
        with runs as file:
            report = _write(file, source, out, kind, every_turn)
    if as_json:
        print(_as_json(report, out, kind))
    say(f"{out}: {report.words()}")
    if report.errors:
        raise typer.Exit(1)


def _check_out(out: Path, source: Path) -> None:
    if str(out) == "-":
        raise InputError("--out is '-', and must be a file: it appears whole, or not at all; name one")
    check_output(out, ())
    if str(source) != "-" and out.resolve() == source.resolve():
        raise InputError(f"{out} is the file of runs; name another file")


def _write(file: BinaryIO, source: Path, out: Path, kind: RunKind, every_turn: bool) -> _Report:
    report, size = _Report(), size_of(source)
    with RefusalProgress() as shown, whole_file(out.resolve()) as write:
        warned = Refusals(MOST_TOLD, shown.say)
        for row in import_runs(_noting(read_rows(file), report), kind, every_turn=every_turn):
            if isinstance(row, Refused):
                report.errors[row.reason.code] += 1
                shown.refuse(row.line, row.reason.code, row.reason)
            else:
                write(row.values)
                report.requests += 1
                report.warnings += len(row.warnings)
                for warning in row.warnings:
                    warned.add("warnings", f"line {row.line}: {warning}")
            shown.show(report.words, report.bytes_done, size)
        warned.tell_rest()
    return report


def _noting(rows: Iterable[Row], report: _Report) -> Iterator[Row]:
    """The rows, noting how much of the file they are."""
    for row in rows:
        report.bytes_done = row.end
        yield row


def _as_json(report: _Report, out: Path, kind: RunKind) -> str:
    values: dict[str, Any] = {
        "out": str(out),
        "from": kind.value,
        "requests": report.requests,
        "refused": report.errors.total(),
        "errors": dict(report.errors),
        "warnings": report.warnings,
    }
    return json.dumps(values, ensure_ascii=False, indent=2)
