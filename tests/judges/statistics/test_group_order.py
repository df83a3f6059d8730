"""Order and advantages within groups: worked out by hand, ties told apart from mistakes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import pearsonr, somersd

from citerefine.judges.statistics.group_order import FIGURES, advantages, order_estimates

ANSWERS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=2, max_size=12)


def test_pairs_are_counted_by_hand() -> None:
    """Group a: people 0 < 1 < 2, judge 0 < 2 > 1: two of three pairs right. Group b: people 0 < 1, judge ties.
    Group c: people tie. Of four pairs that people order two are right and one is tied."""
    people = [0, 1, 2, 0, 1, 5, 5]
    judge = [0, 2, 1, 3, 3, 1, 2]
    found = order_estimates(judge, people, [*"aaabbcc"])
    assert found["order_accuracy"].value == pytest.approx(2.5 / 4)
    assert found["tied_by_judge"].value == 1 / 4
    assert found["tied_by_people"].value == 1 / 5
    assert [found[name].n for name in FIGURES] == [4, 4, 5, 4, 4, 5]


def test_turned_and_lost_advantages_are_told_apart() -> None:
    """Group a: people's advantages -1, 0, 1, the judge's -1, 1, 0: of the two beyond .25 none is turned and one lost.
    Group b: people's ±.71, the judge's ∓.71: both turned. Group c: the judge does not spread: both lost."""
    found = order_estimates([0, 2, 1, 1, 0, 4, 4], [0, 1, 2, 0, 1, 0, 1], [*"aaabbcc"])
    assert found["sign_flips"].value == pytest.approx(2 / 6)
    assert found["sign_lost"].value == pytest.approx(3 / 6)
    # Products: 1 + 0 + 0, and -.5 twice; squares of the judge 2 + 1 + 0, of people 2 + 1 + 1.
    assert found["correlation"].value == pytest.approx(0 / np.sqrt(3 * 4))


def test_a_judge_that_shifts_and_stretches_the_scores_of_people_makes_no_mistake() -> None:
    people = [0.1, 0.4, 0.2, 0.9, 0.3, 0.3]
    found = order_estimates([5 * one - 7 for one in people], people, [*"aaabbb"])
    assert [found[name].value for name in FIGURES] == pytest.approx([1, 0, 1 / 6, 0, 0, 1])


def test_sums_of_the_same_weights_in_another_order_are_tied() -> None:
    found = order_estimates([0.1 + 0.2 + 0.3, 0.3 + 0.2 + 0.1], [1, 0], ["a", "a"])
    assert found["tied_by_judge"].value == 1


def test_answers_alone_in_their_group_say_nothing() -> None:
    found = order_estimates([1, 2], [2, 1], ["a", "b"])
    assert [found[name].value for name in FIGURES] == [None] * 6
    assert all(found[name].reason for name in FIGURES)
    assert [one.value for one in order_estimates([], [], []).values()] == [None] * 6


@given(ANSWERS)
def test_in_one_group_order_is_somers_d_and_correlation_pearsons(answers: list[tuple[int, int]]) -> None:
    people, judge = [a for a, _ in answers], [b for _, b in answers]
    found = order_estimates(judge, people, ["a"] * len(answers))
    if len({*people}) == 1:
        assert found["order_accuracy"].value is None
    elif len({*judge}) == 1:
        assert (found["order_accuracy"].value, found["correlation"].value) == (0.5, None)
    else:
        d = somersd(people, judge).statistic  # (right - wrong) / pairs that people order
        assert found["order_accuracy"].value == pytest.approx((d + 1) / 2)
        assert found["correlation"].value == pytest.approx(pearsonr(people, judge).statistic)


def test_the_advantages_of_a_group_have_mean_0_and_sample_deviation_1() -> None:
    found = advantages([3.0, 1.0, 4.0, 1.0])
    assert (found.mean(), found.std(ddof=1)) == pytest.approx((0, 1))
    assert advantages([2.0, 2.0]).tolist() == [0, 0]
    assert advantages([2.0]).tolist() == [0]


def test_intervals_are_over_prompts_not_pairs() -> None:
    rng = np.random.default_rng(5)
    people = rng.normal(size=200)
    judge = people + rng.normal(size=200)
    found = order_estimates(judge, people, [f"{k // 8}" for k in range(200)])["order_accuracy"]
    assert (found.clusters, found.n) == (25, 25 * 28)
    assert found.ci95 is not None
    assert found.ci95[0] < 0.75 < found.ci95[1]
    apart = 2 * 1.96 * np.sqrt(0.75 * 0.25 / found.n)
    assert found.ci95[1] - found.ci95[0] > 1.1 * apart
