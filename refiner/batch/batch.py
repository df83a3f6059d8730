"""Refines many rows: a bounded number at once, one row out for each row in, and any interruption can be resumed.

In: request rows, a file to write, a `Refiner`. Out: run rows in the order in which they are finished, a `BatchReport`.
A row that fails gives a row with the reason; what would fail every row stops the run, and the rows that are not done
stay undone. Memory grows with the concurrency, not with the rows. Not here: what rows are made of (requests.py), the
file (journal.py), showing progress (app/refine.py).
"""

import asyncio
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, BinaryIO, Final

from citerefine.refiner.batch.journal import Journal
from citerefine.refiner.batch.ledger import Ledger
from citerefine.refiner.batch.read_ahead import ReadAhead
from citerefine.refiner.batch.report import BatchReport, Watch
from citerefine.refiner.batch.requests import (
    ChangedRow,
    RefusedRow,
    RequestRow,
    RowFailure,
    ToDo,
    answered_row,
    failed_row,
    read_requests,
    refused_row,
    usage_of,
)
from citerefine.refiner.batch.rows import Row, opened_rows, read_rows
from citerefine.refiner.errors import CallError, CitationError, InputError, ReplyError
from citerefine.refiner.records import Usage
from citerefine.refiner.refiner import Refiner

FATAL: Final = frozenset({"unauthorized", "no_such_model", "budget"})
"""Codes of calls that fail for every row alike: the first one stops the run."""
OUTAGE_ROWS: Final = 3
"""So many rows in a row that find no server, or as many as run at once if that is more, stop the run too; before any
row reached the server, one does. They are a streak, which the first row ends that shows that the server is there."""

Source = str | os.PathLike[str] | BinaryIO


def refine_file(
    source: Source,
    out: str | os.PathLike[str],
    refiner: Refiner,
    *,
    concurrency: int = 8,
    retry_failed: bool = False,
    watch: Watch | None = None,
) -> BatchReport:
    """Refines the rows of a file into another, and goes on where an earlier run stopped; returns what was done.

    Args:
        source: IN, a file of request rows (docs/batch.md) or an open binary one.
        out: OUT, to which run rows are added; rows that it holds are not asked again, also if they ask something else
            now: the report counts these.
        refiner: who answers.
        concurrency: most rows at once.
        retry_failed: whether rows that OUT holds without an answer are asked again.
        watch: who is told what happens.

    Raises:
        InputError: if a file cannot be read or written, OUT holds something else than run rows, or rows of another
            model.
        CallError: if the model cannot be asked for any row; the rows that are done are in OUT.
        RuntimeError: inside a running event loop; await `arefine_file` there.
    """

    async def work() -> BatchReport:
        try:
            return await arefine_file(
                source, out, refiner, concurrency=concurrency, retry_failed=retry_failed, watch=watch
            )
        finally:  # its connections belong to this event loop, which ends here
            await refiner.aclose()

    return asyncio.run(work())


async def arefine_file(
    source: Source,
    out: str | os.PathLike[str],
    refiner: Refiner,
    *,
    concurrency: int = 8,
    retry_failed: bool = False,
    watch: Watch | None = None,
) -> BatchReport:
    """The same as `refine_file`, to be awaited; the refiner stays open. Cancelled, it keeps the rows that are done."""
    with (
        _opened(source, Path(out)) as file,
        Ledger() as ledger,
        Journal(out, refiner.model, ledger, retry_failed=retry_failed) as journal,
    ):
        batch = _Batch(refiner, journal.write, watch or Watch(), concurrency)
        batch.report.failed_before, batch.report.retried = journal.found.failed, journal.found.retried
        return await batch.run(read_rows(file), ledger)


async def refine_rows(
    rows: Iterable[Mapping[str, Any]],
    refiner: Refiner,
    write: Callable[[dict[str, Any]], None],
    *,
    concurrency: int = 8,
    watch: Watch | None = None,
) -> BatchReport:
    """The same for rows from anywhere: `write` gets each run row when it is finished.

    `rows` is read in a thread of its own, little ahead of what is being answered.

    Raises:
        CallError: if the model cannot be asked for any row.
    """
    numbered = (Row(number, 0, dict(values)) for number, values in enumerate(rows, 1))
    with Ledger() as ledger:
        return await _Batch(refiner, write, watch or Watch(), concurrency).run(numbered, ledger)


