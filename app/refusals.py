"""Tells which rows cannot be used: the first few of each reason by line, and how many there are of the rest.

In: code and message of each row. Out: lines on standard error. Not here: why rows are refused.
"""

from collections import Counter
from collections.abc import Callable
from typing import Final

from citerefine.app.messages import counted, say

MOST_TOLD: Final = 20
"""So many rows of one reason are told one by one."""


class Refusals:
    """Rows that were refused so far."""

    def __init__(self, most: int = MOST_TOLD, tell: Callable[[str], None] = say) -> None:
        """`most` rows of a reason are passed on to `tell`."""
        self._most, self._tell = most, tell
        self._counts = Counter[str]()

    def __len__(self) -> int:
        return self._counts.total()

    def add(self, code: str, message: str) -> None:
        """Takes a row in, and tells it if it is one of the first of its reason."""
        self._counts[code] += 1
        if self._counts[code] <= self._most:
            self._tell(message)

    def tell_rest(self) -> None:
        """Says on one line how many were not told, if any."""
        rest = {code: n - self._most for code, n in self._counts.most_common() if n > self._most}
        if rest:
            codes = ", ".join(f"{n:,} {code}" for code, n in rest.items())
            self._tell(f"… and {counted(sum(rest.values()), 'row')} more: {codes}")
