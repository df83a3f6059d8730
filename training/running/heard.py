"""A reward that remembers what is trained on: what a step's samples are chosen from.

In: a reward. Out: the same, with the answers that the trainer kept. Not here: the reward, choosing samples.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from citerefine.refiner.records import Usage
from citerefine.training.data.prompted import row_of
from citerefine.training.grpo.early import Scoring, scoring_of
from citerefine.training.phases.rollouts import DRAFT, PHASE
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
        return await self.reward(prompts, completions, **columns)

    def scoring(self, trainer_state: Any = None) -> Scoring | None:
        """As `RefinerReward.scoring`."""
        return scoring_of(self.reward, trainer_state)

    def figures(self, groups: Sequence[Sequence[Breakdown]], usages: Sequence[Usage]) -> dict[str, float]:
        """As `RefinerReward.figures`."""
        return self.reward.figures(groups, usages)

    def take_usages(self) -> list[Usage]:
        """As `RefinerReward.take_usages`."""
        return self.reward.take_usages()

    def kept(
        self, rows: Sequence[Mapping[str, Any]], completions: Sequence[str], breakdowns: Sequence[Breakdown]
    ) -> None:
        """Is told the answers of this process that are trained on, each with its row of the data set."""
        questions = [row_of(row["row"]).question for row in rows]
        phases, drafts = [row.get(PHASE, "") for row in rows], [row.get(DRAFT) for row in rows]
        self._last = Rollout(questions, [*completions], [*breakdowns], phases, drafts)

    def last(self) -> Rollout | None:
        """What was kept last, once: several steps may train on it. None if nothing was since."""
        last, self._last = self._last, None
        return last
