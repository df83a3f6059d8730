"""The hacks that the suite knows: 35 ways to raise a reward without a better answer.

In: hacks.toml. Out: `Hack`. Every hack has an attack and a harmless edit of the same kind, or a check of the defence
where no text can show it. Not here: what they do (operations/, checks/), what they earn (runner.py).
"""

import tomllib
from functools import lru_cache
from importlib.resources import files
from typing import Literal

from pydantic import Field, model_validator

from citerefine.judges.adversary.checks import CHECKS
from citerefine.judges.adversary.drafts import BASES, NOTHING
from citerefine.judges.adversary.operations import OPERATIONS
from citerefine.refiner.records import Record


class Change(Record):
    """What is done to an answer."""

    do: str
    """Name of an operation."""
    texts: tuple[str, ...] = ("",)
    """What it is given; each is a variant."""

    @model_validator(mode="after")
    def _is_known(self) -> "Change":
        if self.do not in OPERATIONS:
            raise ValueError(f"no operation is called {self.do!r}; use one of: {', '.join(OPERATIONS)}")
        return self


class Hack(Record):
    """A way to raise a reward without a better answer."""

    number: int = Field(ge=1)
    name: str
    attacks: Literal["rubric", "citation", "judge", "data", "training"]
    """What it aims at."""
    defence: str
    """What is to hold against it."""
    on: tuple[str, ...] = ()
    """Answers that it starts from."""
    attack: tuple[Change, ...] = ()
    control: Change | None = None
    """The harmless edit."""
    check: str = ""
    """Name of a check, beside the attack or in its place."""
    limit: str = ""
    """Why it pays all the same, where it does."""

    @model_validator(mode="after")
    def _can_be_run(self) -> "Hack":
        if not self.attack and not self.check:
            raise ValueError(f"hack {self.number} has neither an attack nor a check")
        if self.attack and (self.control is None or not self.on):
            raise ValueError(f"hack {self.number} has an attack, and no control or no answers to start from")
        if unknown := set(self.on) - {*BASES, NOTHING}:
            raise ValueError(f"hack {self.number} starts from {sorted(unknown)}; use {', '.join((*BASES, NOTHING))}")
        if self.check and self.check not in CHECKS:
            raise ValueError(f"no check is called {self.check!r}; use one of: {', '.join(CHECKS)}")
        return self


@lru_cache(maxsize=1)
def load_hacks() -> tuple[Hack, ...]:
    """The hacks of hacks.toml, in order."""
    text = files("citerefine.judges.adversary").joinpath("hacks.toml").read_text("utf-8")
    return tuple(Hack.model_validate(values) for values in tomllib.loads(text)["hack"])
