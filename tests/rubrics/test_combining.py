"""Instance and static criteria as one rubric."""

import pytest
from tests.rubrics.building import criterion, flat

from citerefine.rubrics.aggregation import aggregate
from citerefine.rubrics.combining import combine
from citerefine.rubrics.errors import RubricError
from citerefine.rubrics.rubric import Rubric
from citerefine.rubrics.sets import load_set

INSTANCE = flat(1, 1, -1, format="seed", id="row 7", query="What became of perch?")


def test_static_criteria_come_behind_those_of_the_instance_and_say_where_they_are_from() -> None:
    both = combine(INSTANCE, load_set("citation"))
    assert both.criteria[:3] == INSTANCE.criteria
    assert {leaf.origin for leaf in both.leaves[3:]} == {"static"}
    assert both.leaves[3].id == "citation/uncited"
    assert (both.id, both.query, both.aggregate) == ("row 7", "What became of perch?", "flip_then_mean")


def test_each_title_of_the_recipe_counts_as_one_criterion_of_the_instance() -> None:
    both = combine(INSTANCE, load_set("citation"))
    values = {leaf.id: 0.0 for leaf in both.leaves}
    # Nothing is met and no fault is there: 1 of 3 titles of the instance and 2 of 3 of the static set are faults.
    assert aggregate(both, values).score == pytest.approx(3 / 6)
    values |= {leaf.id: 1.0 for leaf in both.leaves if leaf.title == "Citation Discipline"}
    assert aggregate(both, values).score == pytest.approx(4 / 6)


def test_static_weights_are_in_the_measure_of_the_instance() -> None:
    static = Rubric(id="own", criteria=(criterion("a"), criterion("b", -0.5)))
    both = combine(flat(4, 8, -6, format="healthbench"), static)
    assert [leaf.weight for leaf in both.leaves] == [4, 8, -6, 6, -3]
    assert both.aggregate == "pos_norm"


def test_a_tree_keeps_its_weight_beside_static_criteria() -> None:
    tree = Rubric(format="paperbench", criteria=(criterion("r", 1, children=[criterion("a"), criterion("b", 3)]),))
    both = combine(tree, flat(1, id="own"))
    assert aggregate(both, {"a": 1, "b": 0, "own/c1": 1}).score == pytest.approx((0.25 + 0.5) / 1.5)


def test_the_formula_can_be_said_and_else_is_that_which_the_instance_names() -> None:
    own = flat(1, aggregate="abs_norm")
    assert combine(own, flat(1)).aggregate == "abs_norm"
    assert combine(own, flat(1), aggregate="min_max").aggregate == "min_max"


def test_what_the_instance_asks_already_is_not_asked_again() -> None:
    group = criterion("g", 1, children=[criterion("x", text="States fact c1.")])
    static = Rubric(id="s", criteria=(criterion("a", text="States fact c2."), group, criterion("b", text="New.")))
    assert [leaf.id for leaf in combine(INSTANCE, static).leaves] == ["c1", "c2", "c3", "s/b"]
    assert [leaf.id for leaf in combine(INSTANCE, static, static).leaves] == ["c1", "c2", "c3", "s/b"]


def test_ids_stay_different_whatever_sets_are_called() -> None:
    taken = Rubric(criteria=(criterion("s/a", text="One."), criterion("s2/a", text="Two.")))
    sets = [Rubric(id="s", criteria=(criterion("a", text=text),)) for text in ("Three.", "Four.")]
    assert [leaf.id for leaf in combine(taken, *sets).leaves] == ["s/a", "s2/a", "s3/a", "s4/a"]
    assert [leaf.id for leaf in combine(flat(1), flat(1, 1)).leaves] == ["c1", "static1/c2"]


def test_a_whole_that_breaks_a_bound_is_refused() -> None:
    with pytest.raises(RubricError, match="cannot be one: "):
        combine(Rubric(), Rubric(criteria=(criterion("a" * 399),)))
