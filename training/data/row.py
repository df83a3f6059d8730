"""A training row: a question with its evidence, and what an answer to it is judged by.

In: plain values. Out: `TrainingRow`, frozen, JSON both ways. Needs no torch. Not here: reading rows of files
(row_reading.py, row_files.py), prompts (prompted.py).
"""

from typing import Annotated, Final

from pydantic import AfterValidator

from citerefine.refiner.evidence import Evidence
from citerefine.refiner.records import FilledText, Mode, Record, Text
from citerefine.refiner.request import RefineRequest
from citerefine.rubrics.rubric import Rubric

DEFAULT_TASK: Final = "cited"
"""Of rows that name none."""


def _known(name: str) -> str:
    from citerefine.training.data.tasks import TASKS  # whose modules need this one

    if name not in TASKS:
        raise ValueError(f"there is no task {name[:60]!r}; choose one of {', '.join(TASKS)}")
    return name


Task = Annotated[str, AfterValidator(_known)]
"""What a row asks for: the name of a module in tasks/."""


class TrainingRow(Record):
    """One question that a policy is trained on."""

    id: str
    question: FilledText
    evidence: Evidence
    """What may be cited; empty for tasks without evidence."""
    reasoning: Text = ""
    """What the agent thought while it searched."""
    mode: Mode = Mode.ANSWER_ONLY
    rubric: Rubric | None = None
    """The row's own criteria, without static sets; None if it has none."""
    gold: Text | None = None
    """Reference answer, for the verification term; of a maths row its final answer."""
    answer: Text | None = None
    """An answer in tags to imitate."""
    answerable: bool | None = None
    """Whether the evidence holds an answer; None if nobody said."""
    task: Task = DEFAULT_TASK

    @property
    def request(self) -> RefineRequest:
        """What a refiner is asked."""
        return RefineRequest(
            id=self.id, question=self.question, evidence=self.evidence, reasoning=self.reasoning, mode=self.mode
        )
