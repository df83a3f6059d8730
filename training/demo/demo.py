"""One demonstration: a model is made from nothing, imitates answers, is rewarded for its own, and is measured.

In: a folder, a scale, a seed. Out: the folder of the run and `Outcome`, also in outcome.json. All that is done between
is `citerefine train` with the recipe that is written there. A demonstration that was interrupted is gone on with, and
one that is done is read. Not here: several seeds and the picture of them (__main__.py, picture.py).
"""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal

from transformers.utils import logging

from citerefine.refiner.records import Record
from citerefine.training.demo.measuring import Worth, measure
from citerefine.training.demo.preparing import Scale, prepare
from citerefine.training.demo.task import make_rows
from citerefine.training.run import run_training
from citerefine.training.watch.run_journal import read_steps

OUTCOME: Final = "outcome.json"
_F1: Final = "heldout/f1"


class Outcome(Record):
    """What became of one seed. All figures are of rows whose names no row for training has."""

    seed: int
    made: Worth
    """The model of random weights."""
    imitated: Worth
    """After imitating given answers: where rewards begin."""
    rewarded: Worth
    """At the end."""
    curve: tuple[tuple[int, float], ...]
    """Step of the training on rewards, and citation F1 of the rows that are watched."""
    wall_seconds: float
    """Of the last call that worked on it."""
    cpu_seconds: float
    """Processor time of the same, all cores together."""

    @property
    def gain(self) -> float:
        """Of citation F1, by rewards alone."""
        return self.rewarded.f1 - self.imitated.f1


def demonstrate(
    folder: Path, scale: Scale, seed: int, tell: Callable[[str], None] = print, phases: Literal["one", "two"] = "one"
) -> Outcome | None:
    """Runs the demonstration; None if it was stopped before its end.

    Args:
        folder: for this seed alone.
        scale: how large it is.
        seed: of names, weights, order and samples.
        tell: gets a line now and then.
        phases: whether it also improves drafts of its own, at as many answers.

    Raises:
        InputError: if the folder holds something else, or cannot be written.
    """
    stored = folder / OUTCOME
    if stored.is_file():
        return Outcome.model_validate_json(stored.read_text("utf-8"))
    begun, cpu = time.monotonic(), _cpu_seconds()
    logging.disable_progress_bar()  # of every file that is read or written
    tell(f"seed {seed}: making a model and {scale.n_imitated + scale.n_asked:,} rows")
    recipe = prepare(folder, scale, seed, phases)
    run = folder / "run"
    finished = run_training(recipe, run, resume=True, tell=tell)
    if finished.model is None:
        return None
    tested = make_rows(scale.n_tested, seed + 1, "test", scale.n_snippets)
    models = {"made": folder / "start", "imitated": run / "sft" / "model", "rewarded": finished.model}
    worth = {name: measure(model, tested, recipe.data) for name, model in models.items()}
    steps = read_steps(run / "metrics.jsonl")
    curve = tuple((row.step, f1) for row in steps if (f1 := row.values.get(_F1)) is not None)
    outcome = Outcome(
        seed=seed,
        **worth,
        curve=curve,
        wall_seconds=time.monotonic() - begun,
        cpu_seconds=_cpu_seconds() - cpu,
    )
    stored.write_text(outcome.model_dump_json(indent=2) + "\n", "utf-8")
    return outcome


def _cpu_seconds() -> float:
    spent = os.times()
    return spent.user + spent.system
