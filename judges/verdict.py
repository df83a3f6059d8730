"""What a judge says about one claim and the snippets it cites, and the question it is asked.

In: values from judges, label files and caches, checked here. Out: `SupportQuery`, `Verdict`. A verdict without a
label always says why there is none: nothing turns a failure into a number. Not here: judging, scores.
"""

from enum import StrEnum
from typing import Final, NamedTuple, Self

from pydantic import Field, model_validator

from citerefine.refiner.records import Record, Snippet, Text


class Label(StrEnum):
    """How far evidence supports a claim."""

    FULL = "full"
    """Every part of the claim follows from the evidence."""
    PARTIAL = "partial"
    """At least half of it does, and nothing speaks against the rest."""
    NONE = "none"
    """The evidence says nothing of it, or less than half."""
    CONTRADICTS = "contradicts"
    """The evidence says otherwise."""


SUPPORT: Final = {Label.FULL: 1.0, Label.PARTIAL: 0.5, Label.NONE: 0.0, Label.CONTRADICTS: 0.0}
"""What a label counts."""


class SupportQuery(NamedTuple):
    """One question to a judge: do these snippets, taken together, support this claim?"""

    claim: str
    """Plain text on one line."""
    snippets: tuple[Snippet, ...]
    """At least one, in the order of the citations; the judge reads title and text of each."""
    question: str = ""
    """What the claim is part of the answer to; context that says what pronouns mean, never evidence."""
    context: str = ""
    """The claim with the words around it in its sentence that stand in no tag, where there are any: they can turn it
    around (“It is not true that …”). Empty if the claim is all there is."""


class EvidenceSpan(Record):
    """Where in a snippet the evidence for a claim stands."""

    snippet: str
    """The snippet's id."""
    start: int = Field(ge=0)
    """Offset in the snippet's text, in code points."""
    end: int = Field(ge=0)


class Verdict(Record):
    """What a judge says to one query."""

    label: Label | None = None
    """None where the judge came to no verdict; `reason` then says why."""
    reason: Text = ""
    """Why there is no label, as `code: what happened`; or, beside a label, what the judge gave as its reason."""
    p_supported: float | None = Field(default=None, ge=0, le=1, allow_inf_nan=False)
    """The judge's continuous score, higher for better support. No probability unless the judge says so."""
    span: EvidenceSpan | None = None
    """The best evidence for the claim, if the judge names it."""
    missing: tuple[Text, ...] = ()
    """Words of the claim that the evidence does not have, in its order."""
    flags: tuple[str, ...] = ()
    """What looks wrong: `number`, `name`, `negation`, `antonym`, `order` (lexical/comparison.py)."""
    judge: str
    """Name and version of who judged."""

    @property
    def support(self) -> float | None:
        """1, 1/2, 0, or None if there is no label."""
        return None if self.label is None else SUPPORT[self.label]

    @model_validator(mode="after")
    def _no_label_has_a_reason(self) -> Self:
        if self.label is None and not self.reason:
            raise ValueError("a verdict without a label needs a reason")
        return self


def not_judged(judge: str, code: str, what: str) -> Verdict:
    """The verdict of a judge that came to none.

    Args:
        judge: name of the judge.
        code: kind of failure, one word, such as a key of `errors.CALL_FAILURES` or `unparsable`.
        what: what happened, for people.
    """
    return Verdict(reason=f"{code}: {what}", judge=judge)
