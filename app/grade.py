"""`citerefine grade`: rubric scores of a file of answers, criterion by criterion.

In: run rows from a file or standard input, rubrics, a judge. Out: a table on standard output, or with `--json` the
`GradeSummary`; with `--out` a grade row for each run row, with `--html` a page; progress, refused rows and warnings on
standard error. Exit code 1 if a row could not be graded, a criterion has no verdict, or the judge could not be asked.
Not here: the work (judges/rubric/runs/), the page (judges/rubric/report/), judge and rubrics (grade_judge.py).
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import typer

from citerefine.app.grade_bill import bill, shared_with
from citerefine.app.grade_judge import Asking, calls_file, load_judge, load_shelf, trust_in
from citerefine.app.grade_progress import GradeProgress
from citerefine.app.grade_text import grade_lines
from citerefine.app.inputs import rows_source
from citerefine.app.messages import counted, say
from citerefine.app.outputs import check_output, write_output
from citerefine.judges.rubric.report.grade_page import GradePage
from citerefine.judges.rubric.runs.grade_file import grade_file
from citerefine.judges.rubric.runs.grade_row import GradeRow
from citerefine.judges.rubric.runs.grade_summary import GradeSummary
from citerefine.judges.rubric.runs.grade_task import GradeTask
from citerefine.judges.rubric.runs.grade_watch import GradeReport, GradeSettings, GradeWatch
from citerefine.refiner.errors import CallError, CiterefineError, InputError

_READ_ROWS: Final = "the rows of --out say why, one by one"
_WHY_NONE: Final = {
    "coverage": "the judge could not tell, or gave no verdict on, more than a fifth of each rubric's weight: words "
    "cannot tell form and absence, and a model can be named with --judge",
    "no_weight": "rubrics of faults only have nothing to earn by this formula; add a criterion that an answer should "
    "meet, or name --formula abs_norm",
}
"""Why no answer may have a score, and what to do: code → words."""


@dataclass(frozen=True, slots=True)
class GradeOutputs:
    """What a run is written to beside standard output."""

    out: Path | None = None
    html: Path | None = None
    as_json: bool = False


@dataclass(frozen=True, slots=True)
class RubricChoice:
    """Where rubrics come from."""

    file: Path | None = None
    """None: each row brings its own."""
    format: str = "auto"
    static: tuple[str, ...] = ()
    """Names of sets that are added to each."""


def run_grade(
    source: Path, rubrics: RubricChoice, asking: Asking, settings: GradeSettings, outputs: GradeOutputs
) -> None:
    """Grades and reports. Raises CiterefineError; exits with 1 if something could not be graded."""
    calls = calls_file(asking, outputs.out)
    _check(source, rubrics, outputs, calls)
    shelf = load_shelf(rubrics.file, rubrics.format, rubrics.static)
    judge = load_judge(asking, calls)
    trust = trust_in(judge.name)
    shared = "" if calls is None else shared_with(calls)
    for line in filter(None, [*trust, shared]):
        say(line)
    page = None if outputs.html is None else GradePage()

    def add_to_page(task: GradeTask, row: GradeRow) -> None:
        if page is not None:
            page.add(task, row)

    with GradeProgress(source) as shown:
        watch = GradeWatch(shown.progress, shown.refuse, shown.changed, add_to_page)
        try:
            rows = rows_source(source)
            summary = grade_file(rows, judge, shelf, settings=settings, out=outputs.out, watch=watch)
        except (KeyboardInterrupt, CiterefineError) as error:
            if isinstance(error, KeyboardInterrupt | CallError):
                _say_how_to_go_on(shown.report, outputs.out, calls)
            _say_what_is_paid(calls)
            raise
    if page is not None and outputs.html is not None:
        write_output(outputs.html, page.render(summary, source.name, trust=trust, when=date.today()))
    print(summary.model_dump_json(indent=2) if outputs.as_json else "\n".join(grade_lines(summary)))
    _say_what_is_left(shown.report, summary, source, outputs.out, calls)
    _say_what_is_paid(calls)
    if not shown.report.is_good or not summary.n:
        raise typer.Exit(1)


def _check(source: Path, rubrics: RubricChoice, outputs: GradeOutputs, calls: Path | None) -> None:
    """Raises InputError if a file is named for two things, or cannot be written."""
    written = [path for path in (outputs.out, outputs.html) if path is not None]
    for path in written:
        if str(path) == "-":
            raise InputError("'-' is no file to write; name one, or leave the option out: the summary is printed")
        check_output(path, ())
    named = [path for path in (source, rubrics.file, *written, calls) if path is not None and str(path) != "-"]
    if len({path.resolve() for path in named}) < len(named):
        raise InputError(f"one file is named for two things: {', '.join(map(str, named))}; name others")


def _say_how_to_go_on(report: GradeReport, out: Path | None, calls: Path | None) -> None:
    if out is not None:
        done = report.graded + report.done_before
        say(f"stopped: {out} holds the {counted(done, 'answer')} that are graded; the same command goes on from there")
    if calls is not None:
        say(
            f"{calls} keeps all replies: the same command pays for none of them again; what failed, was cut off or was "
            "under way is asked again"
        )
    elif out is None:
        say("the same command starts anew")


def _say_what_is_paid(calls: Path | None) -> None:
    if calls is not None and calls.exists():  # else nothing was asked
        with suppress(InputError):  # of a file that fails, the run has told
            say(bill(calls))


def _say_what_is_left(
    report: GradeReport, summary: GradeSummary, source: Path, out: Path | None, calls: Path | None
) -> None:
    if not report.rows:
        say(f"{source}: no rows")
    elif not summary.n:
        say(f"no answer has a score; {_WHY_NONE.get(next(iter(summary.not_graded), ''), _READ_ROWS)}")
    if out is not None and report.done_before:
        say(f"{out}: {counted(report.done_before, 'answer')} graded before, {report.graded} now")
    if report.changed:
        say(
            f"changed: {counted(report.changed, 'row')}; {out} keeps the grades of what they were; name another --out, "
            "or give changed rows new ids"
        )
    if report.not_in_input:
        say(f"{out} holds {counted(report.not_in_input, 'row')} that the input does not have; they count in no figure")
    if summary.failure_example:
        failed = counted(summary.failed, "cell")
        say(f"{failed} without a verdict; of the first the row says: {summary.failure_example}")
    if summary.failed and out is not None:
        kept = "" if calls is None else f"; replies that {calls} holds are used again, and not paid again"
        say(f"--retry-failed grades these answers again{kept}")
