"""How far a judge agrees with people on one labelled set.

In: what measuring.py counted. Out: `JudgeCard`, frozen, JSON both ways; figures only, no text of the set. "Supported"
is the label `full`; all others are the rest. Not here: measuring, where cards are kept (card_files.py).
"""

import datetime
import hashlib
import json
from typing import Annotated, Literal

from pydantic import Field

from citerefine.judges.runs.summary import Agreement, Interval
from citerefine.judges.verdict import Label
from citerefine.refiner.records import Record, Text

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Correlation = Annotated[float, Field(ge=-1, le=1, allow_inf_nan=False)]


class JudgeCard(Record):
    """Agreement of one judge with one set."""

    judge: Text
    """Its name, which holds its version."""
    labels: Text
    """Name of the set."""
    labels_sha256: str = Field(pattern="^[0-9a-f]{64}$")
    """Of the file's bytes, or of the claims where these are no file: the same labels have the same digest."""
    positive: Text | None = None
    """The label of the file that was taken for full support, all others for none; None: labels by their names."""
    rows: int = Field(ge=0)
    """Rows of the file that were not blank."""
    refused: dict[str, int] = Field(default_factory=dict)
    """Why rows are no labelled claims: code → rows."""
    not_judged: dict[str, int] = Field(default_factory=dict)
    """Why the judge came to no verdict: code → claims. They are in no figure below."""
    n: int = Field(ge=0)
    """Claims that were judged."""
    clusters: int = Field(ge=0)
    """What they belong to: what was resampled."""
    classes: dict[Label, int]
    """What people say of the n claims."""
    score: Literal["p_supported", "label"]
    """What ranks the claims: the judge's continuous score, or what its label counts if it does not always give one."""
    auc: Share | None
    """Probability that a supported claim scores above another one."""
    auc_ci95: Interval | None = None
    balanced_accuracy: Share | None
    """Mean recall of supported claims and the rest, at a threshold that was found on the other half of the clusters."""
    balanced_accuracy_ci95: Interval | None = None
    thresholds: tuple[float, float] | None = None
    """Found on the second half and used on the first, and the other way round."""
    interval: str = ""
    """How the intervals were made."""
    accuracy: Share | None
    """Of the judge's own labels, supported against the rest; so are the figures below."""
    macro_f1: Share | None
    kappa: Correlation | None
    """Agreement beyond chance; None with one class."""
    mcc: Correlation | None
    """Matthews correlation; None as for kappa."""
    false_positive_rate: Share | None
    """Of claims that people do not call supported, the share that the judge does."""
    false_negative_rate: Share | None
    """Of claims that people call supported, the share that the judge does not."""
    confusion: dict[Label, dict[Label, int]]
    """People's label → the judge's → claims."""
    notes: tuple[str, ...] = ()
    """Why figures are missing, and what to know of them."""
    date: datetime.date
    versions: dict[str, str] = Field(default_factory=dict)

    @property
    def agreement(self) -> Agreement:
        """What reports of scores say of it."""
        return Agreement(
            labels=self.labels,
            n=self.n,
            auc=self.auc,
            auc_ci95=self.auc_ci95,
            balanced_accuracy=self.balanced_accuracy,
            balanced_accuracy_ci95=self.balanced_accuracy_ci95,
            kappa=self.kappa,
            missed=self.false_negative_rate,
            wrongly_full=self.false_positive_rate,
            rows=self.rows,
            refused=sum(self.refused.values()),
        )

    @property
    def key(self) -> str:
        """16 hex digits for judge and labels: a new measurement takes the place of the old one."""
        measured = [self.judge, self.labels_sha256, self.positive]
        return hashlib.sha256(json.dumps(measured).encode()).hexdigest()[:16]
