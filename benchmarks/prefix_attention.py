"""Ways to compute one layer's attention of a packed row, side by side, and where a step's time goes, kernel by kernel.

In: shapes and a clock, or a profile. Out: seconds of forward and of forward with backward, shares. Not here: steps
(prefix_gpu.py).
"""

import inspect
from collections.abc import Callable, Sequence
from typing import Any, Final

import torch
from torch.nn.functional import scaled_dot_product_attention

from citerefine.training.prefix import joining
from citerefine.training.prefix.attention import _split_attention, packed_attention
from citerefine.training.prefix.plan import PrefixPlan

Clock = Callable[[Callable[[], Any], int, int], float]
"""Median seconds of a call, after some warm ones: (call, warm, times)."""

KINDS: Final = {
    "attention": ("flash", "fmha", "attention", "sdpa"),
    "matrix products": ("gemm", "nvjet", "cutlass", "xmma", "cublas", "mm"),
    "head's softmax": ("_forward_kernel", "_backward_kernel"),
    "optimizer": ("adam", "multi_tensor", "lpnorm", "foreach"),
    "copies": ("memcpy", "memset", "copy_kernel", "copy_"),
}
"""Parts of kernels' names, in the order in which they are looked for; the rest is element-wise and reductions."""


def compare(config: Any, prompt: int, answers: Sequence[int], device: str, clock: Clock) -> dict[str, Any]:
    """Seconds of one layer's attention, per way; differences from torch's plain attention in the same format."""
    plan = PrefixPlan((prompt - 1,), (tuple(answers),))
    q, k, v, grad = _inputs(config, plan.n_tokens, device)
    ways: dict[str, Callable[..., torch.Tensor]] = {
        "joined by log-sum-exp": packed_attention,
        "keys copied, one call an answer": _split_attention,
    }
    if device == "cuda":
        ways["keys copied, one call"] = _copied_varlen
        ways["joined, in several passes"] = _plainly_joined
    found: dict[str, Any] = {}
    for name, way in ways.items():
        found[name] = _timed(lambda q, k, v, way=way: way(q, k, v, plan, config.head_dim**-0.5), (q, k, v), grad, clock)
    rows, n = len(answers), prompt + max(answers)
    found["TRL's: full rows, causal"] = _timed(
        lambda q, k, v: scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True).transpose(1, 2),
        _rows(config, rows, n, device),
        torch.randn(rows, n, config.num_attention_heads, config.head_dim, device=device, dtype=torch.bfloat16),
        clock,
    )
    if device == "cuda":
        found["answers over the prompt by cuDNN"] = _across_by_cudnn(config, plan, clock)
        found["answers over the prompt by FlashAttention"] = _across_by_flash(config, plan, clock)
    return found


def _timed(
    way: Callable[..., torch.Tensor], inputs: Sequence[torch.Tensor], grad: torch.Tensor, clock: Clock
) -> dict[str, float] | str:
    leaves = [x.detach().requires_grad_() for x in inputs]

    def both() -> None:
        torch.autograd.grad(way(*leaves), leaves, grad)

    def forward() -> None:
        with torch.no_grad():
            way(*leaves)

    try:
        return {"forward_ms": 1e3 * clock(forward, 2, 5), "both_ms": 1e3 * clock(both, 2, 5)}
    except RuntimeError as error:
        return f"failed: {error}"[:300]


def _inputs(config: Any, n: int, device: str) -> tuple[torch.Tensor, ...]:
    """q, k, v as transformers hands them on, and a gradient of the output."""
    how = {"device": device, "dtype": torch.bfloat16}
    q = torch.randn(1, n, config.num_attention_heads, config.head_dim, **how)
    k, v = (torch.randn(1, n, config.num_key_value_heads, config.head_dim, **how) for _ in range(2))
    return q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), torch.randn_like(q)


