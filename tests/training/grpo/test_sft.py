"""Imitation: what counts in the loss, what is left out, and that a run goes on as if it had not stopped."""

from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset
from tests.training.grpo.tiny_runs import model_of, same, tokenizer_of, weights
from transformers import TrainerCallback

from citerefine.refiner.evidence import Evidence
from citerefine.training.data.row import TrainingRow
from citerefine.training.errors import RecipeError, StateError
from citerefine.training.grpo.settings import SftSettings
from citerefine.training.grpo.sft import RefinerSftTrainer, answers_key, imitation_rows

PROMPT = "<|im_start|>user\nWhat did perch do?<|im_end|>\n<|im_start|>assistant\n"


def rows(*answers: str | None) -> Dataset:
    made = [
        TrainingRow(id=f"q{n}", question="What did perch do?", evidence=Evidence(), answer=answer)
        for n, answer in enumerate(answers)
    ]
    return Dataset.from_list([{"id": r.id, "prompt": PROMPT, "row": r.model_dump_json()} for r in made])


def trainer(folder: Path, output: Path, *, n: int = 8, **values: Any) -> RefinerSftTrainer:
    tokenizer = tokenizer_of(folder)
    given = rows(*[f"<answer>Perch number {number} doubled.</answer>" for number in range(n)])
    small = {"rows_per_step": 4, "micro_rows": 2, "learning_rate": 1e-2, "warmup_steps": 0, "bf16": False}
    settings = SftSettings.model_validate({**small, "gradient_checkpointing": False, **values})
    dataset = imitation_rows(given, tokenizer, settings.max_tokens).dataset
    return RefinerSftTrainer(model_of(folder), dataset, tokenizer, settings, output, use_cpu=True)


def test_the_loss_is_that_of_answer_and_end_of_turn_behind_the_prompt_as_it_is_sampled_for(tiny_qwen3: Path) -> None:
    tokenizer = tokenizer_of(tiny_qwen3)
    answer = "<answer><snippet id=S1>Perch doubled.</snippet></answer>"
    (row,) = imitation_rows(rows(answer), tokenizer, 1000).dataset
    prompt = tokenizer(PROMPT, add_special_tokens=False)["input_ids"]
    assert row["input_ids"][: len(prompt)] == prompt
    assert row["labels"][: len(prompt)] == [-100] * len(prompt)
    assert row["labels"][len(prompt) :] == row["input_ids"][len(prompt) :]
    assert tokenizer.decode(row["input_ids"]) == PROMPT + answer + "<|im_end|>"


def test_rows_without_an_answer_and_long_ones_are_left_out_by_name(tiny_qwen3: Path) -> None:
    found = imitation_rows(rows("short", None, "", "long " * 300), tokenizer_of(tiny_qwen3), 100)
    assert len(found.dataset) == 1
    assert found.without_answer == ("q1", "q2")
    assert found.too_long == ("q3",)


def test_the_loss_of_a_step_is_the_mean_over_answer_tokens(tiny_qwen3: Path, tmp_path: Path) -> None:
    made = trainer(tiny_qwen3, tmp_path, n=4, steps=1)
    model = model_of(tiny_qwen3)
    total, count = 0.0, 0
    for row in made.train_dataset:
        ids, labels = torch.tensor([row["input_ids"]]), torch.tensor(row["labels"])
        with torch.no_grad():
            logps = model(ids).logits[0, :-1].log_softmax(-1)
        at = labels[1:] != -100
        total -= float(logps[at].gather(1, labels[1:][at][:, None]).sum())
        count += int(at.sum())
    made.train()
    assert made.state.log_history[0]["loss"] == pytest.approx(total / count, rel=1e-4)


def test_a_model_learns_to_write_the_answers(tiny_qwen3: Path, tmp_path: Path) -> None:
    made = trainer(tiny_qwen3, tmp_path, steps=20, schedule="constant")
    made.train()
    losses = [line["loss"] for line in made.state.log_history if "loss" in line]
    assert losses[-1] < losses[0] / 3


def test_epochs_say_how_many_steps_if_steps_do_not(tiny_qwen3: Path, tmp_path: Path) -> None:
    assert trainer(tiny_qwen3, tmp_path, epochs=2.5).args.max_steps == 5
    assert trainer(tiny_qwen3, tmp_path, steps=7).args.max_steps == 7


def test_a_run_goes_on_as_if_it_had_not_stopped(tiny_qwen3: Path, tmp_path: Path) -> None:
    plain = trainer(tiny_qwen3, tmp_path / "plain", steps=5, save_steps=3)
    plain.train()
    again = trainer(tiny_qwen3, tmp_path / "plain", steps=5, save_steps=3)
    again.train(again.checkpoints / "checkpoint-3")
    assert same(weights(again.model), weights(plain.model))
    with pytest.raises(StateError, match="learning_rate: "):
        trainer(tiny_qwen3, tmp_path / "plain", steps=5, save_steps=3, learning_rate=1.0).train(True)


@pytest.mark.parametrize("at", [2, 3])
def test_a_run_stops_after_a_step_when_it_is_asked_to_and_goes_on(tiny_qwen3: Path, tmp_path: Path, at: int) -> None:
    class Stop(TrainerCallback):  # type: ignore[misc]  # transformers is not typed here
        def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if state.global_step == at - 1:
                made.stop_after_step()

    plain = trainer(tiny_qwen3, tmp_path / "plain", steps=3)
    plain.train()
    made = trainer(tiny_qwen3, tmp_path / "run", steps=3)
    made.add_callback(Stop())
    made.train()
    assert (made.stopped, made.finished, made.state.global_step) == (True, at == 3, at)
    again = trainer(tiny_qwen3, tmp_path / "run", steps=3)
    again.train(True)
    assert (again.stopped, again.finished) == (False, True)
    assert same(weights(again.model), weights(plain.model))


def test_answers_are_known_by_their_prompts_and_order_and_rows_without_one_do_not_count() -> None:
    known = {answers_key(rows(*answers)) for answers in (("a", "b"), ("b", "a"), ("a",))}
    assert len(known) == 3
    assert answers_key(rows("a", None, "b")) == answers_key(rows("a", "b"))


def test_lora_trains_beside_frozen_weights(tiny_qwen3: Path, tmp_path: Path) -> None:
    made = trainer(tiny_qwen3, tmp_path, steps=2, lora={"rank": 2, "targets": ["q_proj"]})
    before = weights(made.model)
    made.train()
    moved = {name for name, value in weights(made.model).items() if not torch.equal(value, before[name])}
    assert moved
    assert all("lora_" in name for name in moved)


def test_shapes_that_do_not_divide_are_refused(tiny_qwen3: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"set sft\.rows_per_step to a multiple of 3"):
        trainer(tiny_qwen3, tmp_path, micro_rows=3)
    with pytest.raises(RecipeError, match="set rows_per_step to 3 or less"):
        trainer(tiny_qwen3, tmp_path, n=3)
