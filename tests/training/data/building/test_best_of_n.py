"""Of several answers to a row the best valid one is kept, and can be imitated as it stands."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from tests.training.data.building.lake_agent import World
from tests.training.data.sources import lake_values, read_lines, write_rows

from citerefine.refiner.answer import parse_answer
from citerefine.refiner.chat.call import ChatCall
from citerefine.refiner.errors import CallError, InputError
from citerefine.refiner.validation import validate
from citerefine.training.data.building.best_of_n import BestReport, choose_best, left_out_file
from citerefine.training.data.row_files import read_rows


def silent(call: ChatCall) -> str:
    """A policy that never gives an answer block about Orven."""
    from tests.training.data.building.lake_agent import answers

    return "I do not know." if "Orven" in call.messages[-1].content else str(answers(call))


def chosen(folder: Path, world: World, rows: list[Any], **how: Any) -> BestReport:
    source = write_rows(folder / "rows.jsonl", rows)
    return asyncio.run(choose_best(str(source), folder / "sft.jsonl", world.sampling, world.scoring, **how))


def test_the_rows_have_a_valid_answer_with_its_reward(tmp_path: Path) -> None:
    report = chosen(tmp_path, World(), [lake_values(number) for number in range(5)])
    rows = read_rows(str(tmp_path / "sft.jsonl")).rows
    assert [row.id for row in rows] == ["q0", "q1", "q2", "q3", "q4"]
    for row in rows:
        assert row.answer is not None
        answer = parse_answer(row.answer, row.evidence)
        assert validate(answer) == ()
        assert answer.claims[0].citations == (f"perch-{row.id[1:]}",)
    sft = read_lines(tmp_path / "sft.jsonl")[0]["sft"]
    assert (sft["valid"], sft["rejected"], sft["model"], sft["n"]) == (2, 2, "policy", 4)
    assert report.mean_reward is not None
    assert report.mean_reward > 0.2
    assert report.is_good


def test_rows_without_a_valid_answer_are_listed_and_bad_rows_told(tmp_path: Path) -> None:
    report = chosen(tmp_path, World(reply=silent), [lake_values(0), "{broken", lake_values(1)])
    assert [row["id"] for row in read_lines(tmp_path / "sft.jsonl")] == ["q1"]
    (left,) = read_lines(left_out_file(tmp_path / "sft.jsonl"))
    assert (left["id"], left["code"]) == ("q0", "no_valid_answer")
    assert "no <answer> block" in left["reason"]
    assert [row["line"] for row in report.refused] == [2]
    assert (report.written, report.left_out, report.is_good) == (1, {"no_valid_answer": 1}, False)


def test_a_stopped_run_goes_on_and_pays_nothing_twice(tmp_path: Path) -> None:
    rows = [lake_values(number) for number in range(5)]
    world = World()
    world.scorer.error = CallError("gone", "unreachable")
    with pytest.raises(CallError):
        chosen(tmp_path, world, rows, concurrency=1)
    assert not (tmp_path / "sft.jsonl").exists()
    resumed = World()
    chosen(tmp_path, resumed, rows)
    assert len(world.policy.calls) + len(resumed.policy.calls) == 20
    again = World()
    chosen(tmp_path, again, rows)
    assert again.asked == (0, 0, 0, 0)


def test_answers_are_drawn_with_the_prompt_and_the_seeds_that_were_set(tmp_path: Path) -> None:
    world = World()
    chosen(tmp_path, world, [lake_values(0)])
    assert [call.sampling.seed for call in world.policy.calls] == [0, 1, 2, 3]
    assert {call.sampling.temperature for call in world.policy.calls} == {1.0}
    assert {call.grammar for call in world.policy.calls} == {None}
    assert "<snippet id=S1>" in world.policy.calls[0].messages[-1].content


def test_the_file_that_is_read_is_not_written(tmp_path: Path) -> None:
    source = write_rows(tmp_path / "rows.jsonl", [lake_values(0)])
    world = World()
    with pytest.raises(InputError, match="the file that is read"):
        asyncio.run(choose_best(str(source), source, world.sampling, world.scoring))
