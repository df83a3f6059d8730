"""Each formula on numbers that can be checked by hand."""

from math import exp

import pytest
from tests.rubrics.building import criterion, flat, valued

from citerefine.rubrics.aggregation import FORMULAS, NEEDS, aggregate, default_formula, for_training
from citerefine.rubrics.aggregation.formulas import COMPUTE
from citerefine.rubrics.aggregation.policy_aware import policy_aware
from citerefine.rubrics.criterion import Scale
from citerefine.rubrics.errors import RubricError
from citerefine.rubrics.rubric import Rubric

HEALTH = flat(6, 4, 5, -8)


@pytest.mark.parametrize(
    ("formula", "values", "score"),
    [
        ("pos_norm", [1, 0, 1, 0], 11 / 15),
        ("pos_norm", [0, 0, 0, 1], -8 / 15),
        ("pos_norm_floor1", [1, 1, 1, 1], 7 / 15),
        ("abs_norm", [1, 1, 1, 0], 15 / 23),
        ("min_max", [0, 0, 0, 0], 8 / 23),
        ("min_max", [1, 1, 1, 0], 1),
        ("flip_then_mean", [1, 0, 0, 1], 6 / 23),
        ("clip01", [0, 0, 0, 1], 0),
        ("floor0", [0, 0, 0, 1], 0),
        ("floor0", [1, 0, 1, 0], 11 / 15),
        ("tree_mean", [1, 0, 0, 0], (6 + 8) / 23),
        ("flat_leaf_mean", [1, 0, 0, 0], 2 / 4),
    ],
)
def test_a_formula_gives_what_its_equation_says(formula: str, values: list[float], score: float) -> None:
    assert aggregate(HEALTH, valued(HEALTH, values), formula).score == pytest.approx(score)


def test_weights_below_one_cannot_reach_one_with_the_floor_of_dr_tulu() -> None:
    rubric = flat(0.2, 0.2)
    assert aggregate(rubric, valued(rubric, [1, 1]), "pos_norm_floor1").score == pytest.approx(0.4)


def test_faults_alone_give_no_number_where_positive_weight_is_divided_by() -> None:
    rubric = flat(-7, -3)
    for formula in ("pos_norm", "pos_norm_floor1", "floor0", "saturating"):
        got = aggregate(rubric, valued(rubric, [1, 0]), formula)
        assert got.score is None
        assert got.reason.startswith("no_weight: ")
        assert "min_max" in got.reason
    assert aggregate(rubric, valued(rubric, [1, 0]), "clip01").score == pytest.approx(0.3)
    assert aggregate(rubric, valued(rubric, [1, 0]), "abs_norm").score == pytest.approx(-0.7)


def tree() -> Rubric:
    """Root of two groups, one of which holds a group."""
    first = criterion("g1", 2, children=[criterion("l1", 1), criterion("l2", 3)])
    inner = criterion("g3", 1, children=[criterion("l4", 1), criterion("l5", 1)])
    second = criterion("g2", 3, children=[criterion("l3", 1), inner])
    return Rubric(format="paperbench", criteria=(criterion("r", 1, children=[first, second]),))


def test_a_tree_is_the_weighted_mean_of_its_children_at_every_node() -> None:
    values = valued(tree(), [1, 0, 1, 1, 0])
    assert aggregate(tree(), values).score == pytest.approx(0.55)
    assert aggregate(tree(), values, "pos_norm").score == pytest.approx(0.55)
    assert aggregate(tree(), values, "flat_leaf_mean").score == pytest.approx(0.6)


def test_a_leaf_of_a_tree_that_is_not_known_leaves_the_mean_of_its_siblings() -> None:
    got = aggregate(tree(), valued(tree(), [1, None, 1, 1, 0]), least_coverage=0.5)
    assert got.score == pytest.approx((2 * 1 + 3 * 0.75) / 5)
    assert got.coverage == pytest.approx(1 - 2 / 5 * 3 / 4)


def test_a_fault_in_a_tree_counts_where_it_is_absent() -> None:
    rubric = Rubric(criteria=(criterion("g", 1, children=[criterion("a", 3), criterion("b", -1)]),))
    assert aggregate(rubric, {"a": 1, "b": 1}).score == pytest.approx(3 / 4)
    assert aggregate(rubric, {"a": 1, "b": 1}, "pos_norm").score == pytest.approx((3 - 1) / 3)


def test_deep_trees_are_walked_without_recursion_and_inactive_leaves_have_no_weight() -> None:
    node = criterion("leaf", 1)
    for depth in range(30):
        node = criterion(f"n{depth}", 1, children=[node, criterion(f"off{depth}", 9, state="inactive")])
    rubric = Rubric(criteria=(node,))
    assert aggregate(rubric, {"leaf": 0.25}) == (0.25, "", 1.0)


RACE = Rubric(
    format="drb_race",
    criteria=(
        criterion("d1", 0.6, children=[criterion("a", 0.5, scale=Scale(kind="numeric", hi=10))]),
        criterion("d2", 0.4, children=[criterion("b", 1, scale=Scale(kind="numeric", hi=10))]),
    ),
)


