"""Which rows are trained on, and how long prompts and answers may be: one record, for recipes and for Python.

In: plain values, checked here. Out: `DataSettings`. Needs no torch. Not here: reading rows (row_files.py), recipes
(citerefine.training.recipes).
"""

from typing import Literal, Self

from pydantic import Field, model_validator

from citerefine.refiner.records import Mode, Record
from citerefine.refiner.settings import RefinerSettings


class DataSettings(Record):
    """Rows and lengths."""

    train: str = Field(min_length=1)
    """Rows to train on: a .jsonl or .parquet file, or `hub:ORG/NAME[:SPLIT]`."""
    eval: str = ""
    """Rows held out, named alike; empty: a share of `train`, no question of which is trained on."""
    eval_share: float = Field(default=0.05, ge=0, lt=1)
    """Share of the questions of `train` that is held out where `eval` is empty."""
    max_rows: int | None = Field(default=None, ge=1)
    """Most rows of `train` that are read, its first ones; None reads all."""
    mode: Mode = Mode.ANSWER_ONLY
    """Of rows that name none."""
    ids: Literal["alias", "native"] = "alias"
    """How snippets are named in prompts: S1…Sn, or by their own ids."""
    prompt_tokens: int = Field(default=6144, ge=128)
    """Most tokens of a prompt, chat template included."""
    answer_tokens: int = Field(default=1024, ge=16)
    """Most tokens of a completion; in mode `think`, thinking included."""
    total_tokens: int = Field(default=8192, ge=256)
    """Most tokens of both together."""
    long: Literal["trim", "drop"] = "trim"
    """What becomes of a row whose evidence does not fit: it is trimmed by relevance, or the row is dropped."""
    split_seed: int = 42
    """Decides which questions are held out."""

    @property
    def refiner(self) -> RefinerSettings:
        """How a refiner works that is to see the prompts that are trained on."""
        return RefinerSettings(
            mode=self.mode,
            ids=self.ids,
            prompt_tokens=self.prompt_tokens,
            answer_tokens=self.answer_tokens,
            total_tokens=self.total_tokens,
        )

    @model_validator(mode="after")
    def _budgets_fit(self) -> Self:
        if self.prompt_tokens + self.answer_tokens > self.total_tokens:
            raise ValueError(
                f"prompt_tokens {self.prompt_tokens} and answer_tokens {self.answer_tokens} exceed total_tokens "
                f"{self.total_tokens}; raise total_tokens or lower one of them"
            )
        return self
