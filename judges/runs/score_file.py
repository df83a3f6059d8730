"""Scores a file of run rows: reads, deals out, writes and adds up.

In: run rows, a judge, settings. Out: score rows in the order of the run rows, and a `Summary` for each formula. Memory
grows with what is under way, and by 32 bytes a row. Judges that compute, `lexical` and `table:`, may use several
processes or machines; others are asked by many tasks of one process. Not here: showing progress and summaries
(app/score.py), reports (report/).
"""

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, aclosing, closing, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from citerefine.judges.calibration.card_files import find_agreement
from citerefine.judges.judge import SupportJudge
from citerefine.judges.loading import load_support_judge
from citerefine.judges.runs.outage import ANSWERS, OutageGuard
from citerefine.judges.runs.ray_workers import score_on_ray
from citerefine.judges.runs.run_rows import ReadRow, RefusedRow, read_run_rows, refuse_score_rows
from citerefine.judges.runs.score_chunk import Scored, ScoreSettings, cut_chunks
from citerefine.judges.runs.score_row import ScoreRow
from citerefine.judges.runs.score_tasks import score_with_tasks
from citerefine.judges.runs.score_writer import ScoreWriter
from citerefine.judges.runs.summary import Summary
from citerefine.judges.runs.tally import Tally
from citerefine.judges.runs.workers import score_chunks
from citerefine.refiner.batch.ledger import Ledger
from citerefine.refiner.batch.rows import opened_rows, read_rows
from citerefine.refiner.errors import InputError

Source = str | os.PathLike[str] | BinaryIO


@dataclass(slots=True)
class ScoreReport:
    """How far a run is; grows while it runs."""

    rows: int = 0
    """Rows that are done."""
    bytes_done: int = 0
    """Of the run file, as far as the rows go that are done."""
    refused: int = 0
    """Rows that could not be scored."""
    failed: int = 0
    """Units that the judge came to no verdict on."""
    seconds: float = 0.0


def _nobody(*told: object) -> None:
    """Takes what nobody asked for."""


@dataclass(frozen=True, slots=True)
class ScoreWatch:
    """Who is told what happens; called between rows."""

    progress: Callable[[ScoreReport], None] = _nobody
    """Gets the report after each row; the same object each time."""
    refused: Callable[[RefusedRow], None] = _nobody
    """Gets each row that could not be scored."""
    broken_card: Callable[[str, str], None] = _nobody
    """Gets each file that should be a judge card and is none, and why."""
    row: Callable[[ScoreRow], None] | None = None
    """Gets each score row, if somebody wants them."""


@dataclass(frozen=True, slots=True)
class Power:
    """What a run may use at once. Raises InputError for what does not go together."""

    concurrency: int = 8
    """Most rows that a judge is asked about at once, if it is a model."""
    workers: int = 1
    """Processes, if it computes."""
    ray: str | None = None
    """Address of a Ray cluster (ray_workers.py) that scores in place of this machine."""

    def __post_init__(self) -> None:
        if self.concurrency < 1 or self.workers < 1:
            raise InputError(f"concurrency is {self.concurrency} and workers is {self.workers}; both must be 1 or more")
        if self.ray is not None and self.workers > 1:
            raise InputError("Ray uses all cores of its machines; give either workers or the address of a cluster")

    def check(self, judge: str) -> None:
        """Raises InputError if a judge of this string or name cannot be in several processes, and should be."""
        if not computes(judge) and (self.workers > 1 or self.ray is not None):
            raise InputError(f"several processes are for the judges lexical and table:; {judge} works with concurrency")


def computes(judge: str) -> bool:
    """Whether a judge of this string needs nothing but a processor, and so can be in many processes at once."""
    return judge == "lexical" or judge.startswith("table:")


