"""Figures of many problems: intervals cover the truth, unknown answers widen them, transitions are counted."""

from statistics import fmean

import numpy as np
import pytest
from tests.training.passk.passk_results import drawn, problem

from citerefine.training.passk.estimators import pass_at
from citerefine.training.passk.figures import as_right, pass_figures, transitions
from citerefine.training.passk.results import Problem, Values

K = (1, 4)


def made(values_P: list[Values]) -> list[Problem]:
    return [problem(number, values) for number, values in enumerate(values_P)]


def test_a_figure_is_the_mean_over_problems() -> None:
    answers: list[Values] = [(1.0, 0.0, 0.0, 0.0), (1.0, 1.0, 0.0, 0.0), (0.0, 0.0, 0.0, 0.0)]
    found = pass_figures(made(answers), answers, (1, 2), is_right=True)
    assert [*found.figures] == ["mean", "pass@1", "pass@2"]
    assert found.figures["pass@1"].value == pytest.approx(0.25)
    assert found.figures["pass@2"].value == pytest.approx((pass_at(4, 1, 2) + pass_at(4, 2, 2)) / 3)
    assert (found.answers, found.unknown) == (12, 0)


def test_intervals_cover_the_truth_nineteen_times_in_twenty() -> None:
    """300 sets of 60 problems, whose difficulty is drawn with them: the 95 % interval of pass@1 and pass@4 holds the
    true mean over all such problems in 91 to 98 % (a binomial of 300 at 95 % lies in 92 to 98 %; the percentile
    bootstrap of 60 problems is a little narrow)."""
    rng = np.random.default_rng(5)
    truth = {"pass@1": 0.5, "pass@4": 1 - fmean((1 - p) ** 4 for p in rng.beta(0.8, 0.8, 400_000))}
    hits = dict.fromkeys(truth, 0)
    for _ in range(300):
        answers = drawn(rng, list(rng.beta(0.8, 0.8, 60)), 8)
        figures = pass_figures(made(answers), answers, K, is_right=True, draws=400).figures
        for name, value in truth.items():
            ends = figures[name].ci95
            assert ends is not None
            hits[name] += ends[0] <= value <= ends[1]
    assert all(0.91 <= n / 300 <= 0.98 for n in hits.values()), hits


def test_the_interval_is_that_of_problems_and_not_of_answers() -> None:
    """30 problems, solved always or never: a thousand answers to each make none of them another problem."""
    answers: list[Values] = [(float(number % 2),) * 1000 for number in range(30)]
    ends = pass_figures(made(answers), answers, (1,), is_right=True).figures["pass@1"].ci95
    assert ends is not None
    assert ends[1] - ends[0] > 0.3


def test_problems_with_the_same_question_are_resampled_together() -> None:
    answers: list[Values] = [(float(number % 2),) for number in range(20)]
    questions = [{"question": f"Question {number // 10}?"} for number in range(20)]
    alike = [one.model_copy(update=question) for one, question in zip(made(answers), questions, strict=True)]
    assert pass_figures(alike, answers, (1,), is_right=True).figures["pass@1"].problems == 2


def test_unknown_answers_leave_bounds_around_what_they_could_be_worth_and_no_value() -> None:
    rng = np.random.default_rng(1)
    whole = drawn(rng, [0.4] * 40, 8)
    holed: list[Values] = [(None, *values[1:]) if number % 4 == 0 else values for number, values in enumerate(whole)]
    known = pass_figures(made(whole), whole, K, is_right=True)
    found = pass_figures(made(holed), holed, K, is_right=True)
    assert (found.answers, found.unknown) == (320, 10)
    for name, one in found.figures.items():
        before = known.figures[name]
        assert one.value is None
        assert before.value is not None
        assert one.low <= before.value <= one.high
        assert one.ci95 is not None
        assert before.ci95 is not None
        assert one.ci95[0] <= before.ci95[0]
        assert one.ci95[1] >= before.ci95[1]


def test_an_answer_that_cannot_matter_leaves_the_value_known() -> None:
    answers: list[Values] = [(1.0, 1.0, None), (0.0, 0.0, 0.0)]
    figures = pass_figures(made(answers), answers, (2,), is_right=True).figures
    assert figures["pass@2"].value == pytest.approx(0.5)
    assert figures["mean"].value is None


def test_answers_that_are_worth_more_or_less_have_a_mean_and_a_best_of_k_or_a_bound_that_makes_them_right() -> None:
    answers: list[Values] = [(0.5, 1.0), (0.0, 0.5)]
    found = pass_figures(made(answers), answers, (2,), is_right=False).figures
    assert {name: one.value for name, one in found.items()} == pytest.approx({"mean": 0.5, "best@2": 0.75})
    right = [as_right(values, 0.8) for values in answers]
    assert right == [(0.0, 1.0), (0.0, 0.0)]
    assert as_right((None, 0.8), 0.8) == (None, 1.0)


def test_one_problem_has_figures_and_no_interval() -> None:
    answers: list[Values] = [(1.0, 0.0)]
    figures = pass_figures(made(answers), answers, (1,), is_right=True).figures
    assert (figures["pass@1"].value, figures["pass@1"].ci95) == (0.5, None)


def test_transitions_pair_each_draft_with_its_own_refinement() -> None:
    drafts: list[Values] = [(1.0, 0.0, 0.0, 1.0), (0.0, None, 1.0, 1.0)]
    refined: list[Values] = [(1.0, 1.0, 0.0, 0.0), (1.0, 1.0, None, 1.0)]
    found = transitions(made(drafts), drafts, refined, is_right=True)
    counts = {name: share.count for name, share in found.shares.items()}
    assert counts == {"right_right": 2, "right_wrong": 1, "wrong_right": 2, "wrong_wrong": 1}
    assert found.unknown == 2
    assert found.shares["wrong_right"].share == pytest.approx(2 / 6)


def test_transitions_of_what_is_worth_more_or_less_say_better_or_worse() -> None:
    drafts: list[Values] = [(0.5, 0.5, 0.5)]
    refined: list[Values] = [(0.75, 0.5, 0.25)]
    found = transitions(made(drafts), drafts, refined, is_right=False)
    assert {name: share.count for name, share in found.shares.items()} == {"better": 1, "same": 1, "worse": 1}


def test_where_nothing_is_known_no_share_is() -> None:
    found = transitions(made([(None,)]), [(None,)], [(1.0,)], is_right=True)
    assert (found.unknown, found.shares["right_right"].share) == (1, None)