@contextmanager
def _opened(source: Source, out: Path) -> Iterator[BinaryIO]:
    """IN, open. Raises InputError if it cannot be read, or is OUT."""
    with opened_rows(source, "request rows") if isinstance(source, str | os.PathLike) else nullcontext(source) as file:
        if _is_same(file, out):
            raise InputError(f"{out} is the file that is read; name another --out")
        yield file


def _is_same(file: BinaryIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except OSError:  # there is no file at the path, or none behind the object
        return False


class _Batch:
    """One run over rows."""

    def __init__(
        self, refiner: Refiner, write: Callable[[dict[str, Any]], None], watch: Watch, concurrency: int
    ) -> None:
        if concurrency < 1:
            raise InputError(f"the concurrency is {concurrency}, and must be 1 or more")
        self.report = BatchReport()
        self._refiner, self._write, self._watch = refiner, write, watch
        self._concurrency = concurrency
        self._began = time.monotonic()
        self._reached = False
        self._streak: list[tuple[RequestRow, RowFailure]] = []
        """Rows that found no server: failed if the server turns out to be there, undone if the run stops."""

    async def run(self, rows: Iterator[Row], ledger: Ledger) -> BatchReport:
        """Writes one run row for each row that is not done. Raises CallError for what fails every row alike."""
        self._watch.progress(self.report)
        with ReadAhead(self._undone(rows, ledger), self._concurrency) as ahead:
            try:
                async with asyncio.TaskGroup() as workers:
                    for _ in range(self._concurrency):
                        workers.create_task(self._work(ahead))
            except BaseExceptionGroup as group:
                raise group.exceptions[0] from None
        self._fail_streak()
        self.report.not_in_input = ledger.count_unseen()
        self.report.seconds = time.monotonic() - self._began
        return self.report

    def _counted(self, rows: Iterator[Row]) -> Iterator[Row]:
        for row in rows:
            self.report.rows += 1
            self.report.bytes_read = row.end
            yield row

    def _undone(self, rows: Iterator[Row], ledger: Ledger) -> Iterator[ToDo]:
        for row in read_requests(self._counted(rows), ledger, self._refiner.settings.mode):
            if row is None or isinstance(row, ChangedRow):
                self.report.done_before += 1
            if row is not None:
                yield row

    async def _work(self, rows: ReadAhead[ToDo]) -> None:
        async for row in rows:
            match row:
                case RefusedRow():
                    self._refuse(row)
                case ChangedRow(line, id):
                    self.report.changed += 1
                    self._watch.changed(line, id)
                case RequestRow():
                    await self._ask(row)
            self.report.seconds = time.monotonic() - self._began
            self._watch.progress(self.report)

    def _refuse(self, row: RefusedRow) -> None:
        self._write(refused_row(row))
        self._count_failure(row.reason.code)
        self.report.refused += 1
        self._watch.refused(row.line, str(row.reason))

    async def _ask(self, row: RequestRow) -> None:
        try:
            answer = await self._refiner.arefine_request(row.request)
        except (CallError, ReplyError, CitationError) as error:
            self._take_failure(row, error)
            return
        self._end_streak()
        self._write(answered_row(row, answer))
        self.report.answered += 1
        self._add_usage(answer.usage)

    def _take_failure(self, row: RequestRow, error: RowFailure) -> None:
        """Raises the error if it is one of all rows; else it is this row's."""
        is_lost = error.code == "unreachable"
        if is_lost:
            self._streak.append((row, error))
        if error.code in FATAL or (is_lost and self._is_outage()):
            self._streak.clear()  # they stay undone, also if a row under way still gets its answer
            raise error
        if is_lost:
            return
        if error.code != "deadline":  # which may have passed without a word from the server
            self._end_streak()
        self._fail(row, error)

    def _is_outage(self) -> bool:
        return not self._reached or len(self._streak) >= max(OUTAGE_ROWS, self._concurrency)

    def _end_streak(self) -> None:
        """The server is there: who did not find it failed."""
        self._reached = True
        self._fail_streak()

    def _fail_streak(self) -> None:
        streak, self._streak = self._streak, []
        for row, error in streak:
            self._fail(row, error)

    def _fail(self, row: RequestRow, error: RowFailure) -> None:
        self._write(failed_row(row, error, self._refiner.model))
        self._count_failure(error.code)
        self._add_usage(usage_of(error))

    def _count_failure(self, code: str) -> None:
        self.report.failed += 1
        self.report.errors[code] = self.report.errors.get(code, 0) + 1

    def _add_usage(self, usage: Usage | None) -> None:
        if usage is not None:
            so_far = self.report.usage
            self.report.usage = usage if so_far is None else so_far + usage