def score_file(
    source: Source,
    settings: ScoreSettings | None = None,
    *,
    judge: SupportJudge | None = None,
    out: str | os.PathLike[str] | None = None,
    power: Power | None = None,
    watch: ScoreWatch | None = None,
) -> list[Summary]:
    """Scores the rows of a file; returns a summary for each formula, in the order of the settings.

    Args:
        source: a file of run rows (docs/scoring.md) or an open binary one.
        settings: judge, formulas and form of citations.
        judge: takes the place of the judge that the settings name, and is closed at the end.
        out: file of score rows to write: one for each row and formula.
        power: what may be used at once.
        watch: who is told what happens.

    Raises:
        InputError: if a file cannot be read or written, or holds score rows, or settings and power do not go together.
        ModelError: if the judge's string names none.
        CallError: if the judge cannot go on, or could not be asked about any of the first answers (outage.py);
            `OUT.part` holds the rows that are done.
        WorkerError: if a process that scores dies.
        RuntimeError: inside a running event loop, with a model as judge; await `asyncio.to_thread(score_file, …)`.
    """
    settings, power = settings or ScoreSettings(), power or Power()
    in_processes = judge is None and computes(settings.judge)
    power.check(settings.judge if judge is None else f"object {judge.name}")
    with ExitStack() as stack:
        opened = opened_rows(source, "run rows") if isinstance(source, str | os.PathLike) else nullcontext(source)
        file = stack.enter_context(opened)
        if out is not None and _is_same(file, Path(out)):
            raise InputError(f"{out} is the file that is read; name another --out")
        looked_at = refuse_score_rows(read_rows(file))
        ledger = stack.enter_context(Ledger())
        writer = None if out is None else stack.enter_context(ScoreWriter(Path(out)))
        run = _Run(settings, writer, watch or ScoreWatch())
        rows = read_run_rows(looked_at, ledger)
        judge = judge or load_support_judge(settings.judge)
        if in_processes:
            run.compute(rows, power)
        else:
            asyncio.run(run.ask(rows, judge, power.concurrency))
        agreement = find_agreement(judge.name, broken=run.watch.broken_card)
        summaries = [tally.summary(judge.name, agreement) for tally in run.tallies]
        if writer is not None:
            writer.finish()
    return summaries


def _is_same(file: BinaryIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except OSError:  # there is no file at the path, or none behind the object
        return False


@dataclass(slots=True)
class _Run:
    """One run over a file."""

    settings: ScoreSettings
    writer: ScoreWriter | None
    watch: ScoreWatch
    tallies: list[Tally] = field(init=False)
    report: ScoreReport = field(default_factory=ScoreReport)
    _began: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.tallies = [Tally(formula) for formula in self.settings.formulas]

    def compute(self, rows: Iterator[ReadRow], power: Power) -> None:
        chunks = cut_chunks(rows)
        if power.ray is not None:
            done = score_on_ray(chunks, self.settings, power.ray)
        else:
            done = score_chunks(chunks, self.settings, power.workers)
        with closing(done):
            for chunk in done:
                for scored in chunk:
                    self._take(scored)

    async def ask(self, rows: Iterator[ReadRow], judge: SupportJudge, concurrency: int) -> None:
        try:
            second = load_support_judge("lexical")
            guard = OutageGuard(judge, ANSWERS * len(self.settings.formulas))  # each formula asks anew
            async with aclosing(score_with_tasks(rows, self.settings, guard, concurrency, second)) as done:
                async for scored in done:
                    self._take(scored)
        finally:
            await judge.aclose()

    def _take(self, scored: Scored) -> None:
        for tally, line, figures in zip(self.tallies, scored.lines, scored.figures, strict=True):
            if self.writer is not None:
                self.writer.write(line)
            tally.add(figures)
            if self.watch.row is not None:
                self.watch.row(ScoreRow.model_validate_json(line))
        if scored.refused is not None:
            self.report.refused += 1
            self.watch.refused(scored.refused)
        self.report.rows += 1
        self.report.bytes_done += scored.size
        self.report.failed = sum(tally.failed for tally in self.tallies)
        self.report.seconds = time.monotonic() - self._began
        self.watch.progress(self.report)
