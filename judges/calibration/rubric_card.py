"""How far a rubric judge agrees with people on one labelled set.

In: what rubric_measuring.py worked out. Out: `RubricJudgeCard`, frozen, JSON both ways; figures only, no text of the
set. Each figure has its 95 % interval and says what it is over, or why there is none; docs/judge-cards.md says what
each means. Not here: measuring, where cards are kept (card_files.py), the card of a support judge (judge_card.py).
"""

import datetime
import hashlib
import json
from typing import Literal, Self

from pydantic import Field

from citerefine.judges.runs.summary import Interval
from citerefine.judges.statistics.estimate import Estimate
from citerefine.refiner.records import Record, Text


class Measure(Record):
    """A figure with its interval."""

    value: float | None = Field(default=None, allow_inf_nan=False)
    """None if the labels do not define it."""
    ci95: Interval | None = None
    n: int = Field(default=0, ge=0)
    """What it is over: labels, criteria, pairs or answers, as the figure says."""
    reason: Text = ""
    """Why there is no value or no interval; empty if there are both."""

    @classmethod
    def of(cls, estimate: Estimate) -> Self:
        """The same as a record."""
        return cls(value=estimate.value, ci95=estimate.ci95, n=estimate.n, reason=estimate.reason)


class Slice(Record):
    """Agreement on some of the criteria."""

    by: Literal["polarity", "criterion words", "answer words"]
    name: Text
    """Which of them: `positive`, `negative`, or from how many words to how many."""
    accuracy: Measure
    false_positive_rate: Measure
    false_negative_rate: Measure


class Calibration(Record):
    """How far the judge's probabilities are off, as they are and mended."""

    of: Literal["all", "positive", "negative"]
    ece: Measure
    """Expected calibration error, ten bins."""
    brier: Measure
    mean_error: Measure
    """Probability less label; above 0: it says met too often."""
    isotonic_ece: Measure
    isotonic_brier: Measure
    """After isotonic regression for each polarity, fitted on the other half of the prompts."""
    platt_ece: Measure
    platt_brier: Measure
    """After Platt scaling, likewise."""


class RubricJudgeCard(Record):
    """Agreement of one rubric judge with one set."""

    kind: Literal["rubric"] = "rubric"
    judge: Text
    """Its name, which holds its version."""
    labels: Text
    """Name of the set."""
    labels_sha256: str = Field(pattern="^[0-9a-f]{64}$")
    rows: int = Field(ge=0)
    """Rows of the file that were not blank."""
    refused: dict[str, int] = Field(default_factory=dict)
    """Why rows cannot be used: code → rows."""
    not_judged: dict[str, int] = Field(default_factory=dict)
    """Why the judge came to no value: code → criteria. They are in no figure below."""
    abstained: int = Field(default=0, ge=0)
    """Criteria of which the judge says that it cannot tell; of those that ask for something that counts as not met."""
    n: int = Field(ge=0)
    """Criteria of answers that were judged."""
    answers: int = Field(ge=0)
    prompts: int = Field(ge=0)
    """What was resampled: prompts, or answers whose prompt is not known."""
    n_labels: int = Field(ge=0)
    """Labels of these criteria: more than n where several people labelled one."""
    said: dict[Literal["positive", "negative"], tuple[int, int]] = Field(default_factory=dict)
    """Polarity → labels that say met (of a fault: present), and labels that do not."""
    accuracy: Measure
    macro_f1: Measure
    """Mean F1 of met and unmet, the judge against each label."""
    kappa: Measure
    mcc: Measure
    judge_beside_people: Measure
    """Macro-F1 over the criteria with two labels or more …"""
    people: Measure
    """… and that of each labeller against the others: the ceiling …"""
    above_people: Measure
    """… and the first less the second."""
    alpha_people: Measure
    """Krippendorff's alpha among the labellers."""
    alpha_with_judge: Measure
    """The same over the same criteria with the judge as one more; over all criteria where nobody labelled one twice."""
    absolute_error: Measure
    """Mean distance of the judge's value from the mean label."""
    slices: tuple[Slice, ...] = ()
    calibration: tuple[Calibration, ...] = ()
    """Empty if the judge gives no probabilities."""
    flip_rate: Measure
    """Of criteria that were asked about again, the share with another verdict, or with one that came or went."""
    bias_index: Measure
    """The greatest of `sources` less the least."""
    sources: dict[str, Measure] = Field(default_factory=dict)
    """Who wrote the answers → how much kinder the judge is to them than people are: its value less the mean label, of a
    fault the other way round."""
    order_accuracy: Measure
    """Of pairs of answers to one prompt that people order, those that the judge orders so; its ties count one half."""
    tied_by_judge: Measure
    """Of the same pairs, those that it does not order."""
    tied_by_people: Measure
    """Of all pairs, those that people do not order."""
    sign_flips: Measure
    """Of people's advantages beyond ±0.25, those to which the judge's has the other sign."""
    sign_lost: Measure
    """Of the same, those to which the judge's is 0."""
    advantage_correlation: Measure
    interval: str = ""
    """How the intervals were made."""
    notes: tuple[Text, ...] = ()
    """What to know of the figures."""
    date: datetime.date
    versions: dict[str, str] = Field(default_factory=dict)

    @property
    def is_measured(self) -> bool:
        """Whether it says anything of agreement: it has a macro-F1, or an order of answers."""
        return self.macro_f1.value is not None or self.order_accuracy.value is not None

    @property
    def key(self) -> str:
        """16 hex digits for judge and labels: a new measurement takes the place of the old one."""
        measured = [self.kind, self.judge, self.labels_sha256]
        return hashlib.sha256(json.dumps(measured).encode()).hexdigest()[:16]
