"""The citation score of one answer: the record, in full detail.

In: what metric.py works out. Out: `CitationScore`, frozen, JSON both ways. A figure that could not be measured is None,
with the reason beside it. Not here: how it is worked out (metric.py), rows of files (runs/).
"""

from pydantic import Field

from citerefine.judges.verdict import Verdict
from citerefine.refiner.records import Issue, Record, Text

Share = float
"""From 0 to 1."""


class CitationValue(Record):
    """What one citation of a unit is worth."""

    id: Text
    """As written."""
    snippet: str | None
    """The snippet that it means; None if no snippet has the id, or there is no evidence."""
    value: float | None
    """1 needed or sufficient, 1/2 needed for partial support, 0 neither; None if that was not judged."""
    verdict: Verdict | None = None
    """On this snippet alone; None if nobody was asked."""


class UnitScore(Record):
    """One unit, its repetitions merged."""

    text: Text
    start: int
    """Offset in the plain answer, in code points."""
    end: int
    citations: tuple[CitationValue, ...]
    exempt: str | None
    """Why it needs no citation; None if it needs one."""
    weight: float
    """What it counts in recall."""
    support: float | None
    """1, 1/2 or 0; None if it was not judged, or there is no evidence. An uncited unit that needs a citation has 0."""
    verdict: Verdict | None = None
    """On all cited snippets together; None if nobody was asked."""
    context: Text = ""
    """As in `SupportQuery`."""


class Factors(Record):
    """What the training score is the product of; each from 0 to 1."""

    f1: Share
    """F1 in which units that cite the same ids weigh by their words, and those without support without an upper
    bound."""
    coverage: Share
    """Supported weight over the number of claims that is expected."""
    substance: Share
    """Falls once text that is exempt from citing outweighs what is supported."""
    validity: Share
    """1/2 + half the share of known ids among the citations that are supported or unknown."""
    form: Share
    """0.9 for each format error, at most five of them."""
    originality: Share
    """The copy guard: falls once most of the fully supported text is copied word for word."""


class Totals(Record):
    """What micro averages add up."""

    value: float
    """Sum of the citations' values."""
    citations: int
    """How many were judged or unknown."""
    supported: float
    """Sum of weight times support."""
    needed: float
    """Sum of the weights of the units that need support and were judged."""


class CitationScore(Record):
    """How well one answer is supported by what it cites."""

    precision: float | None = Field(ge=0, le=1)
    recall: float | None = Field(ge=0, le=1)
    f1: float | None = Field(ge=0, le=1)
    score: float | None = Field(ge=0, le=1)
    """The training score: the product of `factors`. For rewards; reports give precision, recall and F1."""
    reason: Text = ""
    """Why figures are None; empty if none is."""
    factors: Factors | None = None
    n_claims: int = 0
    """Cited units."""
    n_invalid: int | None = 0
    """Citations of ids that no snippet has; None without evidence."""
    n_uncited: int = 0
    """Uncited units that need a citation."""
    n_failed: int = 0
    """Cited units that the judge came to no verdict on."""
    n_abstained: int = 0
    """1 if the answer says that the evidence does not tell."""
    masked: bool = False
    """Whether so much failed that the answer must not be trained on: `score` is None."""
    format_errors: int = 0
    coverage: Share | None = None
    """Weight of cited units over that of all that need support; None if none does."""
    cited_share: Share | None = None
    """Words of cited units over all words; None in an empty answer."""
    copied_share: Share | None = None
    """Words of fully supported units in verbatim runs over all of theirs; None if nothing is fully supported."""
    distinct_evidence: Share | None = None
    """Different evidence spans over supported units; None if nothing is supported or the judge names no spans."""
    totals: Totals | None = None
    """None where precision and recall are."""
    units: tuple[UnitScore, ...] = ()
    issues: tuple[Issue, ...] = ()
    judge: str | None = None
    """Name of the judge; None if none was asked."""
