"""The task `maths`: a problem, no evidence; the answer ends in a box.

In: a row. Out: its prompt, from maths.md beside this module; the instruction to improve a draft, from maths_again.md.
Not here: grading (citerefine.training.rewards).
"""

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Final

from citerefine.refiner.chat.call import ChatCall, Message
from citerefine.refiner.prompts.fit import Count
from citerefine.refiner.records import Mode
from citerefine.training.data.row import TrainingRow
from citerefine.training.data.settings import DataSettings
from citerefine.training.data.tasks.prompt import TaskPrompt
from citerefine.training.data.tasks.task import Task


@cache
def _text(name: str) -> str:
    return files("citerefine.training.data.tasks").joinpath(f"{name}.md").read_text("utf-8").strip()


async def build(row: TrainingRow, settings: DataSettings, count: Count) -> TaskPrompt:
    """The prompt: never trimmed, since no part of a problem can go."""
    messages = (Message(role="system", content=_text("maths")), Message(role="user", content=row.question.strip()))
    return TaskPrompt(ChatCall(messages=messages, thinking=row.mode is Mode.THINK), row)


def improve(names: Sequence[str]) -> str:
    """What asks for a better solution."""
    return _text("maths_again")


TASK: Final = Task(build, improve, cites=False, agrees="mathematics")
