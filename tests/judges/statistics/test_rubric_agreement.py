"""Agreement of verdicts with several labels a row: examples worked out by hand, and scikit-learn's figures."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, cohen_kappa_score, f1_score, matthews_corrcoef

from citerefine.judges.statistics.agreement import FIGURES, agreement_estimates, ceiling_estimates
from citerefine.judges.statistics.alpha import alpha_estimate
from citerefine.judges.statistics.source_bias import bias_estimates

ROWS = st.lists(st.tuples(st.lists(st.booleans(), min_size=1, max_size=3), st.booleans()), min_size=1, max_size=25)


def texts(n: int) -> list[str]:
    return [f"prompt {k}" for k in range(n)]


def test_each_label_of_a_row_counts_as_in_the_healthbench_meta_evaluation() -> None:
    """By hand: pairs (label, verdict) are 1-1, 1-1, 1-1, 0-1, 0-0, 0-0, 1-0: precision 3/4 and recall 3/4 of yes, 2/3
    and 2/3 of no."""
    labels = [[True, True], [True, False], [False, False], [True]]
    found = agreement_estimates(labels, [True, True, False, False], "abcd")
    assert found["macro_f1"].value == pytest.approx((3 / 4 + 2 / 3) / 2)
    assert found["accuracy"].value == pytest.approx(5 / 7)
    assert found["false_positive_rate"].value == pytest.approx(1 / 3)
    assert found["false_negative_rate"].value == pytest.approx(1 / 4)
    chance = (4 * 4 + 3 * 3) / 49
    assert found["kappa"].value == pytest.approx((5 / 7 - chance) / (1 - chance))
    assert [found[name].n for name in FIGURES] == [7, 7, 7, 7, 3, 4]


def test_the_ceiling_is_each_labeller_against_the_others() -> None:
    """By hand: two labellers, rows 11, 11, 10, 00. Each against the other: 2·2 yes-yes, 1 yes-no, 1 no-yes, 2 no-no, so
    F1 of yes 4·2/(4·2 + 2) and of no 2·2/(2·2 + 2). The row with one label is in neither figure."""
    labels = [[True, True], [True, True], [True, False], [False, False], [True]]
    found = ceiling_estimates(labels, [True, True, True, True, False], "abcde")
    assert found["people"].value == pytest.approx((8 / 10 + 4 / 6) / 2)
    assert found["judge"].value == pytest.approx((2 * 5 / (2 * 5 + 3) + 0) / 2)
    assert found["difference"].value == pytest.approx((found["judge"].value or 0) - (found["people"].value or 0))
    assert found["people"].n == 8
    assert found["people"].clusters == 4


def test_a_labeller_with_many_colleagues_counts_as_often_for_people_as_for_the_judge() -> None:
    found = ceiling_estimates([[True, True, False], [False, False]], [True, False], "ab")
    # The first row: yes-yes 2/2, yes-no 2/2, no-yes 2/2, no-no 0; the second: no-no 2.
    assert found["people"].value == pytest.approx((2 * 1 / (2 * 1 + 2) + 2 * 2 / (2 * 2 + 2)) / 2)
    assert found["people"].n == 5


def test_without_second_labels_there_is_no_ceiling_and_it_is_said_why() -> None:
    found = ceiling_estimates([[True], [False]], [True, False], "ab")
    assert (found["people"].value, found["people"].n) == (None, 0)
    assert "two labels" in found["people"].reason


def test_with_one_class_there_is_no_kappa_no_correlation_and_no_macro_f1() -> None:
    found = agreement_estimates([[True], [True]], [True, False], "ab")
    assert (found["kappa"].value, found["mcc"].value, found["macro_f1"].value) == (None, None, None)
    assert found["false_positive_rate"].value is None
    assert found["accuracy"].value == 0.5
    assert "one of the two labels only" in found["kappa"].reason


def test_a_judge_that_always_says_yes_has_the_f1_0_of_no() -> None:
    found = agreement_estimates([[True], [False]], [True, True], "ab")
    assert found["macro_f1"].value == pytest.approx((2 / 3 + 0) / 2)
    assert found["kappa"].value is None


@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::UserWarning")
@given(ROWS)
def test_figures_are_those_of_scikit_learn_on_all_pairs(rows: list[tuple[list[bool], bool]]) -> None:
    found = agreement_estimates([labels for labels, _ in rows], [said for _, said in rows], texts(len(rows)), draws=2)
    people = [label for labels, _ in rows for label in labels]
    judge = [said for labels, said in rows for _ in labels]
    assert found["accuracy"].value == pytest.approx(accuracy_score(people, judge))
    if len({*people}) == 2:
        assert found["macro_f1"].value == pytest.approx(f1_score(people, judge, average="macro", zero_division=0))
    if len({*people}) == len({*judge}) == 2:
        assert found["kappa"].value == pytest.approx(cohen_kappa_score(people, judge))
        assert found["mcc"].value == pytest.approx(matthews_corrcoef(people, judge))
    else:
        assert (found["kappa"].value, found["mcc"].value) == (None, None)


def test_the_interval_of_accuracy_is_that_of_scipys_bootstrap() -> None:
    from scipy.stats import bootstrap

    rng = np.random.default_rng(3)
    right = rng.random(200) < 0.7
    found = agreement_estimates([[bool(one)] for one in right], [True] * 200, texts(200))["accuracy"]
    theirs = bootstrap((right,), np.mean, n_resamples=2_000, method="percentile", rng=rng).confidence_interval
    assert found.ci95 == pytest.approx(tuple(theirs), abs=0.02)


def test_rows_of_one_prompt_are_resampled_together() -> None:
    rng = np.random.default_rng(4)
    labels = [[bool(one)] for one in rng.random(30) < 0.7] * 4
    apart = agreement_estimates(labels, [True] * 120, texts(120))["accuracy"].ci95
    together = agreement_estimates(labels, [True] * 120, texts(30) * 4)["accuracy"].ci95
    assert apart is not None
    assert together is not None
    assert together[1] - together[0] > 1.6 * (apart[1] - apart[0])


def test_alpha_of_krippendorffs_own_example() -> None:
    """Two observers, ten articles: α = 0.095 (Krippendorff 2011, Computing Krippendorff's Alpha-Reliability, A)."""
    first, second = (0, 1, 0, 0, 0, 0, 0, 0, 1, 0), (1, 1, 1, 0, 0, 1, 0, 0, 0, 0)
    found = alpha_estimate([*zip(first, second, strict=True)], texts(10))
    assert found.value == pytest.approx(1 - 19 * 4 / (14 * 6))  # 1 - (n - 1) · disagreements / (zeros · ones)
    assert found.value == pytest.approx(0.095, abs=5e-4)
    assert found.n == 10


def test_alpha_takes_rows_that_some_left_out_and_passes_over_single_labels() -> None:
    rows = [[1.0, 1.0, 1.0], [0.0, 0.0], [1.0, 0.0], [1.0]]
    # Within rows: 0, 0, 2 · (2 · 1 - 1)/1 = 2. Of 7 values four are 1 and three 0: between them 2 · 4 · 3 / (7 · 6).
    assert alpha_estimate(rows, "abcd").value == pytest.approx(1 - (2 / 7) / (24 / 42))
    assert alpha_estimate(rows, "abcd").n == 3


def test_alpha_of_levels_knows_that_near_is_better_than_far() -> None:
    near = alpha_estimate([[0, 0.5], [1, 1], [0, 0], [0.5, 1]], "abcd").value
    far = alpha_estimate([[0, 1], [1, 1], [0, 0], [0, 1]], "abcd").value
    assert near is not None
    assert far is not None
    assert near > far


def test_where_all_values_are_alike_alpha_is_not_defined() -> None:
    found = alpha_estimate([[0.1, 0.1], [0.1, 0.1]], "ab")
    assert found.value is None
    assert found.reason


def test_the_bias_index_is_the_distance_of_the_most_and_least_favoured_writers() -> None:
    index, writers = bias_estimates([0.5, 0.3, -0.1, 0.1, 0.0], ["a", "a", "b", "b", "c"], "vwxyz")
    assert index.value == pytest.approx(0.4)
    assert {name: one.value for name, one in writers.items()} == pytest.approx({"a": 0.4, "b": 0.0, "c": 0.0})
    assert {name: one.n for name, one in writers.items()} == {"a": 2, "b": 2, "c": 1}


def test_one_writer_has_no_bias_index() -> None:
    index, writers = bias_estimates([0.5, 0.3], ["a", "a"], "ab")
    assert index.value is None
    assert writers["a"].value == pytest.approx(0.4)
    assert "fewer than two sources" in index.reason
    assert bias_estimates([], [], [])[0].value is None
