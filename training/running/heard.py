"""A reward that remembers what it was last asked: what a step's samples are chosen from.

In: a reward. Out: the same, with its last questions and completions. Not here: the reward, choosing samples.
"""

from collections.abc import Sequence
from typing import Any

from citerefine.training.data.prompted import row_of
from citerefine.training.rewards.breakdown import Breakdown
from citerefine.training.rewards.refiner_reward import RefinerReward
from citerefine.training.watch.callback import Rollout


class HeardReward:
    """Passes calls on to a reward; implements what TRL and the trainer ask of one."""

    __name__ = "reward"

    def __init__(self, reward: RefinerReward) -> None:
        self.reward = reward
        self._last: Rollout | None = None

    @property
    def breakdowns(self) -> tuple[Breakdown, ...]:
        """Of the last call."""
        return self.reward.breakdowns

    async def __call__(self, prompts: Sequence[Any], completions: Sequence[str], **columns: Any) -> list[float | None]:
        """The rewards; raises as `RefinerReward` does."""
        rewards = await self.reward(prompts, completions, **columns)
        questions = [row_of(row).question for row in columns["row"]]
        self._last = Rollout(questions, [*completions], self.reward.breakdowns)
        return rewards

    def last(self) -> Rollout | None:
        """The last call; None before the first one."""
        return self._last
