"""The factors of the training score: what precision, recall and F1 cannot see, each as a number from 0 to 1.

In: judged units, counts. Out: `Factors`. Formulas and the reason for each: docs/metric.md. Constants are untuned. Not
here: precision, recall and F1 (metric.py), rewards.

What an unsupported claim adds to an answer (words, known ids) is left out of `substance`, `validity` and
`originality`: otherwise adding one could raise the product.
"""

from math import prod
from typing import Final

from citerefine.judges.citation_score import Factors

EXPECTED_CLAIMS: Final = 3.0
"""Supported weight that an answer is expected to have."""
EXEMPT_SHARE: Final = 0.35
ERROR_FACTOR: Final = 0.9
MAX_ERRORS: Final = 5
COPIED_SHARE: Final = 0.6


def coverage(supported_weight: float, expected: float = EXPECTED_CLAIMS) -> float:
    """L = min(1, supported weight / K)."""
    return min(1.0, supported_weight / expected)


def substance(exempt_words: int, supported_words: int) -> float:
    """X = 1 up to a share e of 0.35 exempt words, then 1 - (e - 0.35) / 0.65; e leaves out what is not supported."""
    words = exempt_words + supported_words
    share = exempt_words / words if words else 0.0
    return 1.0 if share <= EXEMPT_SHARE else max(0.0, 1 - (share - EXEMPT_SHARE) / (1 - EXEMPT_SHARE))


def validity(n_supported: int, n_invalid: int) -> float:
    """1/2 + V/2, V = known ids of supported units over these and the unknown ids; V = 0 if there are none of both."""
    citations = n_supported + n_invalid
    return 0.5 + (n_supported / citations / 2 if citations else 0.0)


def form(n_errors: int) -> float:
    """0.9 to the power of the number of format errors, at most five."""
    return float(ERROR_FACTOR ** min(n_errors, MAX_ERRORS))


def originality(copied: float | None) -> float:
    """G = 1 up to a copied share of 0.6, then 1 - (c - 0.6)."""
    return 1.0 if copied is None or copied <= COPIED_SHARE else 1 - (copied - COPIED_SHARE)


def product(factors: Factors) -> float:
    """The training score."""
    return float(prod(factors.model_dump().values()))
