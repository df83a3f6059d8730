"""What one hack earned and what a harmless edit of its kind cost.

In: numbers of the runner. Out: `Row`. Not here: measuring (runner.py), tables (benchmarks/adversary.py).
"""

from typing import Final

from citerefine.refiner.records import Record

MAX_GAIN: Final = 0.02
"""Most that an attack may earn."""
MAX_DRIFT: Final = 0.01
"""A harmless edit must move a score by less."""


class Row(Record):
    """One line of the table."""

    number: int
    name: str
    attacks: str
    part: str = "text"
    """`text`: an answer was changed; else the name of the check."""
    on: str = ""
    """The answer and topic that gained most."""
    variant: str = ""
    """The operation, and the number of its text, that gained most."""
    n: int
    """Attacks that were run."""
    gain: float | None
    """Largest change of the reward under attack; below 0 if every attack cost something. None if no attack got a score
    at all, which earns nothing. What a check means by it says `note`."""
    rubric_gain: float | None = None
    """Largest change of the rubric score, over all attacks."""
    citation_gain: float | None = None
    """Largest change of the citation score, over all attacks."""
    plain_gain: float | None = None
    """Largest change of the plain reward (reward.py)."""
    drift: float
    """Largest change of the reward by the harmless edit, without sign."""
    drift_on: str = ""
    note: str = ""
    """What a check measures."""
    limit: str = ""
    """Why the hack pays, where it is known to; empty if it must not."""

    @property
    def pays(self) -> bool:
        """Whether the attack earns more than MAX_GAIN."""
        return self.gain is not None and self.gain > MAX_GAIN

    @property
    def drifts(self) -> bool:
        """Whether a harmless edit moves the reward by MAX_DRIFT or more."""
        return self.drift >= MAX_DRIFT
