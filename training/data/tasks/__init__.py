"""From a row to what a policy is asked: one module a task.

In: a row, lengths, a counter of tokens. Out: `TaskPrompt`. The tasks are the modules of this folder that have a `TASK`,
under their names: a new task is one file. Not here: chat templates, datasets (citerefine.training.data.prompted).
"""

import importlib
import pkgutil
from collections.abc import Mapping
from typing import Final

from citerefine.refiner.chat.call import ChatCall
from citerefine.refiner.chat.token_estimate import estimate_tokens
from citerefine.refiner.prompts.fit import MESSAGE_TOKENS, Count
from citerefine.refiner.prompts.second_look import second_look
from citerefine.training.data.row import TrainingRow
from citerefine.training.data.settings import DataSettings
from citerefine.training.data.tasks.prompt import TaskPrompt, finished
from citerefine.training.data.tasks.task import Task

_NAMED: Final = 20
"""Snippets that an instruction names, where it is not known how many there are."""


def find_tasks() -> dict[str, Task]:
    """The tasks of this folder, by name."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    modules = {name: importlib.import_module(f"{__name__}.{name}") for name in names}
    tasks = {name: getattr(module, "TASK", None) for name, module in modules.items()}
    return {name: task for name, task in tasks.items() if isinstance(task, Task)}


TASKS: Mapping[str, Task] = find_tasks()


def task_of(row: TrainingRow) -> Task:
    """The task of a row."""
    return TASKS[row.task]


async def abuild(row: TrainingRow, settings: DataSettings, count: Count) -> TaskPrompt:
    """The prompt of a row. Raises CallError (`context_exceeded`) if it cannot fit, and what `count` raises."""
    return await task_of(row).build(row, settings, count)


def build(row: TrainingRow, settings: DataSettings, count: Count) -> TaskPrompt:
    """The same where `count` waits for nothing, as a tokenizer at hand; callable inside a running event loop too."""
    return finished(abuild(row, settings, count))


def again(asked: TaskPrompt, draft: str, settings: DataSettings) -> ChatCall:
    """The call in which a policy improves a draft of its own to what it was asked."""
    instruction = task_of(asked.row).improve(asked.names)
    messages = second_look(asked.call.messages, draft, instruction, settings.answer_tokens)
    return asked.call.model_copy(update={"messages": messages})


def improvement_tokens() -> int:
    """Most tokens by which the prompt for improving a draft is longer than the first prompt and the draft, of any task
    with up to 20 snippets: an estimate from characters that is not below what tokenizers of today count."""
    names = [f"S{number}" for number in range(1, _NAMED + 1)]
    longest = max(estimate_tokens(task.improve(names)) for task in TASKS.values())
    return longest + 2 * MESSAGE_TOKENS  # the draft's turn, and that of the instruction
