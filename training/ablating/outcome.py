"""What became of one run of an ablation, by what is in its folder.

In: a `PlannedRun`. Out: `Outcome`: done with figures, failed with the reason, interrupted, or not begun. A figure is
what the held-out rows said after the last step; beside them stand the mean rewards of the last tenth of all steps, that
of first answers and, where a run has two phases, that of improvements. Both count the same answers, those that were cut
off too. A run that is not done has no figures. Not here: running it (running.py), means over seeds (estimates.py).
"""

import json
from collections.abc import Sequence
from statistics import fmean
from typing import Final, Literal

from pydantic import Field

from citerefine.refiner.records import Record, Text
from citerefine.training.ablating.grid import PlannedRun
from citerefine.training.errors import StateError
from citerefine.training.grpo.identity import differences
from citerefine.training.recipes.reading import load_recipe
from citerefine.training.run import run_identity
from citerefine.training.running.run_folder import RunFolder
from citerefine.training.watch.run_journal import StepRow, read_steps
from citerefine.training.watch.table import phase_of

Status = Literal["done", "failed", "interrupted", "to do"]
REWARD: Final = "reward"
"""Of first answers: drafts, where a run has two phases."""
IMPROVED: Final = "reward_improved"
"""Of improvements; only in runs with two phases."""
_HELDOUT: Final = "heldout/"
_COUNTS: Final = ("n", "unscored")
_LATE: Final = 10
"""One step of so many is late."""


class Outcome(Record):
    """What became of one run."""

    seed: int
    status: Status
    reason: Text = ""
    """Why it failed."""
    figures: dict[str, float | None] = Field(default_factory=dict)
    """Name, as `f1` → the figure of the held-out rows after the last step; `reward` and `reward_improved`: of training,
    late in the run."""


def read_outcome(run: PlannedRun) -> Outcome:
    """What became of a run, if anything did."""
    if RunFolder(run.folder).model.is_dir():
        return _done(run)
    if run.failure.is_file():
        return Outcome(seed=run.seed, status="failed", reason=_reason(run))
    return Outcome(seed=run.seed, status="interrupted" if run.folder.is_dir() else "to do")


def check_same(run: PlannedRun) -> None:
    """Sees that what is kept of a run was made by the recipe that it has now.

    Raises:
        StateError: if it was made by another one.
    """
    if not run.file.is_file():
        return
    before, now = load_recipe(str(run.file)), run.recipe
    lines = differences(run_identity(before), run_identity(now), finished=True)
    lines += differences(before.data.model_dump(mode="json"), now.data.model_dump(mode="json"), finished=True)
    if before.watch.heldout_rows != now.watch.heldout_rows:
        lines.append(f"watch.heldout_rows: {before.watch.heldout_rows} → {now.watch.heldout_rows}")
    if lines:
        raise StateError(
            f"{run.folder} is of another recipe: {'; '.join(dict.fromkeys(lines))}; put the ablation back as it was, "
            "or name another folder with --out"
        )


def _reason(run: PlannedRun) -> str:
    try:
        return str(json.loads(run.failure.read_text("utf-8"))["reason"])
    except (OSError, ValueError, KeyError, TypeError):
        return f"its reason cannot be read; see {run.log}"


def _done(run: PlannedRun) -> Outcome:
    rows = read_steps(run.folder / "metrics.jsonl")
    updates = run.recipe.train.updates_per_rollout
    last = run.recipe.train.steps * updates  # a line of the journal is an update
    heldout = [row for row in rows if row.phase == "heldout" and row.step == last]
    if not heldout:
        reason = f"it is done, and has no scores of held-out rows after step {last}; see {run.log}"
        return Outcome(seed=run.seed, status="failed", reason=reason)
    named = {name.removeprefix(_HELDOUT): value for name, value in heldout[-1].values.items() if _is_figure(name)}
    return Outcome(seed=run.seed, status="done", figures={**named, **_late_rewards(rows, last, updates)})


def _is_figure(name: str) -> bool:
    return name.startswith(_HELDOUT) and name.removeprefix(_HELDOUT) not in _COUNTS


def _late_rewards(rows: Sequence[StepRow], last: int, updates: int) -> dict[str, float | None]:
    both = 2 * updates  # lines of a rollout of either phase
    first = last - max(both, last // _LATE // both * both)
    late = [row for row in rows if row.phase == "train" and row.step > first]
    improved = [row for row in late if phase_of(row) == "improved"]
    first_answers = _reward([row for row in late if phase_of(row) != "improved"])
    return {REWARD: first_answers, **({IMPROVED: _reward(improved)} if improved else {})}


def _reward(rows: Sequence[StepRow]) -> float | None:
    known = [value for row in rows if (value := row.values.get("reward/total")) is not None]
    return fmean(known) if known else None
