"""A reward that scores a rollout group by group, at a pace that a test sets, and notes how it was asked.

In: answers. Out: rewards by their first token. Not here: the project's own reward (tests/training/rewards).
"""

import asyncio
import time
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from tests.training.grpo.tiny_runs import by_first_token

from citerefine.training.errors import JudgeOutage


class Parted:
    """A reward that scores part by part, each part as slowly as its turn in `pauses` says."""

    def __init__(self, pauses: Sequence[float] = (0.0,), fails: tuple[int, int] | None = None) -> None:
        self.pauses, self.fails = pauses, fails
        """`fails`: step and part."""
        self.sizes: list[int] = []
        self.places: list[int] = []
        """Of the groups, in the order in which they came."""
        self.ended: list[str] = []
        self.whole = 0
        self.texts: list[str] = []
        self.breakdowns: tuple[Any, ...] = ()
        self.when: list[tuple[str, float]] = []

    async def __call__(self, completion_ids: Sequence[Sequence[int]], **_: Any) -> list[float | None]:
        self.whole += 1
        return by_first_token(completion_ids)

    def scoring(self, trainer_state: Any) -> "Parts":
        return Parts(self, trainer_state.global_step)


class Parts:
    """One rollout of it."""

    def __init__(self, reward: Parted, step: int) -> None:
        self.reward, self.step = reward, step
        self.given: dict[int, tuple[Sequence[str], Sequence[Sequence[int]], Sequence[str]]] = {}
        """By place: texts, ids, rows."""
        self.count = 0

    async def add(
        self,
        at: int,
        prompts: Sequence[str],
        completions: Sequence[str],
        completion_ids: Sequence[Any],
        /,
        **columns: Any,
    ) -> None:
        turn, self.count = self.count, self.count + 1
        self.given[at] = (completions, completion_ids, columns["id"])
        self.reward.sizes.append(len(completions))
        self.reward.places.append(at)
        self.reward.when.append(("began", time.perf_counter()))
        try:
            if self.reward.fails == (self.step, turn):
                raise JudgeOutage("out")
            await asyncio.sleep(self.reward.pauses[turn % len(self.reward.pauses)])
            self.reward.ended.append("done")
        except asyncio.CancelledError:
            await asyncio.sleep(0.05)
            self.reward.ended.append("cancelled")
            raise

    async def finish(self, log_extra: Any, log_metric: Any) -> list[float | None]:
        given = [self.given[at] for at in sorted(self.given)]
        texts = [one for some, _, _ in given for one in some]
        ids = [one for _, some, _ in given for one in some]
        rows = [one for _, _, some in given for one in some]
        self.reward.breakdowns = tuple(SimpleNamespace(id=id, terms=(), reason="", claims=()) for id in rows)
        self.reward.texts = texts
        log_extra("text", texts)
        log_metric("told", float(len(texts)))
        return by_first_token(ids)
