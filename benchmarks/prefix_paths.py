"""What the benchmarks of shared prompts time: TRL's own way to score a group's answers, ours, and what both must do.

In: the shape of a model, lengths of prompts and answers. Out: a model, a batch, scores, a loss, counts of
floating-point operations. Not here: clocks (prefix_step.py, prefix_gpu.py).
"""

import types
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any, Final, NamedTuple

import torch
from torch.utils.checkpoint import checkpoint
from transformers import Qwen3Config, Qwen3ForCausalLM

from citerefine.training.prefix.batch import PaddedBatch
from citerefine.training.prefix.forward import TokenScores, install
from citerefine.training.prefix.plan import PrefixPlan

try:
    from trl import GRPOTrainer
    from trl.trainer.utils import add_fused_lm_head

    NO_TRL = ""
except (ImportError, RuntimeError) as error:
    NO_TRL = str(error)
HAVE_TRL: Final = not NO_TRL
"""Without TRL, a plain forward with a head of our own stands in for it, in both ways."""
HEAD_TILE: Final = 1024
"""Tokens whose logits that head holds at a time."""
FILLER = 0
"""The id at padding, which no prompt or answer has."""


class Work(NamedTuple):
    """What one way does for one batch, in its forward."""

    tokens: int
    """That go through the layers."""
    scored: int
    """That go through the head."""
    pairs: int
    """Pairs of a query and a key that it may see, of one head."""

    def flops(self, config: Qwen3Config) -> float:
        """Floating-point operations of a forward, a product and its sum counted as two; backward is twice as much."""
        heads = config.num_attention_heads * config.head_dim
        linear = config.hidden_size * (
            2 * heads + 2 * config.num_key_value_heads * config.head_dim + 3 * config.intermediate_size
        )
        layers = config.num_hidden_layers * (2 * linear * self.tokens + 4 * heads * self.pairs)
        return float(layers + 2 * config.hidden_size * config.vocab_size * self.scored)


def make_config(**shape: Any) -> Qwen3Config:
    """A Qwen3 with tied embeddings; `shape` as Qwen3Config names it."""
    return Qwen3Config(tie_word_embeddings=True, max_position_embeddings=16_384, use_cache=False, **shape)


def make_model(config: Qwen3Config, device: str, dtype: torch.dtype, seed: int = 0) -> Any:
    """A model with random weights, patched as TRL's GRPO trainer does it, in training mode."""
    torch.manual_seed(seed)
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with torch.device(device):
            model = Qwen3ForCausalLM(config)
    finally:
        torch.set_default_dtype(before)
    if HAVE_TRL:
        add_fused_lm_head(model, temperature=1.0, outputs=("log_probs", "entropy"))
    return model.train()


def install_shared(model: Any) -> None:
    """Lets `model` take packed rows, with the head that the other way has too."""
    install(model, scorer=None if HAVE_TRL else _tiled_scores)


def make_batch(prompt: int, answers: Sequence[int], vocabulary: int, device: str, seed: int = 0) -> PaddedBatch:
    """One group: a prompt of random ids and answers of the given lengths, padded on the right."""
    chance = torch.Generator().manual_seed(seed)
    ids = torch.full((len(answers), prompt + max(answers)), FILLER)
    mask = torch.zeros_like(ids)
    ids[:, :prompt] = torch.randint(1, vocabulary, (prompt,), generator=chance)
    for row, n in enumerate(answers):
        ids[row, prompt : prompt + n] = torch.randint(1, vocabulary, (n,), generator=chance)
        mask[row, : prompt + n] = 1
    return PaddedBatch(ids.to(device), mask.to(device), max(answers))


def trl_scores(model: Any, batch: PaddedBatch) -> tuple[torch.Tensor, torch.Tensor]:
    """Log-probabilities and entropies (B, T) by the method of TRL's GRPOTrainer, run as it stands."""
    if not HAVE_TRL:
        states = model.model(input_ids=batch.ids, attention_mask=batch.mask).last_hidden_state
        mask, n = batch.answers_mask, batch.n_answer
        scores = _tiled_scores(
            states[:, -n - 1 : -1][mask], model.lm_head.weight, None, batch.ids[:, -n:][mask], 1.0, True
        )
        blank = torch.zeros(mask.shape, device=mask.device)
        assert scores.entropies is not None
        return blank.masked_scatter(mask, scores.log_probs), blank.masked_scatter(mask, scores.entropies)
    trainer = types.SimpleNamespace(accelerator=types.SimpleNamespace(autocast=nullcontext))
    method = GRPOTrainer._get_per_token_logps_and_entropies.__wrapped__  # without the clock around it
    log_probs, entropies, _ = method(trainer, model, batch.ids, batch.mask, batch.n_answer, compute_entropy=True)
    return log_probs, entropies


def _tiled_scores(
    states: torch.Tensor, weight: torch.Tensor, _bias: Any, labels: torch.Tensor, temperature: float, _entropy: bool
) -> TokenScores:
    def tile(states: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        log_p = ((states @ weight.t()).float() / temperature).log_softmax(-1)
        return log_p.gather(-1, labels[:, None])[:, 0], -(log_p.exp() * log_p).sum(-1)

    tiles = [
        checkpoint(tile, states[start : start + HEAD_TILE], labels[start : start + HEAD_TILE], use_reentrant=False)
        for start in range(0, len(states), HEAD_TILE)
    ]
    return TokenScores(*(torch.cat(column) for column in zip(*tiles, strict=True)))


def policy_loss(log_probs: torch.Tensor, mask: torch.Tensor, rows: slice, n_rows: int) -> torch.Tensor:
    """The Dr. GRPO loss of some rows of a group, on the first step after sampling; advantages are made up."""
    advantages = torch.linspace(-1.0, 1.0, n_rows, device=log_probs.device)[rows, None]
    ratio = torch.exp(log_probs - log_probs.detach())
    return -(ratio * advantages * mask).sum() / (n_rows * mask.shape[1])


def trl_work(batch: PaddedBatch) -> Work:
    """What the plain way does: every row up to the longest, its answers' tokens scored."""
    n_rows, n = batch.ids.shape
    return Work(n_rows * n, int(batch.answers_mask.sum()), n_rows * _causal(n))


def shared_work(plan: PrefixPlan) -> Work:
    """What a packed row does."""
    answers = [sum(group) for group in plan.answers]
    own = sum(_causal(n) for n in plan.segments())
    return Work(plan.n_tokens, sum(answers), own + sum(a * p for a, p in zip(answers, plan.shared, strict=True)))


def _causal(n: int) -> int:
    return n * (n + 1) // 2
