"""How one step's answers are divided over processes and passes: `step_shape`.

In: settings and the number of processes. Out: a `StepShape`, or a RecipeError that says what does not divide, and what
would. Groups stay whole on their process, so that a process needs no other to know a group. Not here: how many tokens
fit (planning/).
"""

import os
from typing import NamedTuple

from citerefine.training.errors import RecipeError
from citerefine.training.grpo.settings import AlgorithmSettings


class StepShape(NamedTuple):
    """What one process does in one step."""

    groups: int
    """Groups of a rollout."""
    rows_per_pass: int
    """Answers in one forward and backward pass."""
    passes_per_update: int
    """Passes whose gradients are summed for one optimizer step."""
    passes_per_rollout: int


def launched_processes() -> int:
    """How many processes torchrun or accelerate started for this job; 1 if neither did.

    Asked before anything is set up: torch.distributed must be set up by whoever knows of DeepSpeed.
    """
    return int(os.environ.get("WORLD_SIZE", "1"))


def step_shape(settings: AlgorithmSettings, processes: int) -> StepShape:
    """The shape of a step on `processes` processes.

    Raises:
        RecipeError: if prompts cannot be shared out evenly.
    """
    parts = processes * settings.updates_per_rollout * settings.micro_groups
    if settings.prompts_per_step % parts:
        lower = settings.prompts_per_step // parts * parts
        raise RecipeError(
            f"{settings.prompts_per_step} prompts a step cannot be shared out: {processes} processes × "
            f"{settings.updates_per_rollout} updates × {settings.micro_groups} groups a pass = {parts}; set "
            f"prompts_per_step = {lower + parts}" + (f" or {lower}" if lower else "") + ", or micro_groups = 1"
        )
    groups = settings.prompts_per_step // processes
    passes = groups * settings.group_size // settings.rows_per_pass
    return StepShape(groups, settings.rows_per_pass, passes // settings.updates_per_rollout, passes)
