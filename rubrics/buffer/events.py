"""What can happen in a buffer: a query's rubric enters; a criterion is added, scored, retired, revived.

In: plain values, checked here. Out: `Event`s, frozen, JSON both ways; all that a buffer is follows from them. Not
here: what they change (folding.py), where they are kept (logs.py, event_file.py).
"""

import json
from typing import Annotated, Any, Final, Literal

from pydantic import Field, TypeAdapter

from citerefine.rubrics.criterion import Criterion
from citerefine.rubrics.record import Record
from citerefine.rubrics.rubric import Rubric

Value = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Values = tuple[Value | None, ...]
"""How far each rollout of a group meets a criterion, of a fault how far it is present; None where that is not known."""


class Evidence(Record):
    """What a judge says about the rollouts of one group and one criterion."""

    judge: str = Field(min_length=1)
    """Its name, as in cells and scores."""
    values: Values


class _Event(Record):
    query: str = Field(min_length=1)
    """Which question's rubric it changes."""
    key: str = Field(min_length=1)
    """The criterion (`Criterion.key`), or the rubric (`Rubric.key`)."""
    step: int = Field(ge=0)
    """The trainer's step; never less than that of the event before."""
    time: float = Field(allow_inf_nan=False)
    """When it happened, in seconds since 1970; as the caller says, since a replay has no clock."""
    reason: str = Field(min_length=1)
    """Why, to be read by people."""


class Begin(_Event):
    """A query's own rubric enters; all of its criteria are fixed."""

    kind: Literal["begin"] = "begin"
    rubric: Rubric


class Add(_Event):
    """An adaptive criterion enters."""

    kind: Literal["add"] = "add"
    criterion: Criterion
    writer: str = ""
    """The model that wrote it; empty if that was a person."""
    evidence: Evidence | None = None
    """That it separates rollouts. Without it, it enters retired, and waits for such evidence."""


class Score(_Event):
    """A criterion was judged on the rollouts of a group."""

    kind: Literal["score"] = "score"
    judge: str = Field(min_length=1)
    values: Values


class Retire(_Event):
    """An adaptive criterion is judged no more."""

    kind: Literal["retire"] = "retire"


class Revive(_Event):
    """A retired criterion is judged again."""

    kind: Literal["revive"] = "revive"
    evidence: Evidence


Event = Begin | Add | Score | Retire | Revive
_JSON: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)
_READ: Final[TypeAdapter[Event]] = TypeAdapter(Annotated[Event, Field(discriminator="kind")])


def canonical(values: dict[str, Any]) -> bytes:
    """`values` as JSON of one spelling, in ASCII, on one line: the same values are the same bytes."""
    return _JSON.encode(values).encode()


def dump_event(event: Event) -> dict[str, Any]:
    """The event as plain values."""
    return event.model_dump(mode="json")


def read_event(values: object) -> Event:
    """The event that `dump_event` wrote. Raises ValueError."""
    return _READ.validate_python(values, strict=False)


def parse_event(line: bytes) -> Event:
    """The event of `canonical(dump_event(event))`. Raises ValueError."""
    try:
        return _READ.validate_json(line, strict=False)
    except ValueError:  # also of halves of surrogate pairs, which JSON can hold and this reader not
        return read_event(json.loads(line))
