"""What a reward is made of, and how long judges are waited for: one record, for recipes and for Python.

In: plain values, checked here. Out: `RewardSettings`. Needs no torch, and loads no judge. Not here: rewards
(refiner_reward.py), recipes (citerefine.training.recipes).
"""

from typing import Final, Literal, Self

from pydantic import Field, field_validator, model_validator

from citerefine.judges.rubric.imputation import POLICIES
from citerefine.refiner.records import Record
from citerefine.rubrics.aggregation.formulas import checked_name
from citerefine.rubrics.errors import RubricError
from citerefine.rubrics.sets import SETS

TERMS: Final = ("rubric", "citation", "format", "verification")
"""The parts of a reward, in the order in which they are shown."""


class RewardSettings(Record):
    """Weights, judges and patience of a reward.

    The reward of an answer is scale · Σ weight · value over the terms that apply to its row. A term of weight 0 is not
    computed, and nobody is asked for it.
    """

    rubric: float = Field(default=0.5, ge=0, allow_inf_nan=False)
    """Weight of the rubric score, which is at most 1 and can be below 0."""
    citation: float = Field(default=0.4, ge=0, allow_inf_nan=False)
    """Weight of the citation score, from 0 to 1."""
    format: float = Field(default=0.1, ge=0, allow_inf_nan=False)
    """Weight of the form of the answer, from 0 to 1."""
    verification: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    """Weight of agreement with the row's reference answer, 0 or 1."""
    scale: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    """What the sum is multiplied with; recipes call it the verification reward, and set 10."""
    judge: str = "lexical"
    """Who judges criteria: `lexical`, `table:FILE`, or a model such as `openai:NAME@http://host:8000/v1`."""
    support: str = "lexical"
    """Who judges whether snippets support claims: `lexical`, `openai:NAME@…`, `hf:` and a model of entailment, or
    `cascade:` and a model."""
    backup: str = ""
    """Model that is asked what `judge` came to no verdict on; empty for none."""
    static_sets: tuple[str, ...] = ()
    """Sets of criteria that every answer from evidence is judged by, beside the row's own (docs/rubrics.md)."""
    formula: str = ""
    """How criteria make a score (docs/grading.md); empty for each rubric's own formula, in the form that is not
    clipped."""
    imputation: str = "two_way"
    """What is done with criteria that were not judged (docs/grading.md)."""
    citation_figure: Literal["score", "f1"] = "score"
    """Which figure of the citation score is paid."""
    needs_support: bool = True
    """Whether an answer without any supported claim earns at most 0. Without the citation term nobody knows that, and
    it has no effect."""
    assume_answerable: bool = True
    """Whether a row that nobody labelled counts as answerable. Then an answer that says that the evidence does not
    answer earns nothing for its citations; else its reward is not known, and a policy that always says so is never
    pushed back."""
    rubric_dropout: float = Field(default=0.0, ge=0, lt=1)
    """Share of the criteria that a group is not judged by, drawn anew for each group and step."""
    held_out_share: float = Field(default=0.0, ge=0, lt=1)
    """Share of the criteria that are judged and never rewarded; always the same ones."""
    least_valid: float = Field(default=0.5, gt=0, le=1)
    """Share of answers that must have a reward; with less, judges are asked again. It is one of the answers of one call
    in one process, and answers that no asking helps do not count: some are worth nobody can say what, on some a judge
    fails each time, as on one that is too long for it."""
    patience: float = Field(default=900.0, ge=0, allow_inf_nan=False)
    """Seconds for which judges are asked again. Keep it below the time after which other processes of a job give up on
    this one: 7200 s in a recipe, torch's `ddp_timeout` elsewhere."""
    max_calls: int | None = Field(default=None, gt=0)
    """Most requests to the rubric judge and its backup over the whole run: what the journal of calls holds at the
    start is charged, and the processes of a job (WORLD_SIZE) get equal shares of the rest, rounded down. Without a
    journal each start has the whole; so has each worker of a trainer whose workers are no such processes."""
    max_dollars: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """Most US dollars for these, charged and shared out likewise; needs prices (CITEREFINE_PRICES)."""
    answer_deadline: float = Field(default=120.0, gt=0, allow_inf_nan=False)
    """Seconds for all that is asked about one answer."""

    @property
    def weights(self) -> dict[str, float]:
        """Term → weight, without those of weight 0, in the order of `TERMS`."""
        return {name: weight for name in TERMS if (weight := getattr(self, name))}

    @field_validator("formula")
    @classmethod
    def _is_known(cls, formula: str) -> str:
        if not formula:
            return formula
        try:
            checked_name(formula)
        except RubricError as error:
            raise ValueError(str(error)) from error
        if formula == "race_relative":
            raise ValueError("race_relative compares with a reference answer, which no reward has; use tree_mean")
        return formula

    @field_validator("static_sets")
    @classmethod
    def _exist(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := [name for name in names if name not in SETS]:
            raise ValueError(f"there is no static set {unknown[0][:60]!r}; choose from {', '.join(SETS)}")
        return names

    @field_validator("imputation")
    @classmethod
    def _is_policy(cls, policy: str) -> str:
        if policy not in POLICIES:
            raise ValueError(f"there is no policy {policy[:60]!r}; choose one of {', '.join(POLICIES)}")
        return policy

    @model_validator(mode="after")
    def _pays_for_something(self) -> Self:
        if not self.weights:
            raise ValueError(f"all weights are 0, so that no answer earns anything; set one of {', '.join(TERMS)}")
        return self