def _rows(config: Any, rows: int, n: int, device: str) -> tuple[torch.Tensor, ...]:
    heads = (config.num_attention_heads, config.num_key_value_heads, config.num_key_value_heads)
    return tuple(
        torch.randn(rows, n, h, config.head_dim, device=device, dtype=torch.bfloat16).transpose(1, 2) for h in heads
    )


def _plainly_joined(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, plan: PrefixPlan, scale: float) -> torch.Tensor:
    fused = joining.join_outputs_fused
    joining.join_outputs_fused = joining.join_outputs
    try:
        return packed_attention(q, k, v, plan, scale)
    finally:
        joining.join_outputs_fused = fused


def _copied_varlen(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, plan: PrefixPlan, scale: float) -> torch.Tensor:
    """One group: prompt and answers in one call of several lengths, with the prompt's keys copied for each answer."""
    from torch.nn.attention.varlen import varlen_attn

    (p,), (lengths,) = plan.shared, plan.answers
    q, k, v = (x[0].transpose(0, 1) for x in (q, k, v))
    keys, values = (
        torch.cat([x[:p], *(part for own in x[p:].split(lengths) for part in (x[:p], own))]) for x in (k, v)
    )
    queries_at = torch.tensor([0, p, *lengths], device=q.device).cumsum(0, dtype=torch.int32)[1:]
    keys_at = torch.tensor([0, p, *(p + n for n in lengths)], device=q.device).cumsum(0, dtype=torch.int32)
    borders = torch.cat([queries_at.new_zeros(1), queries_at])
    most = (max(p, *lengths), p + max(lengths))
    takes = inspect.signature(varlen_attn).parameters  # they differ from one torch to the next
    how: dict[str, Any] = {"window_size": (-1, 0)} if "window_size" in takes else {"is_causal": True}
    how |= {name: value for name, value in (("scale", scale), ("enable_gqa", True)) if name in takes}
    if "enable_gqa" not in takes:
        keys, values = (x.repeat_interleave(q.shape[1] // x.shape[1], dim=1) for x in (keys, values))
    return varlen_attn(q, keys, values, borders, keys_at, *most, **how)[None]


def _across_by_cudnn(config: Any, plan: PrefixPlan, clock: Clock) -> dict[str, float] | str:
    return _across(config, plan, clock, torch.nn.attention.SDPBackend.CUDNN_ATTENTION)


def _across_by_flash(config: Any, plan: PrefixPlan, clock: Clock) -> dict[str, float] | str:
    return _across(config, plan, clock, torch.nn.attention.SDPBackend.FLASH_ATTENTION)


def _across(config: Any, plan: PrefixPlan, clock: Clock, backend: Any) -> dict[str, float] | str:
    q, k, v, grad = _inputs(config, plan.n_tokens, "cuda")
    p = plan.n_shared

    def way(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        with torch.nn.attention.sdpa_kernel(backend):
            return scaled_dot_product_attention(q, k, v, enable_gqa=True).transpose(1, 2)

    return _timed(way, (q[:, :, p:], k[:, :, :p], v[:, :, :p]), grad[:, p:], clock)


def kernel_shares(profile: Any, on_cpu: bool) -> dict[str, Any]:
    """Milliseconds by kind of kernel, and the twenty longest kernels."""
    times: dict[str, float] = {}
    for event in profile.key_averages():
        spent = event.self_cpu_time_total if on_cpu else event.self_device_time_total
        if spent:
            times[event.key] = times.get(event.key, 0.0) + spent / 1e3
    kinds: dict[str, float] = {}
    for key, spent in times.items():
        name = key.lower()
        kind = next((kind for kind, parts in KINDS.items() if any(part in name for part in parts)), "element-wise")
        kinds[kind] = kinds.get(kind, 0.0) + spent
    longest = sorted(times.items(), key=lambda item: -item[1])[:20]
    return {
        "ms": {kind: round(spent, 1) for kind, spent in sorted(kinds.items(), key=lambda item: -item[1])},
        "longest": [(key[:120], round(spent, 1)) for key, spent in longest],
    }
