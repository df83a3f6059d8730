"""Asks for the rewards of a rollout while the rest of it is sampled: `EarlyRewards`.

In: answers group by group, in any order, and the event loop of another thread. Out: the rewards of all in the order of
their places, and how long they were worked on. If a part fails, the others are ended, and awaited, before that rises.
Not here: judging (rewards/), sampling (sampling.py).
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

from citerefine.training.rewards.answers import all_of

T = TypeVar("T")


class Scoring(Protocol):
    """One rollout that a reward scores part by part. It may not draw from the random numbers of this process, which
    sampling goes on with meanwhile."""

    async def add(
        self,
        at: int,
        prompts: Sequence[str],
        completions: Sequence[str],
        completion_ids: Sequence[Any],
        /,
        **columns: Any,
    ) -> None:
        """Begins with a further group, whose first answer has the place `at` in the rollout; called in any order, and
        again before it is done."""

    async def finish(
        self,
        *,
        log_extra: Callable[[str, list[Any]], None] | None,
        log_metric: Callable[[str, float], None] | None,
    ) -> Sequence[float | None]:
        """What all answers are worth, in the order of their places; called when all of them are added."""


def scoring_of(reward: Any, trainer_state: Any) -> Scoring | None:
    """Scores the rollout of this step; None if the reward has no method `scoring`, or it gives none now.

    Nor has a class whose `__call__` is its own, and whose `scoring` is inherited: what it adds would not be asked.
    """
    if not _scores_as_called(type(reward)):
        return None
    found: Scoring | None = reward.scoring(trainer_state)
    return found


def _scores_as_called(kind: type) -> bool:
    for one in kind.__mro__:
        if "scoring" in vars(one):
            return True
        if "__call__" in vars(one):
            return False
    return False


class Worked(NamedTuple):
    """How long rewards were worked on; what several parts took at once counts once."""

    seconds: float
    under_sampling: float
    """Of these, while the rollout was sampled."""


class EarlyRewards:
    """The rewards of one rollout. Called from the trainer's thread, works in that of the loop."""

    def __init__(self, scoring: Scoring, loop: asyncio.AbstractEventLoop) -> None:
        """`loop`: runs, in a thread of its own."""
        self._scoring, self._loop = scoring, loop
        self.places: set[int] = set()
        """Of the groups that were added."""
        self._tasks: list[asyncio.Task[Any]] = []
        self._spans: list[tuple[float, float]] = []
        self._sampled = 0.0

    def add(
        self,
        at: int,
        prompts: Sequence[str],
        completions: Sequence[str],
        completion_ids: Sequence[Any],
        /,
        **columns: Any,
    ) -> None:
        """Begins with a further group, as `Scoring.add`, and returns at once."""
        self.places.add(at)
        self._loop.call_soon_threadsafe(self._begin, (at, prompts, completions, completion_ids), columns)

    def finish(self, **logs: Any) -> list[float | None]:
        """The rewards of all, when sampling is done. Arguments are those of `Scoring.finish`; raises what that, or a
        part, raises."""
        self._sampled = time.perf_counter()
        return asyncio.run_coroutine_threadsafe(self._finished(logs), self._loop).result()

    def close(self) -> None:
        """Ends what still runs, and waits for it."""
        asyncio.run_coroutine_threadsafe(self._ended(), self._loop).result()

    def worked(self) -> Worked:
        """What `finish` and the parts took."""
        return Worked(_covered(self._spans), _covered([(a, min(b, self._sampled)) for a, b in self._spans]))

    def _begin(self, answers: tuple[Any, ...], columns: dict[str, Any]) -> None:
        work = self._timed(self._scoring.add(*answers, **columns))
        self._tasks.append(self._loop.create_task(work))

    async def _finished(self, logs: dict[str, Any]) -> list[float | None]:
        parts = [*self._tasks]
        this = asyncio.current_task()
        assert this is not None  # it runs in one
        self._tasks.append(this)
        await all_of([_result(part) for part in parts])
        return [*await self._timed(self._scoring.finish(**logs))]

    async def _ended(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _timed(self, work: Awaitable[T]) -> T:
        began = time.perf_counter()
        try:
            return await work
        finally:
            self._spans.append((began, time.perf_counter()))


async def _result(task: "asyncio.Task[T]") -> T:
    return await task


def _covered(spans: Sequence[tuple[float, float]]) -> float:
    """Length of what spans cover together; one that ends before it begins covers nothing."""
    covered, reached = 0.0, -float("inf")
    for begin, end in sorted(spans):
        covered += max(0.0, end - max(begin, reached))
        reached = max(reached, end)
    return covered
