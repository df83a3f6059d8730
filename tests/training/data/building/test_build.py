"""A data set is made of questions: everybody is asked once, and what is left out has a reason."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from tests.training.data.building.lake_agent import World, cut_off
from tests.training.data.sources import LAKES, read_lines, write_rows

from citerefine.refiner.chat.call import ChatCall
from citerefine.refiner.errors import CallError
from citerefine.training.data.building.build import BuildReport, BuildSettings, build_rows
from citerefine.training.data.row_files import read_rows
from citerefine.training.errors import JudgeOutage

QUESTIONS: list[Any] = [
    *({"id": lake, "question": f"Did perch double in Lake {lake}?", "gold": "yes"} for lake in LAKES),
    {"id": "again", "question": "did perch double in lake orven"},
    {"id": "nowhere", "question": "Did perch double in Lake Nowhere?"},
    {"id": "bad", "question": " "},
]
SETTINGS = BuildSettings(tolerance=0.01, eval_share=0.3, concurrency=3)


def built(
    folder: Path, world: World, questions: list[Any] = QUESTIONS, settings: BuildSettings = SETTINGS
) -> BuildReport:
    source = write_rows(folder / "questions.jsonl", questions)
    return asyncio.run(build_rows(source, folder / "set", world.stages, settings))


def test_rows_have_evidence_criteria_and_difficulty_and_are_split_by_question(tmp_path: Path) -> None:
    report = built(tmp_path, World())
    train, held = (read_rows(str(tmp_path / "set" / f"{side}.jsonl")) for side in ("train", "eval"))
    assert (train.refused, held.refused) == ((), ())
    kept = {row.id for row in (*train.rows, *held.rows)}
    assert kept == {*LAKES} - {"Saima"}
    assert (len(train.rows), len(held.rows)) == (report.train, report.eval)
    assert report.eval >= 1
    row = train.rows[0]
    assert row.rubric is not None
    assert [criterion.text for criterion in row.rubric.leaves] == [f"Says that perch doubled in Lake {row.id} by 2010."]
    assert row.gold == "yes"
    assert len(row.evidence) == 2
    (written,) = [line for line in read_lines(tmp_path / "set" / "train.jsonl") if line["id"] == row.id]
    assert written["difficulty"]["n"] == 4
    assert written["difficulty"]["spread"] > 0.1


def test_what_is_left_out_has_a_reason(tmp_path: Path) -> None:
    report = built(tmp_path, World())
    dropped = {line["id"]: line for line in read_lines(tmp_path / "set" / "dropped.jsonl")}
    assert {id: line["code"] for id, line in dropped.items()} == {
        "bad": "no_question",
        "again": "near_duplicate",
        "nowhere": "evidence: no_evidence",
        "Saima": "flat",
    }
    assert dropped["again"]["reason"] == "nearly the same question as Orven"
    assert report.dropped == {"no_question": 1, "near_duplicate": 1, "evidence: no_evidence": 1, "flat": 1}
    assert not report.is_good  # for the row that is no question


def test_the_card_tells_what_is_in_the_set_and_how_it_was_made(tmp_path: Path) -> None:
    report = built(tmp_path, World())
    card = (tmp_path / "set" / "README.md").read_text()
    for line in (
        f"| rows to train on | {report.train} |",
        f"| rows held out | {report.eval} |",
        "| rows with a reference answer | 10 |",
        "| snippets a row, on average | 2.0 |",
        "| flat | 1 |",
        "| CC-BY-4.0 | 10 |",
        "| not given | 10 |",
        "| of these, in rows to train on too | 0 |",
    ):
        assert line in card
    assert "| samples | model policy, n 4, temperature 1.0" in card


def test_nothing_is_asked_twice(tmp_path: Path) -> None:
    first = World()
    built(tmp_path, first)
    files = {path.name: path.read_bytes() for path in (tmp_path / "set").iterdir() if path.is_file()}
    again = World()
    report = built(tmp_path, again)
    assert again.asked == (0, 0, 0, 0)
    assert report.work.done_before == report.work.rows == len(LAKES) + 1
    assert files == {path.name: path.read_bytes() for path in (tmp_path / "set").iterdir() if path.is_file()}


def test_a_question_more_costs_that_question(tmp_path: Path) -> None:
    built(tmp_path, World())
    more = World()
    built(tmp_path, more, [{"id": "Enare", "question": "Did perch double in Lake Enare?"}, *QUESTIONS])
    assert (len(more.policy.calls), len(more.writer.calls), more.scorer.asked) == (4, 1, 1)


@pytest.mark.parametrize("error", [CallError("no server", "unreachable"), JudgeOutage("no verdicts")])
def test_a_run_that_stops_goes_on_and_gives_the_same_set(error: Exception, tmp_path: Path) -> None:
    whole, halved = tmp_path / "whole", tmp_path / "halved"
    whole.mkdir()
    halved.mkdir()
    all_at_once = World()
    built(whole, all_at_once)
    stopped = World()

    def fails_late(call: ChatCall) -> Any:
        raise error

    stopped.writer._reply = fails_late
    with pytest.raises(type(error)):
        built(halved, stopped, settings=BuildSettings(tolerance=0.01, eval_share=0.3, concurrency=1))
    assert not (halved / "set" / "train.jsonl").exists()
    resumed = World()
    built(halved, resumed)
    assert len(stopped.policy.calls) + len(resumed.policy.calls) == len(all_at_once.policy.calls)
    for name in ("train.jsonl", "eval.jsonl", "dropped.jsonl", "README.md"):
        assert (halved / "set" / name).read_bytes() == (whole / "set" / name).read_bytes()


def test_a_row_with_criteria_or_snippets_of_its_own_keeps_them(tmp_path: Path) -> None:
    mine = [{"id": "mine", "text": "Perch doubled in Lake Como, as I saw."}]
    own = {"snippets": mine, "rubrics": ["Says it doubled."]}
    world = World()
    built(tmp_path, world, [{"id": "Como", "question": "Did perch double in Lake Como?", **own}, *QUESTIONS[:2]])
    (row,) = [one for one in _both(tmp_path) if one.id == "Como"]
    assert row.rubric is not None
    assert (row.evidence.snippets[0].id, row.rubric.leaves[0].text) == ("mine", "Says it doubled.")
    assert len(world.writer.calls) == 2


def test_without_samples_rows_of_any_difficulty_are_kept(tmp_path: Path) -> None:
    world = World()
    source = write_rows(tmp_path / "questions.jsonl", QUESTIONS)
    report = asyncio.run(build_rows(source, tmp_path / "set", [world.finding], SETTINGS))
    assert report.train + report.eval == len(LAKES)
    assert all(row.rubric is None for row in _both(tmp_path))


def test_answers_that_were_cut_off_count_for_nothing(tmp_path: Path) -> None:
    world = World(reply=cut_off)
    built(tmp_path, world)
    assert {line["difficulty"]["n"] for line in read_lines(tmp_path / "set" / "train.jsonl")} == {3}


def test_hostile_text_is_text_in_the_card(tmp_path: Path) -> None:
    hostile = "Did perch double in Lake Orven? | <script>alert(1)</script> `x` [a](b)"
    snippets = [{"text": "Perch doubled.", "licence": "<b>|x|</b> [a](javascript:x)"}]
    rows = [{"id": "|<i>", "question": hostile, "snippets": snippets}, {"id": "|<i>", "question": "x"}]
    world = World()
    source = write_rows(tmp_path / "questions.jsonl", rows)
    asyncio.run(build_rows(source, tmp_path / "set", [world.finding], SETTINGS))
    card = (tmp_path / "set" / "README.md").read_text()
    assert "<script" not in card
    assert "<b>" not in card
    assert "<i>" not in card
    assert r"\[a\](javascript:x)" in card


def _both(folder: Path) -> list[Any]:
    return [row for side in ("train", "eval") for row in read_rows(str(folder / "set" / f"{side}.jsonl")).rows]
