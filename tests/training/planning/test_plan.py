"""The plan of a run: every bundled recipe has one, and what rows lack is in it."""

import json
from pathlib import Path

import pytest
from tests.training.recipes.recipe_rows import RECIPES, cited_rows, maths_rows, rows_for

from citerefine.app.train_text import plan_lines
from citerefine.training.planning.plan import Plan, make_plan
from citerefine.training.recipes.reading import load_recipe


def plan(name: str, *sets: str, require_card: bool = False) -> Plan:
    return make_plan(load_recipe(name, sets), require_card=require_card)


def told(found: Plan, severity: str = "error") -> str:
    return "\n".join(problem.line for problem in found.problems if problem.severity == severity)


@pytest.mark.parametrize("name", RECIPES)
def test_every_bundled_recipe_can_be_planned(name: str, tmp_path: Path) -> None:
    found = plan(name, f"data.train={rows_for(name, tmp_path, 64)}")
    assert told(found) == ""
    assert found.shape is not None
    assert found.memory is not None
    assert found.memory.fits
    assert found.duration is not None
    assert found.duration.rollout > 0
    assert found.prompts is not None
    assert found.prompts.dropped == 0
    assert found.rows is not None
    assert found.rows.rows == 64
    text = "\n".join(plan_lines(found))
    assert all(f"\n{label} " in text for label in ("rows", "prompts", "step", "memory", "time", "judging", "start"))
    assert Plan.model_validate_json(json.dumps(found.model_dump(mode="json"))) == found


def test_prompts_are_counted_by_the_tokenizer_that_is_there(tmp_path: Path, tiny_qwen3: Path) -> None:
    sets = (f"data.train={cited_rows(tmp_path / 'rows.jsonl')}", "data.prompt_tokens=2048", "data.total_tokens=4096")
    counted, estimated = plan("tiny-cpu", *sets, f"model.name={tiny_qwen3}"), plan("tiny-cpu", *sets)
    assert counted.prompts is not None
    assert estimated.prompts is not None
    assert counted.prompts.source == "the model's tokenizer"
    assert "estimate" in estimated.prompts.source
    assert counted.shape is not None
    assert counted.shape.source.endswith("config.json")


def test_more_tokens_than_the_model_takes_are_an_error(tmp_path: Path, tiny_qwen3: Path) -> None:
    rows = f"data.train={cited_rows(tmp_path / 'rows.jsonl')}"
    found = plan("tiny-cpu", rows, f"model.name={tiny_qwen3}", "data.total_tokens=20000")
    assert "data.total_tokens: 20000 tokens are more than the 16384" in told(found)


def test_rows_that_lack_what_is_rewarded_are_told(tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    row = {"id": "1", "question": "Why?", "snippets": [{"id": "a", "text": "Because of the rain."}]}
    rows.write_text(json.dumps(row) + "\nnot json\n")
    found = plan("tiny-cpu", f"data.train={rows}", "reward.verification=1", "sft.epochs=1")
    assert "reward.rubric: none of the 1 rows has a criteria" in told(found)
    assert "reward.verification: none of the 1 rows has a reference answer" in told(found)
    assert "sft: none of the 1 rows has a answer to imitate" in told(found)
    assert "data.train: a step takes 2 prompts, and there are 1 rows" in told(found)
    assert "1 of 2 rows cannot be used (line 2" in told(found, "warning")


def test_problems_without_a_reward_for_results_earn_nothing(tmp_path: Path) -> None:
    found = plan("tiny-cpu", f"data.train={maths_rows(tmp_path / 'rows.jsonl')}")
    assert "reward.verification: no row has evidence" in told(found)


def test_prompts_that_do_not_fit_are_an_error(tmp_path: Path) -> None:
    found = plan("tiny-cpu", f"data.train={cited_rows(tmp_path / 'rows.jsonl')}", "data.prompt_tokens=200")
    assert "data.prompt_tokens: no row has a prompt that fits 200 tokens" in told(found)


def test_a_gpu_that_is_too_small_is_told(tmp_path: Path) -> None:
    rows = f"data.train={cited_rows(tmp_path / 'rows.jsonl')}"
    found = plan("single-gpu-lora", rows, "hardware.gpu_memory=16")
    assert "hardware.gpu_memory: about" in told(found, "warning")
    assert "train.lora" in told(found, "warning")


def test_what_is_not_known_of_a_model_is_said(tmp_path: Path) -> None:
    found = plan("tiny-cpu", f"data.train={cited_rows(tmp_path / 'rows.jsonl')}", "model.name=org/secret")
    assert (found.shape, found.memory, found.duration) == (None, None, None)
    assert "its name has no size" in found.unknown
    assert "nothing is known" in plan_lines(found)[0]


def test_a_judge_without_a_card_is_an_error_where_cards_are_asked_for(tmp_path: Path) -> None:
    rows = f"data.train={cited_rows(tmp_path / 'rows.jsonl')}"
    assert "has no card" not in told(plan("single-gpu-lora", rows))
    assert told(plan("single-gpu-lora", rows, require_card=True)).count("has no card") == 2
