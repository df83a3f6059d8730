"""The steps of a run as they pass: a line each, with the figures that say whether it learns.

In: steps, alarms. Out: standard error: columns under a heading that is written again now and then, the first time with
what its words mean. Steps on given answers have columns of their own. A part of the reward has a column once a step
has a figure of it, which steps never have of what the recipe does not pay. In a run with two phases a line says which
one it is of. Not here: measuring.
"""

import sys
from collections.abc import Sequence
from typing import Final, NamedTuple

from citerefine.refiner.report.terminal_text import sanitise
from citerefine.training.watch.alarms import Alarm
from citerefine.training.watch.run_journal import StepRow

PARTS: Final = frozenset({"reward/rubric", "reward/citation"})
"""Figures of the parts of a reward; a recipe need not pay them."""
FIRST: Final = "reward/draft"
"""Figure that steps of drafts have."""
SECOND: Final = "transitions/asked_anew"
"""Figure that each step of improvements has, and no other step."""
HEAD_EVERY: Final = 25
"""Lines between two headings."""


class Column(NamedTuple):
    """One figure of a line."""

    head: str
    name: str
    digits: int
    meaning: str = ""
    """Said once, before the first line; empty where the heading says it."""


COLUMNS: Final = (
    Column("reward", "reward/total", 3),
    Column("rubric", "reward/rubric", 3),
    Column("citation", "reward/citation", 3),
    Column("missing", "reward/missing_share", 2, "share of answers without a reward"),
    Column("cut", "truncated_share", 2, "share cut off at the token limit"),
    Column("flat", "groups/flat_share", 2, "share of groups left out, whose answers all earn the same"),
    Column("dropped", "groups/dropped", 0, "groups left out, too few of whose answers have a reward"),
    Column("kl", "kl", 4),
    Column("entropy", "entropy", 3),
    Column("tokens", "length/mean", 0),
    Column("tok/s", "tokens/s", 0),
)
IMITATION: Final = (
    Column("loss", "loss", 3),
    Column("right", "mean_token_accuracy", 2, "share of the tokens that the model would choose too"),
    Column("entropy", "entropy", 3),
)
"""Of steps on given answers."""
_LEAST_WIDTH: Final = 6
_GAP: Final = 2
_STEP: Final = "step"
_PHASE_WIDTH: Final = len("improved")


class Table:
    """Writes the lines of one run."""

    def __init__(self, last_step: int) -> None:
        """`last_step`: of the whole run."""
        self._last, self._lines = last_step, 0
        self._raised, self._parts = set[str](), set[str]()
        self._phase = ""

    def show(self, row: StepRow) -> None:
        """Writes the line of a step."""
        if row.phase == "heldout":
            say(f"step {row.step}: held-out {_heldout(row)}")
            return
        before, self._parts = self._parts, self._parts | (PARTS & row.values.keys())
        self._phase = phase_of(row) or self._phase  # further updates on a rollout have no figures of its rewards
        columns = IMITATION if row.phase == "sft" else [one for one in COLUMNS if one.name not in PARTS - self._parts]
        if self._lines == 0:
            say("; ".join(f"{column.head}: {column.meaning}" for column in columns if column.meaning))
        if self._lines % HEAD_EVERY == 0 or self._parts != before:
            say(self._begin(_STEP, "phase", row) + "".join(column.head.rjust(_width(column)) for column in columns))
        self._lines += 1
        line = self._begin(self._place(row), self._phase, row)
        say(line + "".join(_shown(row, column).rjust(_width(column)) for column in columns))

    def warn(self, alarms: Sequence[Alarm]) -> None:
        """Writes the alarms that were not there at the step before."""
        for alarm in alarms:
            if alarm.code not in self._raised:
                say(f"ALARM at step {alarm.step}: {alarm.message}")
        self._raised = {alarm.code for alarm in alarms}

    def _begin(self, place: str, phase: str, row: StepRow) -> str:
        """A line's first words; that of the phase only where there are two."""
        words = place.rjust(max(len(_STEP), len(self._place(row))))
        return f"{words}  {phase:<{_PHASE_WIDTH}}" if self._phase else words

    def _place(self, row: StepRow) -> str:
        return f"{row.step:>{len(str(self._last))}}/{self._last}"


def phase_of(row: StepRow) -> str:
    """Whether a step is trained on drafts or improvements: `draft`, `improved`; empty where it says neither."""
    return "improved" if SECOND in row.values else "draft" if FIRST in row.values else ""


def _width(column: Column) -> int:
    return max(_LEAST_WIDTH, len(column.head)) + _GAP


def _heldout(row: StepRow) -> str:
    names = ("f1", "precision", "recall", "accuracy", "rubric", "audit")
    known = [(name, value) for name in names if (value := row.values.get(f"heldout/{name}")) is not None]
    return ", ".join(f"{name} {value:.3f}" for name, value in known) or "answers have no scores"


def _shown(row: StepRow, column: Column) -> str:
    value = row.values.get(column.name)
    return "–" if value is None else f"{value:.{column.digits}f}"


def say(line: str) -> None:
    """One line on standard error, if there is one."""
    if sys.stderr is not None:
        print(sanitise(line), file=sys.stderr, flush=True)
