"""Partial attentions are exact, add up to the whole one, forward and backward, and so do their gradients."""

import math
import os

import pytest
import torch

from citerefine.training.prefix import joining
from citerefine.training.prefix.kernels import Blocks, CpuFlash, Partial, kernel_for


def tensors(n: int, m: int, dtype: torch.dtype = torch.float64) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Queries of 4 heads, keys and values of 2."""
    torch.manual_seed(0)
    return torch.randn(n, 4, 8, dtype=dtype), torch.randn(m, 2, 8, dtype=dtype), torch.randn(m, 2, 8, dtype=dtype)


def by_definition(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, causal: bool) -> Partial:
    k, v = (x.repeat_interleave(2, dim=1) for x in (k, v))
    scores = torch.einsum("nhd,mhd->hnm", q, k) * 0.3
    if causal:
        scores = scores.masked_fill(torch.ones(scores.shape[1:]).triu(1).bool(), -math.inf)
    return Partial(torch.einsum("hnm,mhd->nhd", scores.softmax(-1), v), scores.logsumexp(-1))


@pytest.mark.parametrize("causal", [True, False])
def test_output_and_log_sum_exp_are_those_of_the_definition(causal: bool) -> None:
    q, k, v = tensors(7, 7 if causal else 9)
    got = CpuFlash().forward(q, k, v, Blocks((len(q),), (len(k),), causal), 0.3)
    expected = by_definition(q, k, v, causal)
    torch.testing.assert_close(got.out, expected.out)
    torch.testing.assert_close(got.lse, expected.lse)


def test_blocks_see_their_own_keys_alone() -> None:
    q, k, v = tensors(7, 9)
    got = CpuFlash().forward(q, k, v, Blocks((3, 4), (5, 4), causal=False), 0.3)
    for rows, keys in ((slice(0, 3), slice(0, 5)), (slice(3, 7), slice(5, 9))):
        expected = by_definition(q[rows], k[keys], v[keys], causal=False)
        torch.testing.assert_close(got.out[rows], expected.out)
        torch.testing.assert_close(got.lse[:, rows], expected.lse)


def test_a_block_without_keys_says_that_it_saw_nothing() -> None:
    q, k, v = tensors(3, 2)
    got = CpuFlash().forward(q, k, v, Blocks((1, 2), (0, 2), causal=False), 0.3)
    assert got.out[0].abs().max() == 0
    assert got.lse[:, 0].tolist() == [-math.inf] * 4
    assert torch.isfinite(got.lse[:, 1:]).all()


def test_two_parts_joined_are_attention_over_both() -> None:
    q, k, v = tensors(6, 11)
    kernel = CpuFlash()
    whole = kernel.forward(q, k[:4], v[:4], Blocks((6,), (4,), causal=False), 0.3)
    joining.join(whole, kernel.forward(q, k[4:], v[4:], Blocks((6,), (7,), causal=False), 0.3))
    expected = by_definition(q, k, v, causal=False)
    torch.testing.assert_close(whole.out, expected.out)
    torch.testing.assert_close(whole.lse, expected.lse)


def test_gradients_of_the_parts_add_up_to_those_of_the_whole() -> None:
    q, k, v = tensors(6, 11)
    grad = torch.randn_like(q)
    leaves = [x.clone().requires_grad_() for x in (q, k, v)]
    whole = by_definition(leaves[0], leaves[1], leaves[2], causal=False)
    expected = torch.autograd.grad(whole.out, leaves, grad)
    kernel, done = CpuFlash(), Partial(whole.out.detach(), whole.lse.detach())
    first = kernel.backward(grad, q, k[:4], v[:4], done, Blocks((6,), (4,), causal=False), 0.3)
    second = kernel.backward(grad, q, k[4:], v[4:], done, Blocks((6,), (7,), causal=False), 0.3)
    torch.testing.assert_close(first.q + second.q, expected[0])
    torch.testing.assert_close(torch.cat([first.k, second.k]), expected[1])
    torch.testing.assert_close(torch.cat([first.v, second.v]), expected[2])


def test_half_precision_keeps_its_log_sum_exp_in_float32() -> None:
    q, k, v = tensors(3, 3, torch.bfloat16)
    assert CpuFlash().forward(q, k, v, Blocks((3,), (3,), causal=True), 0.3).lse.dtype == torch.float32


def test_no_kernel_is_named_for_a_device_without_flash_attention() -> None:
    assert kernel_for(torch.empty(1, 1, 8)) is not None
    assert kernel_for(torch.empty(1, 1, 8, device="meta")) is None


@pytest.fixture
def without_gpu() -> None:
    pytest.importorskip("triton", reason="Triton comes with CUDA builds of torch")
    if os.environ.get("TRITON_INTERPRET") != "1":
        pytest.skip("Triton's interpreter is off: set TRITON_INTERPRET=1")


@pytest.mark.usefixtures("without_gpu")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_kernel_that_joins_in_one_pass_does_what_several_do(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    lse = torch.randn(3, 20)
    plain = Partial(torch.randn(7, 3, 16).to(dtype), lse[:, 13:])
    fused = Partial(plain.out.clone(), lse[:, 13:])
    other = Partial(torch.randn(7, 3, 16).to(dtype), torch.randn(3, 7))
    other.lse[1, 2] = -math.inf
    joining.join_outputs(plain, other)
    joining.join_outputs_fused(fused, other)
    torch.testing.assert_close(fused.out, plain.out)
