"""What `compare` says of two scored runs: the record that is printed, and that the page shows.

In: what comparing.py works out. Out: `Comparison`, frozen, JSON both ways. Every row of either file is in exactly one
of `pairs`, `other_question`, `only_a` or `only_b`, and its side's `refused`. Differences are B minus A. Not here:
reading (scored_file.py), pairing and figures (comparing.py), printing.
"""

from typing import Final

from pydantic import Field

from citerefine.judges.runs.score_row import ScoreRow
from citerefine.judges.runs.summary import Interval
from citerefine.refiner.records import Record, Text

METRICS: Final = ("precision", "recall", "f1", "score")
"""What is compared, where both files have it."""
MOST_LISTED: Final = 100
"""So many ids of each kind are listed; all are counted, and `--out` has all."""
MOST_CHANGES: Final = 200
"""So many pairs are shown with their rows, the largest differences of F1 first."""


class Side(Record):
    """One of the two files."""

    name: Text
    """Its path, as it was given."""
    rows: int
    """Rows that were not blank, of the formula that is compared."""
    judge: str | None
    """Who judged; None if no row names one, or rows name several (`--any-judge`)."""
    formula: str | None
    """What the figures are; None if there is no row."""
    systems: tuple[Text, ...] = ()
    """Models that answered, as rows name them; the first ten."""
    no_figures: dict[str, int] = Field(default_factory=dict)
    """Why rows have no F1, paired or not: code → rows."""
    refused: dict[str, int] = Field(default_factory=dict)
    """Why rows could not be paired at all: code → rows."""


class MetricComparison(Record):
    """One metric, over the pairs in which both sides have it."""

    metric: str
    mean_a: float | None
    mean_b: float | None
    difference: float | None
    ci95: Interval | None
    """Of the difference; None with fewer than two questions."""
    interval: str = ""
    """How the interval was made, or why there is none."""
    p: float | None
    """Two-sided sign-flip permutation test by question."""
    p_holm: float | None
    """The same, corrected for testing several metrics (Holm)."""
    sd: float | None
    """Of the differences over questions."""
    detectable: float | None
    """Smallest true difference that so many questions find four times in five; None if nothing scatters."""
    questions_needed: int | None
    """To find the difference that was seen four times in five; None if it is 0 or nothing scatters."""
    n: int
    """Pairs."""
    questions: int
    """Different questions among them: what is resampled."""


class Change(Record):
    """What one pair of answers does differently."""

    id: str | int
    question: Text
    f1_a: float | None
    f1_b: float | None
    difference: float | None
    """Of F1; None if a side has none."""
    changed: tuple[str, ...]
    """What else differs, in words: `unknown ids 2 → 0`."""
    a: ScoreRow
    b: ScoreRow


class Comparison(Record):
    """Two runs, question by question."""

    a: Side
    b: Side
    pairs: int
    """Ids that both files have, with the same question."""
    questions: int
    """Different questions among the pairs."""
    metrics: tuple[MetricComparison, ...]
    better: int
    """Pairs in which B has the higher F1."""
    worse: int
    same: int
    only_a: int
    """Rows whose id B does not have."""
    only_b: int
    only_a_ids: tuple[str | int, ...] = ()
    """The first `MOST_LISTED` of them; so are the lists below."""
    only_b_ids: tuple[str | int, ...] = ()
    none_a: int = 0
    """Pairs in which A has no F1, and B has one."""
    none_b: int = 0
    none_both: int = 0
    none_ids: tuple[str | int, ...] = ()
    """Of pairs without F1 on either side or both."""
    other_question: int = 0
    """Ids that stand for different questions in A and B: not paired."""
    other_question_ids: tuple[str | int, ...] = ()
    changes: tuple[Change, ...] = ()
    """Pairs that differ in F1, the largest difference first, then pairs in which one side has none; if asked for."""
    notes: tuple[str, ...] = ()
    """What is to be known before the figures are used."""
    in_words: tuple[str, ...] = ()
    """What the figures say, for people who do not read tables."""
