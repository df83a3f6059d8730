"""From a row to what a policy is asked: one module a task.

In: a row, lengths, a counter of tokens. Out: `TaskPrompt`. `build` finds the module; a new task is a module and a line
here. Not here: chat templates, datasets (citerefine.training.data.prompted).
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final, NamedTuple

from citerefine.refiner.chat.call import ChatCall
from citerefine.refiner.prompts.fit import Count
from citerefine.training.data.row import TrainingRow
from citerefine.training.data.settings import DataSettings
from citerefine.training.data.tasks import cited, maths
from citerefine.training.data.tasks.prompt import TaskPrompt, finished


class Task(NamedTuple):
    """What is asked of a policy for the rows of one task."""

    build: Callable[[TrainingRow, DataSettings, Count], Awaitable[TaskPrompt]]
    """Makes the prompt of a row. Raises CallError `context_exceeded` where not even the question fits."""
    again: Callable[[TaskPrompt, str, DataSettings], ChatCall]
    """Makes the prompt for improving a draft, which says nothing of how good that is."""


TASKS: Final[Mapping[str, Task]] = {
    "cited": Task(cited.build, cited.again),
    "maths": Task(maths.build, maths.again),
}


async def abuild(row: TrainingRow, settings: DataSettings, count: Count) -> TaskPrompt:
    """The prompt of a row. Raises CallError (`context_exceeded`) if it cannot fit, and what `count` raises."""
    return await TASKS[row.task].build(row, settings, count)


def build(row: TrainingRow, settings: DataSettings, count: Count) -> TaskPrompt:
    """The same where `count` waits for nothing, as a tokenizer at hand; callable inside a running event loop too."""
    return finished(abuild(row, settings, count))


def again(asked: TaskPrompt, draft: str, settings: DataSettings) -> ChatCall:
    """The call in which a policy improves a draft of its own to what it was asked."""
    return TASKS[asked.row.task].again(asked, draft, settings)
