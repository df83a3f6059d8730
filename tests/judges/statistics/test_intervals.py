"""Intervals: resampled by question, the same for the same data, and as wide as they should be."""

from array import array

import numpy as np
import pytest

from citerefine.judges.statistics.bootstrap import draw_counts, intervals, percentiles, standard_errors
from citerefine.judges.statistics.clusters import Floats, cluster_key, number_clusters
from citerefine.judges.statistics.estimate import MOST_RESAMPLED
from citerefine.judges.statistics.intervals import mean_intervals, micro_intervals


def answers(questions: int, rows: int = 1, seed: int = 0) -> tuple[Floats, list[str]]:
    """F1 of `rows` answers to each question, alike within a question; and their questions."""
    rng = np.random.default_rng(seed)
    level = np.repeat(rng.random(questions), rows)
    values = np.clip(level + rng.normal(0, 0.05, questions * rows), 0, 1)
    return values, [f"q{n // rows}" for n in range(questions * rows)]


def width(interval: tuple[float, float] | None) -> float:
    assert interval is not None
    return interval[1] - interval[0]


def test_a_mean_is_over_the_rows_that_have_a_value() -> None:
    estimate = mean_intervals({"f1": [0.5, None, 1.0, float("nan")]}, ["a", "b", "c", "d"])["f1"]
    assert (estimate.value, estimate.n, estimate.clusters) == (0.75, 2, 2)


def test_each_sample_has_as_many_questions_as_the_run() -> None:
    (counts,) = draw_counts(7, 500, 1)
    assert counts.shape == (500, 7)
    assert (counts.sum(axis=1) == 7).all()
    assert abs(counts.mean() - 1) < 1e-9
    assert counts.std() == pytest.approx(np.sqrt(1 - 1 / 7), rel=0.05)


def test_samples_differ_from_block_to_block() -> None:
    blocks = list(draw_counts(5_000, 40, 1))
    assert len(blocks) > 2
    assert len({row.tobytes() for block in blocks for row in block}) == 40


def test_an_interval_agrees_with_one_that_is_drawn_the_plain_way() -> None:
    values, questions = answers(40, rows=3)
    of_question = values.reshape(40, 3)
    rng = np.random.default_rng(5)
    plain = [of_question[rng.integers(40, size=40)].mean() for _ in range(10_000)]
    found = mean_intervals({"f1": values}, questions)["f1"].ci95
    assert found == pytest.approx(tuple(np.quantile(plain, (0.025, 0.975))), abs=0.005)


def test_unequal_questions_weigh_by_their_rows() -> None:
    estimate = mean_intervals({"f1": [1.0, 1.0, 1.0, 0.0]}, ["a", "a", "a", "b"])["f1"]
    assert estimate.value == 0.75
    assert estimate.ci95 == (0.0, 1.0)


def test_rows_of_one_question_do_not_count_as_independent() -> None:
    values, questions = answers(50, rows=10)
    by_question = mean_intervals({"f1": values}, questions)["f1"].ci95
    by_row = mean_intervals({"f1": values}, [str(n) for n in range(len(values))])["f1"].ci95
    assert width(by_question) > 2.5 * width(by_row)


def test_nine_in_ten_intervals_and_more_hold_the_true_mean() -> None:
    rng = np.random.default_rng(3)
    held = 0
    for run in range(200):
        found = mean_intervals({"f1": rng.random(60)}, [str(n) for n in range(60)], draws=400, seed=run)["f1"].ci95
        assert found is not None
        held += found[0] <= 0.5 <= found[1]
    assert 180 <= held <= 199


def test_the_same_data_give_the_same_interval_in_any_order() -> None:
    values, questions = answers(30, rows=2)
    mixed = np.random.default_rng(1).permutation(60)
    first = mean_intervals({"f1": values}, questions)["f1"]
    again = mean_intervals({"f1": values[mixed]}, [questions[n] for n in mixed])["f1"]
    assert again.ci95 == pytest.approx(first.ci95, abs=1e-12)
    assert mean_intervals({"f1": values}, questions, seed=7)["f1"].ci95 != first.ci95


def test_keys_stand_for_questions() -> None:
    values, questions = answers(30, rows=2)
    keys = array("Q", [cluster_key(question) for question in questions])
    assert mean_intervals({"f1": array("d", values)}, keys) == mean_intervals({"f1": values}, questions)


