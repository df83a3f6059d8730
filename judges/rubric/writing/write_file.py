"""Writes a rubric for each row of a file: a bounded number at once, and any interruption can be resumed.

In: request rows, perhaps answers to them, a chat model. Out: rows with criteria in the order in which they are
finished, and a `WriteReport`. A row for which nothing can be written gives a row with the reason; what would fail every
row stops the run, and the rows that are not done stay undone. Not here: writing one rubric
(citerefine.rubrics.generation), the rows (written_row.py), showing progress (app/).
"""

import asyncio
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

from citerefine.judges.rubric.writing.answer_store import AnswerStore
from citerefine.judges.rubric.writing.model_writer import ModelWriter, WriterError, WriterSampling
from citerefine.judges.rubric.writing.written_row import Writer, WrittenFile, failed_row, refused_row, written_row
from citerefine.refiner.batch.batch import FATAL
from citerefine.refiner.batch.ledger import Ledger
from citerefine.refiner.batch.read_ahead import ReadAhead
from citerefine.refiner.batch.requests import ChangedRow, RefusedRow, RequestRow, ToDo, read_requests
from citerefine.refiner.batch.rows import Row, opened_rows, read_rows
from citerefine.refiner.errors import CallError, InputError
from citerefine.refiner.protocols import ChatModel
from citerefine.refiner.records import Mode, Snippet, Usage
from citerefine.rubrics.errors import GenerationError, RubricError
from citerefine.rubrics.generation.generate import Dropped, Generated, generate
from citerefine.rubrics.loading import read_row_rubric

STOPS: Final = FATAL | {"unreachable"}
"""Codes of calls after which the run stops: what fails every row, and a server that is gone, whom the client has tried
again already."""
Source = str | os.PathLike[str] | BinaryIO


@dataclass(frozen=True, slots=True)
class WriteSettings:
    """What is written, and how."""

    n_positive: int = 6
    n_negative: int = 3
    sampling: WriterSampling = field(default_factory=WriterSampling)
    concurrency: int = 8
    retry_failed: bool = False

    @property
    def deciding(self) -> dict[str, int | float]:
        """What decides what is written, by name."""
        drawn = self.sampling.model_dump(exclude={"deadline"})
        return {"positive": self.n_positive, "negative": self.n_negative, **drawn}


@dataclass(slots=True)
class WriteReport:
    """What a run did; grows while it runs."""

    rows: int = 0
    """Rows of IN that were read so far."""
    bytes_read: int = 0
    done_before: int = 0
    """Of these, rows that OUT held when the run began."""
    changed: int = 0
    """Of these, rows that ask something else than they did then."""
    other_settings: dict[str, int] = field(default_factory=dict)
    """What rows that OUT held were written with, and this run does not: in words → rows."""
    answers_unused: int = 0
    """Answers that were given and belong to no row of IN; known when all rows were read."""
    written: int = 0
    """Rows that got criteria in this run."""
    failed: int = 0
    """Rows that got none."""
    failed_before: int = 0
    """Rows without criteria that earlier runs wrote and OUT still holds."""
    kept: int = 0
    """Criteria."""
    dropped: dict[str, int] = field(default_factory=dict)
    """Criteria that were not kept: code → how many."""
    errors: dict[str, int] = field(default_factory=dict)
    """Why rows got no criteria: code → rows."""
    usage: Usage | None = None
    seconds: float = 0.0

    @property
    def is_good(self) -> bool:
        """Whether every row that OUT holds has criteria, and those for what IN asks."""
        return not (self.failed or self.failed_before or self.changed)


@dataclass(frozen=True, slots=True)
class WriteWatch:
    """Who is told what happens; called between rows, in the thread of the event loop."""

    progress: Callable[[WriteReport], None]
    refused: Callable[[int, str], None]
    """Line and reason of a row that is no request."""


async def write_rubrics(
    source: Source,
    out: str | os.PathLike[str],
    model: ChatModel,
    settings: WriteSettings,
    answers: AnswerStore,
    watch: WriteWatch,
) -> WriteReport:
    """Writes a rubric for each row that OUT does not hold. Cancelled, it keeps the rows that are done.

    Raises:
        InputError: if a file cannot be read or written, or OUT holds something else.
        CallError: if the model cannot be asked for any row; the rows that are done are in OUT.
    """
    opened = opened_rows(source, "request rows") if isinstance(source, str | os.PathLike) else nullcontext(source)
    with opened as file:
        if _is_same(file, Path(out)):
            raise InputError(f"{out} is the file that is read; name another --out")
        writer = Writer(model.name, settings.deciding)
        with Ledger() as ledger, WrittenFile(out, writer, ledger, retry_failed=settings.retry_failed) as written:
            run = _Run(model, writer, settings, answers, written, watch)
            run.report.failed_before = written.found.failed
            run.report.other_settings = dict(written.other_settings)
            return await run.work(read_rows(file), ledger)


