"""What a batch did, and who is told of it meanwhile.

In: what became of each row. Out: `BatchReport`. Not here: doing it (batch.py), showing it (app/refine.py).
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from citerefine.refiner.batch.ledger import Id
from citerefine.refiner.records import Usage


@dataclass(slots=True)
class BatchReport:
    """What a run did; grows while it runs."""

    rows: int = 0
    """Rows of IN that were read so far; blank lines are no rows."""
    bytes_read: int = 0
    """How far IN was read."""
    done_before: int = 0
    """Of these, rows that OUT held when the run began."""
    changed: int = 0
    """Of these, rows that ask something else than the row of OUT was asked."""
    answered: int = 0
    """Rows that this run answered."""
    failed: int = 0
    """Rows that this run wrote without an answer."""
    refused: int = 0
    """Of these, rows that could not be asked, since they are no good request."""
    failed_before: int = 0
    """Rows without an answer that earlier runs wrote and OUT still holds."""
    retried: int = 0
    """Rows without an answer that were taken out of OUT to be asked again."""
    not_in_input: int | None = None
    """Rows of OUT that IN does not have; known when IN was read to its end."""
    errors: dict[str, int] = field(default_factory=dict)
    """Why rows of this run have no answer: code → rows."""
    usage: Usage | None = None
    """What the rows of this run consumed together, answered or failed, as far as rows say it; in parts None where one
    of them does not know it; None if no model was asked or no row says anything."""
    seconds: float = 0.0
    """How long this run took so far."""

    @property
    def is_good(self) -> bool:
        """Whether every row that OUT holds has an answer, and one to what IN asks."""
        return not (self.failed or self.failed_before or self.changed)


def _nobody(*told: object) -> None:
    """Takes what nobody asked for."""


@dataclass(frozen=True, slots=True)
class Watch:
    """Who is told what happens; called between rows, in the thread of the event loop."""

    progress: Callable[[BatchReport], None] = _nobody
    """Gets the report, at the start and after each row; the same object each time."""
    refused: Callable[[int, str], None] = _nobody
    """Gets line and reason of each row that cannot be asked."""
    changed: Callable[[int, Id | None], None] = _nobody
    """Gets line and id of each row that is done, and asks something else than it did then."""
