"""The rules by which a buffer takes, keeps and gives up criteria.

In: values from callers, checked here. Out: `BufferSettings`. A file of events holds the settings that it was made
with, since what an event changes depends on them. Not here: the rules at work (folding.py, rubric_buffer.py).
"""

from pydantic import Field

from citerefine.rubrics.record import Record


class BufferSettings(Record):
    """Rules of one buffer."""

    reward_judges: tuple[str, ...] = Field(min_length=1)
    """Names of the judges whose values are rewarded; what they say never admits a criterion."""
    aliases: tuple[tuple[str, ...], ...] = ()
    """Names of one model each, where it is called differently in different places."""
    most_share: float = Field(default=0.4, ge=0, le=1)
    """Most that adaptive criteria hold of the rewarded weight of a query, without signs."""
    held_out: float = Field(default=0.2, ge=0, lt=1)
    """Share of the criteria that are measured and never rewarded."""
    seed: int = 0
    """Which criteria these are, together with their content."""
    least_gap: float = Field(default=0.5, gt=0, le=1)
    """A criterion separates a group if the values of two of its rollouts lie so far apart."""
    least_rollouts: int = Field(default=4, ge=2)
    """A group with fewer known values says nothing about a criterion."""
    memory: float = Field(default=0.95, gt=0, le=1)
    """What a group still counts for when another one has been seen: policies change."""
    min_exposures: int = Field(default=8, ge=1)
    """Groups that a criterion is seen in before it can be pruned."""
    least_contrast: float = Field(default=0.2, gt=0, lt=1)
    """A criterion that separates a smaller share of the groups is of no use."""
    confidence: float = Field(default=0.9, gt=0.5, lt=1)
    """How sure that must be before it is pruned."""
    most_active: int = Field(default=5, ge=0)
    """Most adaptive criteria of a query; pruning keeps those with the most contrast."""
    life_steps: int = Field(default=500, ge=1)
    """Steps after which an adaptive criterion is retired, whatever its contrast: it has to be admitted anew."""
