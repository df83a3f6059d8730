"""A failure of one process is one of all, and what is saved then is a state that can be gone on from."""

from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset
from tests.training.grpo.tiny_runs import model_of, same, tokenizer_of, trainer, weights
from transformers import TrainerCallback

from citerefine.refiner.errors import CallError, CiterefineError, InputError
from citerefine.training.errors import TrainingError
from citerefine.training.grpo import agreeing
from citerefine.training.grpo.agreeing import fail_together, is_of_all
from citerefine.training.grpo.checkpoints import listed
from citerefine.training.grpo.settings import SftSettings
from citerefine.training.grpo.sft import RefinerSftTrainer


class Failing(TrainerCallback):  # type: ignore[misc]  # transformers is not typed here
    """Fails at an event of a step."""

    def __init__(self, event: str, step: int, error: CiterefineError) -> None:
        self._step, self._error = step, error
        setattr(self, event, self._fail)

    def _fail(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.global_step == self._step:
            raise self._error


FULL = InputError("no space left")


def left(made: Any) -> list[str]:
    return [checkpoint.name for checkpoint in listed(made.checkpoints)]


def test_the_own_failure_stays_and_that_of_another_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def gather(mine: list[str | None]) -> list[str | None]:
        return [*mine, "no key"]

    fail_together(None, "write", processes=1)
    error = CallError("refused", "unauthorized")
    with pytest.raises(CallError, match=r"^refused") as raised:
        fail_together(error, "write", processes=1)
    assert is_of_all(raised.value)
    monkeypatch.setattr(agreeing, "gather_object", gather)
    with pytest.raises(TrainingError, match=r"^process 1 could not write: no key") as other:
        fail_together(None, "write", processes=2)
    assert is_of_all(other.value)
    assert not is_of_all(InputError("of one"))


def test_what_fails_after_a_step_saves_the_state_after_it(tiny_qwen3: Path, tmp_path: Path) -> None:
    whole = trainer(tiny_qwen3, tmp_path / "whole", steps=3)
    whole.train()
    made = trainer(tiny_qwen3, tmp_path / "run", steps=3, callbacks=[Failing("on_step_end", 2, FULL)])
    with pytest.raises(InputError, match="no space left"):
        made.train()
    assert left(made) == ["checkpoint-2"]
    again = trainer(tiny_qwen3, tmp_path / "run", steps=3)
    again.train(True)
    assert same(weights(again.model), weights(whole.model))
    assert again.state.num_input_tokens_seen == whole.state.num_input_tokens_seen


def test_what_fails_before_the_first_step_saves_nothing(tiny_qwen3: Path, tmp_path: Path) -> None:
    made = trainer(tiny_qwen3, tmp_path, callbacks=[Failing("on_train_begin", 0, FULL)])
    with pytest.raises(InputError, match="no space left"):
        made.train()
    assert left(made) == []


def test_what_fails_between_two_updates_of_a_rollout_saves_nothing(tiny_qwen3: Path, tmp_path: Path) -> None:
    failing = Failing("on_step_end", 3, FULL)
    made = trainer(tiny_qwen3, tmp_path, steps=4, updates_per_rollout=2, save_steps=1, callbacks=[failing])
    with pytest.raises(InputError, match="no space left"):
        made.train()
    assert left(made) == ["checkpoint-2"]


@pytest.mark.parametrize(("processes", "mark", "saved"), [(1, False, True), (2, False, False), (2, True, True)])
def test_one_process_of_several_does_not_save_alone(
    tiny_qwen3: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, processes: int, mark: bool, saved: bool
) -> None:
    """The others are somewhere else: it would wait for them for good."""
    stored = list[bool]()

    def store(model: Any, *, before_rollout: bool) -> None:
        stored.append(before_rollout)

    class OneOfSeveral(Failing):
        def _fail(self, *args: Any, **rest: Any) -> None:
            try:
                super()._fail(*args, **rest)
            finally:
                monkeypatch.setattr(type(made.accelerator), "num_processes", processes)

    error = agreeing.of_all(InputError("full")) if mark else InputError("full")
    made = trainer(tiny_qwen3, tmp_path, callbacks=[OneOfSeveral("on_step_end", 1, error)])
    monkeypatch.setattr(made, "_store", store)

    with pytest.raises(InputError, match="full"):
        made.train()
    assert stored == ([False] if saved else [])


def test_training_on_given_answers_saves_the_step_that_is_done(tiny_qwen3: Path, tmp_path: Path) -> None:
    rows = Dataset.from_list([{"input_ids": [5 + at, 6, 7], "labels": [-100, 6, 7]} for at in range(4)])
    settings = SftSettings(steps=3, rows_per_step=2, micro_rows=2, bf16=False, gradient_checkpointing=False)

    def made(*callbacks: Any) -> RefinerSftTrainer:
        model, tokenizer = model_of(tiny_qwen3), tokenizer_of(tiny_qwen3)
        return RefinerSftTrainer(model, rows, tokenizer, settings, tmp_path, callbacks=callbacks, use_cpu=True)

    failing = made(Failing("on_log", 2, FULL))
    with pytest.raises(InputError, match="no space left"):
        failing.train()
    assert left(failing) == ["checkpoint-2"]
    again = made()
    again.train(True)
    assert again.state.global_step == 3
