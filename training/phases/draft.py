"""A policy's own answer that the next phase may work on: `Draft`.

In: an answer of a group with its reward. Out: a frozen record, JSON both ways, since drafts wait in checkpoints. Not
here: which draft is chosen (selection.py).
"""

import hashlib

from pydantic import Field

from citerefine.refiner.records import Record, Text
from citerefine.training.rewards.breakdown import Breakdown


def group_key(id: str, draft: str | None = None) -> str:
    """What the answers of a group have in common: the row and, where they improve a draft, the draft.

    Two drafts of one question make two groups: their improvements start from different places, and are not compared.
    """
    return id if draft is None else f"{id}/{hashlib.sha256(draft.encode('utf-8', 'replace')).hexdigest()[:16]}"


class Draft(Record):
    """One answer of a policy."""

    id: str
    """Of its row."""
    text: Text
    """As it was written, special tokens left out."""
    reward: float | None = Field(default=None, allow_inf_nan=False)
    """None if it is missing, or does not count."""
    cut: bool = False
    """Whether the token limit ended it."""
    breakdown: Breakdown | None = None
    """What the reward is made of; None if the reward does not tell."""

    @property
    def key(self) -> str:
        """Of the group of its improvements."""
        return group_key(self.id, self.text)

    @property
    def is_whole(self) -> bool:
        """Whether it has an end, and a word before it."""
        return not self.cut and any(map(str.isalnum, self.shown))

    @property
    def shown(self) -> str:
        """What of it is shown again: no thinking."""
        return self.text.rpartition("</think>")[2].strip()

    @property
    def right(self) -> float | None:
        """Agreement with the row's reference answer; None if that is not known, or there is none."""
        return None if self.breakdown is None else self.breakdown.value("verification")

    @property
    def citation(self) -> float | None:
        """What its citations are worth; None if that is not known."""
        return None if self.breakdown is None else self.breakdown.value("citation")
