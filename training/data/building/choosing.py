"""Which rows are worth training on, and which answer is worth imitating.

In: rows with samples and scores. Out: `Difficulty`, with the reason where a row is left out; `Best`, or the reason why
there is none. Pure. Not here: sampling, scoring.
"""

from math import fsum, sqrt
from typing import Final, NamedTuple

from citerefine.refiner.answer import Answer, parse_answer
from citerefine.refiner.records import Mode
from citerefine.refiner.validation import validate
from citerefine.training.data.building.sampling import shown_row
from citerefine.training.data.building.stages import Values
from citerefine.training.data.row import TrainingRow
from citerefine.training.data.tasks import task_of

LEAST_KNOWN: Final = 2
"""So many rewards it takes to see whether they differ."""


class Difficulty(NamedTuple):
    """How a model fares on a row."""

    mean: float | None
    """Of the rewards that are known; None if there are too few."""
    spread: float | None
    """Their standard deviation (of the samples themselves, n in the denominator)."""
    n: int
    """How many are known."""


class Best(NamedTuple):
    """The answer to imitate."""

    answer: str
    """In canonical tags, with the ids of the row."""
    reward: float
    n_valid: int
    """Samples that could have been chosen."""
    rejected: int
    """Samples that could not: invalid, cut off, without a reward, or earning nothing."""


class Unfit(NamedTuple):
    """Why a row is left out."""

    code: str
    reason: str


def difficulty(row: Values) -> Difficulty:
    """How far the rewards of a row lie apart."""
    rewards = [score["reward"] for score in row["scores"] if score["reward"] is not None]
    if len(rewards) < LEAST_KNOWN:
        return Difficulty(None, None, len(rewards))
    mean = fsum(rewards) / len(rewards)
    return Difficulty(mean, sqrt(fsum((reward - mean) ** 2 for reward in rewards) / len(rewards)), len(rewards))


def unfit(found: Difficulty, row: Values, tolerance: float) -> Unfit | None:
    """Why nothing can be learned from a row; None if something can.

    Args:
        found: of the row.
        row: with scores.
        tolerance: a spread that is not above it is none.
    """
    if found.mean is None or found.spread is None:
        reasons = [score["reason"] for score in row["scores"] if score["reward"] is None]
        return Unfit("no_reward", f"{found.n} of {len(row['scores'])} answers have a reward ({reasons[0]})")
    if found.spread <= tolerance:
        spread = f"{found.spread:.2g}, and up to {tolerance:g} is noise"
        return Unfit("flat", f"all {found.n} answers earn about {found.mean:.3g} (their spread is {spread})")
    return None


def best(row: Values) -> Best | Unfit:
    """The valid answer that earns most; of several the shortest, then the first. Why there is none, else.

    Valid is an answer that was not cut off, has no fault that would have to be repaired, and earns more than nothing.
    """
    shown = shown_row(row)
    valid, why = list[tuple[float, int, str]](), list[str]()
    for sample, score in zip(row["samples"], row["scores"], strict=True):
        reward = score["reward"]
        if reward is None or score["gate"] or reward <= 0:
            why.append(score["reason"] or f"it earns {reward:.3g}")
            continue
        answer = parse_answer(sample["text"], shown.evidence)
        faults = validate(answer, sample["finish"], shown.mode) if task_of(shown).cites else ()
        if faults:
            why.append(f"{faults[0].code}: {faults[0].message}")
            continue
        written = _written(sample["text"], answer, shown)
        valid.append((-reward, len(written), written))
    if not valid:
        return Unfit("no_valid_answer", f"none of {len(why)} answers can be imitated; the first one: {why[0]}")
    lowest = min(valid, key=lambda one: one[:2])
    return Best(lowest[2], -lowest[0], len(valid), len(why))


def _written(text: str, answer: Answer, row: TrainingRow) -> str:
    if not task_of(row).cites:
        return text
    before = text.rpartition("<answer>")[0] if row.mode is Mode.THINK else ""
    return before + answer.tagged
