"""Judges that fail for a share of the answers: those move nothing, and the others as if they were alone."""

import random
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
import torch
from tests.training.grpo.tiny_runs import by_first_token, first_batch, prompts, same, trainer, weights

from citerefine.training.errors import JudgeOutage

GROUPS, SIZE = 16, 4


class Flaky:
    """A reward of which a share is missing, drawn by seed."""

    def __init__(self, share: float, seed: int = 0) -> None:
        self.dice, self.share = random.Random(seed), share
        self.given: list[float | None] = []

    async def __call__(self, completion_ids: Sequence[Sequence[int]], **_: Any) -> list[float | None]:
        rewards = by_first_token(completion_ids)
        self.given = [None if self.dice.random() < self.share else reward for reward in rewards]
        return self.given


def brute_force(rewards: Sequence[float | None]) -> list[float]:
    """Each known reward against the mean of the other known ones of its group, if three are known and differ."""
    found: list[float] = []
    for start in range(0, len(rewards), SIZE):
        group = rewards[start : start + SIZE]
        known = [reward for reward in group if reward is not None]
        enough = len(known) >= 3 and len(set(known)) > 1
        for place, reward in enumerate(group):
            others = [other for at, other in enumerate(group) if at != place and other is not None]
            found.append(reward - fmean(others) if enough and reward is not None else 0.0)
    return found


@pytest.mark.parametrize("share", [0.01, 0.1, 0.4])
def test_who_is_missing_moves_nothing_and_the_others_are_compared_without_it(
    tiny_qwen3: Path, tmp_path: Path, share: float
) -> None:
    reward = Flaky(share, seed=5)
    made = trainer(tiny_qwen3, tmp_path, reward, dataset=prompts(GROUPS), prompts_per_step=GROUPS, micro_groups=GROUPS)
    (batch,) = first_batch(made)
    assert None in reward.given
    assert batch["advantages"].tolist() == pytest.approx(brute_force(reward.given), abs=1e-6)
    trained = batch["completion_mask"].any(dim=1).tolist()
    assert trained == [value != 0 for value in batch["advantages"].tolist()]
    assert not any(is_trained and given is None for is_trained, given in zip(trained, reward.given, strict=True))
    logps = made._get_per_token_logps_and_entropies(
        made.model,
        torch.cat([batch["prompt_ids"], batch["completion_ids"]], dim=1),
        torch.cat([batch["prompt_mask"], batch["completion_mask"]], dim=1),
        batch["completion_ids"].size(1),
    )[0]
    expected = -(batch["advantages"][:, None] * batch["completion_mask"] * logps).sum() / (len(trained) * 6)
    scaled = expected * len(trained) / counted(reward.given)
    made.current_gradient_accumulation_steps = 1
    found = torch.autograd.grad(made._compute_loss(made.model, batch), made.model.lm_head.weight, retain_graph=True)
    wanted = torch.autograd.grad(scaled, made.model.lm_head.weight)
    assert torch.allclose(found[0], wanted[0], atol=1e-6)


def counted(rewards: Sequence[float | None]) -> int:
    """Rows with a reward, in groups that have three."""
    groups = [[r for r in rewards[start : start + SIZE] if r is not None] for start in range(0, len(rewards), SIZE)]
    return sum(len(group) for group in groups if len(group) >= 3)


def test_when_all_is_missing_no_step_is_taken_and_the_run_goes_on_when_judges_are_back(
    tiny_qwen3: Path, tmp_path: Path
) -> None:
    plain = trainer(tiny_qwen3, tmp_path / "plain", Flaky(0.0), steps=3)
    plain.train()
    reward = Flaky(0.0)
    before: list[dict[str, torch.Tensor]] = []

    async def breaking(completion_ids: Any, trainer_state: Any, **_: Any) -> list[float | None]:
        before.append(weights(made.model))
        reward.share = 1.0 if trainer_state.global_step == 1 else 0.0
        return await reward(completion_ids)

    made = trainer(tiny_qwen3, tmp_path / "out", breaking, steps=3)
    with pytest.raises(JudgeOutage, match="none of the answers of step 1 has a reward"):
        made.train()
    assert same(weights(made.model), before[-1])
    again = trainer(tiny_qwen3, tmp_path / "out", Flaky(0.0), steps=3)
    again.train(True)
    assert same(weights(again.model), weights(plain.model))
