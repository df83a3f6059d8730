"""Groups are found in a padded batch, spread over rows under a budget, and their scores put back in their places."""

import pytest
import torch
from tests.training.prefix.ways import padded_batch

from citerefine.training.prefix.batch import pack_rows, put_back, read_groups, spread
from citerefine.training.prefix.forward import TokenScores
from citerefine.training.prefix.plan import Group


def test_rows_with_the_same_prompt_that_follow_each_other_are_a_group() -> None:
    batch = padded_batch((5, (3, 0)), (7, (2,)), (5, (4, 1)))
    groups = read_groups(batch)
    assert groups is not None
    assert [(rows.start, rows.stop) for rows in groups] == [(0, 2), (2, 3), (3, 5)]
    assert [len(rows.group.prompt) for rows in groups] == [5, 7, 5]
    assert [[len(answer) for answer in rows.group.answers] for rows in groups] == [[3, 0], [2], [4, 1]]
    assert torch.equal(groups[1].group.answers[0], batch.ids[2, 7:9])
    assert torch.equal(groups[0].group.prompt, batch.ids[0, 2:7])


def test_a_prompt_that_another_ends_with_is_not_the_same() -> None:
    batch = padded_batch((5, (3,)), (7, (3,)))
    batch.ids[1, 2:7] = batch.ids[0, 2:7]
    groups = read_groups(batch)
    assert groups is not None
    assert len(groups) == 2


def test_what_stands_at_padding_makes_no_difference() -> None:
    batch = padded_batch((5, (3, 2)), (7, (3,)))
    batch.ids[batch.mask == 0] = torch.arange(int((batch.mask == 0).sum()))
    groups = read_groups(batch)
    assert groups is not None
    assert [(rows.start, rows.stop) for rows in groups] == [(0, 2), (2, 3)]


@pytest.mark.parametrize(("row", "column"), [(0, 3), (1, 9)])
def test_a_mask_with_holes_is_not_packed(row: int, column: int) -> None:
    batch = padded_batch((7, (4, 4)))
    assert read_groups(batch) is not None
    batch.mask[row, column] = 0
    assert read_groups(batch) is None


def test_a_row_without_a_prompt_is_not_packed() -> None:
    batch = padded_batch((7, (4, 4)))
    batch.mask[1] = 0
    assert read_groups(batch) is None


def group(prompt: int, *answers: int) -> Group:
    return Group(torch.zeros(prompt), [torch.zeros(n) for n in answers])


def shapes(rows: list[list[Group]]) -> list[list[tuple[int, list[int]]]]:
    return [[(len(part.prompt), [len(answer) for answer in part.answers]) for part in row] for row in rows]


def test_whole_groups_share_a_row_while_the_budget_lasts() -> None:
    rows = spread([group(11, 5, 5), group(11, 5, 5), group(11, 1)], most_tokens=40)
    assert shapes(rows) == [[(11, [5, 5]), (11, [5, 5])], [(11, [1])]]


def test_a_group_beyond_the_budget_is_split_and_its_prompt_repeated() -> None:
    assert shapes(spread([group(11, 5, 5, 5)], most_tokens=20)) == [[(11, [5, 5])], [(11, [5])]]


def test_one_answer_is_never_split() -> None:
    assert shapes(spread([group(11, 50, 1)], most_tokens=20)) == [[(11, [50])], [(11, [1])]]


def test_empty_answers_take_no_row() -> None:
    assert shapes(spread([group(11, 0, 3), group(11, 0)], most_tokens=20)) == [[(11, [3])]]
    assert pack_rows([group(11, 0)], 20) == []


def test_scores_go_back_to_their_rows_and_padding_is_0() -> None:
    batch = padded_batch((5, (2, 0, 1)), (7, (3,)))
    scores = [
        TokenScores(torch.tensor([1.0, 2.0, 3.0]), torch.tensor([0.1, 0.2, 0.3])),
        TokenScores(torch.tensor([4.0, 5.0, 6.0]), torch.tensor([0.4, 0.5, 0.6])),
    ]
    log_probs, entropies = put_back(scores, batch)
    assert log_probs.tolist() == [[1, 2, 0], [0, 0, 0], [3, 0, 0], [4, 5, 6]]
    assert entropies is not None
    assert entropies[3].tolist() == pytest.approx([0.4, 0.5, 0.6])
    assert put_back([TokenScores(row.log_probs, None) for row in scores], batch)[1] is None
