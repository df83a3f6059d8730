"""The seam for training in several phases: rollouts that share their prompts, each seeing what came of the one before.

In: the rows that a rollout is to sample for, and, when they are scored, what was sampled. Out: the rows that it does
sample for, figures. Not here: any phases (citerefine.training.phases); a run without them has one.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from citerefine.training.grpo.parts import StatePart

Row = dict[str, Any]
"""A row of the dataset: `id`, `prompt`, `row`, `n_prompt_tokens`."""


class Scored(NamedTuple):
    """One answer of this process, as it was sampled."""

    row: Row
    completion: str
    reward: float | None
    """None: missing, or the answer does not count, being cut off or empty."""
    cut: bool = False
    """Whether the token limit ended the answer."""
    breakdown: Any = None
    """`Breakdown` of the reward; None where the reward has none."""


class Phases(StatePart, Protocol):
    """Phases of a training step. All rows of a group must have the same prompt."""

    @property
    def count(self) -> int:
        """Rollouts in a row for the same prompts."""

    def rows(self, rollout: int, rows: Sequence[Row]) -> Sequence[Row]:
        """The rows of this process to sample for in place of `rows`, as many, in groups as they are."""

    def scored(self, rollout: int, answers: Sequence[Scored]) -> Mapping[str, float]:
        """Tells what came of a rollout, in the order of its rows. Returns figures over all processes, which all call
        this."""
