"""What the trainer takes from the breakdowns of rewards: terms for `gdpo`, and the credit of claims."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from tests.training.grpo.scripted import REWARDS, SCRIPT, given, loss_and_gradients
from tests.training.grpo.tiny_runs import first_batch, tokenizer_of, trainer

from citerefine.training.errors import RecipeError
from citerefine.training.rewards.combining import UNSUPPORTED


class Term(NamedTuple):
    name: str
    value: float | None
    weight: float


class Claim(NamedTuple):
    start: int
    end: int
    support: float | None


class Breakdown(NamedTuple):
    terms: tuple[Term, ...] = ()
    claims: tuple[Claim, ...] = ()
    reason: str = ""


class Detailed:
    """A reward with breakdowns."""

    __name__ = "reward"

    def __init__(self, rewards: Sequence[float | None], breakdowns: Sequence[Breakdown]) -> None:
        self.rewards, self.breakdowns = rewards, tuple(breakdowns)

    async def __call__(self, **_: Any) -> list[float | None]:
        return [*self.rewards]


def test_gdpo_normalises_each_term_of_the_breakdowns(tiny_qwen3: Path, tmp_path: Path) -> None:
    rows = [(r, 0.01 * n) for n, r in enumerate(REWARDS)]
    unused = Term("verification", None, 0.0)
    details = [Breakdown((Term("rubric", a, 2.0), Term("format", b, 1.0), unused)) for a, b in rows]
    made = trainer(
        tiny_qwen3, tmp_path, Detailed(REWARDS, details), scripts=[SCRIPT], advantage="gdpo", micro_groups=2
    )
    (batch,) = first_batch(made)
    terms = torch.tensor(rows, dtype=torch.float64).view(2, 4, 2)
    normalised = (terms - terms.mean(1, keepdim=True)) / (terms.std(1, keepdim=True) + 1e-4)
    sums = normalised @ torch.tensor([2.0, 1.0]).double()
    expected = (sums - sums.mean()) / (sums.std() + 1e-4)
    assert torch.allclose(batch["advantages"], expected.flatten().float(), atol=1e-5)


def test_gdpo_holds_down_an_answer_in_which_nothing_is_supported(tiny_qwen3: Path, tmp_path: Path) -> None:
    """Its form and its rubric are the best of the group, its reward is 0."""
    rows = [(0.0, 1.0, 1.0), (0.5, 1.0, 0.3), (0.6, 1.0, 0.2), (0.4, 1.0, 0.4)] * 2
    names, weights = ("citation", "format", "rubric"), (0.4, 0.1, 0.5)
    details = [
        Breakdown(tuple(map(Term, names, values, weights)), reason="" if values[0] else UNSUPPORTED)
        for values in rows
    ]
    rewards = [sum(w * v for w, v in zip(weights, row, strict=True)) if row[0] else 0.0 for row in rows]
    made = trainer(
        tiny_qwen3, tmp_path, Detailed(rewards, details), scripts=[SCRIPT], advantage="gdpo", micro_groups=2
    )
    (batch,) = first_batch(made)
    assert batch["advantages"].view(2, 4).argmin(1).tolist() == [0, 0]
    assert (batch["advantages"].view(2, 4)[:, 0] < -1).all()


def test_gdpo_needs_the_terms_of_rewards_and_says_so(tiny_qwen3: Path, tmp_path: Path) -> None:
    made = trainer(
        tiny_qwen3, tmp_path, given(REWARDS), scripts=[SCRIPT], advantage="gdpo", refill=True, refill_tokens=9999
    )
    with pytest.raises(RecipeError, match=r"advantage = 'gdpo' .* has no breakdowns of its last call; give it"):
        first_batch(made)
    assert made.sampled == 1


def test_claims_share_the_credit_of_their_answer(tiny_qwen3: Path, tmp_path: Path) -> None:
    """Of the first answer the first of two tokens is supported, the second is not; tokens behind have the row's."""
    tokenizer = tokenizer_of(tiny_qwen3)
    first, second = (len(tokenizer.decode([id])) for id in SCRIPT[0][:2])
    claims = (Claim(0, first, 1.0), Claim(first, first + second, 0.0))
    details = [Breakdown(claims=claims), *[Breakdown()] * 7]
    made = trainer(
        tiny_qwen3,
        tmp_path,
        Detailed(REWARDS, details),
        scripts=[SCRIPT],
        claim_credit=0.5,
        micro_groups=2,
        advantage="dr_grpo",
    )
    (batch,) = first_batch(made)
    whole = 1 - 1.75 / 4
    assert batch["advantages"][0].tolist() == pytest.approx([whole + 0.5, whole - 0.5, whole, 0])
    assert batch["advantages"][1].tolist() == pytest.approx([-1.75 / 4, -1.75 / 4, 0, 0])
    loss_and_gradients(made, batch)
