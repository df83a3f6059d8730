"""What `grade` says of a whole run: the record that is printed, and that the page shows.

In: what a run added up. Out: `GradeSummary`, frozen, JSON both ways. Every row of the run file is in exactly one of
`n`, `not_graded` and `refused`. Not here: adding up (grade_tally.py), printing.
"""

from typing import Literal

from pydantic import Field

from citerefine.judges.runs.summary import Interval
from citerefine.refiner.records import Record, Text, Usage


class CriterionSummary(Record):
    """One criterion over all answers that it was asked about."""

    key: str
    """Content key: criteria of several rubrics that ask the same count as one."""
    criterion: Text
    """Its id in the first rubric that has it."""
    title: Text = ""
    text: Text
    polarity: Literal["positive", "negative"]
    origin: str
    """`instance`, `static` or `adaptive`."""
    answers: int
    """Answers that it was asked about, or that were gated."""
    n: int
    """Of these, those with a value."""
    met: float | None
    """Mean of these values: how far it is met, of a fault how far it is present; None if there are none."""
    failed: int = 0
    abstained: int = 0


class GradeSummary(Record):
    """Figures of one run."""

    n: int
    """Answers with a score."""
    rows: int
    """Rows of the file that were not blank."""
    questions: int
    """Different questions among the n answers: what is resampled."""
    score: float | None
    """Mean over answers, unclipped; None if n is 0."""
    clipped: float | None = None
    """The mean, then clipped to [0, 1], where formulas leave that to the end; None where they do not."""
    ci95: Interval | None = None
    """Of the mean; None with fewer than two questions."""
    interval: str = ""
    """How it was made, or why there is none."""
    coverage: float | None = None
    """Mean share of the weight that has a value, over answers that were graded."""
    criteria: tuple[CriterionSummary, ...] = ()
    """The worst first."""
    criteria_left_out: int = 0
    """Cells of criteria beyond the number that is counted one by one."""
    cells: dict[str, int] = Field(default_factory=dict)
    """Status → cells."""
    failures: dict[str, int] = Field(default_factory=dict)
    """Why cells have no verdict: code → cells."""
    failure_example: Text = ""
    """What was said of the first of them; empty if there is none."""
    gated: dict[str, int] = Field(default_factory=dict)
    """Why no judge was asked, and the score is 0: code → answers."""
    not_graded: dict[str, int] = Field(default_factory=dict)
    """Why rows have no score: code → rows."""
    refused: dict[str, int] = Field(default_factory=dict)
    """Why rows could not be read: code → rows."""
    usage: Usage | None = None
    """What was paid when these rows were last graded, as far as it is known: neither for requests that failed, nor for
    replies that a journal held."""
    judge: str
    formulas: dict[str, int] = Field(default_factory=dict)
    """Formula → answers."""
    rubrics: int = 0
    """Different rubrics."""
    rubric_keys: tuple[str, ...] = ()
    """Their content keys; of many the first."""

    @property
    def failed(self) -> int:
        """Cells without a verdict."""
        return sum(self.failures.values())
