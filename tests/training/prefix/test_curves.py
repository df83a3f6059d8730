"""A run with prompts computed once, in sampling and in training, learns what one without them learns."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.training.grpo.tiny_runs import Scripted, prompts, trainer, weights

STEPS = 6


def short(completion_ids: Sequence[Sequence[int]], **_: Any) -> list[float | None]:
    """Pays for answers of low token numbers."""
    return [sum(id < 700 for id in ids) / len(ids) for ids in completion_ids]


def run(folder: Path, output: Path, **changes: Any) -> Scripted:
    made = trainer(
        folder, output, short, dataset=prompts(12), steps=STEPS, prompts_per_step=3, learning_rate=5e-4, **changes
    )
    made.train()
    return made


@pytest.mark.parametrize(
    "changes",
    [{}, {"groups_at_once": 1, "micro_groups": 3, "beta": 0.02}],
    ids=["a group a pass", "sampled in parts, three groups a pass, a reference model"],
)
def test_curves_and_weights_coincide(tiny_qwen3: Path, tmp_path: Path, changes: dict[str, Any]) -> None:
    shared, plain = (run(tiny_qwen3, tmp_path / mode, shared_prefix=mode, **changes) for mode in ("on", "off"))
    curves = [[line["reward"] for line in made.state.log_history if "reward" in line] for made in (shared, plain)]
    assert len(curves[0]) == STEPS
    assert curves[0] == curves[1]
    assert len({*curves[0]}) > 1
    found, expected = weights(shared.model), weights(plain.model)
    for name, value in found.items():
        assert torch.allclose(value, expected[name], atol=1e-5, rtol=0), name
