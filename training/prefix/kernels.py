"""Attention over blocks of one row, with the log-sum-exp of its scores, forward and backward: what partial attentions
are joined from. FlashAttention as torch has it, for CPUs and for CUDA.

In: q (N, H, D), k and v (M, K, D) with H a multiple of K (grouped queries), lengths of blocks. Out: o (N, H, D) and
lse (H, N). Not here: which blocks see which (attention.py).

    o = softmax(scale · q kᵀ) v,  lse = log Σ exp(scale · q kᵀ)

Block i of the queries sees block i of the keys and nothing else; causal blocks have equal lengths. A block without
keys has o = 0 and lse = −∞. `backward` takes the o and lse of the *whole* attention that the block is a part of; its
terms of dq, dk and dv then add up over the parts to the exact gradients (FlashAttention, arXiv 2205.14135, appendix B;
ring attention, arXiv 2310.01889, adds them up the same way).
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

import torch

_MOST_HEAD_DIM = 256
"""FlashAttention's limit on CUDA."""


class Blocks(NamedTuple):
    """Which queries see which keys."""

    queries: tuple[int, ...]
    """Lengths of the blocks of queries, which follow each other."""
    keys: tuple[int, ...]
    """Lengths of their blocks of keys, likewise."""
    causal: bool
    """Whether a query sees only the keys up to its own place."""


class Partial(NamedTuple):
    """Attention over blocks."""

    out: torch.Tensor
    """(N, H, D)"""
    lse: torch.Tensor
    """(H, N), float32 or wider."""


class Gradients(NamedTuple):
    """Of the inputs, shaped like them."""

    q: torch.Tensor
    k: torch.Tensor
    v: torch.Tensor


class Kernel(Protocol):
    """Attention over blocks on one kind of device."""

    def forward(self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, blocks: Blocks, scale: float) -> Partial:
        """Attention of each block of queries over its block of keys."""
        ...

    def backward(
        self, grad: torch.Tensor, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, whole: Partial, blocks: Blocks,
        scale: float,
    ) -> Gradients:  # fmt: skip
        """The blocks' terms of the gradients of the whole attention; `grad` (N, H, D) is that of its output."""
        ...


def kernel_for(q: torch.Tensor) -> Kernel | None:
    """The kernel for tensors like `q` (N, H, D); None where FlashAttention does not run."""
    if q.device.type == "cpu":
        return CpuFlash()
    half = q.dtype in (torch.bfloat16, torch.float16)
    if q.device.type == "cuda" and half and q.shape[-1] % 8 == 0 and q.shape[-1] <= _MOST_HEAD_DIM:
        return CudaFlash()
    return None


class CpuFlash:
    """Torch's CPU kernel, block by block. Heads of one group read the same keys through a stride of 0."""

    def forward(self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, blocks: Blocks, scale: float) -> Partial:
        """See Kernel."""
        n, heads, _ = q.shape
        out = torch.zeros_like(q, memory_format=torch.contiguous_format)
        lse = q.new_full((heads, n), -math.inf, dtype=torch.promote_types(q.dtype, torch.float32))
        for queries, keys in _block_slices(blocks):
            block = _grouped(q[queries], k.shape[1])
            part, part_lse = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
                block, _shared(k[keys], block), _shared(v[keys], block), 0.0, blocks.causal, scale=scale
            )
            out[queries] = _token_major(part)
            lse[:, queries] = part_lse.flatten(0, 1)
        return Partial(out, lse)

    def backward(
        self, grad: torch.Tensor, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, whole: Partial, blocks: Blocks,
        scale: float,
    ) -> Gradients:  # fmt: skip
        """See Kernel."""
        grads = Gradients(*(torch.zeros_like(x, memory_format=torch.contiguous_format) for x in (q, k, v)))
        for queries, keys in _block_slices(blocks):
            block = _grouped(q[queries], k.shape[1])
            grad_q, grad_k, grad_v = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward(
                _grouped(grad[queries], k.shape[1]), block, _shared(k[keys], block), _shared(v[keys], block),
                _grouped(whole.out[queries], k.shape[1]), whole.lse[:, queries].unflatten(0, block.shape[:2]),
                0.0, blocks.causal, scale=scale,
            )  # fmt: skip
            grads.q[queries] = _token_major(grad_q)
            grads.k[keys] = grad_k.sum(1).transpose(0, 1)
            grads.v[keys] = grad_v.sum(1).transpose(0, 1)
        return grads


class CudaFlash:
    """Torch's FlashAttention for blocks of several lengths, all in one call.

    Where `torch.nn.attention.activate_flash_attention_impl` has put a newer FlashAttention in its place, that one runs.
    """

    def forward(self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, blocks: Blocks, scale: float) -> Partial:
        """See Kernel."""
        out, lse, *_ = torch.ops.aten._flash_attention_forward(
            q, k, v, *_borders(blocks, q.device), 0.0, blocks.causal, False, scale=scale
        )
        if 0 in blocks.keys:  # the kernel says +∞ there
            lse = lse.masked_fill(lse == math.inf, -math.inf)
        return Partial(out, lse)

    def backward(
        self, grad: torch.Tensor, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, whole: Partial, blocks: Blocks,
        scale: float,
    ) -> Gradients:  # fmt: skip
        """See Kernel."""
        no_dropout = torch.zeros(2, dtype=torch.uint64, device=q.device)
        unused = torch.empty(0, device=q.device)
        return Gradients(
            *torch.ops.aten._flash_attention_backward(
                grad, q, k, v, whole.out, whole.lse.contiguous(), *_borders(blocks, q.device), 0.0, blocks.causal,
                no_dropout, unused, scale=scale,
            )
        )


def _block_slices(blocks: Blocks) -> list[tuple[slice, slice]]:
    """The rows of queries and of keys of each block that has both."""
    found = []
    query = key = 0
    for n, m in zip(blocks.queries, blocks.keys, strict=True):
        if n and m:
            found.append((slice(query, query + n), slice(key, key + m)))
        query, key = query + n, key + m
    return found


def _grouped(x: torch.Tensor, groups: int) -> torch.Tensor:
    """(n, H, D) → (K, H/K, n, D), a view: heads that read the same keys stand together."""
    return x.unflatten(1, (groups, -1)).permute(1, 2, 0, 3)


def _shared(x: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """(m, K, D) → (K, H/K, m, D), a view in which all heads of a group are one memory."""
    return x.transpose(0, 1)[:, None].expand(-1, like.shape[1], -1, -1)


def _token_major(x: torch.Tensor) -> torch.Tensor:
    """(K, H/K, n, D) → (n, H, D)"""
    return x.permute(2, 0, 1, 3).flatten(1, 2)


def _borders(blocks: Blocks, device: torch.device) -> tuple[Any, Any, int, int]:
    return (
        _summed(blocks.queries, device),
        _summed(blocks.keys, device),
        max(blocks.queries),
        max(blocks.keys),
    )


@lru_cache(maxsize=64)  # all layers of a step ask for the same ones, and each copy to a device waits for it
def _summed(lengths: Sequence[int], device: torch.device) -> torch.Tensor:
    summed = torch.tensor([0, *lengths], dtype=torch.int32).cumsum(0, dtype=torch.int32)
    return summed.to(device)
