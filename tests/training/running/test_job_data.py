"""What a job trains on, and what it is watched by: no question on both sides, and what is left out is told."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.training.recipes.recipe_rows import TINY, cited_rows

from citerefine.training.errors import RecipeError
from citerefine.training.recipes.reading import load_recipe
from citerefine.training.running.job_data import JobData, job_data
from citerefine.training.running.policy import load_tokenizer


def data(model: Path, *sets: str) -> tuple[JobData, list[str]]:
    recipe, told = load_recipe("tiny-cpu", [*TINY, f"model.name={model}", "watch.heldout_rows=2", *sets]), list[str]()
    tokenizer: Any = load_tokenizer(recipe)
    return job_data(recipe, tokenizer, told.append), told


def test_a_share_of_the_questions_is_held_out(tiny_qwen3: Path, tmp_path: Path) -> None:
    rows = cited_rows(tmp_path / "rows.jsonl")
    found, told = data(tiny_qwen3, f"data.train={rows}", "data.eval_share=0.3")
    trained, held = {*found.train["id"]}, {row.id for row in found.heldout}
    assert len(held) == 2
    assert not trained & held
    assert told == [f"{len(trained)} rows to train on, 2 held out to watch"]
    assert found.train.column_names == ["id", "prompt", "row", "n_prompt_tokens"]


def test_rows_that_are_held_out_may_be_named(tiny_qwen3: Path, tmp_path: Path) -> None:
    train, held = cited_rows(tmp_path / "rows.jsonl", 8), cited_rows(tmp_path / "held.jsonl", 3)
    found, told = data(tiny_qwen3, f"data.train={train}", f"data.eval={held}")
    assert told[0] == f"3 rows are not trained on: {held} asks the same, or nearly"
    assert told[1:] == ["5 rows to train on, 2 held out to watch"]
    assert len(found.train) == 5


def test_rows_that_cannot_be_used_or_do_not_fit_are_told(tiny_qwen3: Path, tmp_path: Path) -> None:
    rows = cited_rows(tmp_path / "rows.jsonl", 6)
    long = {"id": "long", "question": "Why? " * 3000, "snippets": [{"id": "a", "text": "Because."}]}
    with rows.open("a") as file:
        file.write(json.dumps(long) + "\n{}\n")
    _, told = data(tiny_qwen3, f"data.train={rows}", "data.eval_share=0")
    assert told[0].startswith(f"{rows}: 1 rows cannot be used; the first is line 8: ")
    assert told[1].startswith("1 rows are left out; the first (long): ")
    assert told[2] == "6 rows to train on, 0 held out to watch"


def test_fewer_rows_than_a_step_takes_are_told_before_a_model_is_loaded(tiny_qwen3: Path, tmp_path: Path) -> None:
    rows = cited_rows(tmp_path / "rows.jsonl", 4)
    with pytest.raises(RecipeError, match=r"a step takes 4 rows, and there are only 3 to train on; set train\.prompts"):
        data(tiny_qwen3, f"data.train={rows}", "train.prompts_per_step=4", "data.eval_share=0.2")


def test_data_without_a_single_prompt_is_an_error(tiny_qwen3: Path, tmp_path: Path) -> None:
    rows = cited_rows(tmp_path / "rows.jsonl", 4)
    with pytest.raises(RecipeError, match=r"none of the .* rows of .* has a prompt; the first \("):
        data(tiny_qwen3, f"data.train={rows}", "data.prompt_tokens=200")
