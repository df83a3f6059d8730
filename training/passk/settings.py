"""How many answers are drawn, how, and how long they may be.

In: plain values, checked here. Out: `PasskSettings`. Not here: which problems (source.py), which models.
"""

from typing import Literal, Self

from pydantic import Field, model_validator

from citerefine.refiner.records import Record
from citerefine.training.data.settings import DataSettings

Split = Literal["dev", "test"]
"""What problems are for: to choose a checkpoint by, or to report on."""


class PasskSettings(Record):
    """What decides the answers that are drawn, and which figures are made of them."""

    n: int = Field(default=32, ge=1, le=4096)
    """Answers to each problem."""
    k: tuple[int, ...] = (1,)
    """Of how many answers one must be right, for each figure."""
    temperature: float = Field(default=1.0, ge=0, le=2)
    top_p: float | None = Field(default=None, gt=0, le=1)
    seed: int = 0
    """With problem, number and pass it makes the seed of each answer; see `drawing.seed_of`."""
    lengths: DataSettings
    """Lengths, and names of snippets."""

    @model_validator(mode="after")
    def _k_of_n(self) -> Self:
        if not self.k or min(self.k) < 1 or max(self.k) > self.n:
            raise ValueError(
                f"k is {', '.join(map(str, self.k)) or 'nothing'} of n = {self.n} answers; name numbers from 1 to n"
            )
        if self.temperature == 0 and self.n > 1:
            raise ValueError(f"temperature is 0, and all {self.n} answers would be one; raise it, or draw one answer")
        return self
