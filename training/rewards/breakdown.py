"""What a reward is made of, part by part: the record that trainers, logs and reports read.

In: values worked out by grading.py and combining.py. Out: `Term`, `ClaimValue`, `Breakdown`, frozen, JSON both ways. A
total that is not known is None with a reason; no failure of a judge is a number. Not here: how a part is worked out.
"""

from typing import Self

from pydantic import Field, model_validator

from citerefine.refiner.records import Record, Text


class Term(Record):
    """One part of the reward of one answer."""

    name: Text
    """One of `settings.TERMS`."""
    value: float | None = Field(default=None, allow_inf_nan=False)
    """At most 1, and from 0 on but for the rubric; None if it is not known, or does not apply."""
    weight: float = Field(ge=0, allow_inf_nan=False)
    """What it counts; 0 where it does not apply to the row."""
    reason: Text = ""
    """Why there is no value, or why it is held down, as `code: what happened`."""

    @property
    def is_missing(self) -> bool:
        """Whether it counts, and is not known."""
        return self.value is None and self.weight > 0

    @model_validator(mode="after")
    def _says_why(self) -> Self:
        if self.value is None and not self.reason:
            raise ValueError(f"the term {self.name} without a value needs a reason")
        return self


class ClaimValue(Record):
    """What one claim of an answer is worth."""

    start: int = Field(ge=0)
    """Of the claim with the tag around it, in code points of the completion as it was written: the ids are claimed
    too. Of text in several tags, or cut by a tag, each piece is a claim, with the tags that stand at it."""
    end: int = Field(ge=0)
    support: float | None = Field(default=None, ge=0, le=1)
    """1, 1/2 or 0, over several sentences their mean by weight; None if that was not judged."""


class Breakdown(Record):
    """The reward of one answer."""

    id: Text
    """Of the row."""
    total: float | None = Field(default=None, allow_inf_nan=False)
    """scale · Σ weight · value; None if a term that counts is missing: such an answer is not trained on."""
    reason: Text = ""
    """Why there is no total, or why it is held down, as `code: what happened`."""
    failures: tuple[Text, ...] = ()
    """Codes of what failed, for want of which a term is missing; empty if nothing did, also where nobody can say."""
    terms: tuple[Term, ...] = ()
    """Those that are computed, in the order of `settings.TERMS`."""
    claims: tuple[ClaimValue, ...] = ()
    """Of what is cited, in the order of the text; empty where citations are not computed."""
    n_imputed: int = Field(default=0, ge=0)
    """Criteria that were estimated from the rest of the group."""
    n_cells: int = Field(default=0, ge=0)
    """Criteria that the answer is rewarded by."""
    gate: Text = ""
    """Why the answer earns nothing, without anybody being asked: a key of `judges.rubric.gate.GATES`, or `no_answer`;
    empty if it was judged."""
    held_out: dict[str, float | None] = Field(default_factory=dict)
    """Id of each criterion that is never rewarded → how far it is met, of a fault how far it is present."""
    held_out_score: float | None = Field(default=None, allow_inf_nan=False)
    """Score by these criteria; None if there are none, or it is not known."""
    copied_share: float | None = Field(default=None, ge=0, le=1)
    """Of the supported text, how much is copied; None if that is not known."""
    n_citing: int = Field(default=0, ge=0)
    """Sentences that cite."""
    n_citations: int = Field(default=0, ge=0)
    """Ids that they cite, together."""

    def value(self, name: str) -> float | None:
        """Of the term of this name; None if it is not known, or there is no such term."""
        return next((term.value for term in self.terms if term.name == name), None)

    @model_validator(mode="after")
    def _says_why(self) -> Self:
        if self.total is None and not self.reason:
            raise ValueError("a total of None needs a reason")
        return self
