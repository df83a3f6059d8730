"""What `score` says of a whole run: the record that is printed, and that reports show.

In: what a run added up. Out: `Summary`, frozen, JSON both ways. Every row of the run file is in exactly one of `n`,
`not_scored` and `refused`. Not here: adding up (tally.py), printing.
"""

from pydantic import Field

from citerefine.refiner.records import Record

Interval = tuple[float, float]


class Agreement(Record):
    """How far a judge agrees with people, as measured by `calibrate`."""

    labels: str
    """Name of the labelled set."""
    n: int
    auc: float | None
    auc_ci95: Interval | None = None
    balanced_accuracy: float | None
    balanced_accuracy_ci95: Interval | None = None


class Summary(Record):
    """Figures of one run."""

    n: int
    """Answers with precision, recall and F1."""
    rows: int
    """Rows of the file that were not blank."""
    questions: int
    """Different questions among the n answers: what is resampled."""
    precision: float | None
    """Mean over answers; None if n is 0."""
    recall: float | None
    f1: float | None
    """Mean of the answers' F1."""
    score: float | None = None
    """Mean training score of the answers that have one."""
    ci95: dict[str, Interval | None] = Field(default_factory=dict)
    """95 % interval of precision, recall and f1; None with fewer than two questions."""
    interval: str = ""
    """How the intervals were made."""
    micro: dict[str, float | None] = Field(default_factory=dict)
    """Precision, recall and f1 over all citations and all weight together."""
    claims: int = 0
    """Cited units."""
    invalid: int = 0
    """Citations of ids that no snippet has."""
    uncited: int = 0
    """Units that need a citation and have none."""
    abstained: int = 0
    """Answers that say the evidence does not tell."""
    failed: int = 0
    """Units that the judge came to no verdict on."""
    masked: int = 0
    """Answers with so many of these that they must not be trained on."""
    not_scored: dict[str, int] = Field(default_factory=dict)
    """Why rows have no figures: code → rows."""
    refused: dict[str, int] = Field(default_factory=dict)
    """Why rows could not be read: code → rows."""
    issues: dict[str, int] = Field(default_factory=dict)
    """What is not canonical in the answers: code → times."""
    forms: dict[str, int] = Field(default_factory=dict)
    """How the answers write citations: form → answers."""
    judge: str | None
    agreement: tuple[Agreement, ...] = ()
    """Of this judge; empty if it was never measured."""
    formula: str = "citerefine"
