"""Runs in two phases of a tiny model that the tests of phases share."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from accelerate.utils import gather_object
from datasets import Dataset
from tests.training.grpo.tiny_runs import Scripted, tokenizer_of, trainer

from citerefine.training.data.prompted import prompt_rows, to_dataset
from citerefine.training.data.row_reading import read_row
from citerefine.training.data.settings import DataSettings
from citerefine.training.phases.rollouts import PhasedRollouts
from citerefine.training.phases.settings import SecondSettings, Selection
from citerefine.training.phases.two import two_phases
from citerefine.training.rewards.breakdown import Breakdown, Term

DATA: Final = DataSettings(train="-", prompt_tokens=512, answer_tokens=16, total_tokens=1280)


class Verified:
    """A reward that says of each answer whether it is right: whether its first token is even."""

    __name__ = "verified"

    def __init__(self) -> None:
        self.breakdowns: tuple[Breakdown, ...] = ()
        self.prompts: list[list[str]] = []

    def __call__(self, prompts: Sequence[str], completion_ids: Any, **columns: Any) -> list[float | None]:
        self.prompts.append([*prompts])
        totals = [float(ids[0] % 2 == 0) for ids in completion_ids]
        self.breakdowns = tuple(
            Breakdown(id=id, total=total, terms=(Term(name="verification", value=total, weight=1.0),))
            for id, total in zip(columns["id"], totals, strict=True)
        )
        return [*totals]


def problems(folder: Path, n: int = 6) -> Dataset:
    """Problems as prompts of the tiny model."""
    rows = [
        read_row({"id": f"m{number}", "task": "maths", "question": f"What is {number} + {number}?", "gold": 2 * number})
        for number in range(n)
    ]
    dataset: Dataset = to_dataset(prompt_rows(rows, tokenizer_of(folder), DATA))
    return dataset


def phases_of(folder: Path, select: Selection = "uniform", *, group_size: int = 4, seed: int = 42) -> PhasedRollouts:
    second = SecondSettings(select=select)
    return two_phases(
        second,
        tokenizer_of(folder),
        DATA,
        group_size=group_size,
        seed=seed,
        gather=lambda values: list(gather_object(values)),
    )


def two_phase_trainer(folder: Path, output: Path, reward: Any = None, **changes: Any) -> Scripted:
    """A trainer of two phases; `changes` as for `trainer`."""
    select, n = changes.pop("select", "uniform"), changes.pop("n_rows", 6)
    phases = changes.pop("phases", None) or phases_of(folder, select, group_size=changes.get("group_size", 4))
    values: dict[str, Any] = {"dataset": problems(folder, n), "steps": 4, "total_tokens": DATA.total_tokens}
    return trainer(folder, output, reward or Verified(), phases=phases, **{**values, **changes})
