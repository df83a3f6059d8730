"""What a task makes of a row.

In: a call and a row. Out: `TaskPrompt`; `finished`, which runs the refiner's prompt code outside an event loop. Not
here: the tasks.
"""

from collections.abc import Coroutine
from typing import Any, NamedTuple, TypeVar

from citerefine.refiner.chat.call import ChatCall
from citerefine.training.data.row import TrainingRow

T = TypeVar("T")


class TaskPrompt(NamedTuple):
    """What a policy is asked, and the row that goes with it."""

    call: ChatCall
    row: TrainingRow
    """The row as the prompt shows it: its evidence is what can be cited, under the same aliases."""
    names: tuple[str, ...] = ()
    """Of the snippets shown, as the prompt has them."""
    left_out: tuple[str, ...] = ()
    """Ids of snippets that are not shown."""
    shortened: tuple[str, ...] = ()
    """Ids of snippets of which an excerpt is shown."""
    reasoning_cut: bool = False

    @property
    def trimmed(self) -> bool:
        """Whether anything of the row is not in the prompt."""
        return bool(self.left_out or self.shortened or self.reasoning_cut)


def finished(work: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that waits for nothing; callable inside a running event loop too."""
    try:
        work.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    finally:
        work.close()
    raise RuntimeError("the coroutine waited for something; await it instead")
