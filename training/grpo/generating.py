"""Samples from a transformers model, each prompt computed once for all its answers: `generate_shared`, `until_end`.

In: prompts as token ids, those of a group one after another. Out: the ids that `generate` adds to each, in the order of
the prompts; those of a group are told of as soon as all of them have ended, while others grow (`Listener`). The cache
of a prompt is computed in one row and then repeated; everything else is transformers' own, so that the same random
numbers give the same answers, up to rounding. Not here: whether a model can do so (prefix/support.py); vLLM, which
keeps prefixes itself.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple

import torch
from transformers import DynamicCache, GenerationConfig, StoppingCriteria, StoppingCriteriaList


class Prompts(NamedTuple):
    """Prompts of several rows, each that follows itself once; padded on the left."""

    ids: torch.Tensor
    """(N, P) of N prompts."""
    mask: torch.Tensor
    """(N, P): 0 at padding."""
    owner_B: torch.Tensor
    """(B,): which of them each row has."""


class Listener(NamedTuple):
    """Who is told of groups whose answers have all ended."""

    group_size: int
    """Rows of a group, one after another."""
    ends: Collection[int]
    """Ids of the tokens that end an answer."""
    tell: Callable[[int, list[list[int]]], None]
    """Takes the first row of the group, and the ids of its answers, as `until_end` has them. Not called for a group of
    which an answer was cut off."""


class _Ended(StoppingCriteria):  # type: ignore[misc]  # transformers is not typed here
    """Sees each token of all rows, and stops nothing."""

    def __init__(self, listener: Listener, n_rows: int, start: int) -> None:
        """`start`: where answers begin."""
        self._listener, self._start = listener, start
        size = listener.group_size
        self._open = {first: {*range(first, first + size)} for first in range(0, n_rows, size)}

    def __call__(self, input_ids: torch.Tensor, scores: Any, **kwargs: Any) -> torch.Tensor:
        """Whether each of the rows (B, P + T) ends for this reason: none does."""
        last, ends = input_ids[:, -1].tolist(), self._listener.ends
        for first, rows in [*self._open.items()]:
            rows.difference_update([row for row in rows if last[row] in ends])
            if not rows:
                del self._open[first]
                answers = input_ids[first : first + self._listener.group_size, self._start :]
                self._listener.tell(first, until_end(answers, ends))
        return torch.zeros(len(input_ids), dtype=torch.bool, device=input_ids.device)


def distinct(prompts_B: Sequence[Sequence[int]], pad_id: int, device: torch.device) -> Prompts:
    """The prompts of rows, without those that repeat the row before."""
    kept: list[Sequence[int]] = []
    owners: list[int] = []
    for row, prompt in enumerate(prompts_B):
        if not row or prompt != prompts_B[row - 1]:
            kept.append(prompt)
        owners.append(len(kept) - 1)
    ids = torch.full((len(kept), max(map(len, kept))), pad_id, device=device)
    mask = torch.zeros_like(ids)
    for row, prompt in enumerate(kept):
        start = ids.size(1) - len(prompt)
        ids[row, start:] = torch.tensor(prompt, device=device)
        mask[row, start:] = 1
    return Prompts(ids, mask, torch.tensor(owners, device=device))


def generate_shared(
    model: Any,
    prompts_B: Sequence[Sequence[int]],
    config: GenerationConfig,
    pad_id: int,
    device: torch.device,
    *,
    shares: bool = True,
    listener: Listener | None = None,
) -> torch.Tensor:
    """The ids (B, T) that `model.generate` adds to prompts, padded behind the end of an answer.

    Args:
        model: a causal language model without wrappers, or with adapters.
        prompts_B: token ids, one list a row; equal ones side by side are computed once.
        config: how to sample.
        pad_id: token that fills prompts up on the left.
        device: of the model's inputs.
        shares: false computes a prompt for each of its rows, for models whose layers do not all keep keys and values.
        listener: is told of groups that have ended, in the thread that samples; it changes no answer.
    """
    prompts = distinct(prompts_B, pad_id, device)
    ids, mask = prompts.ids[prompts.owner_B], prompts.mask[prompts.owner_B]
    watching = [] if listener is None else [_Ended(listener, len(ids), ids.size(1))]
    written = model.generate(
        input_ids=ids,
        attention_mask=mask,
        past_key_values=_computed(model, prompts) if shares else None,
        generation_config=config,
        stopping_criteria=StoppingCriteriaList(watching),
    )
    answers: torch.Tensor = written[:, ids.size(1) :]
    return answers


def _computed(model: Any, prompts: Prompts) -> DynamicCache | None:
    """The keys and values of all tokens but each prompt's last, for every row; None if there is nothing to share.

    The last token is left to `generate`, which needs its logits and expects at least one token that is not cached.
    """
    shared = prompts.ids.size(1) - 1
    if not shared or len(prompts.ids) == len(prompts.owner_B):
        return None
    mask = prompts.mask[:, :shared]
    cache = DynamicCache(config=model.config)
    model(
        input_ids=prompts.ids[:, :shared],
        attention_mask=mask,
        position_ids=(mask.cumsum(-1) - 1).clamp(min=0),  # as `generate` counts
        past_key_values=cache,
        use_cache=True,
        logits_to_keep=1,
    )
    cache.batch_select_indices(prompts.owner_B)
    return cache


def until_end(answers_BT: torch.Tensor, ends: Collection[int]) -> list[list[int]]:
    """The ids of each answer, up to the first that ends it; all of one without such an id."""
    rows: list[list[int]] = answers_BT.tolist()
    lengths = [next((at + 1 for at, id in enumerate(row) if id in ends), len(row)) for row in rows]
    return [row[:length] for row, length in zip(rows, lengths, strict=True)]
