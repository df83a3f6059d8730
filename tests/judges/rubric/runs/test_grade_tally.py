"""What a graded run adds up to."""

import pytest
from tests.judges.rubric.report.graded_lake import CAUSE, PADDING, PERCH, ROACH, RUBRIC, cell, lake_grades, row, task

from citerefine.judges.rubric.runs import grade_tally
from citerefine.judges.rubric.runs.grade_tally import GradeTally
from citerefine.refiner.records import Usage
from citerefine.rubrics.rubric import Rubric


def lake_tally() -> GradeTally:
    tally = GradeTally()
    for one, grade in lake_grades():
        tally.add(one, grade)
    return tally


def test_every_row_is_counted_in_exactly_one_place() -> None:
    tally = lake_tally()
    for code in ("no_rubric", "invalid_json", "changed", "unanswered"):
        tally.skip(code)
    summary = tally.summary("words-1")
    assert summary.not_graded == {"changed": 1, "no_rubric": 1, "too_little_known": 1, "unanswered": 1}
    assert summary.refused == {"invalid_json": 1}
    assert summary.n + sum(summary.not_graded.values()) + sum(summary.refused.values()) == summary.rows == 8


def test_what_has_no_score_is_no_zero_in_the_mean() -> None:
    summary = lake_tally().summary("words-1")
    assert summary.score == pytest.approx((0.9 - 0.17 + 0.0) / 3)
    assert summary.n == 3


def test_cells_are_counted_by_status_and_failures_by_code() -> None:
    summary = lake_tally().summary("words-1")
    assert summary.cells == {"ok": 9, "gated": 4, "failed": 2, "abstain": 1}
    assert summary.failures == {"unparsable": 2}
    assert summary.failure_example == "unparsable: the reply ends in the middle"
    assert summary.gated == {"empty": 1}


def test_each_criterion_has_the_mean_of_its_values_and_the_worst_comes_first() -> None:
    criteria = lake_tally().summary("words-1").criteria
    assert [one.criterion for one in criteria] == [PERCH.id, CAUSE.id, ROACH.id, PADDING.id]
    assert [one.met for one in criteria] == pytest.approx([1 / 3, 1 / 3, 3 / 8, 1 / 4])
    assert [(one.n, one.failed, one.abstained) for one in criteria] == [(3, 1, 0), (3, 1, 1), (4, 0, 0), (4, 0, 0)]


def test_criteria_of_two_rubrics_that_ask_the_same_are_one() -> None:
    tally = GradeTally()
    for number, criterion in enumerate((PERCH, PERCH.model_copy(update={"id": "other", "weight": 1})), 1):
        one = task(number, rubric=Rubric(criteria=(criterion,)))
        tally.add(one, row(one, 1.0, cell(criterion, number - 1.0)))
    summary = tally.summary("words-1")
    assert [(one.answers, one.met) for one in summary.criteria] == [(2, 0.5)]
    assert summary.rubrics == len(summary.rubric_keys) == 2


def test_criteria_beyond_the_bound_are_counted_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grade_tally, "MOST_CRITERIA", 3)
    summary = lake_tally().summary("words-1")
    assert (len(summary.criteria), summary.criteria_left_out) == (3, 4)


def test_the_interval_resamples_questions_and_one_question_has_none() -> None:
    tally = GradeTally()
    for number in range(1, 40):
        one = task(number, question=f"Question {number % 13}?")
        tally.add(one, row(one, number / 40))
    summary = tally.summary("words-1")
    assert summary.questions == 13
    assert summary.ci95 is not None
    assert summary.ci95[0] < 0.5 < summary.ci95[1]
    assert "percentile bootstrap over 13 questions" in summary.interval
    alone = lake_tally().summary("words-1")
    assert (alone.ci95, alone.interval) == (None, "none: an interval needs at least two questions")


def test_the_mean_is_clipped_at_the_end_and_only_where_the_formula_leaves_it_to_that() -> None:
    for formula, clipped in (("pos_norm", 0.0), ("abs_norm", None)):
        tally = GradeTally()
        one = task(1)
        tally.add(one, row(one, -0.5, formula=formula))
        assert tally.summary("words-1").clipped == clipped


def test_usage_adds_up() -> None:
    tally = GradeTally()
    for number in (1, 2):
        one = task(number)
        tally.add(one, row(one, 1.0, usage=Usage(prompt_tokens=10, completion_tokens=number, calls=2)))
    assert tally.summary("words-1").usage == Usage(prompt_tokens=20, completion_tokens=3, calls=4)


def test_the_key_of_the_only_rubric_is_named() -> None:
    assert lake_tally().summary("words-1").rubric_keys == (RUBRIC.key,)
