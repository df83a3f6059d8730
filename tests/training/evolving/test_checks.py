"""What of a recipe does not go with growing rubrics is found before anything is loaded."""

from pathlib import Path

import pytest
from pydantic import ValidationError
from tests.training.evolving.growing import ADMITS, REWARDS, WRITES, evolving_settings
from tests.training.recipes.recipe_rows import cited_rows

from citerefine.training.errors import RecipeError
from citerefine.training.recipes.checks import find_problems
from citerefine.training.recipes.reading import load_recipe
from citerefine.training.run import run_identity

SECTION = (f"evolve.writer={WRITES}", f"evolve.admission={ADMITS}", f"reward.judge={REWARDS}")


@pytest.fixture
def rows(tmp_path: Path) -> str:
    return f"data.train={cited_rows(tmp_path / 'rows.jsonl')}"


def lines(rows: str, *sets: str) -> list[str]:
    recipe = load_recipe("tiny-cpu", [rows, "train.group_size=4", *SECTION, *sets])
    told = [one for one in find_problems(recipe) if one.severity == "error" or "evolve" in one.where]
    return [f"{problem.severity} {problem.line}" for problem in told]


def test_a_section_of_three_models_goes_with_a_recipe_and_is_kept(rows: str) -> None:
    assert lines(rows) == []
    recipe = load_recipe("tiny-cpu", [rows, *SECTION, "evolve.every=5"])
    assert recipe.evolve is not None
    assert recipe.evolve.every == 5
    assert "[evolve]" in recipe.resolved()
    assert load_recipe("tiny-cpu", [rows]).evolve is None


@pytest.mark.parametrize(
    ("sets", "start"),
    [
        ([f"evolve.admission={REWARDS}"], "error evolve.admission: it is the model of reward.judge"),
        ([f"evolve.admission={WRITES}"], "error evolve.admission: it is the model of evolve.writer"),
        ([f"reward.backup={ADMITS}"], "error evolve.admission: it is the model of reward.backup"),
        (["evolve.admission=openai:Qwen/Qwen3-8B@http://a/v1"], "warning evolve.admission: it is of the family Qwen"),
        (["reward.rubric=0", "reward.citation=1"], "error evolve: criteria are written, and rubrics are not rewarded"),
        (["reward.held_out_share=0.1"], "error reward.held_out_share: with growing rubrics, evolve.held_out says"),
        (["reward.formula=flat_leaf_mean"], "error reward.formula: flat_leaf_mean does not count criteria by"),
        (["train.group_size=2"], "error train.group_size: a criterion is admitted on 4 answers to one prompt"),
        (["train.updates_per_rollout=2", "evolve.every=5"], "error evolve.every: answers are sampled every 2 steps"),
        (["evolve.writer=lexical"], "error evolve.writer: no model is called 'lexical'"),
        (["evolve.admission=nobody"], "error evolve.admission: no rubric judge is called 'nobody'"),
    ],
)
def test_what_does_not_go_together_is_told_with_a_remedy(rows: str, sets: list[str], start: str) -> None:
    (line,) = [line for line in lines(rows, *sets) if line.startswith(start)]
    assert "; " in line


def test_a_section_needs_a_writer_and_something_to_write(rows: str) -> None:
    with pytest.raises(RecipeError, match=r"evolve\.admission: is not given"):
        load_recipe("tiny-cpu", [rows, SECTION[0]])
    with pytest.raises(ValidationError, match="nothing is written"):
        evolving_settings(n_positive=0, n_negative=0)


def test_servers_may_change_while_a_run_goes_on_and_models_may_not(rows: str) -> None:
    def identity(*sets: str) -> object:
        return run_identity(load_recipe("tiny-cpu", [rows, *SECTION, *sets]))

    assert identity() == identity(f"evolve.writer={WRITES.replace('writer:', 'elsewhere:')}", "evolve.deadline=5")
    assert identity() != identity("evolve.writer=openai:other@http://writer:8000/v1")
    assert identity() != identity("evolve.every=3")
