"""The static sets that come with the package."""

from collections import defaultdict

import pytest

from citerefine.rubrics.aggregation import default_formula
from citerefine.rubrics.errors import RubricError
from citerefine.rubrics.lint import lint
from citerefine.rubrics.sets import SETS, load_set

NAMES = sorted(SETS)


@pytest.mark.parametrize("name", NAMES)
def test_a_set_is_static_titled_and_passes_our_own_lint(name: str) -> None:
    rubric = load_set(name)
    assert rubric.id == name
    assert {leaf.origin for leaf in rubric.leaves} == {"static"}
    assert all(leaf.title for leaf in rubric.leaves)
    assert lint(rubric) == []
    assert default_formula(rubric) == rubric.aggregate


def test_the_three_titles_of_the_recipe_have_one_polarity_each_and_equal_weight() -> None:
    weights, sides = defaultdict[str, float](float), defaultdict[str, set[bool]](set)
    for leaf in load_set("citation").leaves:
        weights[leaf.title] += leaf.weight
        sides[leaf.title].add(leaf.is_negative)
    assert weights == {"Citation Discipline": 1, "Off-Query Padding": -1, "Wrong-Entity Confabulation": -1}
    assert all(len(side) == 1 for side in sides.values())


def test_a_set_that_does_not_exist_is_refused() -> None:
    with pytest.raises(RubricError, match=r"no static set '\.\./x'; choose one of citation, synthesis"):
        load_set("../x")
