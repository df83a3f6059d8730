"""Scores the answers of packed rows through the model as it is wrapped.

In: a causal language model, once, and then packed rows. Out: log-probabilities and entropies of the answers' tokens,
with gradients. Not here: packing (plan.py), padded batches (batch.py), the trainer's seam (shared.py).

`install` lets the bare model's `forward` take `prefix_plan`; calls go to the outermost wrapper, so what DDP, FSDP, ZeRO
and adapters hang into `forward` happens. The head scores only answer positions, in tiles that are never kept, by the
function that TRL's own trainers use.
"""

import functools
import types
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final, NamedTuple

import torch
from torch.distributed.tensor import DTensor

from citerefine.training.prefix.attention import register
from citerefine.training.prefix.plan import Group, PackedRow, pack
from citerefine.training.prefix.support import bare

_VOCABULARY_TILE: Final = 32_768
"""Logits of a token that are held at a time, as TRL does."""


class TokenScores(NamedTuple):
    """Of tokens, in their order."""

    log_probs: torch.Tensor
    """(M,) float32, natural logarithm, at the temperature."""
    entropies: torch.Tensor | None
    """(M,) float32, nats, of the distribution that the token was drawn from; None if not asked for."""


Scorer = Callable[[torch.Tensor, torch.Tensor, torch.Tensor | None, torch.Tensor, float, bool], TokenScores]
"""From hidden states (M, d), the head's weight (V, d) and bias (V,), labels (M,), the temperature, whether entropies
are wanted."""


def install(model: Any, temperature: float = 1.0, scorer: Scorer | None = None) -> None:
    """Lets `model` take packed rows; what it does without a plan stays as it was. A second call changes nothing.

    Call it after TRL has patched the model and before anything wraps it (Trainer.train does).
    """
    base = bare(model)
    if hasattr(base, "prefix_base"):
        return
    config = base.config.get_text_config()
    base.prefix_base = config._attn_implementation
    # For good: a checkpointed forward is run again in backward, and must find the same attention.
    config._attn_implementation = register(base.prefix_base)
    before = base.forward
    score = scorer or chunked_scores

    @functools.wraps(type(base).forward)  # `generate` reads the signature
    def forward(self: Any, *args: Any, prefix_plan: Any = None, **kwargs: Any) -> Any:
        if prefix_plan is None:
            return before(*args, **kwargs)
        labels, entropy = kwargs.pop("prefix_labels"), kwargs.pop("prefix_entropy")
        states = self.base_model(*args, prefix_plan=prefix_plan, use_cache=False, **kwargs).last_hidden_state
        head = self.get_output_embeddings()
        weight, bias = (x.full_tensor() if isinstance(x, DTensor) else x for x in (head.weight, head.bias))
        answers = states[0, prefix_plan.n_shared :]
        with _whole(weight, bias):
            return tuple(score(answers, weight, bias, labels, temperature, entropy))

    base.forward = types.MethodType(forward, base)


def score_row(model: Any, row: PackedRow, entropy: bool = False) -> TokenScores:
    """The scores of all answer tokens of `row`; `model` is, or wraps, one that `install` has seen."""
    scores = model(
        input_ids=row.ids,
        position_ids=row.positions,
        # One number in four dimensions: transformers hands such a mask on as it is, and builds none of N × N.
        attention_mask=row.ids.new_ones((1, 1, 1, 1), dtype=torch.bool),
        prefix_plan=row.plan,
        prefix_labels=row.labels,
        prefix_entropy=entropy,
    )
    return TokenScores(*scores)


def group_scores(
    model: Any, prompt: torch.Tensor, answers: Sequence[torch.Tensor], entropy: bool = False
) -> list[TokenScores]:
    """The scores of each of one prompt's answers: prompt (P,), answers (R_i,), all token ids on the model's device."""
    scores = score_row(model, pack([Group(prompt, answers)]), entropy)
    lengths = [len(answer) for answer in answers]
    entropies = [None] * len(lengths) if scores.entropies is None else scores.entropies.split(lengths)
    return [TokenScores(*pair) for pair in zip(scores.log_probs.split(lengths), entropies, strict=True)]


def chunked_scores(
    states: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, labels: torch.Tensor, temperature: float,
    entropy: bool,
) -> TokenScores:  # fmt: skip
    """A Scorer: TRL's chunked log-probabilities, which hold one tile of logits at a time, in both directions."""
    from trl.kernels import ChunkedLogProbFunction

    outputs = ("log_probs", "entropy") if entropy else ("log_probs",)
    scores = ChunkedLogProbFunction.apply(
        states, weight, bias, labels, temperature, _VOCABULARY_TILE, None, 1.0, outputs
    )
    return TokenScores(scores[0], scores[1])


def _whole(weight: Any, bias: Any) -> AbstractContextManager[Any]:
    """Gathers a head that ZeRO-3 has split; its module is not called, so nobody else does."""
    if not hasattr(weight, "ds_status"):
        return nullcontext()
    from trl.trainer.utils import maybe_gather_lm_head_ctx

    gathered: AbstractContextManager[Any] = maybe_gather_lm_head_ctx(weight, bias)
    return gathered
