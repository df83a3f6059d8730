"""Paired comparisons: differences by question, p-values that hold what they say, and what could have been told."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from citerefine.judges.statistics.clusters import Floats
from citerefine.judges.statistics.estimate import MOST_RESAMPLED
from citerefine.judges.statistics.holm import adjust_holm
from citerefine.judges.statistics.paired import PairedDifference, compare_paired, sign_flip_p
from citerefine.judges.statistics.power import detectable_difference, questions_needed


def compare(a: Floats, b: Floats, questions: list[str] | None = None) -> PairedDifference:
    named = questions or [str(n) for n in range(len(a))]
    return compare_paired({"f1": a}, {"f1": b}, named)["f1"]


def two_systems(n: int, gain: float, seed: int = 0) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(seed)
    a = rng.random(n)
    return a, a + gain + rng.normal(0, 0.25, n)


def test_the_difference_is_b_minus_a_with_its_interval() -> None:
    a, b = two_systems(300, 0.1)
    found = compare(a, b)
    assert found.difference.value == pytest.approx(b.mean() - a.mean())
    assert found.difference.ci95 is not None
    low, high = found.difference.ci95
    error = (b - a).std(ddof=1) / np.sqrt(300)
    assert (low, high) == pytest.approx(((b - a).mean() - 1.96 * error, (b - a).mean() + 1.96 * error), abs=0.005)
    assert [found.mean_a, found.mean_b] == pytest.approx([a.mean(), b.mean()])


def test_pairing_tells_what_two_intervals_side_by_side_cannot() -> None:
    rng = np.random.default_rng(1)
    a = rng.random(100)
    found = compare(a, a + rng.normal(0.02, 0.01, 100))
    assert found.p == pytest.approx(1 / 10_001)
    assert found.difference.ci95 is not None
    assert found.difference.ci95[0] > 0.015


def test_only_pairs_with_both_figures_count() -> None:
    found = compare_paired({"f1": [0.5, None, 0.1]}, {"f1": [0.7, 0.9, None]}, ["a", "b", "c"])["f1"]
    assert (found.mean_a, found.mean_b, found.difference.n) == (0.5, 0.7, 1)
    assert (found.p, found.sd, found.detectable) == (None, None, None)


def test_a_metric_that_one_side_lacks_is_an_error() -> None:
    with pytest.raises(ValueError, match="B has no column recall"):
        compare_paired({"recall": [1.0]}, {"f1": [1.0]}, ["a"])


def test_two_equal_systems_differ_in_nothing_and_tell_no_power() -> None:
    a, _ = two_systems(20, 0)
    found = compare(a, a)
    assert (found.difference.value, found.difference.ci95, found.p) == (0, (0, 0), 1)
    assert (found.sd, found.detectable) == (0, None)


def test_a_difference_that_is_the_same_everywhere_tells_no_power() -> None:
    found = compare(np.arange(30) / 100, np.arange(30) / 100 + 0.1)
    assert (found.sd, found.detectable) == (0, None)
    assert found.difference.value == pytest.approx(0.1)


def test_with_few_questions_all_signs_are_gone_through() -> None:
    gaps = np.array([0.3, 0.1, -0.2, 0.4, 0.05])
    seen = abs(gaps.sum())
    signs = list(product((-1, 1), repeat=5))
    plain = sum(abs(np.dot(sign, gaps)) >= seen - 1e-12 for sign in signs) / len(signs)
    assert sign_flip_p(gaps) == plain
    assert sign_flip_p(np.array([1.0, 1.0, 1.0])) == 0.25


def test_random_signs_agree_with_all_of_them() -> None:
    gaps = np.random.default_rng(2).normal(0.1, 0.3, 13)
    exact = sign_flip_p(gaps)
    drawn = sign_flip_p(np.concatenate([gaps, [1e-15]]))  # one more, and they are drawn
    assert drawn == pytest.approx(exact, abs=0.02)


def test_questions_without_a_difference_change_no_p_value() -> None:
    gaps = np.array([0.3, 0.1, -0.2, 0.4])
    assert sign_flip_p(np.concatenate([gaps, np.zeros(40)])) == sign_flip_p(gaps)


def test_a_p_value_is_never_zero() -> None:
    assert sign_flip_p(np.ones(500)) == 1 / 10_001
    assert sign_flip_p(np.ones(3), draws=10) > 0


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=30))
def test_p_is_a_probability_and_does_not_know_which_system_is_a(gaps: list[float]) -> None:
    p = sign_flip_p(np.array(gaps), draws=200)
    assert 0 < p <= 1
    assert sign_flip_p(-np.array(gaps), draws=200) == pytest.approx(p)


def test_under_no_difference_one_p_in_twenty_is_below_a_twentieth() -> None:
    rng = np.random.default_rng(4)
    below = sum(sign_flip_p(rng.normal(0, 1, 40), draws=400, seed=run) < 0.05 for run in range(400))
    assert 8 <= below <= 35


def test_with_very_many_questions_the_normal_limit_agrees_with_random_signs() -> None:
    gaps = np.random.default_rng(6).normal(0.003, 0.25, MOST_RESAMPLED + 1)
    assert sign_flip_p(gaps) == pytest.approx(sign_flip_p(gaps[:-1], draws=2_000), abs=0.03)


def test_signs_flip_by_question_not_by_row() -> None:
    a, b = two_systems(8, 0.3, seed=9)
    alone = compare(a, b)
    repeated = compare(np.repeat(a, 20), np.repeat(b, 20), [f"q{n // 20}" for n in range(160)])
    assert repeated.p == alone.p
    assert repeated.sd == pytest.approx(alone.sd)
    assert repeated.detectable == pytest.approx(alone.detectable)


def test_the_spread_is_the_sample_deviation_of_the_differences() -> None:
    a, b = two_systems(40, 0)
    assert compare(a, b).sd == pytest.approx((b - a).std(ddof=1))


@pytest.mark.parametrize(
    ("sd", "difference", "questions"), [(0.21, 0.05, 139), (0.28, 0.05, 247), (0.21, 0.03, 385), (0.28, 0.03, 684)]
)
def test_power_is_the_textbook_formula(sd: float, difference: float, questions: int) -> None:
    assert questions_needed(sd, difference) == questions
    found = detectable_difference(sd, questions)
    assert found is not None
    assert found <= difference < found * 1.01


def test_the_detectable_difference_is_found_four_times_in_five() -> None:
    rng = np.random.default_rng(8)
    difference = detectable_difference(0.25, 100)
    assert difference is not None
    found = sum(sign_flip_p(rng.normal(difference, 0.25, 100), draws=400, seed=run) < 0.05 for run in range(300))
    assert 0.72 <= found / 300 <= 0.88


def test_nothing_that_scatters_tells_no_power() -> None:
    assert detectable_difference(0.0, 100) is None
    assert detectable_difference(0.2, 0) is None
    assert questions_needed(0.0, 0.05) is None
    assert questions_needed(0.2, 0.0) is None


def test_holm_steps_down_and_never_falls() -> None:
    adjusted = adjust_holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005})
    assert adjusted == pytest.approx({"a": 0.03, "b": 0.06, "c": 0.06, "d": 0.02})
    assert list(adjusted) == ["a", "b", "c", "d"]


def test_what_was_not_tested_is_not_corrected_for() -> None:
    assert adjust_holm({"a": 0.03, "b": None}) == {"a": 0.03, "b": None}
    assert adjust_holm({"a": 0.9, "b": 0.8}) == {"a": 1.0, "b": 1.0}
    assert adjust_holm({}) == {}


@given(st.dictionaries(st.text(max_size=3), st.floats(0, 1), max_size=6))
def test_a_corrected_p_is_at_least_the_plain_one_and_keeps_their_order(p: dict[str, float]) -> None:
    adjusted = adjust_holm(p)
    in_order = [adjusted[name] or 0.0 for name in sorted(p, key=p.__getitem__)]
    assert in_order == sorted(in_order)
    assert all(p[name] <= (adjusted[name] or 0.0) <= 1 for name in p)
