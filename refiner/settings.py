"""How a refiner works: one record for Python, command line and graph.

In: values from callers and `CITEREFINE_*` variables, checked here. Out: `RefinerSettings`. Not here: which model.
"""

from enum import StrEnum
from typing import Literal

from pydantic import Field, model_validator

from citerefine.refiner.records import Mode, Record


class OnInvalid(StrEnum):
    """What happens to an answer that does not validate."""

    REPAIR = "repair"
    """One repair request; what is still invalid is marked."""
    MARK = "mark"
    """Unknown ids are removed; a claim left without id stays in the text, marked as uncited."""
    DROP = "drop"
    """A claim left without a known id is removed from the answer, and counted."""
    RAISE = "raise"
    """CitationError, with the answer and the findings."""
    REPAIR_DROP = "repair,drop"
    REPAIR_RAISE = "repair,raise"

    @property
    def repairs(self) -> bool:
        """Whether the model is asked once to mend its answer."""
        return self.value.startswith("repair")

    @property
    def last_resort(self) -> Literal["mark", "drop", "raise"]:
        """What is done with what is still invalid."""
        last = self.value.rpartition(",")[2]
        return "drop" if last == "drop" else "raise" if last == "raise" else "mark"


class RefinerSettings(Record):
    """How a refiner works; the defaults suit a 4B model with a context of 8,192 tokens."""

    on_invalid: OnInvalid = OnInvalid.REPAIR
    passes: int = Field(default=1, ge=1, le=2)
    """2 lets the model improve its own draft once; the better of the two is kept."""
    mode: Mode = Mode.ANSWER_ONLY
    prompt_tokens: int = Field(default=6144, ge=128)
    """Most tokens of the prompt; evidence is trimmed to it by relevance, snippet by snippet."""
    answer_tokens: int = Field(default=1024, ge=16)
    """Most tokens of an answer."""
    total_tokens: int = Field(default=8192, ge=256)
    """Most tokens of prompt and reply; in mode `think`, what prompt and answer leave free is for thinking."""
    temperature: float = Field(default=0.0, ge=0, le=2)
    seed: int | None = None
    ids: Literal["alias", "native"] = "alias"
    """How snippets are named in the prompt: S1…Sn, or by their own ids for checkpoints trained on these."""
    deadline: float = Field(default=120.0, gt=0)
    """Seconds for one answer, all its calls and waits together."""
    max_claims: int | None = Field(default=None, ge=1, le=200)
    """Where a grammar is kept to: most claims of an answer; None leaves it to the model. The bound is the grammar's."""
    max_claim_chars: int | None = Field(default=None, ge=8)
    """Where a grammar is kept to: longest stretch of text, in code points; None leaves it to the model."""

    @model_validator(mode="after")
    def _budgets_fit(self) -> "RefinerSettings":
        if self.prompt_tokens + self.answer_tokens > self.total_tokens:
            raise ValueError(
                f"prompt_tokens {self.prompt_tokens} and answer_tokens {self.answer_tokens} exceed total_tokens "
                f"{self.total_tokens}; raise total_tokens or lower one of them"
            )
        return self
