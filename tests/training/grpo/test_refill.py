"""Groups without signal are replaced by groups of further prompts, within the budget."""

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from citerefine.training.grpo.refill import Refilled, Source, refill
from citerefine.training.grpo.rollout import Rollout, picked

GROUP, PAD = 2, 9


def rollout(groups: Sequence[int], width: int = 3) -> Rollout:
    """Groups of 10 tokens, known by a number; those of a negative number have no signal."""
    ids = [group for group in groups for _ in range(GROUP)]
    tensors = {
        "prompt_ids": torch.tensor([[group] * width for group in ids]).reshape(len(ids), width),
        "prompt_mask": torch.tensor([[1] * 2 + [0] * (width - 2) for _ in ids]).reshape(len(ids), width),
        "completion_mask": torch.ones(len(ids), width, dtype=torch.long),
        "num_items_in_batch": torch.tensor(1),
    }
    n = len(ids)
    rows = [{"id": group} for group in ids]
    return Rollout(tensors, rows, [""] * n, [[1] * 3] * n, [0.0] * n, [False] * n, [False] * n, [None] * n)


class Reserve:
    """Further prompts: place p gives the group signal[p]."""

    def __init__(self, signal: Sequence[int]) -> None:
        self.signal, self.rounds = signal, list[list[int]]()

    def source(self, **changes: Any) -> Source:
        def sample(places: Sequence[int], draw: int) -> Rollout:
            assert draw == len(self.rounds) + 1
            self.rounds.append([*places])
            return rollout([self.signal[place] for place in places], width=4)

        places = range(len(self.signal))
        usual = Source(places, lambda place: 10, sample, without_signal, lambda n: [n], 0, 1, GROUP, PAD)
        return usual._replace(**changes)


def without_signal(of: Rollout) -> list[int]:
    return [number for number, row in enumerate(of.rows_B[::GROUP]) if row["id"] < 0]


def groups(of: Refilled) -> list[int]:
    ids = [row["id"] for row in of.rollout.rows_B]
    assert ids[::2] == ids[1::2]
    return ids[::2]


def test_a_group_without_signal_gives_way_to_one_that_has_some() -> None:
    reserve = Reserve([-5, 6, 7])
    done = refill(rollout([1, -2, 3, -4]), reserve.source(), budget=1000)
    assert groups(done) == [1, 6, 3, 7]
    assert reserve.rounds == [[0, 1], [2]]
    assert (done.replaced, done.sampled) == (2, 3)


def test_a_full_rollout_samples_nothing() -> None:
    reserve = Reserve([5])
    assert groups(refill(rollout([1, 2]), reserve.source(), 1000)) == [1, 2]
    assert reserve.rounds == []


@pytest.mark.parametrize(("budget", "sampled"), [(9, 0), (10, 1), (19, 1), (20, 2), (1000, 3)])
def test_no_round_can_exceed_the_budget(budget: int, sampled: int) -> None:
    """A group may take 10 tokens, and takes 10."""
    assert refill(rollout([-1, -2]), Reserve([-3, -4, -5]).source(), budget).sampled == sampled


def test_what_was_not_used_of_a_round_is_there_for_the_next() -> None:
    done = refill(rollout([-1]), Reserve([-3, -4, 5]).source(bound=lambda place: 100), budget=125)
    assert (groups(done), done.sampled) == ([5], 3)  # 125, 115, 105: each round takes 10 of the 100 it could


def test_prompts_that_run_out_end_it() -> None:
    done = refill(rollout([-1, 2, -3]), Reserve([-4, 5]).source(), 1000)
    assert groups(done) == [5, 2, -3]


def test_processes_sample_equally_many_groups_each_its_own() -> None:
    """The other process lacks three groups, this one one: both sample three."""
    seen = dict[int, list[list[int]]]()
    for process in (0, 1):
        reserve = Reserve([*range(1, 9)])
        wanted = iter([[1, 3], [40, 40], [0, 0]])
        source = reserve.source(process=process, processes=2, gather=lambda n, wanted=wanted: next(wanted))
        done = refill(rollout([1, -2]), source, 1000)
        assert done.sampled == 6
        seen[process] = reserve.rounds
    assert seen == {0: [[0, 1, 2]], 1: [[3, 4, 5]]}


def test_a_rest_that_cannot_be_shared_out_is_not_sampled() -> None:
    reserve = Reserve([1, 2, 3])
    source = reserve.source(processes=2, gather=lambda n: [n, n])
    assert refill(rollout([-1, -2]), source, 1000).sampled == 2


@given(st.lists(st.integers(-9, 9).filter(bool), max_size=6), st.lists(st.integers(-9, 9).filter(bool), max_size=8))
def test_groups_with_signal_stay_where_they_are(first: list[int], reserve: list[int]) -> None:
    done = refill(rollout(first), Reserve(reserve).source(), 1000)
    after = groups(done)
    good = [group for group in reserve if group > 0]
    assert all(now == before for before, now in zip(first, after, strict=True) if before > 0)
    assert [now for before, now in zip(first, after, strict=True) if before < 0 < now] == good[: done.replaced]
    assert done.replaced == min(len(good), sum(group < 0 for group in first))


def test_rows_of_two_rollouts_are_padded_as_trl_pads() -> None:
    one, other = rollout([1], width=2), rollout([2], width=4)
    both = picked([one, other], [(0, 0), (1, 1)], PAD)
    assert both.tensors["prompt_ids"].tolist() == [[PAD, PAD, 1, 1], [2, 2, 2, 2]]
    assert both.tensors["prompt_mask"].tolist() == [[0, 0, 1, 1], [1, 1, 0, 0]]
    assert both.tensors["completion_mask"].tolist() == [[1, 1, 0, 0], [1, 1, 1, 1]]
    assert both.tensors["num_items_in_batch"].ndim == 0
    assert [row["id"] for row in both.rows_B] == [1, 2]
