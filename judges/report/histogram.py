"""How figures from 0 to 1 are spread, added up one by one, and how that is drawn.

In: figures, in any number. Out: counts by bin, rectangles for a drawing, a sentence for those who do not see it. Not
here: markup, means, intervals.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

N_BINS: Final = 20
"""Each is 0.05 wide; the last one holds 1."""
WIDTH: Final = 200.0
HEIGHT: Final = 48.0
_GAP: Final = 1.0
_LEAST: Final = 1.5
"""Lowest bar, so that a single answer among thousands is seen."""


class Bar(NamedTuple):
    """A bar of the drawing, in its units; y grows downwards."""

    x: float
    y: float
    width: float
    height: float


class Bin(NamedTuple):
    """How many figures lie from `low` to below `high`; the last bin holds its upper end too."""

    low: float
    high: float
    n: int


class Histogram:
    """Counts figures; takes the same memory however many there are."""

    def __init__(self) -> None:
        """Empty."""
        self._counts = [0] * N_BINS

    def add(self, value: float) -> None:
        """Counts a figure from 0 to 1."""
        self._counts[min(int(value * N_BINS + 1e-9), N_BINS - 1)] += 1

    @property
    def total(self) -> int:
        """How many figures were counted."""
        return sum(self._counts)

    def bins(self) -> list[Bin]:
        """All bins, in order."""
        return [Bin(at / N_BINS, (at + 1) / N_BINS, count) for at, count in enumerate(self._counts)]

    def bars(self) -> Iterator[Bar]:
        """A bar for each bin that is not empty; the highest one reaches `HEIGHT`."""
        highest, step = max(self._counts), WIDTH / N_BINS
        for at, count in enumerate(self._counts):
            if count:
                height = max(_LEAST, HEIGHT * count / highest)
                yield Bar(at * step + _GAP / 2, round(HEIGHT - height, 2), step - _GAP, round(height, 2))

    def in_words(self) -> str:
        """All bins that are not empty, as in `0.00 to 0.05: 3; 0.95 to 1.00: 12`."""
        return "; ".join(f"{low:.2f} to {high:.2f}: {count:,}" for low, high, count in self.bins() if count)
