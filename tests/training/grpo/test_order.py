"""Which prompts a rollout takes depends on the seed and its number alone."""

import random

import numpy as np
import pytest
import torch
from trl.trainer.utils import RepeatSampler

from citerefine.training.errors import RecipeError
from citerefine.training.grpo.order import PromptOrder, RolloutSampler
from citerefine.training.grpo.seeding import seed_draw


def test_the_first_pass_is_that_of_trl() -> None:
    ours = RolloutSampler(PromptOrder(10, 4, seed=7), group_size=3, passes=2, rollouts=2)
    theirs = RepeatSampler(range(10), mini_repeat_count=3, batch_size=4, repeat_count=2, shuffle=True, seed=7)
    assert [*ours] == [*theirs]
    assert len(ours) == len([*ours])


def test_each_pass_over_the_data_has_an_order_of_its_own_and_each_prompt_once() -> None:
    order = PromptOrder(12, 4, seed=1)
    passes = [[place for rollout in range(3 * n, 3 * n + 3) for place in order.places(rollout)] for n in range(3)]
    assert all(sorted(one) == [*range(12)] for one in passes)
    assert len({tuple(one) for one in passes}) == 3


def test_any_rollout_can_be_asked_for_first() -> None:
    order = PromptOrder(10, 3, seed=5)
    in_order = [order.places(rollout) for rollout in range(20)]
    assert [PromptOrder(10, 3, seed=5).places(rollout) for rollout in reversed(range(20))] == in_order[::-1]


def test_rollouts_can_share_their_prompts() -> None:
    order = PromptOrder(8, 2, seed=0)
    rows = [*RolloutSampler(order, group_size=2, passes=1, rollouts=4, repeats=2)]
    assert rows[:4] == rows[4:8] != rows[8:12] == rows[12:]


def test_the_reserve_holds_all_others_once_in_an_order_of_the_rollout() -> None:
    order = PromptOrder(9, 3, seed=2)
    taken = {*order.places(4)}
    reserve = order.reserve(4, taken)
    assert sorted(reserve) == sorted({*range(9)} - taken)
    assert reserve == PromptOrder(9, 3, seed=2).reserve(4, taken) != order.reserve(5, taken)


def test_too_few_prompts_are_refused() -> None:
    with pytest.raises(RecipeError, match="takes 4 rows, and there are only 3; set rows_per_step to 3 or less"):
        PromptOrder(3, 4, seed=0, setting="rows_per_step")


def drawn(*what: int) -> tuple[float, float, float]:
    seed_draw(*what)
    return random.random(), float(np.random.random()), float(torch.rand(()))


def test_random_numbers_depend_on_the_draw_and_on_nothing_before() -> None:
    first = drawn(1, 2, 0, 0)
    torch.rand(100)
    assert drawn(1, 2, 0, 0) == first
    others = [drawn(2, 2, 0, 0), drawn(1, 3, 0, 0), drawn(1, 2, 1, 0), drawn(1, 2, 0, 1)]
    assert len({first, *others}) == 5
