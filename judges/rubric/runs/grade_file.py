"""Grades a file of run rows: a bounded number at once, and any interruption can be resumed.

In: run rows, a rubric judge, rubrics. Out: grade rows in the order in which they are finished, and a `GradeSummary` of
all rows of IN, also of those that OUT held before. Memory grows with what is under way, and by some 40 bytes a row.
What would fail every row stops the run, and so does a server that fails ANSWERS answers in a row; the rows that are not
done stay undone. Not here: what one answer is worth (judges/rubric/grading.py), the file (grade_out.py), showing
progress (app/).
"""

import asyncio
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import BinaryIO, NamedTuple

from citerefine.judges.rubric.grading import agrade
from citerefine.judges.rubric.rubric_judge import RubricJudge
from citerefine.judges.rubric.runs.grade_out import GradedBy, GradeOut
from citerefine.judges.rubric.runs.grade_row import CellRow, GradeRow, refused_row
from citerefine.judges.rubric.runs.grade_summary import GradeSummary
from citerefine.judges.rubric.runs.grade_tally import GradeTally
from citerefine.judges.rubric.runs.grade_task import GradeTask, read_task
from citerefine.judges.rubric.runs.grade_watch import GradeReport, GradeSettings, GradeWatch
from citerefine.judges.rubric.runs.matching import RubricShelf
from citerefine.judges.runs.outage import ANSWERS, FAILURES
from citerefine.judges.runs.run_rows import (
    ReadRow,
    RefusedRow,
    RunRow,
    is_refused_by_refine,
    read_run_rows,
    refuse_score_rows,
)
from citerefine.refiner.batch.ledger import Ledger, id_key, line_key
from citerefine.refiner.batch.read_ahead import ReadAhead
from citerefine.refiner.batch.rows import BadRow, opened_rows, read_rows
from citerefine.refiner.errors import CallError, InputError
from citerefine.rubrics.aggregation import default_formula

Source = str | os.PathLike[str] | BinaryIO
CHANGED = "changed"
"""Why a row has no score that OUT has a grade of something else of."""


def grade_file(
    source: Source,
    judge: RubricJudge,
    shelf: RubricShelf,
    *,
    settings: GradeSettings | None = None,
    out: str | os.PathLike[str] | None = None,
    watch: GradeWatch | None = None,
) -> GradeSummary:
    """Grades the rows of a file, and goes on where an earlier run stopped; closes the judge.

    Args:
        source: a file of run rows (docs/scoring.md) or an open binary one.
        judge: says how far criteria are met.
        shelf: the rubrics.
        settings: formula, form of citations, concurrency.
        out: file of grade rows, to which is added; what it holds is not asked again.
        watch: who is told what happens.

    Raises:
        InputError: if a file cannot be read or written, OUT holds something else, or grades of another judge, formula
            or rubric.
        CallError: if the judge cannot go on, or could not be asked about any of ANSWERS answers in a row; the rows that
            are done are in OUT.
        RuntimeError: inside a running event loop; await `agrade_file` there.
    """

    async def work() -> GradeSummary:
        try:
            return await agrade_file(source, judge, shelf, settings=settings, out=out, watch=watch)
        finally:  # its connections belong to this event loop, which ends here
            await judge.aclose()

    return asyncio.run(work())


async def agrade_file(
    source: Source,
    judge: RubricJudge,
    shelf: RubricShelf,
    *,
    settings: GradeSettings | None = None,
    out: str | os.PathLike[str] | None = None,
    watch: GradeWatch | None = None,
) -> GradeSummary:
    """The same as `grade_file`, to be awaited; the judge stays open. Cancelled, it keeps the rows that are done."""
    settings, watch = settings or GradeSettings(), watch or GradeWatch()
    with ExitStack() as stack:
        opened = opened_rows(source, "run rows") if isinstance(source, str | os.PathLike) else nullcontext(source)
        file = stack.enter_context(opened)
        if out is not None and _is_same(file, Path(out)):
            raise InputError(f"{out} is the file that is read; name another --out")
        rows = refuse_score_rows(read_rows(file))
        ledger = stack.enter_context(Ledger())
        by = GradedBy(judge.name, settings.formula, shelf.keys)
        grades = None
        if out is not None:
            grades = stack.enter_context(GradeOut(out, by, ledger, retry_failed=settings.retry_failed))
        run = _Run(judge, shelf, settings, grades, watch)
        return await run.grade(read_run_rows(rows, ledger), ledger)


