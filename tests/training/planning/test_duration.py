"""The floor of a step's time, against figures that were worked out by hand."""

import pytest

from citerefine.training.data.tasks import improvement_tokens
from citerefine.training.planning.duration import duration_plan, forward_flops, forward_passes
from citerefine.training.planning.shape import ModelShape, find_shape
from citerefine.training.planning.tokens import StepTokens, second_step, step_tokens
from citerefine.training.recipes.reading import load_recipe
from citerefine.training.recipes.recipe import Recipe


def recipe(*sets: str) -> Recipe:
    base = ["hardware.gpus=1", "hardware.engine=single", "train.refill=false", "train.refill_tokens=0"]
    return load_recipe("one-node", [*base, *sets])


def qwen() -> ModelShape:
    found = find_shape("Qwen/Qwen3-4B")
    assert isinstance(found, ModelShape)
    return found


def tokens(prompt: int = 6144, *sets: str) -> StepTokens:
    return step_tokens(recipe(*sets), prompt, prompt)


@pytest.mark.parametrize(
    ("prompt", "answer", "group", "naive", "shared", "ratio"),
    [
        (6144, 1024, 4, 28_672, 10_240, 2.60),
        (6144, 1024, 8, 57_344, 14_336, 3.54),
        (6144, 1024, 16, 114_688, 22_528, 4.32),
        (6144, 600, 8, 53_952, 10_944, 4.47),
        (1000, 1000, 8, 16_000, 9_000, 1.67),
    ],
)
def test_what_a_shared_prompt_spares(
    prompt: int, answer: int, group: int, naive: int, shared: int, ratio: float
) -> None:
    sets = (f"data.answer_tokens={answer}", f"train.group_size={group}", "train.prompts_per_step=1")
    one = tokens(prompt, *sets)
    assert (one.naive, one.shared) == (naive, shared)
    found = forward_flops(qwen(), one, shared=False) / forward_flops(qwen(), one, shared=True)
    assert found == pytest.approx(ratio, rel=0.01)


def test_an_update_of_32_by_8_takes_minutes_on_one_gpu() -> None:
    """1,835,008 tokens × 7.27 GFLOP, 262,144 × 0.78 for the output layer, and 32 · 8 · 25.7 M pairs × 0.59 MFLOP."""
    forward = 1_835_008 * 7.266e9 + 262_144 * 0.778e9 + 256 * (6144**2 / 2 + 1024 * 6144 + 1024**2 / 2) * 589_824
    plain = duration_plan(recipe("train.rollout=transformers"), qwen(), tokens())
    assert plain.passes == 4  # forward, two for the gradients, one for recomputation
    assert plain.update == pytest.approx(4 * forward / (989e12 * 0.4), rel=0.001)
    assert plain.update / plain.update_shared == pytest.approx(3.54, rel=0.01)
    corrected = duration_plan(recipe("train.rollout=vllm_colocate"), qwen(), tokens())
    assert corrected.update == pytest.approx(plain.update * 5 / 4)


def test_each_further_pass_is_counted() -> None:
    assert forward_passes(recipe("train.rollout=transformers", "train.gradient_checkpointing=false")) == 3
    assert forward_passes(recipe("train.rollout=transformers", "train.lora.rank=8")) == 3
    assert forward_passes(recipe("train.rollout=transformers", "train.beta=0.001")) == 5
    assert forward_passes(recipe("train.rollout=transformers", "train.updates_per_rollout=2")) == 5
    assert forward_passes(recipe("train.correction=none")) == 4


def test_sampling_reads_the_keys_of_its_own_row_for_each_token() -> None:
    one = duration_plan(recipe("hardware.bandwidth=4.8"), qwen(), tokens())
    assert 50 < one.rollout < 79  # prompts 4.5 s; tokens at most 79 s, with all rows as long as they may be


def test_more_gpus_take_less_time_and_servers_sample_for_all() -> None:
    eight = load_recipe("one-node")
    assert duration_plan(eight, qwen(), tokens()).update == pytest.approx(
        duration_plan(recipe(), qwen(), tokens()).update / 8
    )
    apart = load_recipe("multi-node", ["hardware.vllm_gpus=32"])
    few = load_recipe("multi-node", ["hardware.vllm_gpus=8"])
    assert duration_plan(few, qwen(), tokens()).rollout > 2 * duration_plan(apart, qwen(), tokens()).rollout


def test_each_of_two_phases_is_a_step_and_the_second_one_reads_the_draft_too() -> None:
    two = load_recipe("thinktwice")
    first = step_tokens(two, 500, 600)
    assert first == step_tokens(load_recipe("thinktwice", ["phases=one"]), 500, 600)
    second = second_step(two, first)
    assert second is not None
    added = 3000 + improvement_tokens()
    assert (second.prompt_tokens, second.longest_prompt, second.answers) == (500 + added, 600 + added, 256)
    assert second.naive == 256 * (500 + added + 3000)
    assert second_step(load_recipe("thinktwice", ["phases=one"]), first) is None
