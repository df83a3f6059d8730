"""Figures of one problem from n answers to it: what k of them hold, without bias.

In: what each answer is worth, None where nobody knows. Out: numbers, or bounds of them. pass@k = 1 - C(n-c, k)/C(n, k)
with c right answers of n is the chance that k answers, drawn from the n without putting back, hold a right one; its
mean over samples is the chance that k new ones do (Chen et al. 2021, arXiv 2107.03374, equation 1). `best_of` is the
same of answers that are worth anything in [0, 1]: the expected best of k. Not here: many problems, intervals
(figures.py).
"""

from collections.abc import Sequence
from functools import cache
from math import comb, fsum
from typing import NamedTuple


class Bounds(NamedTuple):
    """Between these a figure lies; they are equal where all answers are known."""

    low: float
    """With each unknown answer worth nothing."""
    high: float
    """With each of them right."""


def pass_at(n: int, right: int, k: int) -> float:
    """The chance that k of n answers, `right` of which are right, hold a right one.

    Raises ValueError unless 1 <= k <= n and 0 <= right <= n.

    >>> pass_at(n=4, right=1, k=2)
    0.5
    """
    if not 1 <= k <= n or not 0 <= right <= n:
        raise ValueError(f"pass@{k} needs {k} answers of at least as many, and got n={n}, of which {right} are right")
    return 1 - comb(n - right, k) / comb(n, k)


def best_of(values: Sequence[float], k: int) -> float:
    """The expected largest of k values, drawn without putting back: Σ v₍ᵢ₎ · C(i-1, k-1) / C(n, k), v₍₁₎ ≤ … ≤ v₍ₙ₎.

    With values of 0 and 1 it is `pass_at`. Raises ValueError unless 1 <= k <= n.

    >>> round(best_of([0.2, 0.4, 0.9], k=2), 3)
    0.733
    """
    n = len(values)
    if not 1 <= k <= n:
        raise ValueError(f"the best of {k} answers needs as many, and there are {n}")
    return fsum(value * chance for value, chance in zip(sorted(values), _chances(n, k), strict=True))


@cache
def _chances(n: int, k: int) -> tuple[float, ...]:
    """That the largest of k values is the first, the second … in the order of all n. A run has few n and k, and many
    problems, and the numbers have thousands of digits."""
    whole = comb(n, k)
    return tuple(comb(place, k - 1) / whole for place in range(n))


def best_bounds(values: Sequence[float | None], k: int) -> Bounds:
    """Bounds of `best_of`: n stays what was asked for, and answers that are not known may be worth 0 to 1."""
    low, high = ([other if value is None else value for value in values] for other in (0.0, 1.0))
    return Bounds(best_of(low, k), best_of(high, k))


def mean_bounds(values: Sequence[float | None]) -> Bounds:
    """Bounds of the mean of the values: mean@n, which is also what mean@k estimates for each k."""
    known = fsum(value for value in values if value is not None)
    return Bounds(known / len(values), (known + values.count(None)) / len(values))
