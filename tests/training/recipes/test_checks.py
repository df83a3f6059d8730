"""What keeps a recipe from running, and what may go wrong, is found before anything is loaded."""

from pathlib import Path

import pytest
from tests.training.recipes.recipe_rows import cited_rows

from citerefine.training.recipes.checks import find_problems
from citerefine.training.recipes.family import family_of
from citerefine.training.recipes.problem import errors_of
from citerefine.training.recipes.reading import load_recipe
from citerefine.training.recipes.trust import missing_cards, trust_in_judges


@pytest.fixture
def rows(tmp_path: Path) -> str:
    return f"data.train={cited_rows(tmp_path / 'rows.jsonl')}"


def lines(name: str, *sets: str, processes: int | None = None) -> list[str]:
    found = find_problems(load_recipe(name, sets), processes)
    return [f"{problem.severity} {problem.line}" for problem in found]


def has(found: list[str], start: str, *parts: str) -> bool:
    return any(line.startswith(start) and all(part in line for part in parts) for line in found)


def test_a_recipe_that_can_run_has_no_error(rows: str) -> None:
    assert not errors_of(find_problems(load_recipe("tiny-cpu", [rows])))


def test_all_problems_are_listed_at_once() -> None:
    found = lines("one-node", "data.train=/nowhere.jsonl", "train.prompts_per_step=12", "train.refill_tokens=10")
    assert has(found, "error data.train: there is no file /nowhere.jsonl; set it with --set data.train=")
    assert has(found, "error train.prompts_per_step: 12 prompts a step cannot be shared out", "8 processes", "set")
    assert has(found, "error train.refill_tokens: 10 do not hold one group a process", "set it to 524288 or more")


def test_shapes_are_checked_for_the_processes_that_there_are(rows: str) -> None:
    assert not has(lines("one-node", rows), "error train.prompts_per_step")
    assert has(lines("one-node", rows, processes=5), "error train.prompts_per_step")
    assert has(lines("tiny-cpu", rows, processes=2), "error hardware.engine: `single` is one process, and there are 2")
    assert has(lines("one-node", rows, "sft.rows_per_step=4"), "error sft.rows_per_step", "use a multiple of 8")


def test_the_second_phase_needs_room_for_a_draft(rows: str) -> None:
    assert not has(lines("thinktwice", rows), "error phases")
    found = lines("thinktwice", rows, "data.prompt_tokens=5120")
    assert has(found, "error phases: the second phase adds the draft and up to 254", "11374 with the answer", "= 1938")
    assert not has(lines("thinktwice", rows, "data.prompt_tokens=1938"), "error phases")
    assert has(lines("thinktwice", rows, "data.prompt_tokens=1939"), "error phases")
    found = lines("thinktwice", rows, "data.total_tokens=6000", "data.prompt_tokens=512")
    assert has(found, "error phases", "set data.total_tokens = 6766, or lower data.answer_tokens")


def test_what_two_phases_cannot_do_is_told_before_a_model_is_loaded(rows: str) -> None:
    found = lines("thinktwice", rows, "train.steps=3", "train.refill=true", "train.refill_tokens=1000000")
    assert has(found, "error train.steps: two phases take two steps, and 3 is odd; set it to 4")
    assert has(found, "error train.refill: it replaces prompts, which phases share")
    assert not has(lines("thinktwice", rows, "phases=one", "train.steps=3"), "error train.steps")
    found = lines("thinktwice", rows, "second.select=lowest_citation")
    assert has(found, "error second.select: citations are worth nothing without the citation term")


def test_words_are_a_floor_and_not_a_judge(rows: str) -> None:
    found = lines("tiny-cpu", rows)
    assert has(found, "warning reward.judge: the lexical judge compares words")
    assert has(found, "warning reward.support: the lexical judge")
    assert not has(lines("tiny-cpu", rows, "reward.rubric=0"), "warning reward.judge")


