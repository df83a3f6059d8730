"""Greedy answers are those of the model alone, and nobody who draws random numbers notices them."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from accelerate import Accelerator
from tests.training.grpo.tiny_runs import model_of, tokenizer_of

from citerefine.training.watch.greedy import answer_greedily

PROMPTS = [
    f"<|im_start|>user\n{question}<|im_end|>\n<|im_start|>assistant\n"
    for question in ("What did perch do in the lake?", "Why?", "When did ice come, and when did eels leave the lake?")
]
MOST = 8


@pytest.fixture
def trainer(tiny_qwen3: Path) -> Any:
    """What a trainer has that sampling needs."""
    model = model_of(tiny_qwen3).train()
    return SimpleNamespace(
        model=model, model_wrapped=model, accelerator=Accelerator(cpu=True), processing_class=tokenizer_of(tiny_qwen3)
    )


def alone(trainer: Any, prompt: str) -> str:
    """The likeliest continuation of one prompt, token by token, without padding and cache."""
    tokenizer, ids = trainer.processing_class, trainer.processing_class.encode(prompt, add_special_tokens=False)
    start = len(ids)
    trainer.model.eval()
    while len(ids) < start + MOST:
        with torch.no_grad():
            ids.append(int(trainer.model(torch.tensor([ids])).logits[0, -1].argmax()))
        if ids[-1] == tokenizer.eos_token_id:
            break
    text: str = tokenizer.decode(ids[start:], skip_special_tokens=True)
    return text


@pytest.mark.parametrize("batch", [1, 2, 32])
def test_each_prompt_is_answered_as_if_it_were_alone(trainer: Any, batch: int) -> None:
    got = answer_greedily(trainer, PROMPTS, MOST, batch)
    assert got == [alone(trainer, prompt) for prompt in PROMPTS]
    assert all(got)


def test_a_policy_that_ends_its_answer_is_heard_to_the_end(trainer: Any) -> None:
    """With one head for all tokens the end of the turn is the likeliest first token: answers are empty."""
    end = trainer.processing_class.eos_token_id
    with torch.no_grad():
        last = trainer.model.model(torch.tensor([trainer.processing_class.encode(PROMPTS[0])])).last_hidden_state[0, -1]
        trainer.model.lm_head.weight[end] = 1e3 * last
    assert answer_greedily(trainer, PROMPTS[:1], MOST) == [""]


def test_random_numbers_and_the_state_of_the_model_stay(trainer: Any) -> None:
    before = torch.get_rng_state()
    answer_greedily(trainer, PROMPTS, MOST)
    assert torch.equal(torch.get_rng_state(), before)
    assert trainer.model.training
    assert all(parameter.grad is None for parameter in trainer.model.parameters())


def test_without_prompts_there_is_no_answer(trainer: Any) -> None:
    assert answer_greedily(trainer, [], MOST) == []
