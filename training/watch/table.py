"""The steps of a run as they pass: a line each, with the figures that say whether it learns.

In: steps, alarms. Out: standard error; where somebody watches, in columns under one heading that is written again now
and then. Not here: measuring.
"""

import sys
from collections.abc import Sequence
from typing import Final, NamedTuple

from citerefine.refiner.report.terminal_text import sanitise
from citerefine.training.watch.alarms import Alarm
from citerefine.training.watch.run_journal import StepRow

HEAD_EVERY: Final = 25
"""Lines between two headings."""


class Column(NamedTuple):
    """One figure of a line."""

    head: str
    name: str
    digits: int


COLUMNS: Final = (
    Column("reward", "reward/total", 3),
    Column("rubric", "reward/rubric", 3),
    Column("citation", "reward/citation", 3),
    Column("missing", "reward/missing_share", 2),
    Column("flat", "groups/flat_share", 2),
    Column("kl", "kl", 4),
    Column("entropy", "entropy", 3),
    Column("tokens", "length/mean", 0),
    Column("tok/s", "tokens/s", 0),
)
_WIDTH: Final = 9


class Table:
    """Writes the lines of one run."""

    def __init__(self, last_step: int) -> None:
        """`last_step`: of the whole run."""
        self._last, self._lines = last_step, 0
        self._raised = set[str]()

    def show(self, row: StepRow) -> None:
        """Writes the line of a step."""
        if row.phase == "heldout":
            say(f"step {row.step}: held-out {_heldout(row)}")
            return
        if self._lines % HEAD_EVERY == 0:
            say("".join(["step".rjust(len(self._place(row)))] + [column.head.rjust(_WIDTH) for column in COLUMNS]))
        self._lines += 1
        say(self._place(row) + "".join(_shown(row, column).rjust(_WIDTH) for column in COLUMNS))

    def warn(self, alarms: Sequence[Alarm]) -> None:
        """Writes the alarms that were not there at the step before."""
        for alarm in alarms:
            if alarm.code not in self._raised:
                say(f"ALARM at step {alarm.step}: {alarm.message}")
        self._raised = {alarm.code for alarm in alarms}

    def _place(self, row: StepRow) -> str:
        return f"{row.step:>{len(str(self._last))}}/{self._last}"


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
