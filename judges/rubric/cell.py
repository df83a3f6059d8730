"""What a judge says about one answer and one criterion.

In: values from judges and files, checked here. Out: `Cell`. A cell without a value says why there is none; nothing
turns a failure into a number. Not here: judging, scores (rubric_score.py).
"""

from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from citerefine.refiner.records import Record, Text


class Status(StrEnum):
    """How a cell came to its value, or to none."""

    OK = "ok"
    """The judge came to a verdict."""
    ABSTAIN = "abstain"
    """The judge says that it cannot be told. Of a positive criterion that counts as not met (value 0), since else it
    would pay to be vague; of a fault there is no value."""
    FAILED = "failed"
    """There is no verdict: the judge could not be asked, or its reply not be read; `reason` says which. No value."""
    GATED = "gated"
    """No judge was asked, since the answer says nothing that could be judged; value 0."""
    IMPUTED = "imputed"
    """Estimated from the same criterion in other answers of a group and the rest of this one (imputation.py)."""


class Cell(Record):
    """One criterion of one answer."""

    criterion: Text
    """The criterion's id."""
    key: str
    """What was asked (`Criterion.key`)."""
    status: Status
    verdict: Text | None = None
    """What the judge said: `MET`, `UNMET`, `CANNOT_ASSESS`, the name of a level, or a number; None if nothing."""
    value: float | None = Field(default=None, ge=0, le=1, allow_inf_nan=False)
    """How far the criterion is met, of a fault how far it is present; None if that is not known."""
    p_met: float | None = Field(default=None, ge=0, le=1, allow_inf_nan=False)
    """The judge's probability that it is met; on a graded scale, its expected value. None where it cannot be had."""
    votes: tuple[Text, ...] = ()
    """All verdicts, where the judge was asked more than once; the first one first."""
    weight: float = Field(allow_inf_nan=False)
    """The criterion's own weight, signed."""
    evidence: Text | None = None
    """The part of the answer that the judge points to, word for word; None if it points to none."""
    reason: Text = ""
    """Why there is no value, as `code: what happened`; or what else is to be known."""

    @model_validator(mode="after")
    def _says_why(self) -> Self:
        valued = self.status in (Status.OK, Status.GATED, Status.IMPUTED)
        if valued and self.value is None:
            raise ValueError(f"a cell with the status {self.status} needs a value")
        if self.status is Status.FAILED and (self.value is not None or not self.reason):
            raise ValueError("a failed cell has no value, and a reason")
        return self
