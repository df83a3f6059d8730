"""Supervised training on given answers: `imitation_rows`, and `RefinerSftTrainer`, TRL's with exact resuming.

In: the dataset that `RefinerTrainer` samples for, whose rows hold an answer to imitate; `SftSettings`. Out: a model
that writes such answers, and checkpoints. A row is the rendered prompt, the tagged answer and the end of the turn; only
the last two count in the loss. Tokens are those that sampling has: prompt and answer are encoded apart. Not here: where
answers come from.
"""

import os
from collections.abc import Mapping, Sequence
from math import floor
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")  # before trl is imported

import numpy as np
from datasets import Dataset
from peft import PeftModel
from transformers import PrinterCallback
from trl import SFTConfig, SFTTrainer

from citerefine.training.data.prompted import row_of
from citerefine.training.errors import RecipeError
from citerefine.training.grpo.clock import StepClock
from citerefine.training.grpo.config import CHECKPOINTS, WAIT, lora_config
from citerefine.training.grpo.gates import StepGate
from citerefine.training.grpo.identity import texts_key
from citerefine.training.grpo.order import PromptOrder, RolloutSampler
from citerefine.training.grpo.parts import PartsKeeper
from citerefine.training.grpo.saving import ExactlyResumed
from citerefine.training.grpo.settings import SftSettings
from citerefine.training.grpo.shapes import launched_processes

_NO_LOSS = -100


class Imitated(NamedTuple):
    """Rows to imitate, and those that cannot be."""

    dataset: Dataset
    """Columns `input_ids` and `labels`."""
    without_answer: tuple[str, ...]
    """Ids of rows that hold none."""
    too_long: tuple[str, ...]


def imitation_rows(dataset: Dataset, tokenizer: Any, max_tokens: int) -> Imitated:
    """Token ids and labels of the rows that hold an answer, and are not longer than `max_tokens`.

    Args:
        dataset: columns `id`, `prompt` and `row`, the JSON of a `TrainingRow`.
        tokenizer: the policy's.
        max_tokens: of prompt, answer and end of turn.
    """
    ids, labels = list[np.ndarray](), list[np.ndarray]()  # four bytes a token, and not Python's 36
    without, long = list[str](), list[str]()
    for row in dataset:
        answer = row_of(row["row"]).answer
        if not answer:
            without.append(row["id"])
            continue
        prompt = _encoded(tokenizer, row["prompt"])
        target = [*_encoded(tokenizer, answer), tokenizer.eos_token_id]
        if len(prompt) + len(target) > max_tokens:
            long.append(row["id"])
            continue
        ids.append(np.array(prompt + target, np.int32))
        labels.append(np.array([_NO_LOSS] * len(prompt) + target, np.int32))
    return Imitated(Dataset.from_dict({"input_ids": ids, "labels": labels}), tuple(without), tuple(long))


def answers_key(dataset: Dataset) -> str:
    """What stands for the answers that can be imitated and their prompts, in this order; see `texts_key`."""
    rows = zip(dataset["prompt"], dataset["row"], strict=True)
    return texts_key(f"{prompt}\n{answer}" for prompt, row in rows if (answer := row_of(row).answer))


def _encoded(tokenizer: Any, text: str) -> list[int]:
    ids: list[int] = tokenizer(text=text, add_special_tokens=False)["input_ids"]
    return ids


class RefinerSftTrainer(ExactlyResumed, SFTTrainer):  # type: ignore[misc]  # trl is not typed
    """Trains a model to write given answers."""

    def __init__(
        self,
        model: Any,
        dataset: Dataset,
        tokenizer: Any,
        settings: SftSettings,
        output: Path,
        *,
        callbacks: Sequence[Any] = (),
        identity: Mapping[str, Any] | None = None,
        use_cpu: bool = False,
        report_to: Sequence[str] = (),
    ) -> None:
        """Prepares a run; `train` runs it.

        Args:
            model: the model, or its path or name.
            dataset: of `imitation_rows`.
            tokenizer: the model's.
            settings: of the training.
            output: the run's folder.
            callbacks: of transformers.
            identity: what a run that goes on from a checkpoint must have the same; None: `settings`.
            use_cpu: even if there is a GPU.
            report_to: names of transformers' integrations.

        Raises:
            RecipeError: if a step cannot be shared out over the processes, or there are too few rows.
        """
        passes = _passes(settings, launched_processes())
        self._order = PromptOrder(len(dataset), settings.rows_per_step, settings.seed, "rows_per_step")
        self._steps = settings.steps or max(1, floor(settings.epochs * (len(dataset) // settings.rows_per_step)))
        super().__init__(
            model=model,
            args=_config(settings, output, self._steps, passes, use_cpu, report_to),
            train_dataset=dataset,
            processing_class=tokenizer,
            callbacks=[*callbacks],
            peft_config=None if isinstance(model, PeftModel) else lora_config(settings.lora),
        )
        self._gate = StepGate(self.accelerator, passes, updates_per_save=1, clock=StepClock())
        self.add_callback(self._gate)
        self.remove_callback(PrinterCallback)
        identity = {"sft": settings.model_dump(mode="json")} if identity is None else identity
        self._prepare_saving(
            PartsKeeper([], output),
            {**identity, "data": texts_key(str(ids) for ids in dataset["input_ids"])},
            keep=settings.keep_checkpoints,
            updates_per_save=1,
        )

    @property
    def stopped(self) -> bool:
        """Whether `train` was ended by `stop_after_step`, be it at its last step."""
        return self._gate.stopped

    def stop_after_step(self) -> None:
        """Ends `train` when the step that is going on is done, with a checkpoint; safe in a signal handler."""
        self._gate.stop_wanted = True

    def _get_train_sampler(self, train_dataset: Any = None) -> RolloutSampler:
        return RolloutSampler(self._order, group_size=1, passes=1, rollouts=self._steps)

    def _send_telemetry(self) -> None:
        """Nothing is sent."""


def _passes(settings: SftSettings, processes: int) -> int:
    each = settings.micro_rows * processes
    if settings.rows_per_step % each:
        raise RecipeError(
            f"{settings.rows_per_step} rows a step cannot be shared out: {processes} processes × {settings.micro_rows} "
            f"rows a pass = {each}; set sft.rows_per_step to a multiple of {each}"
        )
    return settings.rows_per_step // each


def _config(
    settings: SftSettings, output: Path, steps: int, passes: int, use_cpu: bool, report_to: Sequence[str]
) -> SFTConfig:
    return SFTConfig(
        output_dir=str(output / CHECKPOINTS),
        max_steps=steps,
        per_device_train_batch_size=settings.micro_rows,
        gradient_accumulation_steps=passes,
        max_length=None,  # longer rows are left out, and none is cut
        packing=False,
        dataset_kwargs={"skip_prepare_dataset": True},  # tokens and labels are there
        learning_rate=settings.learning_rate,
        lr_scheduler_type=settings.schedule,
        warmup_steps=settings.warmup_steps,
        adam_beta2=settings.adam_beta2,
        weight_decay=settings.weight_decay,
        max_grad_norm=settings.max_grad_norm,
        seed=settings.seed,
        bf16=settings.bf16,
        gradient_checkpointing=settings.gradient_checkpointing,
        use_cpu=use_cpu,
        ddp_timeout=WAIT,
        ddp_find_unused_parameters=False,
        save_strategy="steps",
        save_steps=settings.save_steps,
        save_total_limit=None,
        logging_steps=1,
        report_to=list(report_to),
        disable_tqdm=True,
    )
