"""A tiny model learns to write some tokens more often, with judges that fail now and then."""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.training.grpo.tiny_runs import trainer

WANTED = range(1000, 1400)


def test_what_is_rewarded_becomes_more_frequent(tiny_qwen3: Path, tmp_path: Path) -> None:
    dice, shares = random.Random(1), list[float]()

    def reward(completion_ids: Sequence[Sequence[int]], **_: Any) -> list[float | None]:
        hits = [sum(id in WANTED for id in ids) / len(ids) for ids in completion_ids]
        shares.append(sum(hits) / len(hits))
        return [None if dice.random() < 0.2 else hit for hit in hits]

    made = trainer(tiny_qwen3, tmp_path, reward, steps=20, prompts_per_step=4, group_size=8, micro_groups=4)
    made.train()
    assert shares[0] < 0.3
    assert min(shares[-3:]) > 0.6
