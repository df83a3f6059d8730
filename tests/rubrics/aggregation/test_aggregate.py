"""What is done where values are missing, wrong, or vetoed; and what always holds."""

from math import isfinite, nan
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.rubrics.building import criterion, flat, valued

from citerefine.rubrics.aggregation import aggregate, corpus_mean_then_clip
from citerefine.rubrics.aggregation.formulas import COMPUTE
from citerefine.rubrics.criterion import Level, Scale
from citerefine.rubrics.errors import RubricError
from citerefine.rubrics.rubric import Rubric

AFFINE = ("pos_norm", "abs_norm", "min_max")
UNIT = st.floats(0, 1)
WEIGHTS = st.lists(st.floats(0.5, 8) | st.floats(-8, -0.5), min_size=2, max_size=9).filter(lambda w: max(w) > 0)


@st.composite
def judged(draw: st.DrawFn) -> tuple[Rubric, list[float]]:
    """A rubric with a positive criterion, and values for it."""
    weights = draw(WEIGHTS)
    return flat(*weights), draw(st.lists(UNIT, min_size=len(weights), max_size=len(weights)))


@given(judged(), st.randoms(use_true_random=False), st.sampled_from(sorted(COMPUTE)))
def test_the_order_of_criteria_changes_nothing(case: tuple[Rubric, list[float]], rng: Random, formula: str) -> None:
    rubric, values = case
    shuffled = list(rubric.criteria)
    rng.shuffle(shuffled)
    other = rubric.model_copy(update={"criteria": tuple(shuffled)})
    got, again = (aggregate(each, valued(rubric, values), formula) for each in (rubric, other))
    assert got.score == pytest.approx(again.score)


@given(WEIGHTS, st.floats(0.01, 100), st.data())
def test_scaling_all_weights_keeps_advantages_and_the_linear_formulas_share_them(
    weights: list[float], by: float, data: st.DataObject
) -> None:
    rows = data.draw(st.lists(st.lists(UNIT, min_size=len(weights), max_size=len(weights)), min_size=3, max_size=6))
    scaled = [weight * by for weight in weights]
    wanted = advantages(flat(*weights), rows, "pos_norm")
    for formula in AFFINE:
        assert advantages(flat(*weights), rows, formula) == pytest.approx(wanted, abs=1e-4)
        assert advantages(flat(*scaled), rows, formula) == pytest.approx(wanted, abs=1e-4)


def advantages(rubric: Rubric, rows: list[list[float]], formula: str) -> list[float]:
    """(r - mean) / std in the group; all 0 in a group without signal."""
    scores = [aggregate(rubric, valued(rubric, row), formula).score for row in rows]
    known = [score for score in scores if score is not None]
    assert len(known) == len(rows)
    mean = sum(known) / len(known)
    std = (sum((score - mean) ** 2 for score in known) / len(known)) ** 0.5
    return [(score - mean) / std if std > 1e-6 else 0.0 for score in known]


@given(judged(), st.sampled_from(sorted(COMPUTE)), st.data())
def test_a_fault_never_raises_the_score(case: tuple[Rubric, list[float]], formula: str, data: st.DataObject) -> None:
    rubric, values = case
    faults = [i for i, each in enumerate(rubric.criteria) if each.is_negative]
    if not faults:
        return
    place = data.draw(st.sampled_from(faults))
    less = [value * 0.5 if i == place else value for i, value in enumerate(values)]
    more, fewer = (aggregate(rubric, valued(rubric, row), formula).score for row in (values, less))
    assert more is not None
    assert fewer is not None
    assert more <= fewer + 1e-12


@given(judged(), st.sampled_from(["pos_norm", "pos_norm_floor1", *AFFINE, "flip_then_mean", "clip01"]), st.data())
def test_one_value_that_is_not_known_moves_a_score_by_at_most_its_share(
    case: tuple[Rubric, list[float]], formula: str, data: st.DataObject
) -> None:
    rubric, values = case
    lost = data.draw(st.integers(0, len(values) - 1))
    partial: list[float | None] = [None if i == lost else value for i, value in enumerate(values)]
    whole = aggregate(rubric, valued(rubric, values), formula).score
    got = aggregate(rubric, valued(rubric, partial), formula, least_coverage=0)
    positive = sum(each.weight for each in rubric.criteria if not each.is_negative)
    assert whole is not None
    if got.score is None:
        assert got.reason
    else:
        assert abs(got.score - whole) <= abs(rubric.criteria[lost].weight) / positive + 1e-9


@given(judged(), st.lists(st.booleans(), min_size=9, max_size=9), st.sampled_from(sorted(COMPUTE)))
def test_a_score_is_a_finite_number_or_none_with_a_reason(
    case: tuple[Rubric, list[float]], known: list[bool], formula: str
) -> None:
    rubric, values = case
    partial = [value if is_known else None for value, is_known in zip(values, known, strict=False)]
    got = aggregate(rubric, valued(rubric, partial), formula)
    assert 0 <= got.coverage <= 1
    if got.score is None:
        assert ": " in got.reason
    else:
        assert isfinite(got.score)
        assert got.coverage > 0.79