def test_question_keys_that_are_texts_and_numbers_are_numbered_alike() -> None:
    n, index = number_clusters(["b", "a", "b"])
    assert (n, index[0], index[1] != index[0]) == (2, index[2], True)
    assert number_clusters([cluster_key("b"), cluster_key("a"), cluster_key("b")])[1].tolist() == index.tolist()


def test_one_question_has_a_mean_and_no_interval() -> None:
    estimate = mean_intervals({"f1": [0.2, 0.4]}, ["a", "a"])["f1"]
    assert estimate.value == pytest.approx(0.3)
    assert (estimate.ci95, estimate.method) == (None, None)
    assert "two questions" in estimate.reason
    assert estimate.description == ""


def test_nothing_has_neither() -> None:
    nothing: tuple[list[float | None], ...] = ([], [None])
    for column in nothing:
        estimate = mean_intervals({"f1": column}, ["a"] * len(column))["f1"]
        assert (estimate.value, estimate.ci95, estimate.n) == (None, None, 0)
        assert estimate.reason


def test_each_column_has_its_own_gaps() -> None:
    found = mean_intervals({"precision": [1.0, 0.0, None], "recall": [None, None, 0.5]}, ["a", "b", "c"])
    assert (found["precision"].value, found["precision"].clusters) == (0.5, 2)
    assert (found["recall"].value, found["recall"].ci95) == (0.5, None)


def test_a_figure_that_few_samples_define_has_no_interval() -> None:
    column = [0.5, 0.6, *[None] * 98]
    estimate = mean_intervals({"f1": column, "all": [0.1] * 100}, [str(n) for n in range(100)])["f1"]
    assert (estimate.value, estimate.ci95) == (0.55, None)
    assert "too few" in estimate.reason
    assert percentiles(np.array([np.nan, 1.0])) is None


def test_columns_and_questions_must_be_of_one_length() -> None:
    with pytest.raises(ValueError, match="column 'f1' has 2 rows, and 3 have a question"):
        mean_intervals({"f1": [0.1, 0.2]}, ["a", "b", "c"])


def test_many_questions_take_the_normal_approximation_and_it_agrees() -> None:
    values, questions = answers(MOST_RESAMPLED + 1)
    many = mean_intervals({"f1": values}, questions)["f1"]
    assert many.method == "normal"
    assert "normal approximation" in many.description
    fewer = mean_intervals({"f1": values[:MOST_RESAMPLED]}, questions[:MOST_RESAMPLED], draws=1_000)["f1"]
    assert fewer.method == "bootstrap"
    assert width(many.ci95) == pytest.approx(width(fewer.ci95), rel=0.1)


def test_the_jackknife_error_of_a_mean_is_the_textbook_one() -> None:
    values, _ = answers(50)
    sums = np.stack([values, np.ones(50)], axis=1)
    (error,) = standard_errors(sums, lambda totals: totals[..., :1] / totals[..., 1:])
    assert error == pytest.approx(values.std(ddof=1) / np.sqrt(50))


def test_micro_figures_pool_all_citations_and_all_weight() -> None:
    totals = {"value": [1, 1], "citations": [1, 3], "supported": [2, 0], "needed": [2, 2]}
    found = micro_intervals(totals, ["a", "b"])
    assert (found["precision"].value, found["recall"].value) == (0.5, 0.5)
    assert found["f1"].value == 0.5
    assert found["precision"].ci95 == pytest.approx((1 / 3, 1.0))


def test_micro_figures_without_citations_are_zero_as_in_an_answer() -> None:
    found = micro_intervals({"value": [0, 0], "citations": [0, 0], "supported": [0, 0], "needed": [1, 2]}, ["a", "b"])
    assert [found[name].value for name in ("precision", "recall", "f1")] == [0.0, 0.0, 0.0]


def test_micro_figures_pass_over_rows_without_totals() -> None:
    totals: dict[str, list[float | None]] = {
        "value": [1, None], "citations": [2, None], "supported": [1, None], "needed": [1, None]
    }  # fmt: skip
    found = micro_intervals(totals, ["a", "b"])
    assert (found["precision"].value, found["precision"].n, found["precision"].ci95) == (0.5, 1, None)


def test_micro_figures_need_all_four_columns() -> None:
    with pytest.raises(ValueError, match="no column supported, needed"):
        micro_intervals({"value": [1], "citations": [1]}, ["a"])


def test_memory_is_that_of_a_block_not_of_all_draws() -> None:
    import tracemalloc

    sums = np.ones((5_000, 2))
    tracemalloc.start()
    intervals(sums, lambda totals: totals[..., :1] / totals[..., 1:], draws=2_000, seed=1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * 5_000 * 2_000 / 10
