"""`citerefine rubrics generate`: criteria for the questions of a file, written by a model.

In: a file of request rows or standard input, run files, the file to write, settings. Out: rows in that file; progress
and a summary on standard error; with `--json` the report as JSON on standard output: {"out", "model", "rows",
"done_before", "changed", "other_settings": {what: rows}, "answers_unused", "written", "failed", "failed_before",
"kept", "dropped": {code: criteria}, "errors": {code: rows}, "usage", "seconds", "stopped": {"code", "message"} or
null}. Exit code 1 if a row of OUT has no criteria, or the model could not be asked. Not here: the work
(judges/rubric/writing/).
"""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import typer

from citerefine.app.inputs import rows_source
from citerefine.app.messages import counted, say
from citerefine.app.outputs import check_output
from citerefine.app.refusals import Refusals
from citerefine.app.status_line import StatusLine, size_of
from citerefine.judges.rubric.writing.answer_store import AnswerStore
from citerefine.judges.rubric.writing.write_file import WriteReport, WriteSettings, WriteWatch, write_rubrics
from citerefine.refiner.chat.budget import Budget, BudgetedModel
from citerefine.refiner.chat.endpoint import Prices
from citerefine.refiner.chat.limits import ClientLimits
from citerefine.refiner.errors import CallError, InputError
from citerefine.refiner.models import load_chat_model
from citerefine.refiner.protocols import ChatModel
from citerefine.rubrics.errors import RubricError


class Bounds(NamedTuple):
    """What a run may use; None sets no bound."""

    calls: int | None = None
    tokens: int | None = None
    dollars: float | None = None
    seconds: float | None = None


def run_generate(
    requests: Path,
    out: Path,
    model: str,
    answers: Sequence[Path],
    settings: WriteSettings,
    bounds: Bounds,
    as_json: bool,
) -> None:
    """Writes and reports. Raises CiterefineError; exits with 1 if a row has no criteria."""
    if str(out) == "-":
        raise InputError("--out is '-', and must be a file: what it holds is how a run goes on; name one")
    check_output(out, ())
    if not settings.n_positive + settings.n_negative:
        raise RubricError("--positive and --negative are both 0; ask for at least one criterion")
    shown, stopped = _Shown(requests), None
    with shown:
        try:
            asyncio.run(_write(requests, out, _bounded(model, settings, bounds), answers, settings, shown))
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


def _bounded(name: str, settings: WriteSettings, bounds: Bounds) -> ChatModel:
    model = load_chat_model(name, ClientLimits(deadline=settings.sampling.deadline))
    prices = None if bounds.dollars is None else Prices.read()
    return BudgetedModel(model, Budget(**bounds._asdict(), prices=prices)) if any(_given(bounds)) else model


def _given(bounds: Bounds) -> list[bool]:
    return [bound is not None for bound in bounds]


async def _write(
    requests: Path, out: Path, model: ChatModel, answers: Sequence[Path], settings: WriteSettings, shown: "_Shown"
) -> None:
    try:
        with AnswerStore(answers, shown.complain) as store:
            watch = WriteWatch(shown.progress, shown.refused)
            await write_rubrics(rows_source(requests), out, model, settings, store, watch)
    finally:  # its connections belong to this event loop, which ends here
        await model.aclose()


class _Shown(StatusLine):
    """Says how far a run is, and which rows it refused; a context manager."""

    def __init__(self, source: Path) -> None:
        super().__init__()
        self.report = WriteReport()
        """As it was told last."""
        self._bytes = size_of(source)
        self._refusals = Refusals(tell=self.say)

    def progress(self, report: WriteReport) -> None:
        """Shows the report when it is time."""
        self.report = report
        self.show(lambda: _told(report), report.bytes_read, self._bytes)

    def refused(self, line: int, reason: str) -> None:
        """Says that a row is no request, of the first few."""
        self._refusals.add("refused", f"line {line}: {reason}")

    def complain(self, message: str) -> None:
        """Says that an answer cannot be used, of the first few."""
        self._refusals.add("answers", message)


def _told(report: WriteReport) -> str:
    done = report.written + report.failed
    parts = [f"{counted(done + report.done_before, 'row')} done", f"{report.failed} failed"]
    if report.seconds:
        parts.append(f"{done / report.seconds:.1f} rows/s")
    return ", ".join([*parts, f"{report.kept} criteria"])


def _as_json(report: WriteReport, out: Path, model: str, stopped: CallError | None) -> str:
    values = asdict(report)
    del values["bytes_read"]
    values["usage"] = report.usage and report.usage.model_dump(mode="json")
    values["seconds"] = round(report.seconds, 3)
    values["stopped"] = stopped and {"code": stopped.code, "message": str(stopped)}
    return json.dumps({"out": str(out), "model": model, **values}, ensure_ascii=False, indent=2)


def _summarise(report: WriteReport, out: Path, stopped: bool) -> None:
    before = f", {counted(report.done_before, 'row')} done before" if report.done_before else ""
    done = f"{counted(report.written, 'row')} with criteria, {report.failed} without"
    say(f"{out}: {done}{before} ({report.seconds:.1f} s)")
    if report.kept:
        why = ", ".join(f"{n} {code}" for code, n in report.dropped.items())
        dropped = f"; dropped: {why}; each row says which" if why else ""
        say(f"{report.kept} criteria kept, {report.kept / report.written:.1f} a row{dropped}")
    if report.errors:
        why = ", ".join(f"{n} {code}" for code, n in report.errors.items())
        say(f"failed: {why}; each row in {out} says why")
    if report.failed_before:
        say(f"failed in earlier runs: {counted(report.failed_before, 'row')}")
    if report.changed:
        rows = counted(report.changed, "row")
        say(f"changed: {rows} of the input; {out} keeps what they got before; name another --out")
    for what, n in report.other_settings.items():
        rows = counted(n, "row")
        say(f"set otherwise in {rows} that {out} held already: {what}; name another --out to write them anew")
    if report.answers_unused:
        say(f"--answers: {counted(report.answers_unused, 'answer')} with an id that no request has; not used")
    if stopped:
        say("stopped: no row can be asked; the rows that are done are kept, and the same command goes on from there")
    elif report.failed or report.failed_before:
        say("--retry-failed asks the failed rows again")
