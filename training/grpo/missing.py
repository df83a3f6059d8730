"""Decides which answers of a rollout move the policy, and how far: `settle`, and `leave_out` for the tensors.

In: rewards of whole groups, None where one is missing or its answer was cut off. Out: `Settled`. An answer that is left
out has the advantage 0 and an empty mask: no loss, no divergence, no entropy, no token in a mean over tokens. Cut off
answers are left out of the baseline too, as in DAPO's overlong filtering (2503.14476): nobody knows what they would
have been worth. Means over answers (loss `dr_grpo` and `grpo`) run over those that have a reward: an answer without one
shrinks nobody's step, one of a flat group counts as the 0 that it is. Not here: advantages themselves (advantages.py).
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, Literal, NamedTuple

import torch
from trl.trainer.utils import split_tensor_dict

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


class TermMatrix(NamedTuple):
    """The parts of rewards, for `gdpo`."""

    values_BK: Sequence[Sequence[float | None]] = ()
    weights_K: Sequence[float] = ()
    held_down_B: Sequence[bool] = ()
    """Whether a reward is held down whatever its parts are."""


NO_TERMS: Final = TermMatrix()


class GroupRule(NamedTuple):
    """How groups are settled."""

    kind: Kind
    size: int
    least_share: float
    tolerance: float

    def groups(self, rewards_B: Sequence[float | None], terms: TermMatrix) -> list[GroupAdvantages]:
        """The advantages of each group; `terms` are looked at for `gdpo` only."""
        least, size = least_rows(self.size, self.least_share), self.size
        starts = range(0, len(rewards_B), size)
        if self.kind == "gdpo":
            missing = [None] * len(terms.weights_K)
            rows = [missing if r is None else values for r, values in zip(rewards_B, terms.values_BK, strict=True)]
            return gdpo_advantages(
                [rows[start : start + size] for start in starts],
                terms.weights_K,
                held_down_BG=[terms.held_down_B[start : start + size] for start in starts],
                least=least,
                tolerance=self.tolerance,
            )
        return [
            group_advantages(rewards_B[start : start + size], self.kind, least=least, tolerance=self.tolerance)
            for start in starts
        ]


def settle(rule: GroupRule, rewards_B: Sequence[float | None], terms: TermMatrix = NO_TERMS) -> Settled:
    """Decides about all rows of a rollout, those of other processes included.

    Args:
        rule: how.
        rewards_B: whole groups, one after the other; None where a row has no reward that counts.
        terms: the parts of each reward, for `gdpo`.
    """
    groups = rule.groups(rewards_B, terms)
    advantages = tuple(value for group in groups for value in group.advantages_G)
    used = tuple(flag for group in groups for flag in group.used_G)
    flat = [group.reason.startswith("flat") for group in groups for _ in group.used_G]
    counted = tuple(
        is_used or (is_flat and reward is not None)
        for is_used, is_flat, reward in zip(used, flat, rewards_B, strict=True)
    )
    return Settled(advantages, used, counted, tuple(group.reason for group in groups))


def row_scales(counted_B: Sequence[bool], processes: int, updates: int) -> list[float]:
    """Of each update of a rollout: what a mean over all of its rows is multiplied by to be one over those that count;
    1 if none does.

    Args:
        counted_B: of the rows of all processes, one process after the other; each takes an equal part of its rows, in
            their order, for each update.
        processes: how many.
        updates: of a rollout.
    """
    rows = len(counted_B) // (processes * updates)
    counts = [
        sum(sum(counted_B[(process * updates + update) * rows :][:rows]) for process in range(processes))
        for update in range(updates)
    ]
    return [processes * rows / (count or processes * rows) for count in counts]


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


def into_passes(
    tensors: dict[str, Any], passes: int, scales_U: Sequence[float], total: Callable[[torch.Tensor], torch.Tensor]
) -> list[dict[str, Any]]:
    """The passes of a rollout, each with the counts of its own update: an outage in one changes no other.

    Args:
        tensors: of the rows of this process, those that are not used left out.
        passes: of a rollout, a multiple of its updates.
        scales_U: of each update, `row_scales`.
        total: sums a tensor over the processes.
    """
    split: list[dict[str, Any]] = split_tensor_dict(tensors, passes)
    updates = len(scales_U)
    tokens_U = total(torch.stack([part["completion_mask"].sum() for part in split]).view(updates, -1).sum(1))
    for at, part in enumerate(split):
        update = at * updates // passes
        part["num_items_in_batch"] = tokens_U[update] * updates  # TRL divides what it takes to be of the whole rollout
        part["row_scale"] = tokens_U.new_tensor(scales_U[update], dtype=torch.float32)
    return split
