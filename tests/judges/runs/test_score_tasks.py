"""Rows scored by a judge that takes time: many at once, in order."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress

import pytest
from tests.judges.runs.run_files import ScriptedJudge, run_row

from citerefine.judges.runs.run_rows import ReadRow, RefusedRow, RunRow
from citerefine.judges.runs.score_chunk import Scored, ScoreSettings
from citerefine.judges.runs.score_row import ScoreRow
from citerefine.judges.runs.score_tasks import WINDOW, score_with_tasks
from citerefine.refiner.errors import CallError


def rows(n: int) -> Iterator[ReadRow]:
    return (RunRow(number, number, 100, run_row(number)) for number in range(n))


def scored(asked: Iterator[ReadRow], judge: ScriptedJudge, concurrency: int, most: int | None = None) -> list[ScoreRow]:
    """Score rows of what is yielded, up to `most` of them or to an error."""
    found = list[Scored]()

    async def work() -> None:
        done = score_with_tasks(asked, ScoreSettings(), judge, concurrency)
        try:
            async for one in done:
                found.append(one)
                if len(found) == most:
                    break
        finally:
            await done.aclose()

    with suppress(CallError):
        asyncio.run(work())
    return [ScoreRow.model_validate_json(one.lines[0]) for one in found]


def test_rows_come_in_order_however_long_each_takes() -> None:
    judge = ScriptedJudge(wait=lambda query: 0.02 if "Orven" in query.claim else 0.0)
    found = scored(rows(30), judge, concurrency=8)
    assert [row.id for row in found] == list(range(30))
    assert all(row.precision == pytest.approx(1 / 3) for row in found)


def test_at_most_so_many_rows_are_asked_at_once() -> None:
    judge = ScriptedJudge(wait=lambda query: 0.005)
    scored(rows(40), judge, concurrency=4)
    assert judge.most_at_once == 4


def test_rows_behind_a_slow_one_go_on_but_not_without_bound() -> None:
    taken = 0

    def counting() -> Iterator[ReadRow]:
        nonlocal taken
        for row in rows(1000):
            taken += 1
            yield row

    judge = ScriptedJudge(wait=lambda query: 0.3 if "row 0 " in query.claim else 0.0)
    assert len(scored(counting(), judge, concurrency=4, most=1)) == 1
    assert 4 < taken <= 4 * WINDOW + 4 + 2


def test_refused_rows_take_their_place() -> None:
    bad = RefusedRow(2, None, "invalid_json", "not JSON")
    found = scored(iter([*rows(1), bad, *rows(1)]), ScriptedJudge(), concurrency=4)
    assert [row.error and row.error.code for row in found] == [None, "invalid_json", None]


def test_rows_before_the_end_of_the_budget_are_yielded() -> None:
    found = scored(rows(50), ScriptedJudge(stop_after=20), concurrency=4)
    assert [row.id for row in found] == list(range(10))


def test_whoever_stops_leaves_no_task_behind() -> None:
    judge = ScriptedJudge(wait=lambda query: 0.0 if "row 0 " in query.claim else 1.0)
    assert len(scored(rows(20), judge, concurrency=4, most=1)) == 1
    assert judge.at_once == 0