def _is_same(file: BinaryIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except OSError:  # there is no file at the path, or none behind the object
        return False


class _Looked(NamedTuple):
    """A row of IN, and where OUT has its grade."""

    row: ReadRow
    place: bytes | None


class _Run:
    """One run over a file."""

    def __init__(
        self, judge: RubricJudge, shelf: RubricShelf, settings: GradeSettings, out: GradeOut | None, watch: GradeWatch
    ) -> None:
        self._judge, self._shelf, self._settings, self._out, self._watch = judge, shelf, settings, out, watch
        self._tally = GradeTally()
        self._report = GradeReport(retried=out.found.retried if out is not None else 0)
        self._began = time.monotonic()
        self._is_there = False
        self._held: list[tuple[GradeTask, GradeRow]] = []
        """The latest answers, if nothing of them could be judged, as if there were no server: undone if the run
        stops."""

    async def grade(self, rows: Iterator[ReadRow], ledger: Ledger) -> GradeSummary:
        """What all rows add up to. Raises CallError for what fails every row alike."""
        self._watch.progress(self._report)
        with ReadAhead(_looked_up(rows, ledger), self._settings.concurrency) as ahead:
            try:
                async with asyncio.TaskGroup() as workers:
                    for _ in range(self._settings.concurrency):
                        workers.create_task(self._work(ahead))
            except BaseExceptionGroup as group:
                raise group.exceptions[0] from None
        self._let_go()
        self._report.not_in_input = ledger.count_unseen()
        self._tell()
        return self._tally.summary(self._judge.name)

    async def _work(self, rows: ReadAhead[_Looked]) -> None:
        async for row, place in rows:
            if isinstance(row, RefusedRow):
                self._refuse(row.line, row.id, row.code, row.message)
            else:
                await self._grade(row, place)
            self._report.rows += 1
            self._report.bytes_done += row.size
            self._tell()

    def _tell(self) -> None:
        self._report.failed = self._tally.failed
        self._report.seconds = time.monotonic() - self._began
        self._watch.progress(self._report)

    async def _grade(self, row: RunRow, place: bytes | None) -> None:
        try:
            task = read_task(row, self._shelf, self._settings.form)
        except BadRow as reason:
            if place is None:
                self._refuse(row.line, row.id, reason.code, str(reason))
            else:
                self._note_change(row)
            return
        if place is None:
            self._take_new(task, await self._ask(task))
            return
        before = self._row_at(place)
        if self._still_holds(before, task):
            self._report.done_before += 1
            self._take(task, before)
        else:
            self._note_change(row)

    def _row_at(self, place: bytes) -> GradeRow:
        assert self._out is not None  # or nothing was done before
        return self._out.row_at(place)

    def _still_holds(self, before: GradeRow, task: GradeTask) -> bool:
        formula = self._settings.formula or default_formula(task.rubric)
        return (before.asked, before.rubric, before.formula) == (task.asked, task.rubric.key, formula)

    async def _ask(self, task: GradeTask) -> GradeRow:
        score = await agrade(
            task.answer,
            task.rubric,
            self._judge,
            question=task.question,
            snippets=task.snippets,
            formula=self._settings.formula,
            raw=task.raw,
        )
        line = task.line if task.id is None else None
        return GradeRow.of(score, id=task.id, line=line, question=task.question, system=task.system, asked=task.asked)

    def _take_new(self, task: GradeTask, row: GradeRow) -> None:
        """Writes a new grade; holds it back while there may be no server. Raises CallError if there is none."""
        asked = _asked(task, row)
        if asked and all(cell.failure in FAILURES for cell in asked):
            self._held.append((task, row))
            if len(self._held) >= ANSWERS:
                raise _outage(asked[-1], was_there=self._is_there)
            return
        if asked:
            self._is_there = True
            self._let_go()
        self._write(task, row)

    def _let_go(self) -> None:
        held, self._held = self._held, []
        for task, row in held:
            self._write(task, row)

    def _write(self, task: GradeTask, row: GradeRow) -> None:
        if self._out is not None:
            self._out.write(row)
        self._report.graded += 1
        self._take(task, row)

    def _take(self, task: GradeTask, row: GradeRow) -> None:
        self._tally.add(task, row)
        self._watch.row(task, row)

    def _refuse(self, line: int, id: str | int | None, code: str, message: str) -> None:
        if self._out is not None:
            self._out.write(refused_row(id, line, code, message, self._judge.name))
        self._tally.skip(code)
        self._report.refused += 1
        self._watch.refused(line, code, message)

    def _note_change(self, row: RunRow) -> None:
        self._tally.skip(CHANGED)
        self._report.changed += 1
        self._watch.changed(row.line, row.id)


def _looked_up(rows: Iterator[ReadRow], ledger: Ledger) -> Iterator[_Looked]:
    """Each row, with the place of its grade if OUT has one."""
    for row in rows:
        if isinstance(row, RefusedRow) or (row.id is not None and is_refused_by_refine(row.values)):
            yield _Looked(row, None)  # the grade of its id, if there is one, is another row's
            continue
        key = line_key(row.line) if row.id is None else id_key(row.id)
        if row.id is None:
            ledger.see(key)
        yield _Looked(row, ledger.asked(key))


def _asked(task: GradeTask, row: GradeRow) -> list[CellRow]:
    """The cells that the judge was asked for; the others say nothing of its server."""
    ids = {leaf.id for leaf in task.rubric.judged if leaf.verifier == "llm"}
    return [] if row.gate else [cell for cell in row.cells if cell.criterion in ids]


def _outage(last: CellRow, *, was_there: bool) -> CallError:
    return CallError(
        f"nothing of {'the last' if was_there else 'the first'} {ANSWERS} answers could be judged; the last reason was "
        f"{last.reason}; see that the judge's server answers, then give the same command again",
        last.failure,
        retryable=True,
    )
