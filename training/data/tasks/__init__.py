"""From a row to what a policy is asked: one module a task.

In: a row, lengths, a counter of tokens. Out: `TaskPrompt`. `build` finds the module; a new task is a module and a line
here. Not here: chat templates, datasets (citerefine.training.data.prompted).
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from citerefine.refiner.prompts.fit import Count
from citerefine.training.data.row import TrainingRow
from citerefine.training.data.settings import DataSettings
from citerefine.training.data.tasks import cited, maths
from citerefine.training.data.tasks.prompt import TaskPrompt, finished

BUILDERS: Final[Mapping[str, Callable[[TrainingRow, DataSettings, Count], Awaitable[TaskPrompt]]]] = {
    "cited": cited.build,
    "maths": maths.build,
}
"""Task → what makes its prompts. Each raises CallError `context_exceeded` where not even the question fits."""


async def abuild(row: TrainingRow, settings: DataSettings, count: Count) -> TaskPrompt:
    """The prompt of a row. Raises CallError (`context_exceeded`) if it cannot fit, and what `count` raises."""
    return await BUILDERS[row.task](row, settings, count)


def build(row: TrainingRow, settings: DataSettings, count: Count) -> TaskPrompt:
    """The same where `count` waits for nothing, as a tokenizer at hand; callable inside a running event loop too."""
    return finished(abuild(row, settings, count))
