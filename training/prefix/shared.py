"""The trainer's seam: answers what TRL's GRPO trainer asks for log-probabilities, from packed rows where that is exact.

In: a model and, later, the arguments of TRL's `_get_per_token_logps_and_entropies`. Out: its results, which are
log-probabilities, entropies and the auxiliary loss. Not here: the loss, the batch's making.

The first batch of each model is scored both ways, on two answers. If the scores differ by more than rounding, on any
rank, or if the model does not fit (support.py), the plain way goes on, and a warning says so; where packed rows were
asked for, an error does. All ranks call the model equally often, as ZeRO-3 and FSDP need.
"""

import sys
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final, Literal

import torch
import torch.distributed

from citerefine.training.errors import TrainingError
from citerefine.training.prefix.batch import GroupRows, PaddedBatch, idle_row, pack_rows, put_back, read_groups
from citerefine.training.prefix.forward import TokenScores, install, score_row
from citerefine.training.prefix.plan import Group
from citerefine.training.prefix.self_check import Agreement, agreement
from citerefine.training.prefix.support import bare, refusal

MOST_TOKENS: Final = 32_768
"""Tokens of a packed row, unless its group is longer than that with one answer."""

Mode = Literal["auto", "on", "off"]
"""`auto` goes back to the plain way with a warning; `on` ends with an error instead; `off` is the plain way."""

Scores = tuple[torch.Tensor, torch.Tensor | None, torch.Tensor | None]
"""Log-probabilities and entropies (B, T), 0 at padding, and the auxiliary loss."""


class SharedPrefixWarning(UserWarning):
    """Shared prompts are computed once an answer, not once a group."""


