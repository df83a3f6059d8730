"""What a task is: `Task`, of which each module of this folder that is a task has one, called `TASK`.

In: functions and facts of the task. Out: a record that prompts, rewards, held-out scores and plans go by: nothing else
knows tasks by name. Not here: the tasks, finding them (`__init__.py`).
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Literal, NamedTuple

from citerefine.refiner.prompts.fit import Count
from citerefine.training.data.row import TrainingRow
from citerefine.training.data.settings import DataSettings
from citerefine.training.data.tasks.prompt import TaskPrompt

Comparison = Literal["words", "mathematics"] | Callable[[str, str], bool]
"""How a text is compared with a reference answer: a key of `rewards.verifying.VERIFIERS`, or a function that is given
the reference answer and the text, and says whether they agree."""


class Task(NamedTuple):
    """What is asked of a policy for the rows of one task, and what its answers are."""

    build: Callable[[TrainingRow, DataSettings, Count], Awaitable[TaskPrompt]]
    """Makes the prompt of a row. Raises CallError `context_exceeded` where not even the question fits."""
    improve: Callable[[Sequence[str]], str]
    """Names of the snippets in the prompt → the instruction to improve a draft, which says nothing of how good that
    is."""
    cites: bool
    """Whether answers are in tags and cite evidence. If not, rows have no snippets, static sets are not asked, and form
    and citations earn nothing."""
    agrees: Comparison
    """How answers are compared with the row's reference answer."""
