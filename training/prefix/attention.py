"""The attention of a packed row: prompts attend themselves, each answer its prompt and itself. For transformers.

In: a model that calls its attention through transformers' interface, and a plan as the keyword `prefix_plan` of its
forward. Out: the registered attention; without a plan, what the model had before runs, so `generate` is unchanged.
Not here: packing (plan.py), which models this fits (support.py).

Each answer's attention has two parts: over its own tokens, which is one causal call for all prompts and answers of the
row, and over its prompt's keys, one call that copies no key. The parts are joined by their log-sum-exps (joining.py).
Backward runs each part's own kernel against the joined o and lse, which is exact (kernels.py).
"""

from typing import Any, Final

import torch
from torch.nn.attention.bias import causal_lower_right
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from citerefine.training.prefix.joining import join
from citerefine.training.prefix.kernels import Blocks, Kernel, Partial, kernel_for
from citerefine.training.prefix.plan import PrefixPlan

NAME: Final = "citerefine_prefix_"
"""The attention that stands in for transformers' `sdpa` is registered as this and `sdpa`; so are the others."""


def register(base: str) -> str:
    """Registers the attention with transformers for models that had `base` ("sdpa", …); returns its name."""
    before = ALL_ATTENTION_FUNCTIONS[base]

    def attention(module: Any, query: Any, key: Any, value: Any, attention_mask: Any, **kwargs: Any) -> Any:
        plan = kwargs.pop("prefix_plan", None)
        if plan is None:
            return before(module, query, key, value, attention_mask, **kwargs)
        scaling = kwargs.get("scaling")
        scale = query.shape[-1] ** -0.5 if scaling is None else scaling
        return packed_attention(query, key, value, plan, scale), None

    # The masks too are those of `base`. A packed row needs none: forward.py passes a mask that nothing looks at.
    AttentionInterface.register(NAME + base, attention)
    AttentionMaskInterface.register(NAME + base, ALL_MASK_ATTENTION_FUNCTIONS[base])
    return NAME + base


def packed_attention(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, plan: PrefixPlan, scale: float
) -> torch.Tensor:
    """The attention (1, N, H, D) of a packed row, from query (1, H, N, D), key and value (1, K, N, D)."""
    if query.shape[0] != 1 or query.shape[2] != plan.n_tokens:
        raise ValueError(f"a packed row of {plan.n_tokens} tokens, but queries of shape {tuple(query.shape)}")
    device = query.device.type
    if torch.is_autocast_enabled(device):  # as autocast does to torch's own attention
        query, key, value = (x.to(torch.get_autocast_dtype(device)) for x in (query, key, value))
    q, k, v = (x[0].transpose(0, 1) for x in (query, key, value))
    kernel = kernel_for(q)
    if kernel is None:
        return _split_attention(query, key, value, plan, scale)
    return _JoinedAttention.apply(q, k, v, plan, scale, kernel)[None]


class _JoinedAttention(torch.autograd.Function):  # type: ignore[misc]
    """(N, H, D) from q (N, H, D), k and v (N, K, D)."""

    @staticmethod
    def forward(
        ctx: Any, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, plan: PrefixPlan, scale: float, kernel: Kernel
    ) -> torch.Tensor:
        own, across = _parts(plan)
        p = plan.n_shared
        whole = kernel.forward(q, k, v, own, scale)
        if across is not None:
            answers = Partial(whole.out[p:], whole.lse[:, p:])
            join(answers, kernel.forward(q[p:], k[:p], v[:p], across, scale))
        ctx.save_for_backward(q, k, v, *whole)
        ctx.plan, ctx.scale, ctx.kernel = plan, scale, kernel
        return whole.out

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        q, k, v, *rest = ctx.saved_tensors
        whole = Partial(*rest)
        own, across = _parts(ctx.plan)
        p = ctx.plan.n_shared
        grad = grad.contiguous()
        grads = ctx.kernel.backward(grad, q, k, v, whole, own, ctx.scale)
        if across is not None:
            answers = Partial(whole.out[p:], whole.lse[:, p:])
            more = ctx.kernel.backward(grad[p:], q[p:], k[:p], v[:p], answers, across, ctx.scale)
            grads.q[p:] += more.q
            grads.k[:p] += more.k
            grads.v[:p] += more.v
        return *grads, None, None, None


def _parts(plan: PrefixPlan) -> tuple[Blocks, Blocks | None]:
    """What every prompt and answer sees of itself, and what answers see of prompts, if anything."""
    own = tuple(plan.segments())
    across = Blocks(tuple(map(sum, plan.answers)), plan.shared, causal=False)
    return Blocks(own, own, causal=True), across if any(across.queries) and any(across.keys) else None


def _split_attention(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, plan: PrefixPlan, scale: float
) -> torch.Tensor:
    """The same by torch's plain attention, for devices and types without FlashAttention: copies the prompts' keys."""
    groups = query.shape[1] // key.shape[1]
    key, value = (x.repeat_interleave(groups, dim=1) for x in (key, value))
    prompts, answers = [], []
    start, behind = 0, plan.n_shared
    for p, lengths in zip(plan.shared, plan.answers, strict=True):
        prompt = slice(start, start + p)
        if p:
            q, k, v = (x[:, :, prompt] for x in (query, key, value))
            prompts.append(scaled_dot_product_attention(q, k, v, is_causal=True, scale=scale))
        for n in lengths:
            if n:
                own = slice(behind, behind + n)
                k, v = (torch.cat([x[:, :, prompt], x[:, :, own]], dim=2) for x in (key, value))
                mask = causal_lower_right(n, p + n)
                answers.append(scaled_dot_product_attention(query[:, :, own], k, v, attn_mask=mask, scale=scale))
            behind += n
        start += p
    return torch.cat(prompts + answers, dim=2).transpose(1, 2)
