"""Small models, padded batches, and TRL's own way to score them: what packed rows are compared with."""

import types
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final

import torch
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)
from trl import GRPOTrainer
from trl.trainer.utils import add_fused_lm_head

from citerefine.training.prefix.batch import PaddedBatch
from citerefine.training.prefix.shared import Scores

VOCABULARY: Final = 300
TEMPERATURE: Final = 0.7
PAD: Final = 0
KINDS: Final[dict[str, tuple[Any, Any]]] = {
    "qwen3": (Qwen3Config, Qwen3ForCausalLM),
    "qwen2": (Qwen2Config, Qwen2ForCausalLM),
    "llama": (LlamaConfig, LlamaForCausalLM),
    "mistral": (MistralConfig, MistralForCausalLM),
}


def small_model(kind: str = "qwen3", **changes: Any) -> Any:
    """A model with random weights, the same each time, grouped queries, tied embeddings; patched as TRL does it."""
    torch.manual_seed(0)
    config_type, model_type = KINDS[kind]
    shape = {
        "vocab_size": VOCABULARY, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 32, "tie_word_embeddings": True,
        "sliding_window": None, "initializer_range": 0.1,
    }  # fmt: skip
    model = model_type(config_type(**(shape | changes))).train()
    patch(model)
    return model


def patch(model: Any) -> None:
    """Gives `model` TRL's fused head."""
    add_fused_lm_head(model, temperature=TEMPERATURE, outputs=("log_probs", "entropy"))


def padded_batch(*groups: tuple[int, Sequence[int]], seed: int = 1) -> PaddedBatch:
    """A batch of groups, each the length of its prompt and those of its answers, padded as TRL does."""
    chance = torch.Generator().manual_seed(seed)
    p = max(prompt for prompt, _ in groups)
    t = max(1, *(n for _, answers in groups for n in answers))
    rows, masks = [], []
    for n_prompt, answers in groups:
        prompt = torch.randint(1, VOCABULARY, (n_prompt,), generator=chance)
        for n in answers:
            answer = torch.randint(1, VOCABULARY, (n,), generator=chance)
            row = torch.full((p + t,), PAD)
            row[p - n_prompt : p], row[p : p + n] = prompt, answer
            rows.append(row)
            places = torch.arange(p + t)
            masks.append(((places >= p - n_prompt) & (places < p + n)).long())
    return PaddedBatch(torch.stack(rows), torch.stack(masks), t)


def trl_way(autocast: Callable[[], AbstractContextManager[Any]] = nullcontext) -> Callable[..., Scores]:
    """TRL's method, as the trainer's seam gets it."""
    trainer = types.SimpleNamespace(accelerator=types.SimpleNamespace(autocast=autocast))
    method = GRPOTrainer._get_per_token_logps_and_entropies.__wrapped__

    def plain(*args: Any, **kwargs: Any) -> Scores:
        scores: Scores = method(trainer, *args, **kwargs)
        return scores

    return plain


def loss_of(scores: Scores, batch: PaddedBatch) -> torch.Tensor:
    """A loss in which every answer's log-probabilities and entropies count, differently."""
    log_probs, entropies, _ = scores
    assert entropies is not None
    weights = torch.linspace(-1.0, 1.3, len(batch.ids))[:, None] * batch.answers_mask
    return (weights * log_probs).sum() / 10 + (weights.flip(0) * batch.answers_mask * entropies).sum() / 100


def gradients(model: Any) -> dict[str, torch.Tensor]:
    """Of all parameters that have one, and forgets them."""
    found = {name: parameter.grad for name, parameter in model.named_parameters() if parameter.grad is not None}
    model.zero_grad(set_to_none=True)
    return found


def apart(one: torch.Tensor, other: torch.Tensor) -> float:
    """Greatest difference of elements, over the greatest element."""
    one, other = one.detach(), other.detach()
    return float((one - other).abs().max() / other.abs().max().clamp(min=1e-30))
