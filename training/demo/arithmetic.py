"""Sums with a boxed answer, for a model that learned nothing before: the smallest task whose answers are verified.

In: a seed. Out: `TrainingRow`s of the task `maths`. A sum is kept for tests or not by what it is, so that no row for
training has one that is tested. Not here: prompts (citerefine.training.data), comparing answers.
"""

from random import Random
from typing import Final
from zlib import crc32

from citerefine.refiner.evidence import Evidence
from citerefine.training.data.row import TrainingRow
from citerefine.training.demo.names import Side

_MOST: Final = (99, 9)
"""Largest first and second number."""
_EVERY: Final = 5
"""One sum of so many is kept for tests."""


def make_sums(n: int, seed: int, side: Side) -> tuple[TrainingRow, ...]:
    """`n` rows, the same for the same arguments; there are about 800 sums for training, and 200 for tests.

    Args:
        n: how many; beyond the number of sums some come again.
        seed: other seeds give another order.
        side: whose sums they are.
    """
    sums = [(a, b) for a in range(_MOST[0] + 1) for b in range(_MOST[1] + 1) if side_of_sum(a, b) == side]
    rng = Random(f"{seed} {side}")
    drawn = list[tuple[int, int]]()
    while len(drawn) < n:
        rng.shuffle(sums)
        drawn += sums
    return tuple(_row(f"{side}-{seed}-{number}", a, b) for number, (a, b) in enumerate(drawn[:n]))


def side_of_sum(a: int, b: int) -> Side:
    """Where a sum belongs."""
    return "train" if crc32(f"{a}+{b}".encode()) % _EVERY else "test"


def _row(id: str, a: int, b: int) -> TrainingRow:
    return TrainingRow(
        id=id,
        question=f"What is {a} + {b}?",
        evidence=Evidence(()),
        gold=str(a + b),
        answer=f"\\boxed{{{a + b}}}",
        task="maths",
    )