def test_judge_and_policy_of_one_family_are_told(rows: str) -> None:
    assert has(lines("rubric-citation-refiner", rows), "warning reward.judge: judge and policy are both", "Qwen")
    other = "openai:meta-llama/Llama-3.3-70B@http://h:1/v1"
    sets = (rows, f"reward.judge={other}", f"reward.support={other}", f"watch.audit={other}")
    found = lines("rubric-citation-refiner", *sets)
    assert not has(found, "warning reward.")
    assert has(found, "warning watch.audit: it is of the family Llama")


@pytest.mark.parametrize(
    ("name", "family"),
    [("Qwen/QwQ-32B", "Qwen"), ("mistralai/Ministral-8B", "Mistral"), ("microsoft/phi-4", "Phi"), ("dolphin", None)],
)
def test_names_tell_families(name: str, family: str | None) -> None:
    assert family_of(name) == family


def test_what_needs_another_setting_is_told(rows: str) -> None:
    found = lines("tiny-cpu", rows, "train.claim_credit=0.5", "reward.citation=0", "train.advantage=gdpo")
    assert has(found, "error train.claim_credit: claims have no verdicts without the citation term")
    found = lines("tiny-cpu", rows, "train.advantage=gdpo", "reward.citation=0", "reward.format=0")
    assert has(found, "warning train.advantage: gdpo normalises several terms")
    assert has(lines("tiny-cpu", rows, "train.top_p=0.9"), "warning train.top_p")
    assert has(lines("tiny-cpu", rows, "train.lora.dropout=0.1"), "warning train.lora.dropout")
    assert has(lines("one-node", rows, "reward.patience=9000"), "error reward.patience")
    assert has(lines("tiny-cpu", rows, "hardware.vllm_gpus=2"), "warning hardware.vllm_gpus")
    assert has(lines("tiny-cpu", rows, "hardware.engine=zero3"), "warning hardware.engine: zero3 shares nothing")
    assert has(lines("tiny-cpu", rows, "model.name=./nothing"), "error model.name", "is no folder with a config.json")


def test_a_bound_in_dollars_needs_prices(rows: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CITEREFINE_PRICES", raising=False)
    assert has(lines("tiny-cpu", rows, "reward.max_dollars=5"), "error reward.max_dollars", "set CITEREFINE_PRICES")
    monkeypatch.setenv("CITEREFINE_PRICES", "cheap")
    assert has(lines("tiny-cpu", rows, "reward.max_dollars=5"), "error reward.max_dollars: CITEREFINE_PRICES is")
    monkeypatch.setenv("CITEREFINE_PRICES", "0.1,0.4")
    assert not has(lines("tiny-cpu", rows, "reward.max_dollars=5"), "error")


def test_boards_that_are_not_installed_are_refused(rows: str) -> None:
    assert has(lines("tiny-cpu", rows, "watch.report_to=['wandb']"), "error watch.report_to: wandb is not installed")


def test_a_judge_without_a_card_is_told_loudly_and_refused_where_cards_are_asked_for() -> None:
    known, problems = trust_in_judges(load_recipe("single-gpu-lora"))
    assert not problems
    assert [(one.where, one.is_measured) for one in known] == [("reward.judge", False), ("reward.support", False)]
    assert all(one.lines[0].startswith("NOT MEASURED") for one in known)
    assert [problem.where for problem in missing_cards(known)] == ["reward.judge", "reward.support"]


def test_a_judge_with_a_card_says_how_far_it_agrees_with_people() -> None:
    known, _ = trust_in_judges(load_recipe("tiny-cpu"))
    assert all(one.is_measured and one.lines[0].startswith("with people on ") for one in known)
    assert not missing_cards(known)


def test_judges_that_nobody_rewards_are_not_asked_for() -> None:
    known, problems = trust_in_judges(load_recipe("rloo-maths", ["watch.audit=nobody"]))
    assert not known
    assert [problem.where for problem in problems] == ["watch.audit"]
