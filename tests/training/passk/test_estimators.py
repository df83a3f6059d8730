"""pass@k and the best of k are the averages over all ways to draw k of n answers, which are gone through here."""

import time
from itertools import combinations, product
from math import isclose
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citerefine.training.passk.estimators import best_bounds, best_of, mean_bounds, pass_at

VALUES = st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=1, max_size=8)


@pytest.mark.parametrize("n", range(1, 9))
def test_pass_at_k_is_the_share_of_draws_that_hold_a_right_answer(n: int) -> None:
    for right, k in product(range(n + 1), range(1, n + 1)):
        answers = [True] * right + [False] * (n - right)
        draws = [any(drawn) for drawn in combinations(answers, k)]
        assert isclose(pass_at(n, right, k), fmean(draws), abs_tol=1e-12)


@given(VALUES, st.data())
def test_the_best_of_k_is_the_mean_over_all_draws_of_k(values: list[float], data: st.DataObject) -> None:
    k = data.draw(st.integers(1, len(values)))
    assert isclose(best_of(values, k), fmean(max(drawn) for drawn in combinations(values, k)), abs_tol=1e-12)


@given(st.lists(st.booleans(), min_size=1, max_size=64), st.data())
def test_of_right_and_wrong_answers_the_best_of_k_is_pass_at_k(answers: list[bool], data: st.DataObject) -> None:
    k = data.draw(st.integers(1, len(answers)))
    assert isclose(best_of([*map(float, answers)], k), pass_at(len(answers), sum(answers), k), abs_tol=1e-12)


def test_pass_at_k_is_without_bias_and_the_share_of_right_answers_to_the_power_of_k_is_not() -> None:
    """All samples of n = 4 answers, each right with a chance of 0.3: the mean is 1 - 0.7 ** k (Chen et al. 2021)."""
    p, n, k = 0.3, 4, 2
    found = naive = 0.0
    for answers in product((True, False), repeat=n):
        right = sum(answers)
        chance = p**right * (1 - p) ** (n - right)
        found += chance * pass_at(n, right, k)
        naive += chance * (1 - (1 - right / n) ** k)
    assert isclose(found, 1 - (1 - p) ** k)
    assert abs(naive - (1 - (1 - p) ** k)) > 0.03


def test_n_is_as_large_as_is_drawn_in_practice_without_losing_digits() -> None:
    assert isclose(pass_at(4096, 1, 1), 1 / 4096)
    assert pass_at(4096, 1, 4096) == 1.0
    assert pass_at(4096, 0, 2048) == 0.0
    assert isclose(best_of([0.0] * 4095 + [1.0], 2048), 0.5)


def test_many_problems_take_hardly_longer_than_one() -> None:
    """The numbers of ways have thousands of digits, and are the same for all."""
    values = [0.0] * 2047 + [1.0]
    began = time.process_time()
    for _ in range(200):
        best_of(values, 1024)
    assert time.process_time() - began < 5


@given(st.lists(st.sampled_from([0.0, 1.0, None]), min_size=1, max_size=7), st.data())
def test_bounds_hold_whatever_unknown_answers_are_worth_and_are_reached(
    values: list[float | None], data: st.DataObject
) -> None:
    k = data.draw(st.integers(1, len(values)))
    ways = product(*([value] if value is not None else [0.0, 0.5, 1.0] for value in values))
    each = [list(way) for way in ways]
    for bounds, figures in (
        (best_bounds(values, k), [best_of(way, k) for way in each]),
        (mean_bounds(values), [fmean(way) for way in each]),
    ):
        assert isclose(bounds.low, min(figures), abs_tol=1e-12)
        assert isclose(bounds.high, max(figures), abs_tol=1e-12)


@pytest.mark.parametrize(("n", "right", "k"), [(4, 5, 1), (4, 1, 0), (4, 1, 5), (4, -1, 1)])
def test_what_cannot_be_drawn_is_refused(n: int, right: int, k: int) -> None:
    with pytest.raises(ValueError, match="pass@"):
        pass_at(n, right, k)


def test_the_best_of_more_than_there_are_is_refused() -> None:
    with pytest.raises(ValueError, match="there are 2"):
        best_of([1.0, 0.0], 3)
