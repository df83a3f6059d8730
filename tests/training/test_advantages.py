"""Advantages of a group, with and without missing rewards, against brute force and against TRL's own arithmetic."""

from statistics import fmean, pstdev, stdev

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from citerefine.training.advantages import (
    EPSILON,
    Kind,
    gdpo_advantages,
    group_advantages,
    is_flat,
    least_rows,
)

REWARDS = st.lists(st.none() | st.floats(-5, 5).map(lambda x: round(x, 3)), min_size=2, max_size=16)
KINDS: list[Kind] = ["rloo", "grpo", "dr_grpo"]


@given(REWARDS)
def test_rloo_compares_each_answer_with_the_mean_of_the_others(rewards: list[float | None]) -> None:
    known = [reward for reward in rewards if reward is not None]
    got = group_advantages(rewards, "rloo", least=2)
    if len(known) < 2 or min(known) == max(known):
        assert not any(got.used_G)
        return
    for place, reward in enumerate(rewards):
        others = [other for at, other in enumerate(rewards) if at != place and other is not None]
        expected = 0.0 if reward is None else reward - fmean(others)
        assert got.advantages_G[place] == pytest.approx(expected, abs=1e-9)


@given(REWARDS, st.sampled_from(KINDS))
def test_a_missing_reward_changes_nothing_for_the_others(rewards: list[float | None], kind: Kind) -> None:
    with_gap = group_advantages([*rewards, None], kind, least=2)
    without = group_advantages(rewards, kind, least=2)
    assert with_gap.advantages_G == (*without.advantages_G, 0.0)
    assert with_gap.used_G == (*without.used_G, False)


@given(REWARDS, st.sampled_from(KINDS))
def test_used_advantages_sum_to_zero(rewards: list[float | None], kind: Kind) -> None:
    got = group_advantages(rewards, kind, least=2)
    assert sum(got.advantages_G) == pytest.approx(0, abs=1e-6)


def test_grpo_equals_trl_where_all_rewards_are_known() -> None:
    rewards = torch.tensor([0.2, 0.9, 0.4, 0.4])
    expected = (rewards - rewards.mean()) / (rewards.std() + EPSILON)
    got = group_advantages(rewards.tolist(), "grpo").advantages_G
    assert got == pytest.approx(expected.tolist(), rel=1e-5)


def test_dr_grpo_equals_trl_without_scaling_and_rloo_is_that_times_n_over_n_minus_1() -> None:
    rewards = [1.0, 0.0, 0.0, 0.0]
    plain = group_advantages(rewards, "dr_grpo").advantages_G
    assert plain == (0.75, -0.25, -0.25, -0.25)
    assert group_advantages(rewards, "rloo").advantages_G == pytest.approx([a * 4 / 3 for a in plain])


def test_a_partial_outage_is_not_a_bad_answer() -> None:
    """TRL sums the terms that are there: with .5 from citations the row without a rubric score gets −0.6."""
    got = group_advantages([1.3, 1.3, 1.3, None], "dr_grpo")
    assert got.advantages_G == (0.0, 0.0, 0.0, 0.0)
    got = group_advantages([1.3, 1.4, 1.3, None], "dr_grpo")
    assert got.used_G == (True, True, True, False)
    assert got.advantages_G[3] == 0.0


@pytest.mark.parametrize(("size", "share", "least"), [(8, 0.5, 4), (4, 0.5, 3), (16, 0.5, 8), (2, 0.5, 2), (8, 0.0, 3)])
def test_half_of_a_group_must_be_known_and_three_at_least(size: int, share: float, least: int) -> None:
    assert least_rows(size, share) == least


def test_too_few_known_rewards_leave_the_group_out_and_say_so() -> None:
    got = group_advantages([1.0, 0.0, None, None], "rloo", least=3)
    assert not any(got.used_G)
    assert got.reason.startswith("missing: 2 of 4")
    assert group_advantages([None] * 4).reason.startswith("missing: 0 of 4")
    assert group_advantages([1.0], least=1).reason.startswith("missing")


