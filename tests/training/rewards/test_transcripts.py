"""Every scored completion is a line; a killed process leaves a file that the next one goes on with."""

import asyncio
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.training.rewards.rewarding import ROW, WordRubricJudge, WordSupportJudge, answer

from citerefine.refiner.errors import InputError
from citerefine.training.rewards import Breakdown, RefinerReward, RewardSettings
from citerefine.training.rewards.transcripts import MOST_COMPLETION

TEXTS = [answer("perch", "lies"), "no block \ud83d"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "transcripts.jsonl"


def reward(path: Path) -> RefinerReward:
    return RefinerReward(RewardSettings(), judge=WordRubricJudge(), support=WordSupportJudge(), transcripts=path)


def write(path: Path, *steps: int, texts: list[str] = TEXTS) -> RefinerReward:
    """Scores a batch for each step, named as a trainer does: how many were done before."""
    function = reward(path)

    async def call() -> None:
        for step in steps:
            state = SimpleNamespace(global_step=step)
            await function(["p"] * len(texts), texts, row=[ROW] * len(texts), trainer_state=state)
        await function.aclose()

    asyncio.run(call())
    return function


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_line_holds_all_that_a_reward_was_made_from(path: Path) -> None:
    function = write(path, 7)
    first, second = lines(path)
    assert [first[name] for name in ("step", "phase", "id", "completion")] == [8, "train", "r1", TEXTS[0]]
    assert Breakdown.model_validate(first["breakdown"]) == function.breakdowns[0]
    assert [cell["criterion"] for cell in first["cells"]] == ["perch", "ice", "eels", "pike"]
    assert [(verdict["ids"], verdict["support"]) for verdict in first["verdicts"]] == [(["S1"], 1.0), (["S1"], 0.0)]
    assert second["breakdown"]["gate"] == "no_answer"


def test_a_line_is_bounded_whatever_was_written(path: Path) -> None:
    tags = "<snippet id=S1>perch {}</snippet> "
    write(path, 0, texts=["<answer>" + "".join(tags.format(n) for n in range(1200)) + "</answer>"])
    assert len(lines(path)[0]["completion"]) == MOST_COMPLETION
    assert path.stat().st_size < 600_000


def test_a_torn_line_is_taken_away_by_the_next_run(path: Path) -> None:
    write(path, 0, 1)
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"step": 3, "phase": "tr')
    write(path, 2)
    assert [line["step"] for line in lines(path)] == [1, 1, 2, 2, 3, 3]


def test_a_run_that_goes_on_takes_away_the_steps_that_it_makes_again(path: Path) -> None:
    write(path, 0, 1, 2, 3)
    function = reward(path)
    function.rewind(2)
    function.close()
    assert [line["step"] for line in lines(path)] == [1, 1, 2, 2]
    write(path, 2)
    assert [line["step"] for line in lines(path)] == [1, 1, 2, 2, 3, 3]


def test_rewinding_to_the_start_or_beyond_the_end_or_without_a_file_is_well(path: Path) -> None:
    reward(path).rewind(3)
    assert not path.exists()
    write(path, 0)
    for step, left in ((9, 2), (0, 0)):
        function = reward(path)
        function.rewind(step)
        function.close()
        assert len(lines(path)) == left


def test_a_file_of_something_else_is_refused_and_kept(path: Path) -> None:
    path.parent.mkdir()
    path.write_text('{"id": "r1"}\n')
    function = reward(path)
    with pytest.raises(InputError, match="holds a line that is no transcript, at byte 0"):
        function.rewind(0)
    function.close()
    assert path.read_text() == '{"id": "r1"}\n'


def test_other_processes_of_a_job_have_files_of_their_own(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = reward(path)
    first.score(ROW, TEXTS[0])
    monkeypatch.setenv("RANK", "1")
    write(path, 0)
    assert path.with_name("transcripts-1.jsonl").exists()
    assert not path.exists()
