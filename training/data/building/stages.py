"""Takes rows through stages: a bounded number at once, each stage once, and any interruption can be gone on from.

In: rows, stages, a folder. Out: in the folder a file for each stage (stage_file.py), and a `WorkReport`. A row of which
a stage makes nothing keeps the reason, and goes no further; what would fail every row stops the run, and the rows that
are not done stay undone. Memory grows with the concurrency, not with the rows. Not here: the stages.
"""

import asyncio
import hashlib
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple, Protocol, Self

from citerefine.judges.rubric.writing.model_writer import WriterError
from citerefine.judges.rubric.writing.write_file import STOPS
from citerefine.refiner.batch.read_ahead import ReadAhead
from citerefine.refiner.errors import CallError, CitationError, InputError, ReplyError
from citerefine.refiner.records import Usage
from citerefine.rubrics.errors import RubricError
from citerefine.training.data.building.stage_file import Failure, Made, StageFile

Values = Mapping[str, Any]
"""A row, as an object of a file, with what stages added."""

FRUITLESS: Final = frozenset({"no_evidence", "none_kept"})
"""Codes of stages that did what they should, and found nothing."""
USED: Final = "usage"
"""Field of what a stage made that says what its calls consumed."""


class StageError(Exception):
    """A stage can make nothing of a row. `code` tells reasons apart, and the report counts them by it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Stage(Protocol):
    """One thing that is done with each row."""

    @property
    def name(self) -> str:
        """Of its file and in reports."""
        ...

    @property
    def settings(self) -> Mapping[str, Any]:
        """All that decides what it makes of a row, as JSON values."""
        ...

    async def make(self, row: Values) -> dict[str, Any]:
        """What is added to a row.

        Raises StageError, and the errors of models and rubrics, where that is nothing.
        """
        ...


@dataclass(slots=True)
class WorkReport:
    """What a run did; grows while it runs."""

    rows: int = 0
    """Rows that are through, well or not."""
    total: int | None = None
    """Rows that there are; None where nobody knows."""
    done_before: int = 0
    """Of these, rows that needed nothing to be done."""
    made: dict[str, int] = field(default_factory=dict)
    """Stage → rows that it made something of, in this run."""
    failed: dict[str, int] = field(default_factory=dict)
    """`stage: code` → rows that got no further, in this run or before."""
    usage: Usage | None = None
    """What this run's calls consumed, as far as they say; None if there were none."""
    seconds: float = 0.0

    @property
    def is_good(self) -> bool:
        """Whether no stage failed on a row."""
        return all(name.rpartition(": ")[2] in FRUITLESS for name in self.failed)


class Through(NamedTuple):
    """A row behind all stages."""

    values: Values
    """With what all stages up to the failure added."""
    failure: Failure | None
    stage: str = ""
    """That failed."""


@dataclass(frozen=True, slots=True)
class WorkWatch:
    """Who is told what happens; called between rows, in the thread of the event loop."""

    progress: Callable[[WorkReport], None] = lambda report: None


class Work:
    """Stages with their files; also a context manager, which opens and closes these."""

    def __init__(self, stages: Sequence[Stage], folder: Path, command: str, *, retry_failed: bool = False) -> None:
        """Opens nothing yet.

        Args:
            stages: in order; each sees what those before it added.
            folder: of the files; it is made.
            command: who writes them.
            retry_failed: whether rows that failed in an earlier run are tried again.
        """
        self.report = WorkReport()
        self._stages, self._folder, self._command, self._retry = stages, folder, command, retry_failed
        self._files = dict[str, StageFile]()
        self._open = ExitStack()

    def __enter__(self) -> Self:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"{self._folder} cannot be made: {error.strerror}; name another folder") from error
        with ExitStack() as opened:
            for stage in self._stages:
                file = StageFile(self._folder / f"{stage.name}.jsonl", self._command)
                self._files[stage.name] = opened.enter_context(file)
            self._open = opened.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    async def run(self, rows: Iterable[Values], concurrency: int, watch: WorkWatch | None = None) -> None:
        """Takes all rows through. Cancelled, it keeps what is done.

        Raises:
            CallError: if a model cannot be asked for any row.
            CiterefineError: whatever else ends the run, as a judge that gives no verdicts, or a full disk.
        """
        began, told = time.monotonic(), watch or WorkWatch()

        async def take(ahead: ReadAhead[Values]) -> None:
            async for row in ahead:
                await self._take(row)
                self.report.seconds = time.monotonic() - began
                told.progress(self.report)

        with ReadAhead(iter(rows), concurrency) as ahead:
            try:
                async with asyncio.TaskGroup() as workers:
                    for _ in range(concurrency):
                        workers.create_task(take(ahead))
            except BaseExceptionGroup as group:
                raise group.exceptions[0] from None
        self.report.seconds = time.monotonic() - began

    async def _take(self, row: Values) -> None:
        worked, values = False, row
        for stage, key in self._keyed(row):
            file = self._files[stage.name]
            made = file.find(row["id"], key)
            if made is None or (made.failure is not None and self._retry):
                made, worked = await _made(stage, values), True
                file.add(row["id"], key, made)
                self._note(stage, made)
            if made.values is None:
                _count(self.report.failed, f"{stage.name}: {made.failure.code if made.failure else ''}")
                break
            values = {**values, **made.values}
        self.report.rows += 1
        self.report.done_before += not worked

    def _note(self, stage: Stage, made: Made) -> None:
        if made.values is None:
            return
        _count(self.report.made, stage.name)
        if used := made.values.get(USED):
            usage = Usage.model_validate(used)
            self.report.usage = usage if self.report.usage is None else self.report.usage + usage

    def through(self, row: Values) -> Through:
        """What the stages made of a row that was taken through. Raises InputError if it was not."""
        values = row
        for stage, key in self._keyed(row):
            made = self._files[stage.name].find(row["id"], key)
            if made is None:
                raise InputError(f"{self._folder} lacks the row {row['id']!r}; it was changed meanwhile: start again")
            if made.values is None:
                return Through(values, made.failure, stage.name)
            values = {**values, **made.values}
        return Through(values, None)

    def _keyed(self, row: Values) -> Iterator[tuple[Stage, str]]:
        """Each stage with the key of its result: what the row is, and the settings of it and of all before it."""
        key = _digest(dict(row))
        for stage in self._stages:
            key = _digest([key, stage.name, dict(stage.settings)])
            yield stage, key


def _count(counts: dict[str, int], name: str) -> None:
    counts[name] = counts.get(name, 0) + 1


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:32]


async def _made(stage: Stage, row: Values) -> Made:
    """What the stage makes of the row, or why that is nothing; raises what ends the run."""
    try:
        return Made(await stage.make(row))
    except CallError as error:
        if error.code in STOPS:
            raise
        return Made(None, Failure(error.code, str(error)))
    except (StageError, ReplyError, CitationError, WriterError) as error:
        return Made(None, Failure(error.code, str(error)))
    except RubricError as error:
        return Made(None, Failure("rubric", str(error)))
