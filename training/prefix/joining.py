"""Joins two attentions of the same queries over different keys, in place: plainly, and in one pass on CUDA.

In: both outputs (N, H, D) and their log-sum-exps (H, N), as kernels.py has them. Out: the first becomes the whole.

    share = e^b / (e^a + e^b) = σ(b − a),  o = o₁ + share (o₂ − o₁),  lse = log(e^a + e^b),  a, b = lse₁, lse₂

The plain way reads and writes the outputs several times in float32; the kernel reads both once and writes one.
"""

from importlib import import_module
from typing import Any

import torch
from transformers.utils import is_triton_available

from citerefine.training.prefix.kernels import Partial

if is_triton_available():
    triton: Any = import_module("triton")
    tl: Any = import_module("triton.language")

    # Triton compiles annotations too, and knows none but its own.
    @triton.jit  # type: ignore[untyped-decorator]
    def _join_rows(  # type: ignore[no-untyped-def]
        out, other, lse, other_lse, lse_stride, other_stride, width, DIM: tl.constexpr, BLOCK: tl.constexpr
    ):
        """One query, all heads: `out` and `other` are contiguous rows of `width` = H · D numbers."""
        row = tl.program_id(0).to(tl.int64)
        column = tl.arange(0, BLOCK)
        inside = column < width
        head = column // DIM
        a = tl.load(lse + head * lse_stride + row, mask=inside, other=0.0)
        b = tl.load(other_lse + head * other_stride + row, mask=inside, other=0.0)
        x = tl.load(out + row * width + column, mask=inside, other=0.0).to(tl.float32)
        y = tl.load(other + row * width + column, mask=inside, other=0.0).to(tl.float32)
        joined = x + tl.sigmoid(b - a) * (y - x)
        tl.store(out + row * width + column, joined.to(out.dtype.element_ty), mask=inside)


def join(whole: Partial, other: Partial) -> None:
    """Adds the attention over `other` keys to `whole`, in place; both outputs are contiguous."""
    if whole.out.is_cuda and is_triton_available():
        join_outputs_fused(whole, other)
    else:
        join_outputs(whole, other)
    whole.lse.copy_(torch.logaddexp(whole.lse, other.lse))


def join_outputs(whole: Partial, other: Partial) -> None:
    """The outputs' part of `join`, on any device."""
    share = torch.sigmoid(other.lse - whole.lse).t()[..., None]
    whole.out.copy_(torch.lerp(whole.out.to(share.dtype), other.out.to(share.dtype), share))


def join_outputs_fused(whole: Partial, other: Partial) -> None:
    """The same in one pass, by Triton."""
    n, heads, dim = whole.out.shape
    width = heads * dim
    _join_rows[(n,)](
        whole.out, other.out, whole.lse, other.lse, whole.lse.stride(0), other.lse.stride(0), width,
        DIM=dim, BLOCK=triton.next_power_of_2(width),
    )  # fmt: skip
