"""Two runs over the same problems are compared problem by problem; what is not known is left out and counted."""

from pathlib import Path

import numpy as np
import pytest
from tests.training.passk.passk_results import drawn, problem, results

from citerefine.refiner.errors import InputError
from citerefine.training.passk.comparing import compare_results
from citerefine.training.passk.estimators import pass_at
from citerefine.training.passk.results import Results


def side(name: str, *drafts: tuple[float | None, ...], **values: object) -> Results:
    return results(Path(name), [problem(number, answers) for number, answers in enumerate(drafts)], **values)


def test_the_difference_is_b_minus_a_over_problems() -> None:
    a = side("a", (1.0, 0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 0.0))
    b = side("b", (1.0, 1.0, 0.0, 0.0), (1.0, 0.0, 0.0, 0.0))
    found = compare_results(a, b).drafts
    assert found["mean"].difference == pytest.approx(0.25)
    assert found["pass@2"].difference == pytest.approx(pass_at(4, 2, 2) / 2)
    assert (found["mean"].a, found["mean"].b, found["mean"].problems) == (0.125, 0.375, 2)
    assert found["mean"].p_holm == found["pass@1"].p_holm == found["mean"].p * 2  # type: ignore[operator]


def test_a_real_difference_is_told_and_chance_is_called_chance() -> None:
    rng = np.random.default_rng(2)
    chances = list(rng.beta(1, 1, 80))
    first = side("a", *drawn(rng, chances, 4))
    again = compare_results(first, side("b", *drawn(rng, chances, 4))).drafts["mean"]
    better = compare_results(first, side("b", *drawn(rng, [min(1.0, p + 0.3) for p in chances], 4))).drafts["mean"]
    assert again.p is not None
    assert better.p is not None
    assert again.p > 0.05
    assert better.p < 0.001
    assert better.ci95 is not None
    assert better.ci95[0] > 0


def test_the_pairing_tells_what_the_intervals_of_both_sides_do_not() -> None:
    """Problems that differ much more than the models do: B solves one answer of four more of each."""
    answers = [(float(number > 0), float(number > 1), float(number > 2), 0.0) for number in (0, 1, 2, 3)] * 10
    better = [tuple(sorted((*values[:-1], 1.0), reverse=True)) for values in answers]
    found = compare_results(side("a", *answers), side("b", *better)).drafts["mean"]
    assert found.ci95 == pytest.approx((0.25, 0.25))
    assert found.p is not None
    assert found.p < 0.001


def test_of_other_numbers_of_answers_the_first_ones_of_both_are_compared() -> None:
    a = side("a", (1.0, 0.0), (0.0, 0.0), n=2, k=(1, 2))
    b = side("b", (0.0, 1.0, 1.0, 1.0), (0.0, 0.0, 1.0, 1.0), n=4, k=(1, 2, 4))
    for found in (compare_results(a, b), compare_results(b, a)):
        assert (found.n, {found.n_a, found.n_b}) == (2, {2, 4})
        assert {one.difference for one in found.drafts.values()} == {0.0}


def test_without_a_difference_few_p_are_small_whatever_the_numbers_of_answers() -> None:
    """Of 8 answers one is right nearly always: pass@8 is 1 in one folder, and of 32 answers a little less."""
    rng = np.random.default_rng(0)
    ps = list[list[float]]()
    for _ in range(100):
        chances = list(rng.uniform(0.45, 0.7, 30))
        a = side("a", *drawn(rng, chances, 8), n=8, k=(1, 8))
        found = compare_results(a, side("b", *drawn(rng, chances, 32), n=32, k=(1, 8, 32))).drafts
        ps.append([one.p for one in found.values() if one.p is not None])
        assert [*found] == ["mean", "pass@1", "pass@8"]
        assert len(ps[-1]) == 3
    assert (np.array(ps) < 0.05).mean(axis=0).max() <= 0.12  # of 100 that are right at 5 %, more in 1 of 400


def test_runs_with_other_numbers_of_answers_are_compared_at_a_k_that_both_have() -> None:
    a = side("a", (1.0, 0.0), (0.0, 0.0), n=2, k=(1, 2))
    b = side("b", (1.0, 1.0, 0.0, 0.0), (0.0,) * 4, n=4, k=(2, 4))
    assert [*compare_results(a, b).drafts] == ["mean", "pass@2"]
    with pytest.raises(InputError, match="from 1 to 2"):
        compare_results(a, b, (4,))


def test_a_problem_with_an_unknown_answer_is_in_no_difference_is_counted_and_bounded() -> None:
    a = side("a", (1.0, 0.0), (0.0, None), n=2, k=(1,))
    b = side("b", (1.0, 1.0), (1.0, 1.0), n=2, k=(1,))
    found = compare_results(a, b).drafts["mean"]
    assert (found.difference, found.problems, found.left_out) == (0.5, 1, 1)
    assert found.bounds == pytest.approx((0.5, 0.75))


def test_problems_of_one_side_and_ids_with_another_question_are_counted() -> None:
    a = results(Path("a"), [problem(1, [1.0]), problem(2, [1.0]), problem(3, [1.0])], n=1, k=(1,))
    other = problem(2, [0.0]).model_copy(update={"question": "Another one?"})
    b = results(Path("b"), [problem(1, [0.0]), other, problem(4, [1.0]), problem(5, [1.0])], n=1, k=(1,))
    found = compare_results(a, b)
    assert (found.problems, found.only_a, found.only_b, found.other_question) == (1, 1, 2, 1)


def test_refinements_are_compared_where_both_have_them() -> None:
    a = results(Path("a"), [problem(1, [0.0], [0.0])], n=1, k=(1,))
    b = results(Path("b"), [problem(1, [0.0], [1.0])], n=1, k=(1,))
    found = compare_results(a, b)
    assert found.refined is not None
    assert (found.drafts["mean"].difference, found.refined["mean"].difference) == (0.0, 1.0)
    assert compare_results(a, results(Path("b"), [problem(1, [0.0])], n=1, k=(1,))).refined is None


def test_what_has_nothing_in_common_or_is_graded_otherwise_is_refused() -> None:
    a = side("a", (1.0,) * 4)
    with pytest.raises(InputError, match="no id with the same question"):
        compare_results(a, results(Path("b"), [problem(9, [1.0] * 4)]))
    with pytest.raises(InputError, match=r"right from an F1 of 0\.8"):
        compare_results(a, side("b", (1.0,) * 4, task="cited", measure="f1", right=0.8))
    with pytest.raises(InputError, match="worth their F1"):
        compare_results(a, side("b", (1.0,) * 4, task="cited", measure="f1"))
    words, model = (side(by, (1.0,) * 4, task="cited", measure="f1", support=by) for by in ("lexical", "nli:m"))
    with pytest.raises(InputError, match="judged by lexical, those of nli:m by nli:m"):
        compare_results(words, model)
