"""Packs groups of answers into one row in which each prompt stands once, and says where everything lies.

In: per group the prompt's ids and the ids of its answers. Out: one row of ids, positions and labels, and the plan that
the attention reads. Not here: the attention (attention.py), the model's call (forward.py), padded batches (batch.py).

The row holds first the shared prompts of all groups, then all answers, group by group:

    prompt 1 | prompt 2 | answer 1.1 | answer 1.2 | … | answer 2.1 | …

A group shares all of its prompt but the last token; each answer starts with a copy of that token and drops its own
last token, so that the answers' part of the row predicts exactly the answers' tokens, one label a position. This costs
one token an answer, and the head scores one contiguous slice. Positions go on behind the shared prompt, for each
answer anew. Prompt tokens attend their own prompt; an answer's tokens attend their prompt and, causally, themselves.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch


class Group(NamedTuple):
    """The answers of one prompt."""

    prompt: torch.Tensor
    """(P,) token ids, P ≥ 1."""
    answers: Sequence[torch.Tensor]
    """(R_i,) token ids each, R_i ≥ 0."""

    @property
    def n_tokens(self) -> int:
        """Tokens that the group takes in a row."""
        return len(self.prompt) - 1 + sum(map(len, self.answers))


class PrefixPlan(NamedTuple):
    """Where the parts of a packed row lie. Of numbers alone: wrappers of a model may copy it, and it can be a key."""

    shared: tuple[int, ...]
    """Tokens of each group's shared prompt, one less than its prompt has."""
    answers: tuple[tuple[int, ...], ...]
    """Tokens of each answer, by group."""

    @property
    def n_shared(self) -> int:
        """Tokens of all shared prompts: the answers start there."""
        return sum(self.shared)

    @property
    def n_tokens(self) -> int:
        """Tokens of the row."""
        return self.n_shared + sum(map(sum, self.answers))

    @property
    def longest(self) -> int:
        """Most tokens that one token can see: the longest prompt with its longest answer."""
        return max(p + max(answers, default=0) for p, answers in zip(self.shared, self.answers, strict=True))

    def segments(self) -> list[int]:
        """Lengths of all prompts and answers in the row's order, the empty ones left out."""
        return [n for n in (*self.shared, *(n for group in self.answers for n in group)) if n]


class PackedRow(NamedTuple):
    """One row for a model, N tokens of which the last M belong to answers."""

    ids: torch.Tensor
    """(1, N)"""
    positions: torch.Tensor
    """(1, N)"""
    labels: torch.Tensor
    """(M,): the token that each answer position predicts."""
    plan: PrefixPlan


def pack(groups: Sequence[Group]) -> PackedRow:
    """The row of `groups`, on the device of their ids.

    Raises ValueError for no groups, and for a group without a prompt.
    """
    if not groups or any(len(group.prompt) == 0 for group in groups):
        raise ValueError(f"a packed row needs groups with prompts, got {[len(group.prompt) for group in groups]}")
    shared = [len(group.prompt) - 1 for group in groups]
    device = groups[0].prompt.device
    ids = [group.prompt[:-1] for group in groups]
    positions = [torch.arange(p, device=device) for p in shared]
    for p, group in zip(shared, groups, strict=True):
        for answer in group.answers:
            if len(answer):
                ids += [group.prompt[-1:], answer[:-1]]
                positions.append(torch.arange(p, p + len(answer), device=device))
    labels = [answer for group in groups for answer in group.answers]
    plan = PrefixPlan(tuple(shared), tuple(tuple(map(len, group.answers)) for group in groups))
    return PackedRow(
        torch.cat(ids)[None],
        torch.cat(positions)[None],
        torch.cat(labels) if labels else ids[0].new_empty(0),
        plan,
    )
