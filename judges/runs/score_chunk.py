"""Scores some rows of a run: the one function that one process, many processes and many machines share.

In: rows, and settings that can be sent anywhere. Out: `Scored`, for each row what is written and what it adds to the
summary. Pure: nothing is kept between calls but the judge. Not here: reading rows (run_rows.py), dealing chunks out
(workers.py, ray_workers.py).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from citerefine.judges.formulas import FORMULAS
from citerefine.judges.imports.reading import FORMS
from citerefine.judges.judge import SupportJudge
from citerefine.judges.loading import load_support_judge
from citerefine.judges.runs.run_rows import UNANSWERED, ReadRow, RefusedRow, RunAnswer, RunRow, read_run_row
from citerefine.judges.runs.score_row import RowError, ScoreRow, score_row
from citerefine.judges.runs.second_opinion import with_second_opinion
from citerefine.judges.runs.tally import Figures, figures_of
from citerefine.refiner.background import run
from citerefine.refiner.batch.rows import BadRow
from citerefine.refiner.errors import InputError

CHUNK_ROWS: Final = 64
CHUNK_BYTES: Final = 1 << 20
"""A chunk ends with the row that reaches either."""


@dataclass(frozen=True, slots=True)
class ScoreSettings:
    """How rows are scored. Raises InputError for a formula or a form that nobody knows."""

    judge: str = "lexical"
    """As `load_support_judge` reads it."""
    formulas: tuple[str, ...] = ("citerefine",)
    """Keys of `formulas.FORMULAS`; each gives a score row."""
    form: str = "auto"
    """How answers write citations, a key of `imports.reading.FORMS`."""

    def __post_init__(self) -> None:
        unknown = [name for name in self.formulas if name not in FORMULAS]
        if unknown or not self.formulas:
            raise InputError(f"no formula is called {', '.join(unknown)!r}; there are: {', '.join(FORMULAS)}")
        if len({*self.formulas}) < len(self.formulas):
            raise InputError(f"a formula is named twice: {', '.join(self.formulas)}; name each once")
        if self.form not in FORMS:
            raise InputError(f"no form of citations is called {self.form!r}; there are: {', '.join(FORMS)}")


class Scored(NamedTuple):
    """What became of one row of a run."""

    lines: tuple[bytes, ...]
    """The score row of each formula, as JSON."""
    figures: tuple[Figures, ...]
    size: int
    """Bytes of the row."""
    refused: RefusedRow | None = None
    """Why the row could not be scored, if it could not."""


def cut_chunks(rows: Iterable[ReadRow]) -> Iterator[list[ReadRow]]:
    """The rows in lists that are worth sending and do not fill the memory."""
    chunk, size = list[ReadRow](), 0
    for row in rows:
        chunk.append(row)
        size += row.size
        if len(chunk) >= CHUNK_ROWS or size >= CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def score_chunk(chunk: Sequence[ReadRow], settings: ScoreSettings) -> list[Scored]:
    """What becomes of each row, in order. Raises ModelError or InputError if the judge cannot be loaded."""
    judge = _judge(settings.judge)

    async def work() -> list[Scored]:
        return [await score_one(row, settings, judge) for row in chunk]

    return run(work())


@lru_cache(maxsize=1)
def _judge(name: str) -> SupportJudge:
    """One judge a process, which keeps what it prepared."""
    return load_support_judge(name)


async def score_one(
    row: ReadRow, settings: ScoreSettings, judge: SupportJudge, second: SupportJudge | None = None
) -> Scored:
    """What becomes of one row.

    Args:
        row: as it was read.
        settings: of the scoring.
        judge: whose verdicts count.
        second: whose verdicts are written beside them.

    Raises:
        CallError: if the judge cannot go on at all.
    """
    if isinstance(row, RefusedRow):
        return _refuse(row, settings)
    try:
        answer = read_run_row(row.values, settings.form)
    except BadRow as reason:
        return _refuse(RefusedRow(row.line, row.id, reason.code, str(reason), row.size), settings)
    return _scored([await _score(row, answer, formula, judge, second) for formula in settings.formulas], row.size)


async def _score(
    row: RunRow, answer: RunAnswer, formula: str, judge: SupportJudge, second: SupportJudge | None
) -> ScoreRow:
    line = row.line if row.id is None else None
    if answer.cited is None:
        return ScoreRow(
            id=row.id,
            line=line,
            question=answer.question,
            system=answer.system,
            reason=f"{UNANSWERED}: {answer.why_not}",
            formula=formula,
            error=RowError(code=UNANSWERED, message=answer.why_not),
        )
    score = await FORMULAS[formula](answer.cited, judge)
    found = score_row(
        score, answer.cited, row.id, line=line, system=answer.system, formula=formula, form=answer.form
    )
    return found if second is None else await with_second_opinion(found, score, answer.cited, second)


def _refuse(row: RefusedRow, settings: ScoreSettings) -> Scored:
    error = RowError(code=row.code, message=row.message)
    reason = f"{row.code}: {row.message}"
    rows = [
        ScoreRow(id=row.id, line=row.line, reason=reason, formula=formula, error=error)
        for formula in settings.formulas
    ]
    return _scored(rows, row.size)._replace(refused=row)


def _scored(rows: Sequence[ScoreRow], size: int) -> Scored:
    lines = tuple(row.model_dump_json().encode() for row in rows)
    return Scored(lines, tuple(figures_of(row) for row in rows), size)