def test_a_spread_within_the_judges_noise_is_flat() -> None:
    assert is_flat([0.5, 0.5, 0.5])
    assert is_flat([0.1 + 0.2, 0.3, None], tolerance=1e-9)
    assert is_flat([0.50, 0.52, 0.51], tolerance=0.02)
    assert not is_flat([0.50, 0.60, 0.51], tolerance=0.02)
    assert group_advantages([0.5] * 4).reason.startswith("flat")


def test_gdpo_normalises_each_term_in_its_group_before_it_sums() -> None:
    terms = [[[1.0, 0.01], [0.0, 0.02], [0.0, 0.03]], [[0.5, 0.5], [0.5, 0.1], [0.6, 0.1]]]
    sums = []
    for group in terms:
        columns = list(zip(*group, strict=True))
        parts = [[(v - fmean(c)) / (stdev(c) + EPSILON) for v in c] for c in columns]
        sums += [2.0 * a + 1.0 * b for a, b in zip(*parts, strict=True)]
    expected = [(value - fmean(sums)) / (stdev(sums) + EPSILON) for value in sums]
    got = [value for group in gdpo_advantages(terms, [2.0, 1.0]) for value in group.advantages_G]
    assert got == pytest.approx(expected)
    assert pstdev(got) == pytest.approx(1, abs=0.2)


def test_gdpo_leaves_out_answers_without_a_term_and_terms_that_a_group_does_not_have() -> None:
    terms: list[list[list[float | None]]] = [
        [[1.0, None], [0.0, None], [0.5, None]],
        [[1.0, 0.2], [0.0, None], [0.5, 0.1], [0.2, 0.3]],
    ]
    first, second = gdpo_advantages(terms, [1.0, 1.0])
    assert first.used_G == (True, True, True)
    assert second.used_G == (True, False, True, True)
    assert second.advantages_G[1] == 0.0


def test_gdpo_takes_a_reward_that_is_held_down_for_the_lowest_in_every_term() -> None:
    """The first answer claims nothing that is supported: form and rubric do not make up for it."""
    terms = [[0.0, 1.0, 1.0], [0.5, 1.0, 0.3], [0.6, 1.0, 0.2], [0.4, 1.0, 0.4]]
    (free,) = gdpo_advantages([terms], [0.4, 0.1, 0.5])
    (held,) = gdpo_advantages([terms], [0.4, 0.1, 0.5], held_down_BG=[[True, False, False, False]])
    assert free.advantages_G[0] == max(free.advantages_G)
    assert held.advantages_G[0] == min(held.advantages_G) < 0
    as_zero = gdpo_advantages([[[0.0, 0.0, 0.0], *terms[1:]]], [0.4, 0.1, 0.5])
    assert [held] == as_zero


def test_gdpo_holds_down_to_what_is_below_nothing_too() -> None:
    (held,) = gdpo_advantages([[[0.9], [-0.5], [0.2]]], [1.0], held_down_BG=[[True, False, False]])
    assert held.advantages_G[0] == held.advantages_G[1] < held.advantages_G[2]
    (missing,) = gdpo_advantages([[[None], [0.5], [0.2], [0.1]]], [1.0], held_down_BG=[[True, False, False, False]])
    assert missing.used_G == (False, True, True, True)


def test_gdpo_blows_up_no_term_that_is_within_the_judges_noise() -> None:
    terms = [[1.0, 0.50], [0.0, 0.51], [0.5, 0.50], [0.8, 0.515]]
    (got,) = gdpo_advantages([terms], [0.5, 0.5], tolerance=0.05)
    (alone,) = gdpo_advantages([[[first, 0.5] for first, _ in terms]], [0.5, 0.5])
    assert got == alone


def test_gdpo_of_a_batch_without_signal_moves_nothing() -> None:
    groups = gdpo_advantages([[[1.0], [1.0], [1.0]], [[None], [None], [1.0]]], [1.0])
    assert [group.reason.partition(":")[0] for group in groups] == ["flat", "missing"]
    assert not any(any(group.used_G) for group in groups)
