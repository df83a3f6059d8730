"""Answers and rewards that a test sets, and what a trainer makes of them.

In: ids and rewards of two groups of four. Out: losses, gradients. Not here: trainers (tiny_runs.py).
"""

from collections.abc import Sequence
from typing import Any, Final

import torch

EOS: Final = 2002
"""Of the tiny model."""
SCRIPT: Final = [
    *([11, 12, EOS], [13, EOS], [14, 15, 16, EOS], [17, EOS]),
    *([18, 19, EOS], [20, EOS], [21, EOS], [22, 23, EOS]),
]
REWARDS: Final = [1.0, 0.0, 0.5, 0.25, 0.3, 0.9, 0.1, 0.2]


def given(rewards: Sequence[float | None]) -> Any:
    def reward(**_: Any) -> list[float | None]:
        return [*rewards]

    return reward


def loss_and_gradients(made: Any, batch: Any) -> tuple[float, dict[str, torch.Tensor]]:
    made.model.zero_grad()
    made.current_gradient_accumulation_steps = 1
    loss = made._compute_loss(made.model, batch)
    loss.backward()
    return float(loss.detach()), {name: p.grad.clone() for name, p in made.model.named_parameters()}
