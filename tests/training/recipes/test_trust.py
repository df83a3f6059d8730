"""Whoever admits criteria that are written along a run is a judge like the others: known by its card, or not."""

import pytest

from citerefine.training.planning.plan import make_plan
from citerefine.training.recipes.reading import load_recipe
from citerefine.training.recipes.trust import missing_cards, trust_in_judges

WRITER = "evolve.writer=openai:w@http://h:1/v1"


@pytest.mark.parametrize(("admission", "is_measured"), [("lexical", True), ("openai:a@http://h:2/v1", False)])
def test_who_admits_criteria_is_told_of(admission: str, is_measured: bool) -> None:
    recipe = load_recipe("single-gpu-lora", [WRITER, f"evolve.admission={admission}"])
    known, problems = trust_in_judges(recipe)
    assert not problems
    assert [(one.where, one.is_measured) for one in known if one.where.startswith("evolve")] == [
        ("evolve.admission", is_measured)
    ]
    assert ("evolve.admission" in [problem.where for problem in missing_cards(known)]) is not is_measured


def test_one_that_cannot_be_loaded_is_told_of_once() -> None:
    plan = make_plan(load_recipe("tiny-cpu", [WRITER, "evolve.admission=nobody"]))
    assert sum("no such" in problem.what or "nobody" in problem.what for problem in plan.errors) == 1
