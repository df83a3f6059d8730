"""An answer without reward moves nothing, and changes nothing for the others."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from citerefine.training.advantages import group_advantages, least_rows
from citerefine.training.grpo.missing import GroupRule, Kind, TermMatrix, into_passes, leave_out, row_scales, settle

RULE = GroupRule("dr_grpo", 4, 0.5, 0.0)
REWARDS = st.lists(st.none() | st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=12, max_size=12)


@given(REWARDS, st.sampled_from(["rloo", "grpo", "dr_grpo"]))
def test_rows_are_settled_group_by_group(rewards: list[float | None], kind: Kind) -> None:
    settled = settle(RULE._replace(kind=kind), rewards)
    for start in range(0, 12, 4):
        expected = group_advantages(rewards[start : start + 4], kind, least=least_rows(4, 0.5))  # type: ignore[arg-type]
        assert settled.advantages_B[start : start + 4] == expected.advantages_G
        assert settled.used_B[start : start + 4] == expected.used_G
        assert settled.reasons_G[start // 4] == expected.reason


@given(REWARDS)
def test_only_rows_with_a_reward_in_a_group_that_has_enough_have_a_place_in_means(rewards: list[float | None]) -> None:
    settled = settle(RULE, rewards)
    for place, reward in enumerate(rewards):
        group = rewards[place // 4 * 4 :][:4]
        assert settled.counted_B[place] == (reward is not None and sum(r is not None for r in group) >= 3)


def test_a_partial_outage_leaves_its_row_out() -> None:
    """Four equal answers with .5 for citations each, .8/.8/.8 and an outage for rubrics."""
    settled = settle(RULE, [1.3, 1.3, 1.3, None])
    assert settled.reasons_G[0].startswith("flat")
    assert settled.advantages_B == (0.0,) * 4
    assert settled.counted_B == (True, True, True, False)


def test_a_mean_over_all_rows_becomes_one_over_those_that_count() -> None:
    settled = settle(RULE, [1.0, 0.0, 0.5, None, 1.0, None, None, None])
    assert row_scales(settled.counted_B, 1, 1) == pytest.approx([8 / 3])
    assert row_scales(settle(RULE, [None] * 4).counted_B, 1, 1) == [1.0]
    assert row_scales(settle(RULE, [1.0] * 4).counted_B, 1, 1) == [1.0]


def test_each_update_has_a_mean_of_its_own_over_all_processes() -> None:
    """Two processes with eight rows each, of which the first four are of the first update."""
    counted = [False] * 4 + [True] * 4 + [True] * 2 + [False] * 2 + [True] * 4
    assert row_scales(counted, processes=2, updates=2) == [4.0, 1.0]
    assert row_scales(counted, processes=1, updates=2) == [2.0, 16 / 12]


def test_each_update_counts_its_own_tokens() -> None:
    mask = torch.tensor([[0, 0], [1, 0], [1, 1], [1, 1]])
    passes = into_passes({"completion_mask": mask}, 4, [2.0, 1.0], total=lambda tokens: tokens * 3)
    assert [int(part["num_items_in_batch"]) for part in passes] == [6, 6, 24, 24]  # × 2 updates, as TRL divides by
    assert [float(part["row_scale"]) for part in passes] == [2.0, 2.0, 1.0, 1.0]


def test_gdpo_leaves_out_answers_without_reward_whatever_their_terms() -> None:
    rule = RULE._replace(kind="gdpo")
    terms: list[list[float | None]] = [[1.0, 0.1], [0.0, 0.3], [0.5, 0.2], [0.9, 0.9]]
    settled = settle(rule, [1.1, 0.3, 0.7, None], TermMatrix(terms, [1.0, 1.0], [False] * 4))
    assert settled.used_B == (True, True, True, False)
    assert settled.advantages_B[3] == 0.0


def test_rows_that_are_left_out_have_no_mask_and_nothing_that_is_no_number() -> None:
    tensors = {
        "completion_mask": torch.ones(2, 3, dtype=torch.long),
        "ref_per_token_logps": torch.full((2, 3), -math.inf),
        "importance_sampling_ratio": torch.full((2, 1), math.inf),
    }
    leave_out(tensors, [True, False])
    assert tensors["completion_mask"].tolist() == [[1, 1, 1], [0, 0, 0]]
    assert tensors["ref_per_token_logps"][1].tolist() == [0.0, 0.0, 0.0]
    assert tensors["importance_sampling_ratio"][1].tolist() == [0.0]
    assert tensors["importance_sampling_ratio"][0].tolist() == [math.inf]