class SharedPrefix:
    """Scores the answers of a group with their prompt computed once."""

    def __init__(
        self, model: Any, *, longest: int, temperature: float = 1.0, mode: Mode = "auto",
        most_tokens: int = MOST_TOKENS, autocast: Callable[[], AbstractContextManager[Any]] = nullcontext,
    ) -> None:  # fmt: skip
        """Prepares `model`, which TRL has patched and nobody has wrapped yet.

        `longest` is the most tokens of a prompt with its answer, `autocast` what the model's calls run under
        (`accelerator.autocast`). Raises TrainingError if the model does not fit and `mode` is "on".
        """
        self.most_tokens = most_tokens
        self.off: str | None = None
        """Why the plain way is taken; None while packed rows are used."""
        self.agreements: list[Agreement | None] = []
        """Of each model that is prepared, what the comparison of its first batch found; None before it."""
        self._mode = mode
        self._longest = longest
        self._temperature = temperature
        self._autocast = autocast
        self._ready: list[Any] = []
        if mode == "off":
            self.off = "it was turned off"
        else:
            self.prepare(model)

    @property
    def agreement(self) -> Agreement | None:
        """Of the model that was prepared first, the policy."""
        return self.agreements[0] if self.agreements else None

    def prepare(self, model: Any) -> None:
        """Prepares one more model, the reference model say, for the same scores."""
        reason = refusal(model, self._longest)
        if reason is None:
            install(model, self._temperature)
            if not any(bare(model) is ready for ready in self._ready):
                self._ready.append(bare(model))
                self.agreements.append(None)
        else:
            self._turn_off(reason)

    def score(
        self, plain: Callable[..., Scores], model: Any, input_ids: torch.Tensor, attention_mask: torch.Tensor,
        logits_to_keep: int, batch_size: int | None = None, compute_entropy: bool = False,
        compute_aux_loss: bool = False, **more: Any,
    ) -> Scores:  # fmt: skip
        """What `plain`, TRL's own method, returns for the other arguments; `plain` itself where packed rows do not fit.

        `batch_size` counts for `plain` alone: packed rows have a budget of tokens.
        """

        def by_plain(batch: PaddedBatch) -> Scores:
            return plain(
                model, batch.ids, batch.mask, batch.n_answer, batch_size=batch_size, compute_entropy=compute_entropy,
                compute_aux_loss=compute_aux_loss, **more,
            )  # fmt: skip

        batch = PaddedBatch(input_ids, attention_mask, logits_to_keep)
        other = compute_aux_loss or any(value is not None for value in more.values())
        which = next((place for place, ready in enumerate(self._ready) if bare(model) is ready), None)
        if self.off is not None or other or which is None:
            return by_plain(batch)
        groups = read_groups(batch)
        rows = [] if groups is None else pack_rows([rows.group for rows in groups], self.most_tokens)
        n_calls, unfit = _most_of_ranks([max(len(rows), 1), groups is None], input_ids.device)
        if unfit or groups is None:
            return by_plain(batch)
        if self.agreements[which] is None and not self._check(by_plain, model, which, batch, groups[0]):
            return by_plain(batch)
        with self._autocast():
            scores = [score_row(model, row, compute_entropy) for row in rows]
            for _ in range(n_calls - len(rows)):
                scores.append(_nothing_of(score_row(model, idle_row(groups[0].group), compute_entropy)))
        log_probs, entropies = put_back(scores, batch)
        return log_probs, entropies, None

    def _check(
        self, by_plain: Callable[[PaddedBatch], Scores], model: Any, which: int, batch: PaddedBatch, first: GroupRows
    ) -> bool:
        """Compares two answers of the `first` group on every rank. Returns whether packed rows go on.

        The longest answer, and the one that follows it, whose scores show whether it sees its neighbour.
        """
        lengths = [len(answer) for answer in first.group.answers]
        start = first.start + min(lengths.index(max(lengths)), max(len(lengths) - 2, 0))
        two = batch.rows(start, min(start + 2, first.stop))
        group = Group(first.group.prompt, first.group.answers[start - first.start :][: len(two.ids)])
        rows = pack_rows([group], sys.maxsize) or [idle_row(group)]
        with torch.no_grad(), warnings.catch_warnings():
            # What reentrant checkpointing says of any forward without gradients.
            warnings.filterwarnings("ignore", "None of the inputs have requires_grad")
            expected, *_ = by_plain(two)
            try:
                with self._autocast():
                    scores = [score_row(model, row) for row in rows]
            except Exception as error:  # kernels that a card, or a version of torch, does not run: the plain way does
                _most_of_ranks([True, 0], batch.ids.device)
                self._turn_off(f"it cannot be computed here: {type(error).__name__}: {str(error)[:300]}")
                return False
        if not any(lengths):
            scores = [_nothing_of(row) for row in scores]
        got, _ = put_back(scores, two)
        found = agreement(got, expected, two.answers_mask, _dtype(model, self._autocast))
        failed, n_tokens = _most_of_ranks([not found.holds, found.n_tokens], batch.ids.device)
        if failed:
            elsewhere = " (this rank agrees, another does not)" if found.holds else ""
            self._turn_off(f"it does not give the model's own scores: {found}{elsewhere}")
            return False
        if n_tokens:
            self.agreements[which] = found
        return True

    def _turn_off(self, reason: str) -> None:
        self.off = reason
        if self._mode == "on":
            raise TrainingError(
                f"a group's prompt cannot be computed once: {reason}. Set shared_prefix to \"off\" to train without."
            )
        warnings.warn(
            f"Prompts are computed anew for each answer, which is slower: {reason}.", SharedPrefixWarning, stacklevel=2
        )


def _nothing_of(scores: TokenScores) -> TokenScores:
    """No scores, in the same graph."""
    return TokenScores(scores.log_probs[:0], None if scores.entropies is None else scores.entropies[:0])


def _most_of_ranks(numbers: list[int], device: torch.device) -> list[int]:
    """The greatest of each number over all ranks."""
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return [int(number) for number in numbers]
    most = torch.tensor([int(number) for number in numbers], device=device)
    torch.distributed.all_reduce(most, op=torch.distributed.ReduceOp.MAX)
    return [int(number) for number in most.tolist()]


def _dtype(model: Any, autocast: Callable[[], AbstractContextManager[Any]]) -> torch.dtype:
    """What the model's matrix products compute in."""
    parameter = next(bare(model).parameters())
    with autocast():
        device = parameter.device.type
        dtype = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else parameter.dtype
    found: torch.dtype = dtype
    return found
