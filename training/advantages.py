"""From the rewards of a group to its advantages, where some rewards may not be known.

In: the rewards of the answers to one prompt, None where one is missing. Out: `GroupAdvantages`. A row without reward
has the advantage 0, is not used, and has no part in the mean and spread of the others: an outage moves nothing. With n
known of G rewards and r̄ their mean:

    rloo      n/(n−1) · (r_i − r̄)          the mean of the other rows is the baseline (Ahmadian et al., 2402.14740)
    dr_grpo   r_i − r̄                      no division by the spread (Liu et al., 2503.20783)
    grpo      (r_i − r̄) / (s + 1e-4)       s the sample standard deviation (Shao et al., 2402.03300; ε as in TRL)
    gdpo      Σ_k w_k (r_ik − r̄_k)/(s_k + 1e-4), then normalised over the batch (2601.05242)

Plain numbers, no tensors. Not here: rewards, losses, which tokens carry an advantage (credit/).
"""

from collections.abc import Sequence
from math import ceil, fsum
from statistics import fmean, stdev
from typing import Final, Literal, NamedTuple

Kind = Literal["rloo", "grpo", "dr_grpo"]
EPSILON: Final = 1e-4
"""What is added to a spread before it divides; TRL has the same."""
LEAST_ROWS: Final = 3
"""Fewer known rewards say little about which answer is the better one."""


class GroupAdvantages(NamedTuple):
    """The advantages of one group."""

    advantages_G: tuple[float, ...]
    """0 where a row is not used."""
    used_G: tuple[bool, ...]
    """Whether a row has a part in the update."""
    reason: str
    """Why no row of the group is used, as `code: what happened`; empty if some are."""


def least_rows(group_size: int, share: float) -> int:
    """How many rewards of a group must be known: `share` of them, 3 at least, and all in a group of two or one."""
    return min(group_size, max(LEAST_ROWS, ceil(share * group_size)))


def group_advantages(
    rewards_G: Sequence[float | None], kind: Kind = "rloo", *, least: int = LEAST_ROWS, tolerance: float = 0.0
) -> GroupAdvantages:
    """The advantages of the answers to one prompt.

    Args:
        rewards_G: None where a reward is not known.
        kind: how they are worked out.
        least: with fewer known rewards the group is not used; see `least_rows`.
        tolerance: with a standard deviation up to this the group is flat, and is not used: the spread of a judge that
            is asked twice is no signal.

    >>> group_advantages([1.0, 0.0, None, 0.5], "rloo").advantages_G
    (0.75, -0.75, 0.0, 0.0)
    """
    known = [reward for reward in rewards_G if reward is not None]
    if len(known) < max(least, 2):
        known_of = f"{len(known)} of {len(rewards_G)} rewards are known"
        return _unused(rewards_G, f"missing: {known_of}, and {max(least, 2)} needed")
    if is_flat(rewards_G, tolerance):
        return _unused(rewards_G, f"flat: the rewards differ by a standard deviation of {stdev(known):.3g}")
    mean, factor = fmean(known), _factor(known, kind)
    advantages = tuple(0.0 if reward is None else factor * (reward - mean) for reward in rewards_G)
    return GroupAdvantages(advantages, tuple(reward is not None for reward in rewards_G), "")


def _factor(known: Sequence[float], kind: Kind) -> float:
    if kind == "rloo":
        return len(known) / (len(known) - 1)
    return 1.0 if kind == "dr_grpo" else 1.0 / (stdev(known) + EPSILON)


def _unused(rewards_G: Sequence[float | None], reason: str) -> GroupAdvantages:
    return GroupAdvantages((0.0,) * len(rewards_G), (False,) * len(rewards_G), reason)


def is_flat(rewards_G: Sequence[float | None], tolerance: float = 0.0) -> bool:
    """Whether the known rewards do not tell the answers apart: a sample standard deviation of `tolerance` at most."""
    known = [reward for reward in rewards_G if reward is not None]
    if len(known) < 2 or min(known) == max(known):  # equal numbers can have a deviation of a rounding error
        return True
    return stdev(known) <= tolerance


def gdpo_advantages(
    terms_BGK: Sequence[Sequence[Sequence[float | None]]],
    weights_K: Sequence[float],
    *,
    held_down_BG: Sequence[Sequence[bool]] = (),
    least: int = LEAST_ROWS,
    tolerance: float = 0.0,
) -> list[GroupAdvantages]:
    """The advantages of all groups of a batch, each term of the reward normalised in its group before they are summed.

    So a term with a small spread counts as much as its weight says. The sums are normalised over the batch at last.

    Args:
        terms_BGK: of each group and answer the terms of the reward; an answer of which a term is None is not used. A
            term that a group does not have at all is None in all its answers, and is left out for that group.
        weights_K: of the terms.
        held_down_BG: of each group and answer, whether its reward is held down whatever its terms are. It counts as
            the lowest of its group in every term, and as 0 where that is lower. Empty: none is.
        least: with fewer known answers a group is not used.
        tolerance: a term that differs by no more within a group says nothing there; where all are like that, the group
            is flat.
    """
    held_down = held_down_BG or [[False] * len(terms_GK) for terms_GK in terms_BGK]
    groups = [
        _normalised(terms_GK, weights_K, held_down_G, least, tolerance)
        for terms_GK, held_down_G in zip(terms_BGK, held_down, strict=True)
    ]
    used = [value for group in groups for value, is_used in zip(*group[:2], strict=True) if is_used]
    if len(used) < 2:
        return groups
    mean, spread = fmean(used), stdev(used) + EPSILON
    return [
        group._replace(
            advantages_G=tuple(
                (value - mean) / spread if is_used else 0.0 for value, is_used in zip(*group[:2], strict=True)
            )
        )
        for group in groups
    ]


def _normalised(
    terms_GK: Sequence[Sequence[float | None]],
    weights_K: Sequence[float],
    held_down_G: Sequence[bool],
    least: int,
    tolerance: float,
) -> GroupAdvantages:
    here = [k for k in range(len(weights_K)) if any(row[k] is not None for row in terms_GK)]
    used = tuple(bool(here) and all(row[k] is not None for k in here) for row in terms_GK)
    if sum(used) < max(least, 2):
        return _unused([None] * len(terms_GK), f"missing: {sum(used)} of {len(used)} answers have all terms")
    columns = {
        k: _held_down([row[k] if is_used else None for row, is_used in zip(terms_GK, used, strict=True)], held_down_G)
        for k in here
    }
    if all(is_flat(column, tolerance) for column in columns.values()):
        return _unused([None] * len(terms_GK), "flat: no term of the reward tells the answers apart")
    parts = {
        k: group_advantages(column, "grpo", least=2, tolerance=tolerance).advantages_G for k, column in columns.items()
    }
    sums = tuple(fsum(weights_K[k] * part[g] for k, part in parts.items()) for g in range(len(terms_GK)))
    return GroupAdvantages(sums, used, "")


def _held_down(values_G: Sequence[float | None], held_down_G: Sequence[bool]) -> list[float | None]:
    """The values of one term, those that are held down at the lowest of the group or 0."""
    lowest = min([0.0, *(value for value in values_G if value is not None)])
    return [
        lowest if held and value is not None else value for value, held in zip(values_G, held_down_G, strict=True)
    ]
