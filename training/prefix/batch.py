"""Reads the groups out of a padded batch, spreads them over rows, and puts the scores back in their places.

In: a batch as TRL's GRPO trainer has it: prompts padded on the left, answers on the right. Out: packed rows under a
budget of tokens, and scores (B, T). Not here: the model's call (forward.py), what the ranks agree on (shared.py).
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

import torch

from citerefine.training.prefix.forward import TokenScores
from citerefine.training.prefix.plan import Group, PackedRow, pack


class PaddedBatch(NamedTuple):
    """B prompts with their answers."""

    ids: torch.Tensor
    """(B, P+T) token ids."""
    mask: torch.Tensor
    """(B, P+T), not 0 at tokens."""
    n_answer: int
    """T, the columns that belong to answers."""

    @property
    def answers_mask(self) -> torch.Tensor:
        """(B, T) bool: where answers have tokens."""
        return self.mask[:, -self.n_answer :].bool()

    def rows(self, start: int, stop: int) -> "PaddedBatch":
        """The rows from `start` to `stop`."""
        return PaddedBatch(self.ids[start:stop], self.mask[start:stop], self.n_answer)


class GroupRows(NamedTuple):
    """A group and the rows of the batch that it stands in, the empty answers included."""

    start: int
    stop: int
    group: Group


def read_groups(batch: PaddedBatch) -> list[GroupRows] | None:
    """The groups of `batch`: rows that follow each other with the same prompt.

    None if the batch cannot be packed: a prompt is empty, or a mask has holes, so that a token would not see what
    stands before it.
    """
    n_prompt = batch.ids.shape[1] - batch.n_answer
    mask = batch.mask.bool()
    prompts, answers = mask[:, :n_prompt], mask[:, n_prompt:]
    whole = (prompts[:, 1:] >= prompts[:, :-1]).all() & (answers[:, 1:] <= answers[:, :-1]).all()
    shown = batch.ids[:, :n_prompt].masked_fill(~prompts, -1)
    same = (shown[1:] == shown[:-1]).all(dim=1)
    # One copy from the device for all that is asked here: each waits for the device.
    facts = torch.cat([whole[None].long(), same.long(), prompts.sum(1), answers.sum(1)]).tolist()
    n = len(batch.ids)
    p_rows, r_rows = facts[n : 2 * n], facts[2 * n :]
    if not facts[0] or 0 in p_rows:
        return None
    borders = [0, *(row for row in range(1, n) if not facts[row]), n]
    return [
        GroupRows(
            start,
            stop,
            Group(
                batch.ids[start, n_prompt - p_rows[start] : n_prompt],
                [batch.ids[row, n_prompt : n_prompt + r_rows[row]] for row in range(start, stop)],
            ),
        )
        for start, stop in pairwise(borders)
    ]


def spread(groups: Iterable[Group], most_tokens: int) -> list[list[Group]]:
    """The groups of each row, in order, empty answers left out. A row has at most `most_tokens` where it can.

    A group that fits no row is split, and its prompt repeated; one answer with its prompt is never split.
    """
    rows: list[list[Group]] = []
    free = 0
    for group in groups:
        prompt, answers = group.prompt, [answer for answer in group.answers if len(answer)]
        for piece in _pieces(Group(prompt, answers), most_tokens):
            if piece.n_tokens > free:
                rows.append([])
                free = most_tokens
            rows[-1].append(piece)
            free -= piece.n_tokens
    return rows


def pack_rows(groups: Sequence[Group], most_tokens: int) -> list[PackedRow]:
    """The packed rows of `groups`; none if all answers are empty."""
    return [pack(row) for row in spread(groups, most_tokens)]


def idle_row(group: Group) -> PackedRow:
    """A row of one token, for a rank that has to call the model once more than it has rows."""
    return pack([Group(group.prompt[:1], [group.prompt[:1]])])


def put_back(scores: Sequence[TokenScores], batch: PaddedBatch) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Log-probabilities and entropies (B, T) of the rows' scores, 0 at padding."""
    mask = batch.answers_mask
    log_probs = _scattered([row.log_probs for row in scores], mask)
    entropies = [row.entropies for row in scores if row.entropies is not None]
    return log_probs, _scattered(entropies, mask) if entropies else None


def _pieces(group: Group, most_tokens: int) -> Iterable[Group]:
    """`group`, or as few parts of it as fit `most_tokens` each."""
    answers: list[torch.Tensor] = []
    used = shared = len(group.prompt) - 1
    for answer in group.answers:
        if answers and used + len(answer) > most_tokens:
            yield Group(group.prompt, answers)
            answers, used = [], shared
        answers.append(answer)
        used += len(answer)
    if answers:
        yield Group(group.prompt, answers)


def _scattered(pieces: Sequence[torch.Tensor], mask: torch.Tensor) -> torch.Tensor:
    values = torch.cat(list(pieces))
    # Keeps the graph to the model even without an answer, so that every rank has a backward.
    return values.new_zeros(mask.shape).masked_scatter(mask, values)
