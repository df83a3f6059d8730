"""Gives the tokens of a claim their share of the credit: A_t = A + λ · A_claim(t).

In: an answer's tokens, and how far each of its claims is supported. Out: A_claim of each token. Inside one answer the
claims are compared with each other, weighted by their tokens, so that the sum over the answer is 0 and the spread 1:
an answer with many claims weighs no more than one with few, and what the whole answer is worth stays in A. Claims that
were not judged, and tokens outside claims, have 0. Supported nearby (2605.29648, 2601.07408), unproven for citations:
off unless a recipe asks for it. Not here: A (advantages.py), where tokens stand (spans.py).
"""

from bisect import bisect_left
from collections.abc import Sequence
from math import fsum, sqrt
from typing import NamedTuple

from citerefine.training.credit.spans import TokenSpans


class CreditedClaim(NamedTuple):
    """One claim of an answer."""

    start: int
    """Offset in the decoded completion, in code points."""
    end: int
    support: float | None
    """From 0 to 1; None if it was not judged."""


def claim_advantages(spans: TokenSpans, claims: Sequence[CreditedClaim]) -> tuple[float, ...]:
    """A_claim of each token: mean 0 and standard deviation 1 over the tokens of judged claims, else 0.

    A token across a border belongs to the claim in which its first byte is. All 0 where the claims do not differ.

    Args:
        spans: of the answer's tokens.
        claims: not overlapping, in the order of the text.
    """
    support_T: list[float | None] = [None] * len(spans.starts_T)
    for claim in claims:
        first = bisect_left(spans.starts_T, claim.start)
        last = bisect_left(spans.starts_T, claim.end)
        if claim.support is not None:
            support_T[first:last] = [claim.support] * (last - first)
    judged = [support for support in support_T if support is not None]
    if not judged or min(judged) == max(judged):
        return (0.0,) * len(support_T)
    mean = fsum(judged) / len(judged)
    spread = sqrt(fsum((support - mean) ** 2 for support in judged) / len(judged))
    return tuple(0.0 if support is None else (support - mean) / spread for support in support_T)
