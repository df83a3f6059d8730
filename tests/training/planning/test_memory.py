"""Memory of one process: what follows from counting, and what real tensors take."""

from pathlib import Path

import pytest

from citerefine.training.planning.memory import GIB, HELDOUT_BATCH, imitation_memory, memory_plan, state_bytes
from citerefine.training.planning.shape import ModelShape, find_shape
from citerefine.training.planning.tokens import step_tokens
from citerefine.training.recipes.reading import load_recipe
from citerefine.training.recipes.recipe import Recipe


def qwen(name: str = "Qwen/Qwen3-4B") -> ModelShape:
    found = find_shape(name)
    assert isinstance(found, ModelShape)
    return found


def recipe(*sets: str) -> Recipe:
    return load_recipe("one-node", ["train.lora=none", *sets])


def test_weights_and_optimizer_of_4b_take_sixty_gib_on_one_process() -> None:
    one = recipe("hardware.gpus=1", "hardware.engine=single")
    assert state_bytes(one, qwen(), one.train) / GIB == pytest.approx(60, abs=1)


@pytest.mark.parametrize(("engine", "bytes_each"), [("ddp", 16), ("zero2", 2 + 14 / 8), ("zero3", 2), ("fsdp", 2)])
def test_engines_share_out_what_they_say(engine: str, bytes_each: float) -> None:
    shape, one = qwen(), recipe(f"hardware.engine={engine}")
    assert state_bytes(one, shape, one.train) == pytest.approx(bytes_each * shape.parameters)


def test_frozen_weights_take_two_bytes_and_no_optimizer() -> None:
    shape, one = qwen(), recipe("train.lora.rank=32", "hardware.engine=ddp")
    assert state_bytes(one, shape, one.train) == 2 * shape.parameters + 16 * shape.lora_parameters(32)


def test_a_reference_is_kept_for_a_divergence_alone_and_not_beside_lora() -> None:
    tokens = step_tokens(recipe(), 6144, 6144)
    assert memory_plan(recipe(), qwen(), tokens).reference == 0
    assert memory_plan(recipe("train.beta=0.001"), qwen(), tokens).reference == pytest.approx(7.5, abs=0.1)
    assert memory_plan(recipe("train.beta=0.001", "train.lora.rank=8"), qwen(), tokens).reference == 0


def test_a_group_with_one_prompt_takes_a_quarter_of_the_activations() -> None:
    tokens = step_tokens(recipe(), 6144, 6144)
    naive = memory_plan(recipe("train.shared_prefix=off"), qwen(), tokens).activations
    shared = memory_plan(recipe("train.shared_prefix=auto"), qwen(), tokens).activations
    assert naive / shared == pytest.approx(4.0)
    boundaries = 14_336 * 2560 * 36 * 2 / GIB
    assert boundaries == pytest.approx(2.5, abs=0.1)
    assert shared > boundaries


def test_answers_that_are_sampled_here_need_their_keys_and_values() -> None:
    tokens = step_tokens(recipe("hardware.gpus=1"), 6144, 6144)
    here = recipe("hardware.gpus=1", "train.rollout=transformers")
    assert memory_plan(here, qwen(), tokens).rollout == pytest.approx(256 * 7168 * 147_456 / GIB)
    assert memory_plan(recipe("train.vllm_memory=0.5"), qwen(), tokens).vllm == 40


def test_what_is_needed_is_all_of_it_with_sampling_and_training_in_turn() -> None:
    one = recipe("train.rollout=transformers")
    plan = memory_plan(one, qwen(), step_tokens(one, 6144, 6144))
    turns = max(plan.activations + plan.logits, plan.rollout, plan.heldout)
    assert plan.needed == pytest.approx(plan.states + plan.reference + turns + plan.vllm + plan.libraries)
    assert plan.fits == (plan.needed <= 80)
    apart = recipe("train.rollout=vllm_server", "train.vllm_url=http://h:1", "hardware.engine=zero3")
    held = memory_plan(apart, qwen(), step_tokens(apart, 100, 100))
    assert held.heldout > held.activations + held.logits
    assert held.needed == pytest.approx(held.states + held.heldout + held.libraries)
    assert not memory_plan(recipe("hardware.gpu_memory=8"), qwen(), step_tokens(one, 6144, 6144)).fits


