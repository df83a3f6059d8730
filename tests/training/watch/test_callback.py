"""What watches a run writes its files, goes on where the run goes on, and lets judges fail."""

import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.training.rewards.rewarding import ROW, answer
from tests.training.watch.test_heldout import Refused, judges, prompted

from citerefine.judges.judge import SupportJudge
from citerefine.refiner.errors import InputError
from citerefine.training.errors import TrainingError
from citerefine.training.grpo import agreeing
from citerefine.training.rewards.breakdown import Breakdown
from citerefine.training.rewards.settings import RewardSettings
from citerefine.training.watch.callback import Rollout, Watcher
from citerefine.training.watch.heldout import Heldout
from citerefine.training.watch.run_journal import RunJournal, read_steps
from citerefine.training.watch.samples import read_samples
from citerefine.training.watch.settings import WatchSettings

SETTINGS = WatchSettings(heldout_every=2, page_every=1)
ALONE = SimpleNamespace(world_size=1)


def rollout() -> Rollout:
    return Rollout(["q"], [answer("perch")], [Breakdown(id="q", total=0.5, reason="", terms=(), claims=())])


def watcher(run: Path, settings: WatchSettings = SETTINGS, support: SupportJudge | None = None, **more: Any) -> Watcher:
    heldout = Heldout(prompted(ROW), judges(support), RewardSettings())
    return Watcher(run, settings, heldout=heldout, sample=sampled, rollout=rollout, **more)


def sampled(prompts: Sequence[str]) -> list[str]:
    return [answer("perch")] * len(prompts)


def state(step: int) -> Any:
    return SimpleNamespace(global_step=step, max_steps=4)


def steps(watch: Watcher, first: int, last: int) -> None:
    """What a trainer tells of steps."""
    for step in range(first, last + 1):
        watch.on_step_end(ALONE, state(step), None)
        logs = {"loss": 1 / step, "kl": None, "epoch": 0.5, "word": "x"}
        watch.on_log(ALONE, state(step), None, logs=logs)


def told(run: Path) -> list[tuple[int, str]]:
    return [(row.step, row.phase) for row in read_steps(run / "metrics.jsonl")]


def test_a_run_leaves_its_figures_samples_and_page(tmp_path: Path) -> None:
    reported = list[int]()
    watch = watcher(tmp_path, report=lambda figures, step: reported.append(step))
    watch.on_train_begin(ALONE, state(0), None)
    steps(watch, 1, 3)
    watch.on_log(ALONE, state(3), None, logs={"train_runtime": 9.0})
    watch.on_train_end(ALONE, state(3), None)
    rows = read_steps(tmp_path / "metrics.jsonl")
    held_out, trained = [(step, "heldout") for step in (0, 2, 3)], [(step, "train") for step in (1, 2, 3)]
    assert sorted(told(tmp_path)) == sorted(held_out + trained)
    assert {row.phase: sorted(row.values)[:2] for row in rows}["train"] == ["kl", "loss"]
    held = next(row for row in rows if row.phase == "heldout")
    assert held.values["heldout/f1"] == 1
    assert held.values["time/heldout"] is not None
    assert reported == [0, 2, 3]
    assert [sample.step for sample in read_samples(tmp_path / "samples.jsonl", 9)] == [1, 2, 3]
    assert "3 of 4 steps so far" in (tmp_path / "run.html").read_text("utf-8")
    RunJournal(tmp_path / "metrics.jsonl").close()  # nobody holds it any more


def test_a_run_that_goes_on_writes_what_lies_behind_its_checkpoint_anew(tmp_path: Path) -> None:
    first = watcher(tmp_path)
    first.on_train_begin(ALONE, state(0), None)
    steps(first, 1, 3)
    first.close()
    again = watcher(tmp_path)
    again.on_train_begin(ALONE, state(1), None)
    assert told(tmp_path) == [(0, "heldout"), (1, "train")]
    steps(again, 2, 4)
    again.on_train_end(ALONE, state(4), None)
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if line["phase"] == "train"] == [1, 2, 3, 4]
    assert [line["step"] for line in lines if line["phase"] == "heldout"] == [0, 2, 4]
    assert [sample.step for sample in read_samples(tmp_path / "samples.jsonl", 9)] == [1, 2, 3, 4]


def test_the_page_of_steps_on_given_answers_is_called_after_its_run(tmp_path: Path) -> None:
    (tmp_path / "first" / "sft").mkdir(parents=True)
    watch = Watcher(tmp_path / "first" / "sft", SETTINGS, phase="sft")
    watch.on_train_begin(ALONE, state(0), None)
    steps(watch, 1, 4)
    watch.on_train_end(ALONE, state(4), None)
    page = (tmp_path / "first" / "sft" / "run.html").read_text("utf-8")
    assert "first: given answers" in page
    assert "4 steps, all done" in page


def test_judges_that_fail_are_told_once_and_end_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    watch = watcher(tmp_path, support=Refused())
    watch.on_train_begin(ALONE, state(0), None)
    steps(watch, 1, 2)
    watch.on_train_end(ALONE, state(2), None)
    said = capsys.readouterr().err
    assert said.count("HELD-OUT ANSWERS LACK SCORES, and training goes on: unauthorized: the server refuses") == 1
    assert said.count("ALARM at step 0: 1 of 1 held-out answers lack a score") == 1
    assert [row.values["heldout/f1"] for row in read_steps(tmp_path / "metrics.jsonl") if row.phase == "heldout"] == [
        None,
        None,
    ]
    assert "held-out answers lack a score" in (tmp_path / "run.html").read_text("utf-8")


def test_a_page_that_cannot_be_written_is_told_once_and_ends_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "run.html").mkdir()
    watch = watcher(tmp_path)
    watch.on_train_begin(ALONE, state(0), None)
    steps(watch, 1, 3)
    watch.on_train_end(ALONE, state(3), None)
    assert capsys.readouterr().err.count("cannot be written, and training goes on") == 1
    assert (3, "train") in told(tmp_path)


def test_files_that_cannot_be_written_end_the_run(tmp_path: Path) -> None:
    (tmp_path / "samples.jsonl").mkdir()
    with pytest.raises(InputError, match="cannot be written"):
        watcher(tmp_path).on_train_begin(ALONE, state(0), None)

    def full(figures: Any, step: int) -> None:
        raise OSError("no space left")

    watch = watcher(tmp_path / "other", report=full)
    (tmp_path / "other").mkdir()
    with pytest.raises(TrainingError, match=r"no space left; go on with --resume"):
        watch.on_train_begin(ALONE, state(0), None)
    watch.close()


def test_what_one_process_cannot_write_ends_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gathered = list[Any]()

    def gather(values: list[Any]) -> list[Any]:
        gathered.append(values)
        return ["the disk is full", *values]

    monkeypatch.setattr(agreeing, "gather_object", gather)
    with pytest.raises(TrainingError, match="process 0 could not write the run's files: the disk is full") as raised:
        watcher(tmp_path, writes=False).on_train_begin(SimpleNamespace(world_size=2), state(0), None)
    assert agreeing.is_of_all(raised.value)
    assert gathered == [[None]]
    assert not [*tmp_path.iterdir()]
