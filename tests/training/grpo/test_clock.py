"""The time of a step is that of its own work."""

import time
from pathlib import Path
from typing import Any

import pytest
from tests.training.grpo.tiny_runs import trainer
from transformers import TrainerCallback

from citerefine.training.grpo.clock import StepClock


class Now:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> Now:
    made = Now()
    monkeypatch.setattr("time.perf_counter", made)
    return made


def test_a_step_is_what_it_spends_and_the_rest_is_the_update(now: Now) -> None:
    clock = StepClock()
    clock.start()
    with clock.spending("rollout"):
        now.at = 4
    clock.count(100)
    now.at = 10
    assert clock.stop() == {"time/rollout": 4, "time/update": 6, "tokens/s": 10}
    assert clock.stop() == {}


def test_what_follows_a_pause_is_not_counted(now: Now) -> None:
    clock = StepClock()
    clock.start()
    now.at = 10
    clock.pause()
    now.at = 50
    assert clock.stop() == {"time/update": 10}
    clock.start()
    now.at = 53
    clock.pause()
    now.at = 60
    clock.start()  # a second pass of the same step
    now.at = 62
    assert clock.stop() == {"time/update": 5}


def test_callbacks_that_evaluate_are_no_part_of_an_update(tiny_qwen3: Path, tmp_path: Path) -> None:
    class Slow(TrainerCallback):  # type: ignore[misc]  # transformers is not typed here
        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            time.sleep(2)

    made = trainer(tiny_qwen3, tmp_path, steps=1, callbacks=[Slow()])
    made.train()
    assert made.state.log_history[0]["time/update"] < 2


def test_what_was_scored_early_is_told_beside_what_was_waited_for(now: Now) -> None:
    clock = StepClock()
    clock.start()
    with clock.spending("rollout"):
        now.at = 4
    with clock.spending("reward"):
        now.at = 5
    clock.scored(3, 2)
    clock.scored(1, 1)  # of a further draw
    now.at = 7
    told = {"time/rollout": 4, "time/reward": 1, "time/update": 2}
    assert clock.stop() == {**told, "time/scoring": 4, "scoring/under_rollout": 0.75}
    clock.start()
    now.at = 8
    assert clock.stop() == {"time/update": 1}