def test_a_model_that_does_not_let_prompts_be_shared_takes_what_an_unshared_one_does() -> None:
    one, tokens = recipe("train.shared_prefix=auto"), step_tokens(recipe(), 6144, 6144)
    off = memory_plan(recipe("train.shared_prefix=off"), qwen(), tokens)
    assert memory_plan(one, qwen(), tokens, shared=False) == off
    assert memory_plan(one, qwen(), tokens).activations < off.activations
    rows = recipe("train.shared_prefix=auto", "train.micro_rows=4")  # a pass has one prompt and half of its answers
    assert memory_plan(rows, qwen(), tokens).activations == pytest.approx(off.activations * 10_240 / 57_344)
    assert step_tokens(rows, 6144, 6144).shared == 32 * (2 * 6144 + 8 * 1024)


def test_held_out_prompts_are_answered_by_transformers_also_where_vllm_samples() -> None:
    from citerefine.training.watch.greedy import BATCH

    assert HELDOUT_BATCH == BATCH

    def heldout(*sets: str) -> float:
        one = recipe("hardware.engine=ddp", *sets)
        return memory_plan(one, qwen(), step_tokens(one, 100, 100)).heldout * GIB

    assert heldout("watch.heldout_rows=64") == pytest.approx(8 * 7168 * 147_456)  # of 8 processes
    assert heldout("watch.heldout_rows=1000") == pytest.approx(32 * 7168 * 147_456)
    assert heldout("watch.heldout_rows=0") == 0
    assert heldout("data.eval_share=0") == 0
    gathered = heldout("hardware.engine=zero3") - heldout()
    assert gathered == pytest.approx(2 * qwen().parameters)


def test_answers_to_imitate_take_memory_of_their_own() -> None:
    shape, all_weights = qwen(), ("sft.micro_rows=2", "sft.bf16=true", "hardware.engine=ddp")
    assert imitation_memory(recipe(), shape, 1000) is None
    whole = imitation_memory(recipe(*all_weights), shape, 1000)
    small = imitation_memory(recipe(*all_weights, "sft.lora.rank=8"), shape, 1000)
    assert whole is not None
    assert small is not None
    assert whole.states * GIB == pytest.approx(16 * shape.parameters)
    assert small.states * GIB == pytest.approx(2 * shape.parameters + 16 * shape.lora_parameters(8))
    assert (whole.rollout, whole.heldout, whole.vllm) == (0, 0, 0)
    longer = imitation_memory(recipe(*all_weights, "sft.max_tokens=500"), shape, 1000)
    assert longer is not None
    assert longer.activations == pytest.approx(whole.activations / 2)


def test_activations_are_of_the_size_that_torch_saves(tiny_qwen3: Path) -> None:
    import torch
    from transformers import Qwen3ForCausalLM

    sets = ["bf16=false", "gradient_checkpointing=false", "rollout=transformers", "prompts_per_step=1", "refill=false"]
    sets += ["refill_tokens=0", "group_size=2", "shared_prefix=off"]
    one = recipe("hardware.gpus=0", "data.answer_tokens=64", *(f"train.{text}" for text in sets))
    shape, tokens = qwen(str(tiny_qwen3)), step_tokens(one, 192, 192)
    model = Qwen3ForCausalLM.from_pretrained(tiny_qwen3)
    weights = {parameter.data_ptr() for parameter in model.parameters()}
    saved = dict[int, int]()

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        if tensor.data_ptr() not in weights:
            saved[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        hidden = model.model(torch.randint(0, 100, (2, 256))).last_hidden_state
    assert hidden.requires_grad
    planned = memory_plan(one, shape, tokens).activations * GIB
    assert 0.4 < planned / sum(saved.values()) < 2.5