def _is_same(file: BinaryIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except OSError:  # there is no file at the path, or none behind the object
        return False


def _shown(snippet: Snippet) -> str:
    return f"{snippet.title}\n{snippet.text}" if snippet.title else snippet.text


class _Run:
    """One run over rows."""

    def __init__(
        self,
        model: ChatModel,
        writer: Writer,
        settings: WriteSettings,
        answers: AnswerStore,
        out: WrittenFile,
        watch: WriteWatch,
    ) -> None:
        self.report = WriteReport()
        self._writer = writer
        self._model, self._settings, self._answers, self._out, self._watch = model, settings, answers, out, watch
        self._began = time.monotonic()

    async def work(self, rows: Iterator[Row], ledger: Ledger) -> WriteReport:
        """Writes a row for each that is not done."""
        self._watch.progress(self.report)
        with ReadAhead(self._undone(rows, ledger), self._settings.concurrency) as ahead:
            try:
                async with asyncio.TaskGroup() as workers:
                    for _ in range(self._settings.concurrency):
                        workers.create_task(self._take(ahead))
            except BaseExceptionGroup as group:
                raise group.exceptions[0] from None
        self.report.answers_unused = self._answers.n_unused()
        self._watch.progress(self.report)
        return self.report

    def _undone(self, rows: Iterator[Row], ledger: Ledger) -> Iterator[ToDo]:
        for row in read_requests(self._counted(rows), ledger, Mode.ANSWER_ONLY):
            if row is None or isinstance(row, ChangedRow):
                self.report.done_before += 1
            if row is not None:
                yield row

    def _counted(self, rows: Iterator[Row]) -> Iterator[Row]:
        for row in rows:
            self.report.rows, self.report.bytes_read = self.report.rows + 1, row.end
            if isinstance(row.values, dict):
                self._answers.ask(row.values.get("id"))
            yield row

    async def _take(self, rows: ReadAhead[ToDo]) -> None:
        async for row in rows:
            match row:
                case RefusedRow():
                    self._out.write(refused_row(row))
                    self._count_failure(row.reason.code)
                    self._watch.refused(row.line, str(row.reason))
                case ChangedRow():
                    self.report.changed += 1
                case RequestRow():
                    await self._write(row)
            self.report.seconds = time.monotonic() - self._began
            self._watch.progress(self.report)

    async def _write(self, row: RequestRow) -> None:
        writer = ModelWriter(self._model, self._settings.sampling)
        if row.values.get("rubrics") is not None:
            message = "the row has `rubrics`, beside which it cannot have others; make them `positive_rubrics` first"
            self._fail(row, "unusable", message, None)
            return
        try:
            generated = await generate(
                row.request.question,
                [(snippet.id, _shown(snippet)) for snippet in row.request.evidence.snippets],
                writer=writer,
                answers=self._answers.of(row.id),
                existing=read_row_rubric(row.values),
                n_positive=self._settings.n_positive,
                n_negative=self._settings.n_negative,
            )
        except CallError as error:
            if error.code in STOPS:
                raise
            self._fail(row, error.code, str(error), writer.usage)
        except WriterError as error:
            self._fail(row, error.code, str(error), writer.usage)
        except GenerationError as error:
            self._fail(row, "unreadable", str(error), writer.usage)
        except RubricError as error:
            self._fail(row, "unusable", str(error), writer.usage)
        else:
            self._keep(row, generated, writer.usage)

    def _keep(self, row: RequestRow, generated: Generated, usage: Usage | None) -> None:
        for one in generated.dropped:
            self.report.dropped[one.code] = self.report.dropped.get(one.code, 0) + 1
        n_kept = len(generated.rubric.criteria)
        if not n_kept:
            message = f"none of {len(generated.dropped)} criteria was fit to keep; the row says why of each"
            self._fail(row, "none_kept", message, usage, generated.dropped)
            return
        self._out.write(written_row(row, generated, self._writer, usage))
        self.report.written, self.report.kept = self.report.written + 1, self.report.kept + n_kept
        self._add_usage(usage)

    def _fail(
        self, row: RequestRow, code: str, message: str, usage: Usage | None, dropped: Sequence[Dropped] = ()
    ) -> None:
        self._out.write(failed_row(row, code, message, self._writer, usage, dropped))
        self._count_failure(code)
        self._add_usage(usage)

    def _count_failure(self, code: str) -> None:
        self.report.failed += 1
        self.report.errors[code] = self.report.errors.get(code, 0) + 1

    def _add_usage(self, usage: Usage | None) -> None:
        if usage is not None:
            self.report.usage = usage if self.report.usage is None else self.report.usage + usage
