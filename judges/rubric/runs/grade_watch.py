"""How rows are graded, how far a run is, and who is told of it.

In: values from the command line or a program. Out: `GradeSettings`, `GradeReport`, `GradeWatch`. Not here: grading
(grade_file.py), showing progress (app/).
"""

from collections.abc import Callable
from dataclasses import dataclass

from citerefine.judges.imports.reading import FORMS
from citerefine.judges.rubric.runs.grade_row import GradeRow
from citerefine.judges.rubric.runs.grade_task import GradeTask
from citerefine.refiner.batch.ledger import Id
from citerefine.refiner.errors import InputError
from citerefine.rubrics.aggregation import FORMULAS, NEEDS


@dataclass(frozen=True, slots=True)
class GradeSettings:
    """How rows are graded. Raises InputError for what nobody knows."""

    formula: str = ""
    """A key of `rubrics.aggregation.FORMULAS`; empty: each rubric's own."""
    form: str = "auto"
    """How answers write citations, a key of `imports.reading.FORMS`."""
    concurrency: int = 8
    """Most answers that are graded at once."""
    retry_failed: bool = False
    """Whether answers of OUT in which a criterion has no verdict are graded again."""

    def __post_init__(self) -> None:
        if self.formula and self.formula not in FORMULAS:
            raise InputError(f"no formula is called {self.formula!r}; there are: {', '.join(FORMULAS)}")
        if self.formula in NEEDS:
            raise InputError(
                f"the formula {self.formula} needs {NEEDS[self.formula]}, which one answer alone has not; choose "
                "another"
            )
        if self.form not in FORMS:
            raise InputError(f"no form of citations is called {self.form!r}; there are: {', '.join(FORMS)}")
        if self.concurrency < 1:
            raise InputError(f"the concurrency is {self.concurrency}, and must be 1 or more")


@dataclass(slots=True)
class GradeReport:
    """How far a run is; grows while it runs."""

    rows: int = 0
    """Rows of IN that are through."""
    bytes_done: int = 0
    """Of IN, as far as rows are through."""
    graded: int = 0
    """Of these, answers that this run graded."""
    done_before: int = 0
    """Of these, answers that OUT held when the run began, with a grade that still holds."""
    changed: int = 0
    """Of these, rows that OUT has another answer's, or another rubric's, grade of."""
    refused: int = 0
    """Of these, rows that could not be graded."""
    failed: int = 0
    """Criteria without a verdict, of all rows that are through."""
    retried: int = 0
    """Rows that were taken out of OUT to be graded again."""
    not_in_input: int = 0
    """Rows of OUT that IN does not have; known at the end."""
    seconds: float = 0.0

    @property
    def is_good(self) -> bool:
        """Whether every row has a grade in which no verdict is missing."""
        return not (self.refused or self.failed or self.changed)


def _nobody(*told: object) -> None:
    """Takes what nobody asked for."""


@dataclass(frozen=True, slots=True)
class GradeWatch:
    """Who is told what happens; called between rows, in the thread of the event loop."""

    progress: Callable[[GradeReport], None] = _nobody
    """Gets the report after each row; the same object each time."""
    refused: Callable[[int, str, str], None] = _nobody
    """Gets line, code and reason of each row that could not be graded."""
    changed: Callable[[int, Id | None], None] = _nobody
    """Gets line and id of each row that OUT has a grade of something else of."""
    row: Callable[[GradeTask, GradeRow], None] = _nobody
    """Gets each answer with its grade."""