def test_below_four_fifths_of_the_weight_there_is_no_score() -> None:
    rubric = flat(*[1] * 10)
    enough: list[float | None] = [1] * 8 + [None] * 2
    assert tuple(aggregate(rubric, valued(rubric, enough))) == pytest.approx((1.0, "", 0.8))
    got = aggregate(rubric, valued(rubric, [*enough[1:], None]))
    assert got.score is None
    assert got.reason == "coverage: values are known for 70 % of the weight, at least 80 % are needed"
    assert got.coverage == pytest.approx(0.7)


def test_a_missing_id_is_the_same_as_none() -> None:
    rubric = flat(9, 1)
    assert aggregate(rubric, {"c1": 0.5}) == aggregate(rubric, {"c1": 0.5, "c2": None})


def test_faults_of_which_none_is_known_are_left_out() -> None:
    rubric = flat(5, 5, -1)
    for formula in AFFINE:
        assert aggregate(rubric, valued(rubric, [1, 0, None]), formula).score == pytest.approx(0.5)


def test_a_failed_veto_makes_the_score_zero_and_says_so() -> None:
    rubric = Rubric(criteria=(criterion("key", 1, veto=True), criterion("b", 9), criterion("bad", -1, veto=True)))
    passed = aggregate(rubric, {"key": 0.6, "b": 1, "bad": 0.4})
    assert passed.score == pytest.approx(0.92)
    assert passed.reason == ""
    for values in ({"key": 0, "b": 1, "bad": 0}, {"key": 1, "b": 1, "bad": 0.5}):
        got = aggregate(rubric, values)
        assert got.score == 0
        assert got.reason.startswith("veto: ")


@pytest.mark.parametrize("value", [0.0, 0.02, 1 / 3, 0.5])
def test_odds_and_votes_below_one_half_pass_no_veto_of_either_polarity(value: float) -> None:
    rubric = Rubric(criteria=(criterion("b", 9), criterion("key", 1, veto=True)))
    assert aggregate(rubric, {"b": 1, "key": value}).score == 0
    assert aggregate(rubric, {"b": 1, "key": 1 - value}).score == (0 if value == 0.5 else pytest.approx(1 - value / 10))
    rubric = Rubric(criteria=(criterion("b", 9), criterion("bad", -1, veto=True)))
    assert aggregate(rubric, {"b": 1, "bad": 1 - value}).score == 0


def test_a_graded_veto_falls_with_what_comes_nearest_to_the_worst_step() -> None:
    steps = Scale(kind="ordinal", levels=tuple(Level(value=value) for value in (0, 0.5, 1)))
    tens, even = Scale(kind="numeric", lo=0, hi=10), Scale(kind="numeric", lo=0.5, hi=1.5)
    for scale, falls, stays in ((steps, 0.25, 0.3), (tens, 0.05, 0.06), (even, 0.05, 0.06)):
        rubric = Rubric(criteria=(criterion("b", 9), criterion("key", 1, veto=True, scale=scale)))
        assert aggregate(rubric, {"b": 1, "key": falls}).score == 0
        assert aggregate(rubric, {"b": 1, "key": stays}).score == pytest.approx(0.9 + stays / 10)


def test_a_veto_lifts_no_answer_that_was_worth_less_and_hides_behind_no_failure() -> None:
    rubric = Rubric(criteria=(criterion("a", 2), criterion("bad", -4, veto=True), criterion("b", 1)))
    assert aggregate(rubric, {"a": 0, "bad": 1, "b": 0}).score == pytest.approx(-4 / 3)
    rubric = Rubric(criteria=(criterion("a", 9), criterion("bad", -1, veto=True)))
    unknown = aggregate(rubric, {"a": 1, "bad": None})
    assert unknown.score is None
    assert unknown.reason == "veto_unknown: nothing is known of 'bad', which has a veto"


def test_a_veto_of_a_group_falls_when_all_of_it_is_missed() -> None:
    group = criterion("g", 1, veto=True, children=[criterion("a"), criterion("b")])
    rubric = Rubric(criteria=(group, criterion("c", 1)))
    assert aggregate(rubric, {"a": 0, "b": 1, "c": 1}).score == pytest.approx(0.75)
    assert aggregate(rubric, {"a": 0, "b": 0, "c": 1}).score == 0
    assert aggregate(rubric, {"a": 0.3, "b": 0.02, "c": 1}).score == 0


@pytest.mark.parametrize("value", [nan, 1.5, -0.1, float("inf")])
def test_a_value_outside_the_unit_interval_is_refused(value: float) -> None:
    with pytest.raises(RubricError, match="the value of 'c1' is"):
        aggregate(flat(1), {"c1": value})


def test_a_value_of_no_criterion_is_refused() -> None:
    with pytest.raises(RubricError, match="a value for 'x', and the rubric has no such criterion"):
        aggregate(flat(1), {"c1": 1, "x": 1})


def test_a_rubric_without_criteria_gives_no_number() -> None:
    assert aggregate(Rubric(), {}) == (None, "no_criteria: the rubric has no criterion that is judged", 0.0)


def test_weights_of_zero_are_counted_by_number_for_coverage() -> None:
    got = aggregate(flat(0, 0), {"c1": 1}, "flat_leaf_mean", least_coverage=0.5)
    assert got == (1.0, "", 0.5)


def test_a_benchmark_is_clipped_once_over_all_its_items() -> None:
    assert corpus_mean_then_clip([0.9, -0.5, None]) == pytest.approx(0.2)
    assert corpus_mean_then_clip([0.1, -0.5]) == 0
    assert corpus_mean_then_clip([None]) is None
