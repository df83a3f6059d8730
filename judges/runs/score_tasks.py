"""Scores rows with a judge that is waited for: a bounded number at once, in the order of the rows.

In: rows, an open judge. Out: what became of each row. A row that takes long holds up those behind it only once
`WINDOW` times as many are done as are asked at once. Not here: judges that compute (workers.py).
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Iterator
from contextlib import suppress
from typing import Final

from citerefine.judges.judge import SupportJudge
from citerefine.judges.runs.run_rows import ReadRow
from citerefine.judges.runs.score_chunk import Scored, ScoreSettings, score_one
from citerefine.refiner.batch.read_ahead import ReadAhead
from citerefine.refiner.errors import CallError

WINDOW: Final = 4
"""Rows that are asked, or done and waiting for an earlier one, for each row that is asked at once."""


async def score_with_tasks(
    rows: Iterator[ReadRow],
    settings: ScoreSettings,
    judge: SupportJudge,
    concurrency: int,
    second: SupportJudge | None = None,
) -> AsyncGenerator[Scored, None]:
    """What became of each row, in order.

    Args:
        rows: read in a thread of its own.
        settings: of the scoring.
        judge: of all rows; stays open.
        concurrency: most rows that are asked at once.
        second: a judge whose verdicts are written beside those of the first; stays open too.

    Raises:
        CallError: if the judge cannot go on; rows before the one that found out are yielded first.
    """
    free = asyncio.Semaphore(concurrency)
    waiting = deque[asyncio.Task[Scored]]()

    async def work(row: ReadRow) -> Scored:
        async with free:
            return await score_one(row, settings, judge, second)

    try:
        with ReadAhead(rows, concurrency) as ahead:
            async for row in ahead:
                waiting.append(asyncio.create_task(work(row)))
                while waiting and (len(waiting) >= concurrency * WINDOW or waiting[0].done()):
                    yield await waiting.popleft()
            while waiting:
                yield await waiting.popleft()
    finally:
        await _cancel(waiting)


async def _cancel(tasks: deque[asyncio.Task[Scored]]) -> None:
    for task in tasks:
        task.cancel()
    for task in tasks:
        with suppress(asyncio.CancelledError, CallError):  # the first CallError was raised; the others say the same
            await task
