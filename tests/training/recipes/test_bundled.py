"""The recipes that come with the package hold what is published of each system."""

import json
from pathlib import Path

import pytest
from tests.training.recipes.recipe_rows import RECIPES

from citerefine.training.data.tasks import improvement_tokens
from citerefine.training.recipes.bundled import recipe_lines, recipe_names, recipe_text
from citerefine.training.recipes.launching import launch_lines, launcher_file
from citerefine.training.recipes.reading import load_recipe

PUBLISHED = {
    "rubric-citation-refiner": {
        "train.prompts_per_step": 32,
        "train.group_size": 8,
        "train.learning_rate": 5e-6,
        "train.schedule": "constant",
        "train.beta": 0.001,
        "train.temperature": 1.0,
        "train.seed": 42,
        "data.prompt_tokens": 6144,
        "data.answer_tokens": 1024,
        "data.total_tokens": 8192,
        "reward.citation": 0.2,
        "reward.static_sets": ("citation",),
        "hardware.engine": "zero3",
    },
    "balanced-refiner": {
        "reward.scale": 10.0,
        "reward.citation": 0.5,
        "data.mode": "answer_only",
        "data.prompt_tokens": 6144,
        "data.answer_tokens": 1024,
        "hardware.engine": "zero3",
    },
    "rloo-maths": {
        "train.advantage": "rloo",
        "train.beta": 0.0,
        "train.steps": 1500,
        "data.total_tokens": 8192,
        "reward.verification": 1.0,
        "reward.rubric": 0.0,
        "reward.citation": 0.0,
    },
    "thinktwice": {
        "phases": "two",
        "second.select": "uniform",
        "train.prompts_per_step": 32,
        "train.group_size": 8,
        "train.learning_rate": 1e-6,
        "train.advantage": "dr_grpo",
        "train.beta": 0.0,
        "train.clip_low": 0.2,
        "train.clip_high": 0.28,
        "train.updates_per_rollout": 4,
        "data.answer_tokens": 3000,
        "data.total_tokens": 8192,
        "hardware.engine": "fsdp",
        "hardware.gpus": 2,
    },
}


def test_there_is_one_for_each_system_and_size() -> None:
    assert recipe_names() == RECIPES
    assert all(line and len(line) < 110 for line in recipe_lines().values())


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_values_are_kept(name: str) -> None:
    recipe = load_recipe(name)
    for key, value in PUBLISHED[name].items():
        found: object = recipe
        for part in key.split("."):
            found = getattr(found, part)
        assert found == value, key


@pytest.mark.parametrize("name", RECIPES)
def test_each_says_which_values_are_published(name: str) -> None:
    text = recipe_text(name)
    assert ("[published]" in text) == (name in PUBLISHED)
    assert "ours" in text


def test_what_is_published_and_no_setting_here_is_said() -> None:
    assert "`wrong-first`" in recipe_text("thinktwice")
    assert "refiner_rl" in recipe_text("balanced-refiner")
    assert "pack 8192" in recipe_text("rubric-citation-refiner")


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_optimizer_of_published_recipes_is_not_ours(name: str) -> None:
    assert load_recipe(name).train.adam_beta2 == 0.999


def test_answers_a_step_are_the_published_batch() -> None:
    train = load_recipe("rloo-maths").train
    assert train.prompts_per_step * train.group_size == 256
    data = load_recipe("thinktwice").data
    # The second prompt holds the first one, its draft and the instruction.
    assert data.prompt_tokens + data.answer_tokens + improvement_tokens() == 5120


@pytest.mark.parametrize("engine", ["ddp", "zero2", "zero3", "fsdp"])
def test_accelerate_reads_the_configuration_of_each_engine(engine: str) -> None:
    from accelerate.commands.config.config_args import load_config_from_file

    config = load_config_from_file(str(launcher_file(engine)))
    values = json.loads(launcher_file(engine).read_text("utf-8"))
    kind = {"ddp": "MULTI_GPU", "fsdp": "FSDP"}.get(engine, "DEEPSPEED")
    assert (config.distributed_type, config.mixed_precision) == (kind, "bf16")
    if kind == "DEEPSPEED":
        assert values["deepspeed_config"]["zero_stage"] == int(engine[-1])


def test_commands_name_machines_processes_and_what_servers_need() -> None:
    server, training = launch_lines(load_recipe("multi-node"), "citerefine train multi-node --out run")
    assert server.startswith("VLLM_SERVER_DEV_MODE=1 vllm serve Qwen/Qwen3-8B")
    assert "--logprobs-mode processed_logprobs" in server
    assert "--num_processes 32 --num_machines 4 --machine_rank RANK --main_process_ip HEAD" in training
    assert training.endswith("--no_python citerefine train multi-node --out run")
    assert launch_lines(load_recipe("tiny-cpu"), "citerefine train tiny-cpu") == ("citerefine train tiny-cpu",)
    assert Path(training.split()[3]).is_file()
