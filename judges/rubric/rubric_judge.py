"""What a rubric judge is: anything that can say how far an answer meets criteria.

In: nothing. Out: the protocol and the question that is put. An object with these members is enough; nothing has to be
inherited. Not here: any judge (chat_rubric_judge.py, lexical_rubric_judge.py, table_rubric_judge.py), scores.
"""

from typing import NamedTuple, Protocol, runtime_checkable

from citerefine.judges.rubric.cell import Cell
from citerefine.refiner.records import Snippet, Usage
from citerefine.rubrics.criterion import Criterion


class GradeQuery(NamedTuple):
    """One answer, and the criteria that it is judged by."""

    answer: str
    """What a reader of the answer sees, with its citation tags; without thinking and tool echo."""
    criteria: tuple[Criterion, ...]
    """Leaves, in the order of the rubric."""
    question: str = ""
    snippets: tuple[Snippet, ...] = ()
    """The evidence that the answer could cite; empty if that is not known."""


class Graded(NamedTuple):
    """What a judge says of one answer."""

    cells: tuple[Cell, ...]
    """One for each criterion, in order."""
    usage: Usage | None = None
    """What it consumed; None for judges without a model, or where it is not known."""


@runtime_checkable
class RubricJudge(Protocol):
    """Says how far answers meet criteria. May be called from any number of tasks at once."""

    @property
    def name(self) -> str:
        """Kind, version and settings: two judges of one name give the same verdicts. Never holds a secret."""
        ...

    async def grade(self, query: GradeQuery) -> Graded:
        """A cell for each criterion. One that could not be judged is a failed cell.

        Raises CallError only where asking on is of no use: the key is refused, there is no such model, the budget is
        spent.
        """
        ...

    async def aclose(self) -> None:
        """Gives back connections, files and memory; a later call opens them anew."""
        ...
