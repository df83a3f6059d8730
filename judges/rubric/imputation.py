"""Estimates of cells that could not be judged, from the rest of a group of answers to one question.

In: values of G answers by C criteria, None where one is not known. Out: the same, estimated where that can be done. In
a simulation of groups (benchmarks/missing_cells.py) this comes nearest to the advantages of complete groups, above all
where better answers fail more often. Not here: which answers get a score at all (group.py).
"""

from collections.abc import Callable, Sequence
from math import fsum
from typing import Final

Row = Sequence[float | None]

PRIOR: Final = 2
"""Cells' worth of doubt that an answer differs from the others: the 2 of n + 2."""


def two_way(values_GC: Sequence[Row], is_fault_C: Sequence[bool]) -> list[list[float | None]]:
    """Column mean + sign · row effect, clipped to [0, 1], where a value is None and its column has any.

    The row effect is Σ sign·(v - column mean) / (n + 2) over the n known values of the row, with sign -1 for faults:
    how much better than the others an answer is. Known values stay.

    >>> two_way([[1.0, None], [1.0, 1.0], [0.0, 0.0]], [False, False])[0]
    [1.0, 0.6111111111111112]
    """
    means = column_means(values_GC, len(is_fault_C))
    signs = [-1.0 if is_fault else 1.0 for is_fault in is_fault_C]
    return [
        _filled(row, means, signs, _row_effect(row, means, signs)) if None in row else list(row) for row in values_GC
    ]


def column_mean(values_GC: Sequence[Row], is_fault_C: Sequence[bool]) -> list[list[float | None]]:
    """The mean of the column, where a value is None and its column has any."""
    means = column_means(values_GC, len(is_fault_C))
    return [_filled(row, means, [1.0] * len(means), 0.0) for row in values_GC]


def left_out(values_GC: Sequence[Row], is_fault_C: Sequence[bool]) -> list[list[float | None]]:
    """The values as they are: what is not known leaves the formula."""
    return [list(row) for row in values_GC]


POLICIES: Final[dict[str, Callable[[Sequence[Row], Sequence[bool]], list[list[float | None]]]]] = {
    "two_way": two_way,
    "column_mean": column_mean,
    "skip": left_out,
}
"""Name → what is done with values that are not known."""


def column_means(values_GC: Sequence[Row], n: int) -> list[float | None]:
    """The mean of what is known of each of n criteria; None where nothing is."""
    columns = [[value for row in values_GC if (value := row[c]) is not None] for c in range(n)]
    return [fsum(column) / len(column) if column else None for column in columns]


def _row_effect(row: Row, means: Sequence[float | None], signs: Sequence[float]) -> float:
    residuals = [
        sign * (value - mean)
        for value, mean, sign in zip(row, means, signs, strict=True)
        if value is not None and mean is not None
    ]
    return fsum(residuals) / (len(residuals) + PRIOR)


def _filled(row: Row, means: Sequence[float | None], signs: Sequence[float], effect: float) -> list[float | None]:
    return [
        value if value is not None or mean is None else min(max(mean + sign * effect, 0.0), 1.0)
        for value, mean, sign in zip(row, means, signs, strict=True)
    ]
