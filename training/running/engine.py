"""Whether a job was started with the engine that its recipe names: `check_engine`.

In: a recipe, the variables that accelerate sets. Out: nothing, or RecipeError. A model that was loaded for an engine
that keeps a master copy of its weights would lose small updates without it. Not here: starting jobs
(recipes/launching.py).
"""

import os
from typing import Final

from citerefine.training.errors import RecipeError
from citerefine.training.recipes.recipe import Recipe

_DEEPSPEED: Final = "ACCELERATE_USE_DEEPSPEED"
_STAGE: Final = "ACCELERATE_DEEPSPEED_ZERO_STAGE"
_FSDP: Final = "ACCELERATE_USE_FSDP"
_STAGES: Final = {"2": "zero2", "3": "zero3"}


def check_engine(recipe: Recipe) -> None:
    """Raises RecipeError if the job runs on another engine than the recipe's, or there is no GPU for it."""
    wanted, running = recipe.hardware.engine, running_engine()
    if running != (None if wanted in ("single", "ddp") else wanted):
        raise RecipeError(
            f"hardware.engine is {wanted}, and this job was started with {running or 'neither DeepSpeed nor FSDP'}; "
            "start it with the command that --dry-run prints, or set hardware.engine to what it is started with"
        )
    _check_device(recipe)


def running_engine() -> str | None:
    """`zero2`, `zero3` or `fsdp`, if accelerate started this job with it; None: with no such engine."""
    if os.environ.get(_DEEPSPEED, "").lower() == "true":
        stage = os.environ.get(_STAGE, "")
        return _STAGES.get(stage, f"DeepSpeed, stage {stage or 'not given'}")
    return "fsdp" if os.environ.get(_FSDP, "").lower() == "true" else None


def _check_device(recipe: Recipe) -> None:
    import torch

    if recipe.hardware.gpus and not torch.cuda.is_available():
        raise RecipeError(
            f"hardware.gpus is {recipe.hardware.gpus}, and there is no GPU here; set hardware.gpus = 0 and "
            "train.bf16 = false to train on the CPU"
        )
