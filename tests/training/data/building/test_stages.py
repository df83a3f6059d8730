"""A stage is done once for each row and settings, whatever ends a run."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from citerefine.refiner.errors import CallError, InputError
from citerefine.training.data.building.stages import StageError, Values, Work
from citerefine.training.errors import JudgeOutage

ROWS = [{"id": f"r{number}", "number": number} for number in range(6)]


class Adding:
    """Adds its name with the sum of what is there; fails where a test says so."""

    def __init__(self, name: str, add: int = 1, fails: Mapping[int, Exception] | None = None) -> None:
        self.name, self._add, self._fails = name, add, fails or {}
        self.settings: Mapping[str, Any] = {"add": add}
        self.made = list[str]()
        self.at_once = self._under_way = 0

    async def make(self, row: Values) -> dict[str, Any]:
        self._under_way += 1
        self.at_once = max(self.at_once, self._under_way)
        await asyncio.sleep(0.001)
        self._under_way -= 1
        if row["number"] in self._fails:
            raise self._fails[row["number"]]
        self.made.append(row["id"])
        return {self.name: row.get("first", row["number"]) + self._add, "usage": {"prompt_tokens": 2}}


def worked(folder: Path, *stages: Adding, rows: list[dict[str, Any]] = ROWS, concurrency: int = 2, **how: Any) -> Work:
    work = Work(stages, folder, "test", **how)
    with work:
        asyncio.run(work.run(rows, concurrency))
    return work


def through(folder: Path, *stages: Adding, rows: list[dict[str, Any]] = ROWS) -> list[Any]:
    with Work(stages, folder, "test") as work:
        return [work.through(row) for row in rows]


def test_each_stage_sees_what_those_before_it_added(tmp_path: Path) -> None:
    first, second = Adding("first"), Adding("second", 10)
    work = worked(tmp_path, first, second)
    assert (work.report.rows, work.report.made, work.report.failed) == (6, {"first": 6, "second": 6}, {})
    assert work.report.usage is not None
    assert work.report.usage.prompt_tokens == 24
    assert [row.values["second"] for row in through(tmp_path, first, second)] == [11, 12, 13, 14, 15, 16]


def test_a_second_run_makes_nothing(tmp_path: Path) -> None:
    worked(tmp_path, Adding("first"), Adding("second"))
    first, second = Adding("first"), Adding("second")
    work = worked(tmp_path, first, second)
    assert (first.made, second.made) == ([], [])
    assert (work.report.rows, work.report.done_before, work.report.usage) == (6, 6, None)


def test_other_settings_make_that_stage_and_those_behind_it_anew(tmp_path: Path) -> None:
    worked(tmp_path, Adding("first"), Adding("second"))
    first, second = Adding("first"), Adding("second", 7)
    worked(tmp_path, first, second)
    assert (len(first.made), len(second.made)) == (0, 6)
    first, second = Adding("first", 5), Adding("second", 7)
    worked(tmp_path, first, second)
    assert (len(first.made), len(second.made)) == (6, 6)
    again = Adding("first", 5), Adding("second", 7)
    assert [row.values["second"] for row in through(tmp_path, *again)] == [12, 13, 14, 15, 16, 17]


def test_a_row_that_changed_is_made_anew_and_no_other(tmp_path: Path) -> None:
    worked(tmp_path, Adding("first"))
    first = Adding("first")
    worked(tmp_path, first, rows=[{**ROWS[0], "number": 40}, *ROWS[1:]])
    assert first.made == ["r0"]


def test_no_more_rows_are_under_way_than_allowed(tmp_path: Path) -> None:
    first = Adding("first")
    worked(tmp_path, first, concurrency=3)
    assert first.at_once == 3


def test_a_row_that_fails_goes_no_further_and_is_tried_again_if_asked(tmp_path: Path) -> None:
    fails = {2: StageError("no_evidence", "nothing"), 3: CallError("too slow", "deadline")}
    second = Adding("second")
    work = worked(tmp_path, Adding("first", fails=fails), second)
    assert work.report.failed == {"first: no_evidence": 1, "first: deadline": 1}
    assert "r2" not in second.made
    assert not work.report.is_good
    ended = through(tmp_path, Adding("first"), Adding("second"))
    assert (ended[2].stage, ended[2].failure) == ("first", ("no_evidence", "nothing"))
    mended = Adding("first")
    assert len(worked(tmp_path, mended, Adding("second")).report.failed) == 2
    assert mended.made == []
    assert worked(tmp_path, mended, Adding("second"), retry_failed=True).report.failed == {}
    assert sorted(mended.made) == ["r2", "r3"]


def test_that_a_stage_finds_nothing_is_no_failure_of_the_work(tmp_path: Path) -> None:
    assert worked(tmp_path, Adding("first", fails={2: StageError("no_evidence", "nothing")})).report.is_good


@pytest.mark.parametrize(
    "error",
    [CallError("gone", "unreachable"), CallError("no key", "unauthorized"), JudgeOutage("none"), InputError("x")],
)
def test_what_fails_every_row_stops_the_run_and_what_is_done_stays(error: Exception, tmp_path: Path) -> None:
    stopped = Adding("first", fails={4: error})
    with pytest.raises(type(error)):
        worked(tmp_path, stopped, concurrency=1)
    assert stopped.made == ["r0", "r1", "r2", "r3"]
    first = Adding("first")
    worked(tmp_path, first)
    assert sorted(first.made) == ["r4", "r5"]


def test_a_torn_line_is_made_again_and_no_whole_one_is_lost(tmp_path: Path) -> None:
    worked(tmp_path, Adding("first"), concurrency=1)
    path = tmp_path / "first.jsonl"
    path.write_bytes(path.read_bytes()[:-9])
    first = Adding("first")
    worked(tmp_path, first)
    assert first.made == ["r5"]


def test_a_file_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "first.jsonl").write_text('{"id": "r0", "answer": "mine"}\n')
    with pytest.raises(InputError, match=r"first\.jsonl, line 1, is no row that `test` wrote"):
        worked(tmp_path, Adding("first"))
    assert (tmp_path / "first.jsonl").read_text() == '{"id": "r0", "answer": "mine"}\n'
