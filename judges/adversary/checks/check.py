"""What a check of a defence is.

In: nothing. Out: `Check`, `Checked`. Not here: any check.
"""

from collections.abc import Awaitable, Callable
from typing import NamedTuple


class Checked(NamedTuple):
    """What came of a check."""

    n: int
    """Attacks that were tried."""
    gain: float
    """What an attack got, in the unit that `note` says: 0 if the defence holds."""
    drift: float
    """What the defence cost where nothing was attacked."""
    note: str


Check = Callable[[], Awaitable[Checked]]
