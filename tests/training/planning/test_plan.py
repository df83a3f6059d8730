"""The plan of a run: every bundled recipe has one, and what rows lack is in it."""

import json
from pathlib import Path

import pytest
from tests.training.recipes.recipe_rows import RECIPES, cited_rows, maths_rows, rows_for

from citerefine.app.train_text import plan_lines
from citerefine.training.data.tasks import improvement_tokens
from citerefine.training.planning.plan import Plan, make_plan
from citerefine.training.recipes.reading import load_recipe


def plan(name: str, *sets: str, require_card: bool = False) -> Plan:
    return make_plan(load_recipe(name, sets), require_card=require_card)


def told(found: Plan, severity: str = "error") -> str:
    return "\n".join(problem.line for problem in found.problems if problem.severity == severity)


@pytest.mark.parametrize("name", RECIPES)
def test_every_bundled_recipe_can_be_planned(name: str, tmp_path: Path) -> None:
    found = plan(name, f"data.train={rows_for(name, tmp_path, 80)}")
    assert told(found) == ""
    assert found.shape is not None
    assert found.memory is not None
    assert found.memory.fits
    assert found.duration is not None
    assert found.duration.rollout > 0
    assert found.prompts is not None
    assert found.prompts.dropped == 0
    assert found.rows is not None
    assert found.rows.held_out > 0
    assert found.rows.rows + found.rows.held_out == 80
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
    assert "reward.rubric: none of the 1 rows has criteria" in told(found)
    assert "reward.verification: none of the 1 rows has a reference answer" in told(found)
    assert "sft: none of the 1 rows has an answer to imitate" in told(found)
    assert "data.train: a step takes 2 prompts, and there are 1 rows" in told(found)
    assert "1 rows cannot be used (line 2" in told(found, "warning")


def test_problems_without_a_reward_for_results_earn_nothing(tmp_path: Path) -> None:
    found = plan("tiny-cpu", f"data.train={maths_rows(tmp_path / 'rows.jsonl')}")
    assert "reward.verification: no row has evidence" in told(found)


def test_prompts_that_do_not_fit_are_an_error(tmp_path: Path) -> None:
    found = plan("tiny-cpu", f"data.train={cited_rows(tmp_path / 'rows.jsonl')}", "data.prompt_tokens=200")
    assert "data.prompt_tokens: no row has a prompt that fits 200 tokens" in told(found)


def test_rows_are_counted_as_the_run_will_have_them(tmp_path: Path, tiny_qwen3: Path) -> None:
    rows, held = cited_rows(tmp_path / "rows.jsonl", 16), cited_rows(tmp_path / "held.jsonl", 10)
    sets = ("tiny-cpu", f"data.train={rows}", f"model.name={tiny_qwen3}", "train.prompts_per_step=8")
    assert "a step takes" not in told(plan(*sets))
    half = plan(*sets, "data.eval_share=0.6")
    assert half.rows is not None
    assert half.rows.rows + half.rows.held_out == 16
    assert f"a step takes 8 prompts, and there are {half.rows.rows} rows, beside {half.rows.held_out}" in told(half)
    leaking = plan(*sets, f"data.eval={held}")
    assert leaking.rows is not None
    assert (leaking.rows.rows, leaking.rows.leaking, leaking.rows.held_out) == (6, 10, 10)
    assert "a step takes 8 prompts, and there are 6 rows" in told(leaking)


def test_prompts_and_answers_that_do_not_fit_are_no_rows(tmp_path: Path, tiny_qwen3: Path) -> None:
    rows = cited_rows(tmp_path / "rows.jsonl", 300)
    with rows.open("a") as file:
        for number in range(300):
            row = {"id": f"x{number}", "question": f"Why {number}? " + "Why? " * 2000, "snippets": [{"text": "Rain."}]}
            file.write(json.dumps(row) + "\n")
    sets = ["tiny-cpu", f"data.train={rows}", "data.eval_share=0", "train.prompts_per_step=200"]
    model = f"model.name={tiny_qwen3}"
    counted = plan(*sets, model)
    assert counted.prompts is not None
    assert (counted.prompts.counted, counted.prompts.usable) == (600, 300)  # a sample would not have been enough
    assert "a step takes" not in told(counted)
    sets[-1] = "train.prompts_per_step=400"
    assert "a step takes 400 prompts, and of 600 rows 300 have one that fits" in told(plan(*sets, model))
    assert "a step takes 400 prompts" in told(plan(*sets), "warning")  # estimated: the run counts again
    imitated = plan(*sets[:-1], model, "sft.rows_per_step=8", "sft.max_tokens=100")
    assert "sft: a step takes 8 answers to imitate, and of 600 rows 0 have one that fits" in told(imitated)


def test_memory_is_for_the_longest_prompt_that_there_may_be_where_not_all_are_counted(
    tmp_path: Path, tiny_qwen3: Path
) -> None:
    few, many = cited_rows(tmp_path / "few.jsonl", 32), cited_rows(tmp_path / "many.jsonl", 600)
    all_counted, sampled = (plan("tiny-cpu", f"data.train={rows}", f"model.name={tiny_qwen3}") for rows in (few, many))
    assert all_counted.prompts is not None
    assert all_counted.tokens.longest_prompt == all_counted.prompts.longest < 1024
    assert sampled.prompts is not None
    assert sampled.prompts.counted <= 256 < sampled.prompts.rows
    assert sampled.tokens.longest_prompt == 1024


def test_what_a_model_without_shared_prompts_takes_is_shown_too(tmp_path: Path) -> None:
    sets = ("single-gpu-lora", f"data.train={cited_rows(tmp_path / 'rows.jsonl', 64)}", "watch.heldout_rows=0")
    auto, on = plan(*sets), plan(*sets, "train.shared_prefix=on")
    assert auto.memory is not None
    assert auto.fallback is not None
    assert auto.fallback.needed > auto.memory.needed
    assert on.fallback is None
    assert "if the prompt of a group cannot be computed once" not in told(auto, "warning")
    small = plan(*sets, "hardware.gpu_memory=22")
    assert "about 23 GiB are needed if the prompt of a group cannot be computed once" in told(small, "warning")
    assert "are needed at once" not in told(small, "warning")
    text = "\n".join(plan_lines(auto))
    assert f"; {auto.fallback.needed:.1f} if the prompt of a group cannot be computed once" in text
    assert "h with shared prompts, " in text


def test_a_plan_has_both_phases_and_what_imitating_takes(tmp_path: Path) -> None:
    two = plan("thinktwice", f"data.train={maths_rows(tmp_path / 'maths.jsonl', 64)}")
    assert two.second is not None
    assert two.second.prompt_tokens == two.tokens.prompt_tokens + 3000 + improvement_tokens()
    assert two.second_duration is not None
    assert two.duration is not None
    assert two.second_duration.update > two.duration.update
    assert "each second step, on drafts, at most" in "\n".join(plan_lines(two))
    rows = f"data.train={cited_rows(tmp_path / 'rows.jsonl', 64)}"
    whole = plan("single-gpu-lora", rows, "sft.all_weights=true")
    assert whole.imitation is not None
    assert whole.imitation.states == pytest.approx(60, abs=1)
    assert "memory    given answers: about" in "\n".join(plan_lines(whole))
    assert "GiB are needed to train on given answers" in told(
        plan("single-gpu-lora", rows, "sft.all_weights=true", "hardware.gpu_memory=50"), "warning"
    )


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
