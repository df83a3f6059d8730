"""The demonstration of verified answers: a model is made from nothing, imitates sums, and is rewarded for right ones.

In: a folder, one phase or two, a seed. Out: the folder of the run and `SumsOutcome`, also in outcome.json. All that is
done between is `citerefine train` with the recipe that is written there. One that was interrupted is gone on with, one
that is done is read. Not here: cited answers (demo.py).
"""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal

from transformers.utils import logging

from citerefine.refiner.records import Record
from citerefine.training.demo.arithmetic import make_sums
from citerefine.training.demo.imitating import SETTINGS, imitate
from citerefine.training.demo.preparing import write_files
from citerefine.training.recipes.recipe import Recipe
from citerefine.training.run import run_training
from citerefine.training.watch.run_journal import read_steps

OUTCOME: Final = "outcome.json"
IMITATED: Final = "imitated"
N_TRAINED: Final = 800
N_WATCHED: Final = 200
_ACCURACY: Final = "heldout/accuracy"

Phases = Literal["one", "two"]


class SumsOutcome(Record):
    """What became of one seed. All figures are of sums that no row for training has."""

    seed: int
    phases: Phases
    samples: int
    """Answers that rewards were given for."""
    curve: tuple[tuple[int, float], ...]
    """Step of the training on rewards, and the share of sums that are right, answered once."""
    wall_seconds: float
    """Of the last call that worked on it."""
    cpu_seconds: float
    """Processor time of the same, all cores together."""

    @property
    def imitated(self) -> float:
        """Share that was right where rewards began."""
        return self.curve[0][1]

    @property
    def rewarded(self) -> float:
        """Share that is right at the end."""
        return self.curve[-1][1]


def prepare_sums(folder: Path, seed: int, phases: Phases = "one") -> Recipe:
    """Writes a model of random weights, rows and a recipe anew. Gives the recipe: what it trains is that model after
    imitating (imitating.py)."""
    train, held_out = make_sums(N_TRAINED, seed, "train"), make_sums(N_WATCHED, seed, "test")
    return write_files(folder, "arithmetic.toml", train, held_out, seed, [f"phases={phases}"])


def demonstrate_sums(
    folder: Path, phases: Phases, seed: int, tell: Callable[[str], None] = print
) -> SumsOutcome | None:
    """Runs the demonstration; None if it was stopped before its end.

    Args:
        folder: for this seed and these phases alone.
        phases: one, or two with as many answers.
        seed: of rows, weights, order and samples.
        tell: gets a line now and then.

    Raises:
        InputError: if the folder holds something else, or cannot be written.
    """
    stored = folder / OUTCOME
    if stored.is_file():
        return SumsOutcome.model_validate_json(stored.read_text("utf-8"))
    begun, cpu = time.monotonic(), os.times()
    logging.disable_progress_bar()  # of every file that is read or written
    tell(f"seed {seed}, phases {phases}: making a model and {N_TRAINED} sums")
    recipe = prepare_sums(folder, seed, phases)
    imitated = folder / IMITATED
    if not imitated.is_dir():
        tell("imitating answers, and second looks at drafts")
        rows = make_sums(N_TRAINED, seed, "train")
        imitate(folder / "start", imitated, rows, recipe.data, SETTINGS.model_copy(update={"seed": seed}))
    finished = run_training(recipe, folder / "run", resume=True, tell=tell)
    if finished.model is None:
        return None
    steps, spent = read_steps(folder / "run" / "metrics.jsonl"), os.times()
    train = recipe.train
    outcome = SumsOutcome(
        seed=seed,
        phases=phases,
        samples=train.steps * train.prompts_per_step * train.group_size,
        curve=tuple((row.step, right) for row in steps if (right := row.values.get(_ACCURACY)) is not None),
        wall_seconds=time.monotonic() - begun,
        cpu_seconds=spent.user + spent.system - cpu.user - cpu.system,
    )
    stored.write_text(outcome.model_dump_json(indent=2) + "\n", "utf-8")
    return outcome
