"""What is wrong with a recipe, or may go wrong: `Problem`.

In: what checks found. Out: frozen records, lines. Not here: the checks (reading.py, checks.py).
"""

from collections.abc import Iterable, Sequence
from typing import Literal

from citerefine.refiner.records import Record, Text
from citerefine.training.errors import RecipeError

Severity = Literal["error", "warning"]


class Problem(Record):
    """One thing to mend, or to know."""

    where: Text
    """Key of the recipe, as `train.steps`; where it stands, if that is known."""
    what: Text
    remedy: Text
    """What to do about it."""
    severity: Severity = "error"
    """A run with an error does not begin."""

    @property
    def line(self) -> str:
        """All of it on one line."""
        return f"{self.where}: {self.what}; {self.remedy}"


def errors_of(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Those that keep a run from beginning."""
    return tuple(problem for problem in problems if problem.severity == "error")


def warnings_of(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """The others."""
    return tuple(problem for problem in problems if problem.severity == "warning")


def refuse(source: str, problems: Sequence[Problem]) -> RecipeError:
    """The error that lists all of them."""
    lines = "".join(f"\n  {problem.line}" for problem in problems)
    return RecipeError(f"{source} cannot be run:{lines}")
