"""What one process has seen of a step's groups of answers, and is to be told to all the others.

In: values worked out in the reward. Out: `Observation`, `Proposal`, `Packet`: frozen, small, and the same when they
come out of another process. Not here: making them (proposing.py, rubrics.py), what they change (applying.py).
"""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

from citerefine.judges.rubric.cell import Cell, Status
from citerefine.rubrics.criterion import Criterion
from citerefine.rubrics.rubric import Rubric
from citerefine.training.data.row import TrainingRow
from citerefine.training.rewards.combining import Judged

Values = dict[str, tuple[float | None, ...]]
"""Content key of a criterion → its value for each answer of a group; None where nobody judged it."""


class Proposal(NamedTuple):
    """A criterion that was written of a group's answers, and how far each of them meets it."""

    criterion: Criterion
    values: tuple[float | None, ...]
    """By the admission judge; of a fault, how far it is present; None where that is not known."""


class Proposed(NamedTuple):
    """What came of asking for criteria for one group."""

    proposals: tuple[Proposal, ...] = ()
    dropped: tuple[str, ...] = ()
    """Codes of criteria that were written and not fit (citerefine.rubrics.generation.checks.DROPPED)."""
    failure: str = ""
    """Why nothing came of it, as `code: what happened`; empty if nobody failed."""


class Observation(NamedTuple):
    """One group of answers, judged."""

    query: str
    """Of the buffer (`query_of`)."""
    rubric: Rubric
    """The row's own criteria and static ones: what a buffer begins with that does not know the query."""
    values: Values
    """By the reward's judge."""
    proposed: Proposed | None = None
    """None if nobody was asked for criteria."""


class Packet(NamedTuple):
    """What a process has seen since the last step's end."""

    step: int
    time: float
    """Seconds since 1970."""
    observations: tuple[Observation, ...]


def query_of(row: TrainingRow, rubric: Rubric) -> str:
    """What a buffer knows a row by: its id, and a digest of question and rubric, since nothing keeps ids apart."""
    digest = hashlib.sha256(f"{row.question}\n{rubric.key}".encode(errors="surrogatepass")).hexdigest()[:12]
    return f"{row.id}#{digest}"


def values_of(judged: Sequence[Judged]) -> Values:
    """What the judge said about each criterion of a group; what it was not asked, or was estimated, is not known."""
    rows = [{cell.key: judged_value(cell) for cell in one.cells} for one in judged]
    keys = dict.fromkeys(key for row in rows for key in row)
    return {key: tuple(row.get(key) for row in rows) for key in keys}


def judged_value(cell: Cell) -> float | None:
    """The value of a cell that a judge filled. One that it did not fill says nothing about the criterion: answers that
    say nothing would else make any criterion look as if it told answers apart."""
    return cell.value if cell.status in (Status.OK, Status.ABSTAIN) else None
