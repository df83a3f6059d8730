"""What `score` says of a whole run: the record that is printed, and that reports show.

In: what a run added up. Out: `Summary`, frozen, JSON both ways. Every row of the run file is in exactly one of `n`,
`not_scored` and `refused`. Not here: adding up (tally.py), printing.
"""

from typing import Final

from pydantic import Field

from citerefine.refiner.records import Record, Text

Interval = tuple[float, float]

MANY_REFUSED: Final = 0.01
"""Where more of the label rows than this share were refused, it is said beside the agreement."""


class Agreement(Record):
    """How far a judge agrees with people, as measured by `calibrate`."""

    labels: str
    """Name of the labelled set."""
    n: int
    auc: float | None
    auc_ci95: Interval | None = None
    balanced_accuracy: float | None
    balanced_accuracy_ci95: Interval | None = None
    kappa: float | None = None
    """Of the judge's own labels, full against the rest, which scores are made of; so are the two below."""
    missed: float | None = None
    """Of claims that people call supported, the share that the judge does not."""
    wrongly_full: float | None = None
    """Of claims that people do not call supported, the share that the judge does."""
    rows: int = 0
    """Rows of the labels; 0 if that is not known."""
    refused: int = 0
    """Those of them that were no labelled claims."""


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
    failures: dict[str, int] = Field(default_factory=dict)
    """Why it came to none: code → units."""
    failure_example: Text = ""
    """What was said of the first of them; empty if there is none."""
    masked: int = 0
    """Answers with so many of these that they must not be trained on."""
    not_scored: dict[str, int] = Field(default_factory=dict)
    """Why rows have no figures: code → rows."""
    refused: dict[str, int] = Field(default_factory=dict)
    """Why rows could not be read: code → rows."""
    issues: dict[str, int] = Field(default_factory=dict)
    """What is not canonical in the answers: code → times."""
    issue_answers: dict[str, int] = Field(default_factory=dict)
    """The same: code → answers."""
    without_citations: int = 0
    """Answers with text in which no citation was found, beside those that abstain."""
    forms: dict[str, int] = Field(default_factory=dict)
    """How the answers write citations: form → answers."""
    judge: str | None
    agreement: tuple[Agreement, ...] = ()
    """Of this judge; empty if it was never measured."""
    formula: str = "citerefine"
