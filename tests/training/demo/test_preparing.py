"""What a demonstration begins with: the files that `citerefine train` is given."""

from pathlib import Path

import pytest
from transformers import AutoModelForCausalLM, AutoTokenizer

from citerefine.training.data.row_files import read_rows
from citerefine.training.demo.preparing import FULL, RECIPE, SHORT, Scale, prepare
from citerefine.training.planning.plan import make_plan
from citerefine.training.recipes.recipe import Recipe


def small(scale: Scale) -> Scale:
    return scale._replace(n_imitated=40, n_asked=10, n_watched=3, n_tested=2)


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(params=[FULL, SHORT], ids=["full", "short"])
def scale(request: pytest.FixtureRequest) -> Scale:
    chosen: Scale = request.param
    return small(chosen)


def test_the_recipe_can_be_run_as_it_is(scale: Scale, tmp_path: Path) -> None:
    recipe = prepare(tmp_path, scale, 0)
    assert not make_plan(recipe).errors
    assert recipe.model.name == str(tmp_path / "start")
    assert recipe.data.train == str(tmp_path / "train.jsonl")


def test_some_rows_have_an_answer_to_imitate_and_some_are_only_asked(scale: Scale, tmp_path: Path) -> None:
    recipe = prepare(tmp_path, scale, 0)
    train, held_out = read_rows(recipe.data.train), read_rows(recipe.data.eval)
    assert not train.refused + held_out.refused
    assert [row.answer is not None for row in train.rows] == [True] * 40 + [False] * 10
    assert {len(row.evidence) for row in train.rows + held_out.rows} == {scale.n_snippets}
    assert len(held_out.rows) == 3


def test_a_place_that_is_named_is_worth_as_much_at_both_scales(tmp_path: Path) -> None:
    worths = [prepare(tmp_path, small(scale), 0).reward.rubric / scale.n_snippets for scale in (FULL, SHORT)]
    assert worths[0] == worths[1]


def test_model_and_tokenizer_can_be_loaded_and_fit_each_other(tmp_path: Path) -> None:
    prepare(tmp_path, small(SHORT), 0)
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "start")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "start")
    assert model.config.vocab_size >= len(tokenizer)
    assert model.config.eos_token_id == tokenizer.eos_token_id
    assert 300_000 < sum(weights.numel() for weights in model.parameters()) < 700_000


def test_the_same_seed_gives_the_same_bytes_and_another_seed_another_run(tmp_path: Path) -> None:
    recipes = dict[str, Recipe]()
    for name, seed in (("one", 3), ("again", 3), ("other", 4)):
        recipes[name] = prepare(tmp_path / name, small(SHORT), seed)
    one, again, other = (files_of(tmp_path / name) for name in ("one", "again", "other"))
    assert one == again
    changed = {name for name in one if one[name] != other[name]}
    assert changed == {"start/model.safetensors", "train.jsonl", "eval.jsonl"}
    assert RECIPE in one
    seeds = {name: (recipe.train.seed, recipe.sft and recipe.sft.seed) for name, recipe in recipes.items()}
    assert seeds == {"one": (3, 3), "again": (3, 3), "other": (4, 4)}
