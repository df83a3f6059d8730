"""Corrects p-values for having tested several metrics.

In: p-values by name. Out: adjusted ones. Not here: the tests (paired.py).
"""

from collections.abc import Mapping


def adjust_holm(p: Mapping[str, float | None]) -> dict[str, float | None]:
    """Step-down adjusted p-values (Holm 1979): the k-th smallest of m times m - k + 1, never falling, at most 1.

    Metrics without a p-value were not tested: they have None, and do not count.

    >>> adjust_holm({"precision": 0.01, "recall": 0.04, "f1": 0.03})
    {'precision': 0.03, 'recall': 0.06, 'f1': 0.06}
    """
    tested = sorted((value, name) for name, value in p.items() if value is not None)
    adjusted: dict[str, float | None] = dict.fromkeys(p)
    highest = 0.0
    for passed, (value, name) in enumerate(tested):
        highest = max(highest, min(1.0, value * (len(tested) - passed)))
        adjusted[name] = highest
    return adjusted
