"""How the rubrics of a run grow: one record, for recipes and for Python.

In: plain values, checked here. Out: `EvolvingSettings`; the rules of the buffer that follow from them. Needs no torch,
and loads no judge. Not here: whether they go with the rest of a recipe (checks.py), what is done by them (rubrics.py).
"""

from typing import Any, Self

from pydantic import Field, model_validator

from citerefine.judges.rubric.judge_identity import judge_identity
from citerefine.refiner.records import Record
from citerefine.rubrics.buffer.settings import BufferSettings
from citerefine.training.rewards.settings import RewardSettings


class EvolvingSettings(Record):
    """Who writes and admits criteria, how often, and what becomes of them."""

    writer: str = Field(min_length=1)
    """The model that writes criteria: a model string, such as `openai:NAME@http://host:8000/v1`."""
    admission: str = Field(min_length=1)
    """Who judges whether a new criterion tells answers apart: a judge string like `reward.judge`, of another model than
    the reward's judges and the writer."""
    every: int = Field(default=10, ge=1)
    """Steps from one writing of criteria to the next; the first is at step 0."""
    n_positive: int = Field(default=2, ge=0, le=50)
    """Most criteria for what good answers have that are written of one group of answers."""
    n_negative: int = Field(default=1, ge=0, le=50)
    """Most faults, likewise."""
    deadline: float = Field(default=120.0, gt=0, allow_inf_nan=False)
    """Seconds for all that is written and admitted in one step; what is not done by then is given up."""
    most_share: float = Field(default=0.4, gt=0, lt=1)
    """Most that adaptive criteria hold of the rewarded weight of a question."""
    held_out: float = Field(default=0.2, ge=0, lt=1)
    """Share of all criteria that are judged and never rewarded; always the same ones."""
    most_active: int = Field(default=5, ge=1)
    """Most adaptive criteria of a question."""
    life_steps: int = Field(default=500, ge=1)
    """Steps after which an adaptive criterion ends."""

    @model_validator(mode="after")
    def _writes_something(self) -> Self:
        if not self.n_positive + self.n_negative:
            raise ValueError("n_positive and n_negative are both 0, so that nothing is written; set one of them")
        return self

    @property
    def identity(self) -> dict[str, Any]:
        """What must not change while a run goes on: all but where servers are, and how long they are waited for."""
        values = self.model_dump(mode="json", exclude={"deadline"})
        return {**values, "writer": judge_identity(self.writer), "admission": judge_identity(self.admission)}

    def buffer(self, reward: RewardSettings) -> BufferSettings:
        """The rules of a buffer for this reward. They name models, not where their servers are, which may change."""
        judges = (reward.judge, reward.backup) if reward.backup else (reward.judge,)
        return BufferSettings(
            reward_judges=tuple(map(judge_identity, judges)),
            most_share=self.most_share,
            held_out=self.held_out,
            most_active=self.most_active,
            life_steps=self.life_steps,
        )
