"""What one process sampled in a rollout, and how parts of two become one: `Rollout`, `picked`.

In: TRL's tensors, and beside each of their rows what TRL does not keep. Out: the same of other rows. Prompts are padded
on the left and answers on the right, as TRL does. Not here: what becomes of the rows (missing.py).
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch

from citerefine.training.grpo.phases import Row


class Rollout(NamedTuple):
    """The answers of one process, group by group; B rows."""

    tensors: dict[str, Any]
    """TRL's: of B rows each, or of no dimension."""
    rows_B: list[Row]
    completions_B: list[str]
    ids_B: list[list[int]]
    """Sampled tokens."""
    rewards_B: list[float | None]
    """As the reward callable gave them."""
    cut_B: list[bool]
    """Whether the token limit ended an answer."""
    empty_B: list[bool]
    """Whether no token was sampled; there is one in the tensors all the same."""
    breakdowns_B: list[Any]
    """`Breakdown` of each reward; None where the callable gives none."""


def picked(rollouts: Sequence[Rollout], picks: Sequence[tuple[int, int]], pad_id: int) -> Rollout:
    """The rows `picks`, as (number of the rollout, row in it), as one rollout."""

    def column(name: str) -> list[Any]:
        return [getattr(rollouts[which], name)[row] for which, row in picks]

    names = [name for name in Rollout._fields if name != "tensors"]
    tensors = {key: _stacked([r.tensors[key] for r in rollouts], picks, key, pad_id) for key in rollouts[0].tensors}
    return Rollout(tensors, *(column(name) for name in names))


def _stacked(values: Sequence[Any], picks: Sequence[tuple[int, int]], key: str, pad_id: int) -> Any:
    if values[0].ndim == 0:  # of the whole rollout: worked out anew when the rows are settled
        return values[0]
    if values[0].ndim == 1:
        return torch.stack([values[which][row] for which, row in picks])
    width, fill = max(value.size(1) for value in values), pad_id if key.endswith("_ids") else 0
    rows = []
    for which, row in picks:
        value = values[which][row]
        gap = value.new_full((width - value.size(0),), fill)
        rows.append(torch.cat([gap, value] if key.startswith("prompt") else [value, gap]))
    return torch.stack(rows)
