"""Which prompts a rollout samples for: a pure function of the seed and the rollout's number.

In: how many prompts there are, and how many a rollout takes. Out: places in the dataset. As nothing is remembered, a
run that resumes at rollout k draws what an uninterrupted one draws. Each pass over the data is a new permutation; the
rest that does not fill a rollout is left out of that pass. Not here: rows themselves.
"""

from collections.abc import Collection, Iterator

import torch
from torch.utils.data import Sampler

from citerefine.training.errors import RecipeError

_RESERVE = 1 << 32
"""Far from the seeds of the passes."""


class PromptOrder:
    """The prompts of each rollout; in the first pass, those that TRL's RepeatSampler takes with the same seed."""

    def __init__(self, prompts: int, per_rollout: int, seed: int, setting: str = "prompts_per_step") -> None:
        """Raises RecipeError, which names the setting, if there are fewer prompts than a rollout takes."""
        if prompts < per_rollout:
            raise RecipeError(
                f"a step takes {per_rollout} rows, and there are only {prompts}; set {setting} to {prompts} or less, "
                "or give more rows"
            )
        self._prompts, self._per_rollout, self._seed = prompts, per_rollout, seed
        self._cached: tuple[int, list[int]] = (-1, [])

    def places(self, rollout: int) -> list[int]:
        """The places of rollout number `rollout`, from 0 on: `per_rollout` different ones."""
        a_pass, at = divmod(rollout, self._prompts // self._per_rollout)
        if self._cached[0] != a_pass:
            self._cached = a_pass, _permutation(self._prompts, self._seed + a_pass)
        return self._cached[1][at * self._per_rollout :][: self._per_rollout]

    def reserve(self, rollout: int, taken: Collection[int]) -> list[int]:
        """All other places, in the order in which they stand in for prompts without signal."""
        return [place for place in _permutation(self._prompts, self._seed + rollout + _RESERVE) if place not in taken]


def _permutation(size: int, seed: int) -> list[int]:
    order: list[int] = torch.randperm(size, generator=torch.Generator().manual_seed(seed)).tolist()
    return order


class RolloutSampler(Sampler):  # type: ignore[misc]  # torch is not typed here
    """Places as TRL's training loop wants them: each G times, and each rollout once for each of its passes."""

    def __init__(self, order: PromptOrder, group_size: int, passes: int, rollouts: int, repeats: int = 1) -> None:
        """`repeats`: rollouts in a row for the same prompts."""
        self._order, self._group_size, self._passes = order, group_size, passes
        self._rollouts, self._repeats = rollouts, repeats

    def __iter__(self) -> Iterator[int]:
        for rollout in range(self._rollouts):
            rows = [
                place for place in self._order.places(rollout // self._repeats) for _ in range(self._group_size)
            ]
            for _ in range(self._passes):
                yield from rows

    def __len__(self) -> int:
        rows = len(self._order.places(0)) * self._group_size
        return self._rollouts * self._passes * rows