def test_race_gives_native_scores_and_its_relative_form_needs_a_reference() -> None:
    assert aggregate(RACE, {"a": 0.8, "b": 0.5}).score == pytest.approx(0.6 * 8 + 0.4 * 5)
    got = aggregate(RACE, {"a": 0.8, "b": 0.5}, "race_relative", reference={"a": 0.6, "b": 0.8})
    assert got.score == pytest.approx(6.8 / (6.8 + 6.8))
    alone = aggregate(RACE, {"a": 0.8, "b": 0.5}, "race_relative")
    assert alone.score is None
    assert "a reference answer" in alone.reason
    assert aggregate(RACE, {"a": 0, "b": 0}, "race_relative", reference={"a": 0, "b": 0}).score is None


def test_graded_scales_have_native_and_unit_means() -> None:
    tens = [criterion(id, 1, scale=Scale(kind="numeric", lo=1, hi=10)) for id in "ab"]
    rubric = Rubric(format="writingbench", criteria=tuple(tens))
    assert aggregate(rubric, {"a": 7 / 9, "b": 4 / 9}).score == pytest.approx(6.5)
    assert aggregate(rubric, {"a": 7 / 9, "b": 4 / 9}, "unit_mean").score == pytest.approx(11 / 18)
    five = Rubric(format="prometheus", criteria=(criterion("a", 1, scale=Scale(kind="numeric", lo=1, hi=5)),))
    assert aggregate(five, {"a": 0.75}).score == pytest.approx(4)
    assert aggregate(five, {"a": 0.75}, "unit").score == pytest.approx(0.75)


def test_tiers_count_by_their_word_and_choices_by_their_rank() -> None:
    words = ["Critical", "Major", "Minor", "Additional"]
    rubric = Rubric(format="profbench", criteria=tuple(criterion(word, 1, tier=word) for word in words))
    assert aggregate(rubric, valued(rubric, [1, 1, 0, 1])).score == pytest.approx(0.8)
    choices = flat(2, 1, format="verifiers")
    assert aggregate(choices, valued(choices, [0.5, 1])).score == pytest.approx(2 / 3)


def test_an_item_of_scholarqa_is_half_criterion_and_half_evidence() -> None:
    parts = [criterion("length", 0.05), criterion("expertise", 0.05), criterion("citations", 0.2)]
    items = [criterion("i0", 0.3, evidence=["e"]), criterion("i1", 0.2), criterion("i2", 0.1, evidence=["e"])]
    rubric = Rubric(format="sqa", criteria=(*parts, criterion("excerpts", 0.1), *items))
    values = {"length": 0.5, "expertise": 1.0, "citations": 0.8, "excerpts": 0.5, "i1": 0.5, "i2_evidence": 1.0}
    met = {**values, "i0": 1.0, "i0_evidence": 0.5}
    assert aggregate(rubric, met).score == pytest.approx(0.71)
    assert aggregate(rubric, met, "sqa_ingredient_recall").score == pytest.approx(0.425 / 0.6)
    assert aggregate(rubric, {**values, "i0": 0.0, "i0_evidence": 0.9}).score == pytest.approx(0.485)
    assert aggregate(rubric, {**values, "i0": 1.0}).score == pytest.approx(0.71 + 0.3 - 0.225)


def test_saturation_pays_less_and_less_of_one_dimension() -> None:
    one = criterion("d1", 1, children=[criterion("a"), criterion("b")])
    two = criterion("d2", 1, children=[criterion("c"), criterion("d")])
    rubric = Rubric(criteria=(one, two))
    spread = aggregate(rubric, {"a": 1, "b": 0, "c": 1, "d": 0}, "saturating").score
    heaped = aggregate(rubric, {"a": 1, "b": 1, "c": 0, "d": 0}, "saturating").score
    assert spread == pytest.approx((1 - exp(-1)) / (1 - exp(-2)))
    assert heaped == pytest.approx(0.5)
    assert aggregate(rubric, dict.fromkeys("abcd", 1), "saturating").score == pytest.approx(1)


def test_policy_aware_weights_follow_contrast_and_keep_their_sum() -> None:
    rubric = flat(1, 1, -1)
    group = [valued(rubric, [1, 1, 0]), valued(rubric, [1, 0, 0])]
    # Contrast is 0, 1/2, 0; its mean over the positives 1/4: the weights become 1/2 and 3/2.
    assert policy_aware(rubric, group) == pytest.approx([1.0, 0.25])
    flat_group = [valued(rubric, [1, 0, 1])] * 2
    assert policy_aware(rubric, flat_group) == pytest.approx([0, 0])
    alone = aggregate(rubric, group[0], "policy_aware")
    assert alone.score is None
    assert "group" in alone.reason


def test_every_formula_has_a_line_and_a_function() -> None:
    assert FORMULAS.keys() == COMPUTE.keys() | NEEDS.keys()
    assert all(function.__doc__ for function in COMPUTE.values())


def test_the_formula_is_the_rubrics_own_or_that_of_its_format() -> None:
    assert default_formula(flat(1)) == "pos_norm"
    assert default_formula(tree()) == "tree_mean"
    assert default_formula(flat(1, format="seed")) == "flip_then_mean"
    assert default_formula(flat(1, format="seed", aggregate="abs_norm")) == "abs_norm"
    with pytest.raises(RubricError, match="no formula 'mean'; did you mean `unit_mean`"):
        default_formula(flat(1, aggregate="mean"))


def test_what_trains_is_neither_clipped_nor_on_a_scale_of_its_own() -> None:
    assert for_training("clip01") == for_training("floor0") == "pos_norm"
    assert for_training("mean_1_10") == "unit_mean"
    assert for_training("abs_norm") == "abs_norm"
