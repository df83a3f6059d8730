"""Compares a packed row's scores with those of the plain forward, once, on a small group, before anything is learned.

In: log-probabilities of the same tokens from both. Out: how far they are apart, and whether that is rounding. Not here:
who is asked for them, and what follows (shared.py).

A wrong mask, position or label moves log-probabilities by whole units; rounding moves them by less than the tolerances
below, which are per number format.
"""

from typing import Final, NamedTuple

import torch


class Tolerance(NamedTuple):
    """Greatest differences of log-probabilities that pass as rounding."""

    mean: float
    """Mean of absolute differences over all tokens."""
    most: float
    """Of any one token."""


FULL: Final = Tolerance(mean=1e-4, most=1e-2)
"""float32, with all its bits in matrix products."""
HALF: Final = Tolerance(mean=5e-2, most=1.0)
"""bfloat16, float16, and float32 whose matrix products are rounded (TF32)."""


class Agreement(NamedTuple):
    """How far two forwards are apart."""

    mean: float
    most: float
    n_tokens: int
    tolerance: Tolerance

    @property
    def holds(self) -> bool:
        """Whether the difference is rounding. Not-a-numbers never are."""
        return self.mean <= self.tolerance.mean and self.most <= self.tolerance.most

    def __str__(self) -> str:
        return (
            f"over {self.n_tokens} tokens, log-probabilities differ by {self.mean:.2g} in the mean (at most "
            f"{self.tolerance.mean:g} is rounding) and by {self.most:.2g} at worst (at most {self.tolerance.most:g})"
        )


def agreement(shared: torch.Tensor, plain: torch.Tensor, mask: torch.Tensor, dtype: torch.dtype) -> Agreement:
    """How far log-probabilities (B, T) are apart where `mask` (B, T) is true, for a model that computes in `dtype`."""
    exact = dtype in (torch.float32, torch.float64) and torch.get_float32_matmul_precision() == "highest"
    apart = (shared - plain)[mask].abs().double()
    if not len(apart):
        return Agreement(0.0, 0.0, 0, FULL if exact else HALF)
    return Agreement(float(apart.mean()), float(apart.max()), len(apart), FULL if exact else HALF)
