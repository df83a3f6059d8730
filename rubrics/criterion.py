"""One criterion: what an answer is judged by, how much it counts, and on which scale.

In: plain values, checked here. Out: `Criterion`, `Scale`, `Level`. A criterion is a leaf, which a judge is asked about,
or has children, whose weights count among siblings. Not here: documents (rubric.py), formats (formats/).
"""

import hashlib
import json
import unicodedata
from collections.abc import Iterator
from enum import StrEnum
from functools import cached_property
from math import isfinite
from sys import float_info
from typing import Final, Literal, Self

from pydantic import Field, JsonValue, field_validator, model_validator

from citerefine.rubrics.record import Record

MOST_LEVELS: Final = 26
"""Most levels of an ordinal scale."""
MAX_TEXT: Final = 100_000
"""Longest text of a criterion, in code points."""


class Polarity(StrEnum):
    """Whether an answer should meet a criterion."""

    POSITIVE = "positive"
    NEGATIVE = "negative"
    """A fault: the judge is asked whether it is present, and it counts against the answer if it is."""


class Level(Record):
    """One step of an ordinal scale."""

    name: str = ""
    """What the format calls it, such as `yes` or `3`; may be empty."""
    anchor: str = ""
    """What an answer on this level is like; may be empty."""
    value: float = Field(ge=0, le=1)
    """What the level counts."""


class Scale(Record):
    """What a judge can say to a criterion."""

    kind: Literal["binary", "ordinal", "numeric"] = "binary"
    """Met or not; one of `levels`; a number from `lo` to `hi`."""
    lo: float = 0.0
    """Least native score."""
    hi: float = 1.0
    """Greatest native score."""
    levels: tuple[Level, ...] = Field(default=(), max_length=MOST_LEVELS)
    """Worst to best. A numeric scale may have them too, as anchors along it."""

    @model_validator(mode="after")
    def _can_be_judged(self) -> Self:
        if not (isfinite(self.lo) and isfinite(self.hi) and self.lo < self.hi):
            raise ValueError(f"a scale from {self.lo} to {self.hi} has no room; give two numbers, the lesser first")
        if self.kind == "ordinal" and len(self.levels) < 2:
            raise ValueError(f"an ordinal scale needs at least 2 levels, got {len(self.levels)}")
        return self

    def to_unit(self, native: float) -> float:
        """A native score as a value in [0, 1]. Raises ValueError if it lies outside the scale."""
        if not self.lo <= native <= self.hi:
            raise ValueError(f"{native} lies outside the scale from {self.lo:g} to {self.hi:g}")
        return (native - self.lo) / (self.hi - self.lo)

    def to_native(self, value: float) -> float:
        """A value in [0, 1] as a native score."""
        return self.lo + value * (self.hi - self.lo)


BINARY: Final = Scale()


class Criterion(Record):
    """What an answer is judged by."""

    id: str = Field(min_length=1, max_length=400)
    """Tells it from the others of its rubric; native where the format has ids or names, else made (`c1`, `c2` …)."""
    text: str = Field(max_length=MAX_TEXT)
    """What is asked; of a fault, what must not be there, said as if it were: never “does not …”."""
    weight: int | float = 1
    """Finite; below 0 for a fault (0 is possible for both). Among siblings in a tree, else over the rubric."""
    polarity: Polarity = Polarity.POSITIVE
    title: str = ""
    tier: str = ""
    """Word for the weight in formats that have one: `Essential`, `Critical`, `Answer Critical`."""
    tags: tuple[str, ...] = ()
    scale: Scale = BINARY
    evidence: tuple[str, ...] = ()
    """Passages that show what meets it."""
    reference: str = ""
    """An answer that meets it."""
    verifier: Literal["llm", "rule", "citation"] = "llm"
    """Who judges it: a judge; a rule of the registry, named by `rule`; the citation score."""
    rule: str = ""
    """Registered name of a rule; never an expression, a pattern or code."""
    origin: Literal["instance", "static", "adaptive"] = "instance"
    state: Literal["persistent", "active", "inactive"] = "persistent"
    """`inactive`: kept and not judged."""
    veto: bool = False
    """Whether failing it (a fault: having it) makes the whole score 0."""
    children: tuple["Criterion", ...] = ()
    extra: dict[str, JsonValue] = Field(default_factory=dict)
    """The native object verbatim, less its children: what writes the same document again."""

    @field_validator("weight", mode="before")
    @classmethod
    def _number(cls, weight: object) -> object:
        if isinstance(weight, bool) or not isinstance(weight, int | float):  # which pydantic would make a number
            raise ValueError(f"a weight must be a number, got {weight!r:.60}")
        return weight

    @field_validator("weight")
    @classmethod
    def _finite(cls, weight: int | float) -> int | float:
        if not abs(weight) <= float_info.max:  # also of whole numbers beyond any float
            raise ValueError(f"a weight must be a finite number, got {weight}")
        return weight

    @model_validator(mode="after")
    def _sign_and_polarity_agree(self) -> Self:
        if self.polarity is Polarity.POSITIVE and self.weight < 0:
            raise ValueError(f"a negative weight ({self.weight}) needs the polarity `negative`")
        if self.polarity is Polarity.NEGATIVE and self.weight > 0:
            raise ValueError(f"the polarity `negative` needs a weight of at most 0, got {self.weight}")
        return self

    @cached_property
    def key(self) -> str:
        """16 hex digits of the SHA-256 of what a judge is asked: polarity, text (NFC), scale; never title or weight."""
        scale = self.scale.model_dump(mode="json")
        asked = [self.polarity.value, unicodedata.normalize("NFC", self.text), scale]
        return hashlib.sha256(json.dumps(asked, sort_keys=True, ensure_ascii=True).encode()).hexdigest()[:16]

    @property
    def is_negative(self) -> bool:
        """Whether it is a fault."""
        return self.polarity is Polarity.NEGATIVE


def walk(criteria: tuple[Criterion, ...]) -> Iterator[Criterion]:
    """All criteria of a forest, each before its children, without recursion."""
    waiting = [*reversed(criteria)]
    while waiting:
        criterion = waiting.pop()
        yield criterion
        waiting.extend(reversed(criterion.children))


def leaves(criteria: tuple[Criterion, ...]) -> Iterator[Criterion]:
    """Those without children, in the order of the document: what a judge is asked about."""
    return (criterion for criterion in walk(criteria) if not criterion.children)
