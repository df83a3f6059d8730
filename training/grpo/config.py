"""From our settings to TRL's: `grpo_config`, `lora_config`.

In: `AlgorithmSettings`, lengths, a run's folder. Out: a `GRPOConfig` in which every choice that TRL makes otherwise is
made here, with the reason. Not here: SFT (sft.py), checks across a recipe (recipes/).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from peft import LoraConfig
from trl import GRPOConfig

from citerefine.training.grpo.settings import AlgorithmSettings, LoraSettings
from citerefine.training.grpo.shapes import StepShape

CHECKPOINTS: Final = "checkpoints"
"""Folder of a run in which its checkpoints are."""
WAIT: Final = 7200
"""Seconds that processes wait for one that waits for its judge; torch's half an hour is less than some patience."""


def grpo_config(
    settings: AlgorithmSettings,
    shape: StepShape,
    output: Path,
    *,
    answer_tokens: int,
    total_tokens: int,
    use_cpu: bool = False,
    report_to: Sequence[str] = (),
) -> GRPOConfig:
    """TRL's settings of a run.

    Args:
        settings: ours.
        shape: of a step, on the number of processes that there is.
        output: the run's folder.
        answer_tokens: most tokens of an answer.
        total_tokens: most tokens of prompt and answer; vLLM reserves so much.
        use_cpu: even if there is a GPU.
        report_to: names of integrations of transformers, such as `wandb`.
    """
    updates = settings.updates_per_rollout
    return GRPOConfig(
        output_dir=str(output / CHECKPOINTS),
        max_steps=settings.steps * updates,
        per_device_train_batch_size=shape.rows_per_pass,
        per_device_eval_batch_size=settings.group_size,
        gradient_accumulation_steps=shape.passes_per_update,
        steps_per_generation=shape.passes_per_rollout,
        num_iterations=1,
        num_generations=settings.group_size,
        # The loss. Advantages are ours, so TRL scales nothing; kl3 without a ratio has the gradient that is published.
        scale_rewards="none",
        loss_type=settings.loss,
        beta=settings.beta,
        use_bias_correction_kl=False,
        epsilon=settings.clip_low,
        epsilon_high=settings.clip_high,
        mask_truncated_completions=False,  # missing.py leaves them out of the baseline too
        disable_dropout=True,  # what is trained must be what was sampled
        # The optimizer.
        learning_rate=settings.learning_rate,
        lr_scheduler_type=settings.schedule,
        warmup_steps=settings.warmup_steps,
        adam_beta1=settings.adam_beta1,
        adam_beta2=settings.adam_beta2,
        weight_decay=settings.weight_decay,
        max_grad_norm=settings.max_grad_norm,
        # Sampling.
        max_completion_length=answer_tokens,
        temperature=settings.temperature,
        top_p=settings.top_p,
        top_k=settings.top_k,
        shuffle_dataset=False,  # order.py has an order of its own
        **_vllm(settings, total_tokens),
        # The run.
        seed=settings.seed,
        bf16=settings.bf16,
        gradient_checkpointing=settings.gradient_checkpointing,
        use_cpu=use_cpu,
        save_strategy="steps",
        save_steps=settings.save_steps * updates,
        save_total_limit=None,  # checkpoints.py removes old ones, after the new one is whole
        logging_steps=1,
        logging_nan_inf_filter=False,  # a loss that is no number must be seen
        report_to=list(report_to),
        disable_tqdm=True,
        ddp_timeout=WAIT,
        ddp_find_unused_parameters=False,  # all that is trained is used in each pass
        remove_unused_columns=False,
    )


def _vllm(settings: AlgorithmSettings, total_tokens: int) -> dict[str, Any]:
    if settings.rollout == "transformers":
        return {"use_vllm": False}
    chosen: dict[str, Any] = {
        "use_vllm": True,
        "vllm_mode": "server" if settings.rollout == "vllm_server" else "colocate",
        "vllm_importance_sampling_correction": settings.correction != "none",
        "vllm_importance_sampling_clip_max": settings.correction_cap,
    }
    if settings.correction != "none":
        chosen["vllm_importance_sampling_mode"] = settings.correction
    if settings.rollout == "vllm_server":
        return chosen | {"vllm_server_base_url": settings.vllm_url}
    return chosen | {
        "vllm_gpu_memory_utilization": settings.vllm_memory,
        "vllm_tensor_parallel_size": settings.vllm_tensor_parallel,
        "vllm_max_model_length": total_tokens,
    }


def lora_config(lora: LoraSettings | None) -> LoraConfig | None:
    """Peft's settings; None: all weights are trained."""
    if lora is None:
        return None
    targets = lora.targets if isinstance(lora.targets, str) else list(lora.targets)
    return LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=targets,
        task_type="CAUSAL_LM",
    )
