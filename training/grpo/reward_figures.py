"""The figures of a rollout's rewards: of the answers that are trained on, over all processes.

In: a rollout as it is trained on, a reward that can say what is to be logged. Out: name → number. TRL logs the mean,
over draws and processes, of what each call says: with refill that gives answers that were thrown away a say, and of a
sum it makes a mean. Not here: the figures themselves (the reward), those of groups and lengths (trainer.py).
"""

import math
from collections.abc import Callable, Sequence
from statistics import fmean, stdev
from typing import Any, Final

from citerefine.training.advantages import is_flat
from citerefine.training.grpo.rollout import Rollout

Gather = Callable[[list[Any]], list[Any]]
"""The items of all processes, in their order."""

OF_TRL: Final = ("reward", "reward_std", "frac_reward_zero_std", "rewards/{}/mean", "rewards/{}/std")
"""What TRL logs of each draw; `{}` is the name of the reward."""


def tells_figures(reward: Any) -> bool:
    """Whether a reward has `figures` and `take_usages`, as `RefinerReward` has; else it logs for itself."""
    return hasattr(reward, "figures") and hasattr(reward, "take_usages")


def reward_figures(reward: Any, rollout: Rollout, group_size: int, gather: Gather) -> dict[str, float]:
    """What the reward says of a rollout; nothing if it says nothing. All processes must call this."""
    if not tells_figures(reward):
        return {}
    usages, breakdowns = gather(reward.take_usages()), gather(rollout.breakdowns_B)
    if None in breakdowns:
        return {}
    groups = [breakdowns[start : start + group_size] for start in range(0, len(breakdowns), group_size)]
    return dict(reward.figures(groups, usages))


def trl_figures(name: str, rewards_N: Sequence[float | None], group_size: int) -> dict[str, float]:
    """The figures of `OF_TRL` of a reward of this name, from the rewards of all processes."""
    known = [reward for reward in rewards_N if reward is not None]
    mean = fmean(known) if known else math.nan
    std = stdev(known) if len(known) > 1 else math.nan
    groups = [rewards_N[start : start + group_size] for start in range(0, len(rewards_N), group_size)]
    flat = fmean(float(is_flat(group)) for group in groups)
    return dict(zip((figure.format(name) for figure in OF_TRL), (mean, std, flat, mean, std), strict=True))
