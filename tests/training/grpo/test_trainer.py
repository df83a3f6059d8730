"""A run: what it samples, when it moves, what it logs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.training.grpo.scripted import EOS, REWARDS, SCRIPT, given
from tests.training.grpo.tiny_runs import by_first_token, first_batch, prompts, same, tokenizer_of, trainer, weights
from transformers import TrainerCallback

from citerefine.training.errors import RecipeError


def test_the_scripts_end_as_the_model_ends(tiny_qwen3: Path) -> None:
    assert tokenizer_of(tiny_qwen3).eos_token_id == EOS


def test_groups_stay_whole_in_their_pass(tiny_qwen3: Path, tmp_path: Path) -> None:
    made = trainer(tiny_qwen3, tmp_path, prompts_per_step=6, micro_groups=2)
    for batch in first_batch(made):
        rows = batch["prompt_ids"].tolist()
        assert rows[0] == rows[1] == rows[2] == rows[3] != rows[4] == rows[5] == rows[6] == rows[7]


def test_prompts_are_encoded_as_they_are_rendered(tiny_qwen3: Path, tmp_path: Path) -> None:
    made = trainer(tiny_qwen3, tmp_path, micro_groups=2)
    (batch,) = first_batch(made)
    tokenizer, order = tokenizer_of(tiny_qwen3), made._order.places(0)
    for place, row, mask in zip(order, batch["prompt_ids"][::4], batch["prompt_mask"][::4], strict=True):
        expected = tokenizer(prompts()[place]["prompt"], add_special_tokens=False)["input_ids"]
        assert row[mask.bool()].tolist() == expected


def test_further_prompts_stand_in_for_groups_without_signal(tiny_qwen3: Path, tmp_path: Path) -> None:
    """The first group is flat, the group of the first further prompt is not."""
    calls = iter([[0.5] * 4 + REWARDS[4:], [0.0, 1.0, 0.0, 1.0]])

    def reward(**_: Any) -> list[float]:
        return next(calls)

    long = [[31, 32, 33, 34, 35, EOS], *[[36, EOS]] * 3]
    made = trainer(
        tiny_qwen3, tmp_path, reward, scripts=[SCRIPT, long], refill=True, refill_tokens=1000, micro_groups=2
    )
    (batch,) = first_batch(made)
    assert batch["completion_mask"].sum(1).tolist() == [6, 2, 2, 2, 3, 2, 2, 3]
    assert made._metrics["train"]["groups/refilled"] == [1.0]
    assert made._metrics["train"]["groups/flat_share"] == [0.0]
    reserve = made._order.reserve(0, {*made._order.places(0)})
    prompt = tokenizer_of(tiny_qwen3)(prompts()[reserve[0]]["prompt"], add_special_tokens=False)["input_ids"]
    assert batch["prompt_ids"][0][batch["prompt_mask"][0].bool()].tolist() == prompt


def test_a_step_without_signal_moves_nothing(tiny_qwen3: Path, tmp_path: Path) -> None:
    """Momentum of the first step would; and what is not there is None in the log, not 0."""
    calls = iter([REWARDS, [0.5] * 8])
    seen = []

    def reward(**_: Any) -> list[float]:
        seen.append(weights(made.model))
        return next(calls)

    made = trainer(tiny_qwen3, tmp_path, reward, scripts=[SCRIPT])
    made.train()
    assert not same(seen[0], seen[1])
    assert same(seen[1], weights(made.model))
    moved, still = made.state.log_history[:2]
    assert moved["entropy"] > 0
    assert still["entropy"] is None
    assert still["groups/flat_share"] == 1


def test_a_pass_without_signal_does_not_dilute_the_figures(tiny_qwen3: Path, tmp_path: Path) -> None:
    entropies = []
    for groups in (1, 2):
        made = trainer(
            tiny_qwen3,
            tmp_path / str(groups),
            given([0.5] * 4 + REWARDS[4:]),
            scripts=[SCRIPT],
            steps=1,
            micro_groups=groups,
        )
        made.train()
        entropies.append(made.state.log_history[0]["entropy"])
    assert entropies[0] == pytest.approx(entropies[1], rel=1e-5)


def test_where_the_time_goes_is_logged(tiny_qwen3: Path, tmp_path: Path) -> None:
    made = trainer(tiny_qwen3, tmp_path, steps=1)
    made.train()
    logged = made.state.log_history[0]
    assert {"time/rollout", "time/reward", "time/update", "tokens/s", "length/mean", "truncated_share"} <= {*logged}
    assert logged["time/rollout"] > 0 < logged["time/update"]


def test_several_updates_on_one_rollout(tiny_qwen3: Path, tmp_path: Path) -> None:
    """Between them nothing is saved, whoever asks for it: answers of a rollout are in no checkpoint."""
    calls = []

    def reward(completion_ids: Any, **columns: Any) -> list[float | None]:
        calls.append(columns["trainer_state"].global_step)
        return by_first_token(completion_ids)

    class Eager(TrainerCallback):  # type: ignore[misc]  # transformers is not typed here
        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            control.should_save = True

    made = trainer(tiny_qwen3, tmp_path, reward, steps=2, updates_per_rollout=2, callbacks=[Eager()])
    made.train()
    assert calls == [0, 2]
    assert made.state.global_step == 4
    assert sorted(path.name for path in made.checkpoints.iterdir()) == ["checkpoint-2", "checkpoint-4"]


class TwoPhases:
    """Phases that ask again, with what was answered first."""

    name, count = "drafts", 2

    def __init__(self) -> None:
        self.calls: list[tuple[str, int, list[str]]] = []
        self.drafts: list[str] = []

    def rows(self, rollout: int, rows: Sequence[dict[str, Any]]) -> Sequence[dict[str, Any]]:
        self.calls.append(("rows", rollout, [row["id"] for row in rows]))
        return [{**row, "prompt": row["prompt"] + "draft"} for row in rows] if rollout % 2 else rows

    def scored(self, rollout: int, answers: Sequence[Any]) -> dict[str, float]:
        self.calls.append(("scored", rollout, [answer.row["id"] for answer in answers]))
        self.drafts = [answer.row["prompt"][-5:] for answer in answers]
        return {"answers": float(len(answers))}

    def save(self, folder: Path) -> None: ...

    def load(self, folder: Path) -> None: ...


def test_phases_share_their_prompts_and_see_what_came_of_the_one_before(tiny_qwen3: Path, tmp_path: Path) -> None:
    phases = TwoPhases()
    made = trainer(tiny_qwen3, tmp_path, phases=phases, steps=4, save_steps=1)
    made.train()
    ids = [call[2] for call in phases.calls]
    assert [call[:2] for call in phases.calls] == [(what, n) for n in range(4) for what in ("rows", "scored")]
    assert ids[0] == ids[1] == ids[2] == ids[3] != ids[4]
    assert phases.drafts == ["draft"] * 8
    assert [line["answers"] for line in made.state.log_history if "loss" in line] == [8.0] * 4
    assert sorted(path.name for path in made.checkpoints.iterdir()) == ["checkpoint-3", "checkpoint-4"]
    with pytest.raises(RecipeError, match="multiple of the 2 phases"):
        trainer(tiny_qwen3, tmp_path, phases=phases, steps=3)
    with pytest.raises(RecipeError, match="refill"):
        trainer(tiny_qwen3, tmp_path, phases=phases, refill=True, refill_tokens=1)


def test_lora_trains_beside_frozen_weights(tiny_qwen3: Path, tmp_path: Path) -> None:
    made = trainer(tiny_qwen3, tmp_path, lora={"rank": 2, "alpha": 4, "targets": ["q_proj"]}, beta=0.01, save_steps=1)
    before = weights(made.model)
    made.train()
    moved = {name for name, value in weights(made.model).items() if not torch.equal(value, before[name])}
    assert moved
    assert all("lora_" in name for name in moved)
    assert (made.checkpoints / "checkpoint-2" / "adapter_model.safetensors").is_file()


def test_it_can_be_evaluated_as_trl_evaluates(tiny_qwen3: Path, tmp_path: Path) -> None:
    made = trainer(tiny_qwen3, tmp_path)
    figures = made.evaluate(prompts(2))
    assert figures["eval_reward"] > 0
    assert figures["eval_num_tokens"] == 0
