"""Replaces groups without signal by groups of further prompts, within a budget of tokens: `refill`.

In: a rollout, and ways to sample, to count and to speak with other processes. Out: the rollout with some of its groups
replaced. All processes sample equally many groups in each round, as sharded models and vLLM need it. What a round
samples beyond what is missing is not kept: it would be of an old policy in the next step. Not here: which groups have
signal (missing.py).
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from citerefine.training.grpo.rollout import Rollout, picked


class Source(NamedTuple):
    """What a refill works with."""

    reserve: Sequence[int]
    """Places of the prompts that may stand in, the same on each process."""
    bound: Callable[[int], int]
    """Of a place, the most tokens that a group of its prompt can take."""
    sample: Callable[[Sequence[int], int], Rollout]
    """Samples groups for the places of this process; the second argument is the number of the draw."""
    without_signal: Callable[[Rollout], list[int]]
    """Numbers of the groups of this process that are left out."""
    gather: Callable[[int], list[int]]
    """A number of each process."""
    process: int
    processes: int
    group_size: int
    pad_id: int


class Refilled(NamedTuple):
    """A rollout after it."""

    rollout: Rollout
    replaced: int
    """Groups of this process that were replaced."""
    sampled: int
    """Groups that were sampled for it, over all processes."""


def refill(rollout: Rollout, source: Source, budget: int) -> Refilled:
    """Samples further groups until each has signal, prompts run out, or the next round could exceed the budget.

    Args:
        rollout: of this process.
        source: where further groups come from.
        budget: tokens of prompts and answers over all processes.
    """
    vacant, replaced, used, draw = source.without_signal(rollout), 0, 0, 0
    while True:
        wanted = max(source.gather(len(vacant))) * source.processes
        places = _affordable(source, source.reserve[used : used + wanted], budget)
        if not places:
            return Refilled(rollout, replaced, used)
        draw, used = draw + 1, used + len(places)
        mine = len(places) // source.processes
        fresh = source.sample(places[source.process * mine :][:mine], draw)
        budget -= sum(source.gather(_tokens(fresh)))
        idle = source.without_signal(fresh)
        good = [group for group in range(mine) if group not in idle]
        pairs = list(zip(vacant, good, strict=False))
        rollout = _with(rollout, fresh, dict(pairs), source)
        vacant, replaced = vacant[len(pairs) :], replaced + len(pairs)


def _affordable(source: Source, places: Sequence[int], budget: int) -> list[int]:
    """As many of the places as surely fit, equally many for each process."""
    kept: list[int] = []
    for place in places:
        budget -= source.bound(place)
        if budget < 0:
            break
        kept.append(place)
    return kept[: len(kept) // source.processes * source.processes]


def _tokens(rollout: Rollout) -> int:
    return int(rollout.tensors["prompt_mask"].sum()) + sum(map(len, rollout.ids_B))


def _with(rollout: Rollout, fresh: Rollout, into: dict[int, int], source: Source) -> Rollout:
    """`rollout` with group `into[n]` of `fresh` in the place of its group n."""
    if not into:
        return rollout
    size = source.group_size
    picks = []
    for group in range(len(rollout.rows_B) // size):
        which, start = (1, into[group] * size) if group in into else (0, group * size)
        picks += [(which, start + row) for row in range(size)]
    return picked([rollout, fresh], picks, source.pad_id)
