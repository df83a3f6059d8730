"""Has calls answered at once by a chat model, and by a backup model what the first one came to no verdict on.

In: questions, call by call. Out: what was said to each, and what the replies consumed. Where one call shows that no
call will succeed, the others are given up. Not here: what a question is, how calls are cut (cutting.py).
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import reduce
from operator import add
from typing import Generic, NamedTuple, TypeVar

from citerefine.judges.strips.examiner import Examiner, NoVerdict, Outcome, Posed
from citerefine.refiner.chat.call import Sampling
from citerefine.refiner.models import load_chat_model
from citerefine.refiner.protocols import ChatModel
from citerefine.refiner.records import Usage

Q = TypeVar("Q")


class Answered(NamedTuple):
    """What became of the calls."""

    outcomes: list[list[Outcome]]
    """Call by call, question by question."""
    usage: Usage | None
    """What all replies consumed, also those that could not be read; None if there was none."""


def load_models(model: str | ChatModel, backup: str | ChatModel | None) -> list[ChatModel]:
    """The models of a panel, first the one that is asked first. Raises ModelError if a string names none."""
    return [load_chat_model(one) if isinstance(one, str) else one for one in (model, backup) if one is not None]


class Panel(Generic[Q]):
    """A model and perhaps a backup."""

    def __init__(
        self,
        models: Sequence[ChatModel],
        pose: Callable[[Sequence[Q]], Posed],
        *,
        thinking_tokens: int = 0,
        calls_at_once: int,
        alike: bool = False,
    ) -> None:
        """A panel.

        Args:
            models: as `load_models` gives them.
            pose: writes the prompt of a call.
            thinking_tokens: how long a model may think before its verdicts; 0 turns thinking off where it can be.
            calls_at_once: most calls under way for one `ask`.
            alike: as for `Examiner`.
        """
        self._models = models
        self._calls_at_once = calls_at_once
        self._examiners = [Examiner(one, pose, thinking_tokens=thinking_tokens, alike=alike) for one in models]

    async def ask(self, calls: Sequence[tuple[Sequence[Q], Sampling]], *, keeps: bool = False) -> Answered:
        """What is said to the questions of each call, which is sampled as it says.

        Args:
            calls: questions, and how each call is sampled.
            keeps: whether, where a budget ends, what was paid for is kept: the other questions have the reason
                `budget`, and no backup is asked.

        Raises:
            CallError: if asking on is of no use: `unauthorized`, `no_such_model`, `budget`, or `bad_request` from a
                model that has never replied.
            ModelError: if a model that runs in this process cannot be loaded.
        """
        room, bill = asyncio.Semaphore(self._calls_at_once), list[Usage]()
        tasks = [asyncio.create_task(self._ask_one(asked, sampling, room, bill, keeps)) for asked, sampling in calls]
        try:
            outcomes = await asyncio.gather(*tasks)
        finally:
            for task in tasks:  # where one raised, the others would be paid in vain
                task.cancel()
        return Answered(outcomes, reduce(add, bill) if bill else None)

    async def _ask_one(
        self, asked: Sequence[Q], sampling: Sampling, room: asyncio.Semaphore, bill: list[Usage], keeps: bool
    ) -> list[Outcome]:
        async with room:
            first, *backups = self._examiners
            outcomes = await first.examine(asked, sampling, bill, keeps=keeps)
            for backup in backups:
                left = [number for number, outcome in enumerate(outcomes) if _is_left(outcome)]
                if left:
                    again = await backup.examine([asked[number] for number in left], sampling, bill, keeps=keeps)
                    for number, outcome in zip(left, again, strict=True):
                        outcomes[number] = _by_backup(outcomes[number], outcome, backup.model_name)
            return outcomes

    async def aclose(self) -> None:
        """Gives back what the models hold."""
        for model in self._models:
            await model.aclose()


def _is_left(outcome: Outcome) -> bool:
    return isinstance(outcome, NoVerdict) and outcome.code != "budget"


def _by_backup(first: Outcome, second: Outcome, model: str) -> Outcome:
    if isinstance(second, NoVerdict):
        assert isinstance(first, NoVerdict)
        return NoVerdict(first.code, f"{first.what}; the backup model: {second.code}: {second.what}")
    return second._replace(backup=model)
