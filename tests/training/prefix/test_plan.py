"""A packed row holds each prompt once, and every answer as if it stood behind its prompt."""

import pytest
import torch

from citerefine.training.prefix.plan import Group, PrefixPlan, pack


def ids(*numbers: int) -> torch.Tensor:
    return torch.tensor(numbers)


def test_a_prompt_stands_once_and_each_answer_starts_with_its_last_token() -> None:
    row = pack([Group(ids(1, 2, 3), [ids(10, 11, 12), ids(20)])])
    assert row.ids.tolist() == [[1, 2, 3, 10, 11, 3]]
    assert row.labels.tolist() == [10, 11, 12, 20]
    assert row.plan == PrefixPlan(shared=(2,), answers=((3, 1),))


def test_positions_go_on_behind_the_prompt_for_each_answer_anew() -> None:
    row = pack([Group(ids(1, 2, 3), [ids(10, 11, 12), ids(20, 21)])])
    assert row.positions.tolist() == [[0, 1, 2, 3, 4, 2, 3]]


def test_prompts_of_several_groups_stand_before_all_answers() -> None:
    row = pack([Group(ids(1, 2, 3), [ids(10, 11)]), Group(ids(4, 5), [ids(20), ids(30, 31)])])
    assert row.ids.tolist() == [[1, 2, 4, 3, 10, 5, 5, 30]]
    assert row.positions.tolist() == [[0, 1, 0, 2, 3, 1, 1, 2]]
    assert row.labels.tolist() == [10, 11, 20, 30, 31]
    assert row.plan.n_shared == 3
    assert row.plan.n_tokens == 8


def test_an_empty_answer_takes_no_place() -> None:
    row = pack([Group(ids(1, 2, 3), [ids(), ids(10)])])
    assert row.ids.tolist() == [[1, 2, 3]]
    assert row.plan.answers == ((0, 1),)
    assert row.plan.segments() == [2, 1]


def test_a_prompt_of_one_token_shares_nothing() -> None:
    row = pack([Group(ids(7), [ids(10, 11)])])
    assert row.ids.tolist() == [[7, 10]]
    assert row.plan.shared == (0,)


def test_the_longest_view_is_that_of_the_last_token_of_a_longest_answer() -> None:
    assert PrefixPlan(shared=(5, 2), answers=((1, 3), (4,))).longest == 8


def test_groups_without_a_prompt_are_refused() -> None:
    with pytest.raises(ValueError, match=r"groups with prompts, got \[0\]"):
        pack([Group(ids(), [ids(1)])])
    with pytest.raises(ValueError, match="groups with prompts"):
        pack([])
