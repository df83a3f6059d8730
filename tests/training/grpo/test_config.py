"""Our settings as TRL has them, and TRL's methods as we override them."""

import inspect
from pathlib import Path
from typing import Any

import pytest
from trl import GRPOTrainer

from citerefine.training.grpo.config import grpo_config, lora_config
from citerefine.training.grpo.settings import AlgorithmSettings, LoraSettings
from citerefine.training.grpo.shapes import step_shape

CPU: dict[str, Any] = {"bf16": False}


def config(tmp_path: Path, processes: int = 1, **values: Any) -> Any:
    settings = AlgorithmSettings.model_validate({**CPU, **values})
    shape = step_shape(settings, processes)
    return grpo_config(settings, shape, tmp_path, answer_tokens=1024, total_tokens=8192, use_cpu=True)


def test_the_recipe_with_kl3(tmp_path: Path) -> None:
    """32 prompts × 8 answers, kl3 with β 0.001, lr 5e-6."""
    made = config(tmp_path, beta=0.001, learning_rate=5e-6, steps=50)
    assert (made.per_device_train_batch_size, made.gradient_accumulation_steps, made.num_generations) == (8, 32, 8)
    assert (made.generation_batch_size, made.steps_per_generation, made.num_iterations) == (256, 32, 1)
    assert (made.beta, made.use_bias_correction_kl) == (0.001, False)
    assert (made.learning_rate, made.lr_scheduler_type, made.warmup_steps) == (5e-6, "constant_with_warmup", 10)
    assert (made.temperature, made.top_p, made.top_k) == (1.0, 1.0, 0)
    assert (made.scale_rewards, made.loss_type, made.mask_truncated_completions) == ("none", "dr_grpo", False)
    assert made.max_completion_length == 1024
    assert made.output_dir == str(tmp_path / "checkpoints")


def test_several_updates_of_one_rollout_are_counted_as_optimizer_steps(tmp_path: Path) -> None:
    made = config(tmp_path, updates_per_rollout=4, steps=10, save_steps=3, clip_low=0.2, clip_high=0.28)
    assert (made.gradient_accumulation_steps, made.steps_per_generation) == (8, 32)
    assert (made.max_steps, made.save_steps) == (40, 12)
    assert (made.epsilon, made.epsilon_high) == (0.2, 0.28)


def test_vllm_in_this_process(tmp_path: Path) -> None:
    made = config(tmp_path, rollout="vllm_colocate", vllm_memory=0.4, vllm_tensor_parallel=2)
    assert (made.use_vllm, made.vllm_mode) == (True, "colocate")
    assert (made.vllm_gpu_memory_utilization, made.vllm_tensor_parallel_size) == (0.4, 2)
    assert made.vllm_max_model_length == 8192
    assert made.vllm_importance_sampling_correction
    assert (made.vllm_importance_sampling_mode, made.vllm_importance_sampling_clip_max) == ("token_truncate", 3.0)


def test_a_vllm_server_without_correction(tmp_path: Path) -> None:
    made = config(tmp_path, rollout="vllm_server", vllm_url="http://gpu7:8000", correction="none")
    assert (made.use_vllm, made.vllm_mode, made.vllm_server_base_url) == (True, "server", "http://gpu7:8000")
    assert not made.vllm_importance_sampling_correction


def test_processes_do_not_look_for_weights_that_no_pass_used(tmp_path: Path) -> None:
    """torch walks the graph for them, and each process warns that it found none."""
    assert config(tmp_path, gradient_checkpointing=False).ddp_find_unused_parameters is False


def test_transformers_need_no_vllm(tmp_path: Path) -> None:
    assert not config(tmp_path).use_vllm


def test_lora_as_peft_has_it() -> None:
    assert lora_config(None) is None
    made = lora_config(LoraSettings(rank=8, alpha=16, targets=("q_proj", "v_proj")))
    assert made is not None
    assert (made.r, made.lora_alpha, made.lora_dropout, made.target_modules) == (8, 16, 0.0, {"q_proj", "v_proj"})
    everywhere = lora_config(LoraSettings())
    assert everywhere is not None
    assert everywhere.target_modules == "all-linear"


OVERRIDDEN = {
    "_generate_and_score_completions": "(self, inputs)",
    "_calculate_rewards": "(self, inputs, prompts, completions, completion_ids_list)",
    "_compute_loss": "(self, model, inputs)",
    "_generate": "(self, prompts)",
    "_generate_single_turn": "(self, prompt_ids, images, multimodal_fields, num_generations, has_tool_images=False)",
    "_get_per_token_logps_and_entropies": (
        "(self, model, input_ids, attention_mask, logits_to_keep, batch_size=None, compute_entropy=False, "
        "compute_aux_loss=False, pixel_values=None, image_grid_thw=None, num_images=None, pixel_attention_mask=None, "
        "spatial_shapes=None, num_tiles=None, image_sizes=None, token_type_ids=None, mm_token_type_ids=None, "
        "image_position_ids=None)"
    ),
    "_get_train_sampler": "(self, dataset=None)",
    "_prepare_inputs": "(self, generation_batch)",
    "_tokenize_prompts": "(self, prompts)",
    "_save_checkpoint": "(self, model, trial)",
    "_get_output_dir": "(self, trial)",
    "_load_optimizer_and_scheduler": "(self, checkpoint)",
    "_send_telemetry": "(self)",
    "create_model_card": "(self, model_name=None, dataset_name=None, tags=None)",
    "log": "(self, logs, start_time=None)",
    "train": "(self, resume_from_checkpoint=None, trial=None, ignore_keys_for_eval=None)",
    "training_step": "(self, model, inputs, num_items_in_batch)",
}
"""What the trainer overrides or calls, as trl 1.16 and transformers 5.17 have it."""


@pytest.mark.parametrize("name", OVERRIDDEN)
def test_what_is_overridden_is_as_it_was(name: str) -> None:
    method = inspect.unwrap(getattr(GRPOTrainer, name))
    bare = [p.replace(annotation=inspect.Parameter.empty) for p in inspect.signature(method).parameters.values()]
    assert str(inspect.Signature(bare)) == OVERRIDDEN[name], (
        f"GRPOTrainer.{name} has changed: read what it does now, see whether our override of it in "
        "training/grpo still fits, and only then change this list"
    )


def test_nothing_else_of_trl_is_overridden() -> None:
    from citerefine.training.grpo.sampling import SamplingTrainer
    from citerefine.training.grpo.saving import ExactlyResumed
    from citerefine.training.grpo.trainer import RefinerTrainer

    ours = {name for kind in (RefinerTrainer, SamplingTrainer, ExactlyResumed) for name in vars(kind)}
    shared = {name for name in ours if hasattr(GRPOTrainer, name) and not name.startswith("__")}
    assert shared <= {*OVERRIDDEN}
