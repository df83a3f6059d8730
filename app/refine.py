"""`citerefine refine`: many requests from a file, one run row for each into another.

In: a file of request rows or standard input, the file to write, settings. Out: run rows in that file; progress and a
summary on standard error; with `--json` the report as JSON on standard output: {"out", "model", "rows", "done_before",
"changed", "answered", "failed", "refused", "failed_before", "retried", "not_in_input", "errors": {code: rows}, "usage",
"seconds", "stopped": {"code", "message"} or null}. Exit code 1 if a row of OUT has no answer or one to something else
than IN asks, or if the model could not be asked.
Not here: the work (refiner/batch/), showing progress (batch_progress.py).
"""

import json
from dataclasses import asdict
from pathlib import Path

import typer

from citerefine.app.batch_progress import BatchProgress
from citerefine.app.inputs import rows_source
from citerefine.app.messages import counted, say
from citerefine.app.outputs import check_output
from citerefine.refiner.batch.batch import refine_file
from citerefine.refiner.batch.report import BatchReport, Watch
from citerefine.refiner.errors import CallError, InputError
from citerefine.refiner.refiner import Refiner
from citerefine.refiner.settings import RefinerSettings


def run_refine(
    source: Path, out: Path, model: str, settings: RefinerSettings, concurrency: int, retry_failed: bool, as_json: bool
) -> None:
    """Refines and reports. Raises CiterefineError; exits with 1 if a row has no answer, or has changed."""
    _check_out(out)
    refiner, stopped = Refiner(model, settings), None
    with BatchProgress(source) as shown:
        watch = Watch(shown.progress, shown.refused, shown.changed)
        try:
            rows = rows_source(source)
            refine_file(rows, out, refiner, concurrency=concurrency, retry_failed=retry_failed, watch=watch)
        except CallError as error:
            stopped = error
        except KeyboardInterrupt:
            shown.say(f"{out} holds the rows that are done; the same command goes on from there")
            raise
    if as_json:
        print(_as_json(shown.report, out, model, stopped))
    _summarise(shown.report, out, stopped is not None)
    if stopped is not None:
        raise stopped
    if not shown.report.is_good:
        raise typer.Exit(1)


def _check_out(out: Path) -> None:
    if str(out) == "-":
        raise InputError("--out is '-', and must be a file: what it holds is how a run goes on; name one")
    check_output(out, ())


def _as_json(report: BatchReport, out: Path, model: str, stopped: CallError | None) -> str:
    values = asdict(report)
    del values["bytes_read"]
    values["usage"] = report.usage and report.usage.model_dump(mode="json")
    values["seconds"] = round(report.seconds, 3)
    values["stopped"] = stopped and {"code": stopped.code, "message": str(stopped)}
    return json.dumps({"out": str(out), "model": model, **values}, ensure_ascii=False, indent=2)


def _summarise(report: BatchReport, out: Path, stopped: bool) -> None:
    before = f", {counted(report.done_before, 'row')} done before" if report.done_before else ""
    say(f"{out}: {counted(report.answered, 'row')} answered, {report.failed} failed{before} ({report.seconds:.1f} s)")
    if report.errors:
        why = ", ".join(f"{n} {code}" for code, n in report.errors.items())
        say(f"failed: {why}; each row in {out} says why")
    if report.failed_before:
        say(f"failed in earlier runs: {counted(report.failed_before, 'row')}")
    if report.changed:
        say(
            f"changed: {counted(report.changed, 'row')} of the input; {out} keeps what they got before; name another "
            "--out, or give changed rows new ids"
        )
    if report.not_in_input:
        say(f"{out} holds {counted(report.not_in_input, 'row')} that the input does not have")
    if stopped:
        say("stopped: no row can be asked; the rows that are done are kept, and the same command goes on from there")
    elif report.failed or report.failed_before:
        say("--retry-failed asks the failed rows again")
