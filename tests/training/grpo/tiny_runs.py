"""Runs of a tiny model that the tests of the trainer share.

In: the folder of a tiny Qwen3, a reward, settings. Out: trainers. `Scripted` lets a test say what is sampled.
"""

import copy
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

import torch
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils import logging

from citerefine.training.grpo.settings import AlgorithmSettings
from citerefine.training.grpo.trainer import RefinerTrainer

ANSWER_TOKENS: Final = 6
Reward = Callable[..., Any]
Script = Sequence[Sequence[int]]
"""Sampled ids of each row."""

logging.disable_progress_bar()


@cache
def _loaded(folder: Path) -> tuple[Any, Any]:
    return AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)


def model_of(folder: Path) -> Any:
    """A copy of the model that may be trained."""
    return copy.deepcopy(_loaded(folder)[0])


def tokenizer_of(folder: Path) -> Any:
    return _loaded(folder)[1]


def prompts(n: int = 6) -> Dataset:
    """Rendered prompts of different lengths."""
    return Dataset.from_list(
        [
            {
                "id": f"q{number}",
                "prompt": f"<|im_start|>user\n{'find ' * (number % 3 + 1)}{number}<|im_end|>\n<|im_start|>assistant\n",
                "row": "{}",
                "n_prompt_tokens": 40,
            }
            for number in range(n)
        ]
    )


def settings(**values: Any) -> AlgorithmSettings:
    """Settings of a run of milliseconds."""
    small: dict[str, Any] = {
        "steps": 2,
        "prompts_per_step": 2,
        "group_size": 4,
        "learning_rate": 1e-2,
        "warmup_steps": 0,
        "save_steps": 100,
        "bf16": False,
        "gradient_checkpointing": False,
        "mask_truncated": False,
    }
    return AlgorithmSettings.model_validate({**small, **values})


def by_first_token(completion_ids: Sequence[Sequence[int]], **_: Any) -> list[float | None]:
    """A reward that differs within any group."""
    return [ids[0] % 97 / 97 + len(ids) / 1000 for ids in completion_ids]


class Scripted(RefinerTrainer):
    """Samples what it is told, one script a sampling, the last again and again."""

    scripts: Sequence[Script] = ()
    sampled = 0

    def _generate_single_turn(self, prompt_ids: Any, *args: Any, **kwargs: Any) -> Any:
        if not self.scripts:
            return super()._generate_single_turn(prompt_ids, *args, **kwargs)
        script = self.scripts[min(self.sampled, len(self.scripts) - 1)]
        self.sampled += 1
        assert len(script) == len(prompt_ids)
        self._caught["empty"] = [not ids for ids in script]
        return [[*ids] or [self._tokenizer.eos_token_id] for ids in script], None


def trainer(
    folder: Path, output: Path, reward: Reward = by_first_token, *, scripts: Sequence[Script] = (), **changes: Any
) -> Scripted:
    """A trainer on the CPU; `changes` are settings, or arguments of the trainer."""
    names = ("dataset", "parts", "phases", "callbacks", "identity")
    given = {name: changes.pop(name) for name in names if name in changes}
    total = changes.pop("total_tokens", 128)
    made = Scripted(
        changes.pop("model", None) or model_of(folder),
        reward,
        given.pop("dataset", None) or prompts(),
        tokenizer_of(folder),
        settings(**changes),
        output,
        answer_tokens=ANSWER_TOKENS,
        total_tokens=total,
        use_cpu=True,
        **given,
    )
    made.scripts = scripts
    return made


def first_batch(made: Scripted) -> list[dict[str, Any]]:
    """The passes of the first rollout, as the loop would have them."""
    made.model.train()
    batch = next(iter(made.get_train_dataloader()))
    return [made._prepare_inputs(batch) if not at else made._buffered_inputs[at] for at in range(passes(made))]  # type: ignore[index]


def passes(made: Scripted) -> int:
    return int(made.args.steps_per_generation)


def weights(model: Any) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in model.state_dict().items()}


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    """Whether two sets of weights are equal, bit for bit."""
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)
