"""Decides which answers of a rollout move the policy, and how far: `settle`, and `leave_out` for the tensors.

In: rewards of whole groups, None where one is missing or its answer was cut off. Out: `Settled`. An answer that is left
out has the advantage 0 and an empty mask: no loss, no divergence, no entropy, no token in a mean over tokens. Cut off
answers are left out of the baseline too, as in DAPO's overlong filtering (2503.14476): nobody knows what they would
have been worth. Means over answers (loss `dr_grpo` and `grpo`) run over those that have a reward: an answer without one
shrinks nobody's step, one of a flat group counts as the 0 that it is. Not here: advantages themselves (advantages.py).
"""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import torch

from citerefine.training.advantages import (
    GroupAdvantages,
    gdpo_advantages,
    group_advantages,
    least_rows,
)

Kind = Literal["rloo", "grpo", "dr_grpo", "gdpo"]


class Settled(NamedTuple):
    """What is decided about the rows of whole groups, in their order."""

    advantages_B: tuple[float, ...]
    used_B: tuple[bool, ...]
    """Whether a row has a part in the update."""
    counted_B: tuple[bool, ...]
    """Whether a row has a place in means over answers: it is used, or its group is flat."""
    reasons_G: tuple[str, ...]
    """Of each group that is left out, `flat: …` or `missing: …`; else empty."""


class GroupRule(NamedTuple):
    """How groups are settled."""

    kind: Kind
    size: int
    least_share: float
    tolerance: float

    def groups(
        self, rewards_B: Sequence[float | None], terms_BK: Sequence[Sequence[float | None]], weights_K: Sequence[float]
    ) -> list[GroupAdvantages]:
        """The advantages of each group; `terms_BK` and `weights_K` are looked at for `gdpo` only."""
        least, size = least_rows(self.size, self.least_share), self.size
        starts = range(0, len(rewards_B), size)
        if self.kind == "gdpo":
            missing = [None] * len(weights_K)
            rows = [missing if r is None else terms for r, terms in zip(rewards_B, terms_BK, strict=True)]
            groups = [rows[start : start + size] for start in starts]
            return gdpo_advantages(groups, weights_K, least=least, tolerance=self.tolerance)
        return [
            group_advantages(rewards_B[start : start + size], self.kind, least=least, tolerance=self.tolerance)
            for start in starts
        ]


def settle(
    rule: GroupRule,
    rewards_B: Sequence[float | None],
    terms_BK: Sequence[Sequence[float | None]] = (),
    weights_K: Sequence[float] = (),
) -> Settled:
    """Decides about all rows of a rollout, those of other processes included.

    Args:
        rule: how.
        rewards_B: whole groups, one after the other; None where a row has no reward that counts.
        terms_BK: the parts of each reward, for `gdpo`.
        weights_K: of the parts.
    """
    groups = rule.groups(rewards_B, terms_BK, weights_K)
    advantages = tuple(value for group in groups for value in group.advantages_G)
    used = tuple(flag for group in groups for flag in group.used_G)
    flat = [group.reason.startswith("flat") for group in groups for _ in group.used_G]
    counted = tuple(
        is_used or (is_flat and reward is not None)
        for is_used, is_flat, reward in zip(used, flat, rewards_B, strict=True)
    )
    return Settled(advantages, used, counted, tuple(group.reason for group in groups))


def row_scale(settled: Settled) -> float:
    """What a mean over all rows is multiplied by to be one over the rows that count; 1 if none does."""
    return len(settled.counted_B) / (sum(settled.counted_B) or len(settled.counted_B))


def leave_out(tensors: dict[str, Any], used_B: Sequence[bool]) -> None:
    """Empties the masks of the rows that are not used, in place, and what is multiplied by them.

    A log-probability of −inf or a ratio of inf times an empty mask would still be no number.
    """
    mask = tensors["completion_mask"]
    used = torch.tensor(used_B, device=mask.device)[:, None]
    tensors["completion_mask"] = mask * used.to(mask.dtype)
    per_token = ("old_per_token_logps", "ref_per_token_logps", "sampling_per_token_logps", "importance_sampling_ratio")
    for name in per_token:
        if name in tensors:
            tensors[name] = torch.where(used, tensors[name], torch.zeros_like(tensors[name]))
