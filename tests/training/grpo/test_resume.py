"""A run that is killed anywhere, and gone on with, ends with the weights of one that was not: bit for bit."""

import os
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.forking_worker import ForkingWorker
from tests.training.grpo.resuming_worker import PLACES, STEPS
from tests.training.grpo.tiny_runs import by_first_token, same, trainer, weights

from citerefine.training.errors import JudgeOutage, StateError, TrainingError
from citerefine.training.grpo.checkpoints import listed, newest, step_of

KILLS = int(os.environ.get("CITEREFINE_KILLS", "0"))
"""Kills at random moments, besides one at each place."""


@pytest.fixture(scope="module")
def worker(tiny_qwen3: Path) -> Iterator[ForkingWorker]:
    made = ForkingWorker("tests.training.grpo.resuming_worker", TINY_QWEN3=str(tiny_qwen3), OMP_NUM_THREADS="1")
    yield made
    made.close()


@pytest.fixture(scope="module")
def undisturbed(worker: ForkingWorker, tiny_qwen3: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return worker(model=str(tiny_qwen3), run=str(tmp_path_factory.mktemp("undisturbed")))


def test_a_run_can_be_repeated(
    worker: ForkingWorker, undisturbed: dict[str, Any], tiny_qwen3: Path, tmp_path: Path
) -> None:
    again = worker(model=str(tiny_qwen3), run=str(tmp_path))
    assert again == undisturbed
    assert len(set(again["losses"])) == STEPS
    assert again["rewarded"] == STEPS * 8


@pytest.mark.parametrize("place", PLACES)
def test_a_kill_anywhere_is_as_if_it_had_not_been(
    worker: ForkingWorker, undisturbed: dict[str, Any], tiny_qwen3: Path, tmp_path: Path, place: str
) -> None:
    order = {"model": str(tiny_qwen3), "run": str(tmp_path)}
    assert worker(**order, kill=place, call=3 if place == "backward" else 2)["killed"]
    assert worker(**order, resume=True) == undisturbed


def test_a_run_killed_again_and_again_comes_to_the_same_end(
    worker: ForkingWorker, undisturbed: dict[str, Any], tiny_qwen3: Path, tmp_path: Path
) -> None:
    """At each place in turn, the first time that it comes there, until nothing is left to do."""
    order = {"model": str(tiny_qwen3), "run": str(tmp_path), "resume": True}
    kills = [worker(**order, kill=place)["killed"] for place in ("rollout", "after naming it", "reward", "checking it")]
    assert kills == [True] * 4
    assert worker(**order) == undisturbed


@pytest.mark.skipif(not KILLS, reason="set CITEREFINE_KILLS to a number of kills at random moments")
def test_kills_at_random_moments(
    worker: ForkingWorker, undisturbed: dict[str, Any], tiny_qwen3: Path, tmp_path: Path
) -> None:
    dice, order = random.Random(0), {"model": str(tiny_qwen3), "run": str(tmp_path), "resume": True}
    for _ in range(KILLS):
        if not worker(**order, kill_after=dice.uniform(0, 2))["killed"]:
            shutil.rmtree(tmp_path)
    assert worker(**order) == undisturbed


class Failing:
    """A reward that fails at its nth call, and a part of the state: how many answers it was asked about."""

    name = "failing"

    def __init__(self, call: int, error: Exception) -> None:
        self.calls, self.at, self.error, self.steps = 0, call, error, list[int]()
        self.rewarded = 0

    def save(self, folder: Path) -> None:
        (folder / "rewarded.json").write_text(str(self.rewarded))

    def load(self, folder: Path) -> None:
        self.rewarded = int((folder / "rewarded.json").read_text())

    def __call__(self, completion_ids: Any, trainer_state: Any, **_: Any) -> list[float | None]:
        self.calls += 1
        self.rewarded += len(completion_ids)
        self.steps.append(trainer_state.global_step)
        if self.calls == self.at:
            raise self.error
        return by_first_token(completion_ids)

    def rewind(self, step: int) -> None:
        self.steps.append(-step)


@pytest.mark.parametrize("step", [0, 1, 2])
def test_an_outage_saves_the_state_before_its_step_and_moves_nothing(
    tiny_qwen3: Path, tmp_path: Path, step: int
) -> None:
    plain = trainer(tiny_qwen3, tmp_path / "plain", steps=3)
    plain.train()
    reward = Failing(step + 1, JudgeOutage("the judge is out"))
    cut = trainer(tiny_qwen3, tmp_path / "cut", reward, steps=3, parts=[reward])
    with pytest.raises(JudgeOutage, match="the judge is out"):
        cut.train()
    checkpoint = newest(cut.checkpoints)
    assert checkpoint is not None
    assert checkpoint.name == f"checkpoint-{step}"
    assert reward.rewarded == (step + 1) * 8
    again = trainer(tiny_qwen3, tmp_path / "cut", reward, steps=3, parts=[reward])
    again.train(True)
    assert same(weights(again.model), weights(plain.model))
    assert again.state.num_input_tokens_seen == plain.state.num_input_tokens_seen
    assert reward.steps == [*range(step + 1), -step, *range(step, 3)]
    assert reward.rewarded == 3 * 8


def test_what_went_wrong_with_the_reward_is_what_is_raised(tiny_qwen3: Path, tmp_path: Path) -> None:
    made = trainer(tiny_qwen3, tmp_path, Failing(2, TrainingError("the budget is spent")))
    with pytest.raises(TrainingError, match="the budget is spent"):
        made.train()
    assert newest(made.checkpoints) is not None


def test_a_run_stops_between_rollouts_when_it_is_asked_to(tiny_qwen3: Path, tmp_path: Path) -> None:
    plain = trainer(tiny_qwen3, tmp_path / "plain", steps=3)
    plain.train()

    def reward(completion_ids: Any, trainer_state: Any, **_: Any) -> list[float | None]:
        if trainer_state.global_step == 1:
            made.stop_after_rollout()
        return by_first_token(completion_ids)

    made = trainer(tiny_qwen3, tmp_path / "stopped", reward, steps=3)
    made.train()
    assert not made.finished
    assert made.state.global_step == 2
    made = trainer(tiny_qwen3, tmp_path / "stopped", steps=3)
    made.train(True)
    assert made.finished
    assert same(weights(made.model), weights(plain.model))


def test_a_run_can_be_made_longer(tiny_qwen3: Path, tmp_path: Path) -> None:
    plain = trainer(tiny_qwen3, tmp_path / "plain", steps=4)
    plain.train()
    trainer(tiny_qwen3, tmp_path / "short", steps=2).train()
    longer = trainer(tiny_qwen3, tmp_path / "short", steps=4)
    longer.train(True)
    assert same(weights(longer.model), weights(plain.model))


def test_a_checkpoint_of_another_run_is_refused_with_what_differs(tiny_qwen3: Path, tmp_path: Path) -> None:
    trainer(tiny_qwen3, tmp_path).train()
    other = trainer(tiny_qwen3, tmp_path, beta=0.5, seed=1)
    with pytest.raises(StateError, match=r"of another run: train.beta: 0.0 → 0.5; train.seed: 42 → 1. Go on with"):
        other.train(True)


def test_other_data_are_another_run(tiny_qwen3: Path, tmp_path: Path) -> None:
    from tests.training.grpo.tiny_runs import prompts

    trainer(tiny_qwen3, tmp_path).train()
    with pytest.raises(StateError, match="data: "):
        trainer(tiny_qwen3, tmp_path, dataset=prompts(5)).train(True)


def test_data_that_are_rewarded_otherwise_are_other_data(tiny_qwen3: Path, tmp_path: Path) -> None:
    from tests.training.grpo.tiny_runs import prompts

    trainer(tiny_qwen3, tmp_path).train()
    regraded = prompts().map(lambda row: row | {"row": '{"gold": "another"}'})
    with pytest.raises(StateError, match="data: "):
        trainer(tiny_qwen3, tmp_path, dataset=regraded).train(True)


def test_a_run_that_goes_on_saves_as_often_as_it_is_asked_to_now(tiny_qwen3: Path, tmp_path: Path) -> None:
    trainer(tiny_qwen3, tmp_path, steps=2, save_steps=100, keep_checkpoints=9).train()
    again = trainer(tiny_qwen3, tmp_path, steps=5, save_steps=1, keep_checkpoints=9)
    again.train(True)
    assert [step_of(path) for path in listed(again.checkpoints)] == [2, 3, 4, 5]


def test_nothing_to_go_on_from_is_said(tiny_qwen3: Path, tmp_path: Path) -> None:
    with pytest.raises(StateError, match="no whole checkpoint to go on from"):
        trainer(tiny_qwen3, tmp_path).train(True)


def test_a_broken_checkpoint_is_refused_if_named_and_passed_over_if_not(tiny_qwen3: Path, tmp_path: Path) -> None:
    made = trainer(tiny_qwen3, tmp_path, save_steps=1)
    made.train()
    last = made.checkpoints / "checkpoint-2"
    (last / "optimizer.pt").write_bytes(b"cut")
    with pytest.raises(StateError, match=r"optimizer.pt has 3 bytes"):
        trainer(tiny_qwen3, tmp_path, save_steps=1).train(last)
    again = trainer(tiny_qwen3, tmp_path, save_steps=1)
    again.train(True)
    assert same(weights(again.model), weights(made.model))


def test_checkpoints_hold_nothing_that_runs_code(tiny_qwen3: Path, tmp_path: Path) -> None:
    made = trainer(tiny_qwen3, tmp_path)
    made.train()
    checkpoint = newest(made.checkpoints)
    assert checkpoint is not None
    assert not (checkpoint / "training_args.bin").exists()
    assert not [*checkpoint.glob("*.pkl")]


def test_lora_goes_on_too(tiny_qwen3: Path, tmp_path: Path) -> None:
    lora = {"rank": 2, "alpha": 4, "targets": ["q_proj", "v_proj"]}
    plain = trainer(tiny_qwen3, tmp_path / "plain", lora=lora, steps=3)
    plain.train()
    trainer(tiny_qwen3, tmp_path / "cut", lora=lora, steps=2).train()
    again = trainer(tiny_qwen3, tmp_path / "cut", lora=lora, steps=3)
    again.train(True)
    assert same(weights(again.model), weights(plain.model))
