"""The model that is trained, and its tokenizer, as transformers has them.

In: names and settings of a recipe. Out: a tokenizer with a padding token, a causal language model. Weights are read
from safetensors only, and no code comes with them. Not here: what is trained of it (citerefine.training.grpo).
"""

from typing import Any, Protocol

import torch
from safetensors import SafetensorError
from transformers import AutoModelForCausalLM, AutoTokenizer

from citerefine.training.errors import RecipeError
from citerefine.training.recipes.recipe import Recipe


class Phase(Protocol):
    """Training on given answers, or on rewards: what decides how its weights are held."""

    @property
    def bf16(self) -> bool:
        """Whether it computes in bfloat16."""

    @property
    def lora(self) -> object | None:
        """None: all weights are trained."""


def load_tokenizer(recipe: Recipe) -> Any:
    """The tokenizer. Raises RecipeError if there is none, or it has no chat template."""
    name = recipe.model.name
    try:
        tokenizer = AutoTokenizer.from_pretrained(name, revision=recipe.model.revision or None, padding_side="left")
    except (OSError, ValueError) as error:
        raise _unloaded(name, "tokenizer", error) from error
    if not tokenizer.chat_template:
        raise RecipeError(f"model.name: {name} has no chat template; name an instruction-tuned model")
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def load_policy(recipe: Recipe, phase: Phase, path: str | None = None) -> Any:
    """The model, in the precision that its training needs.

    Args:
        recipe: names it.
        phase: what is done with it, the recipe's `sft` or `train`.
        path: a folder to load it from instead.

    Raises:
        RecipeError: if it cannot be loaded.
    """
    name = recipe.model.name if path is None else path
    revision = recipe.model.revision if path is None else ""
    try:
        return AutoModelForCausalLM.from_pretrained(
            name,
            revision=revision or "main",
            dtype=weight_type(recipe, phase),
            attn_implementation=recipe.model.attention or None,
            use_safetensors=True,
        )
    except (OSError, ValueError, SafetensorError) as error:
        raise _unloaded(name, "weights", error) from error


def weight_type(recipe: Recipe, phase: Phase) -> torch.dtype:
    """Two bytes where the optimizer keeps a master copy of its own (DeepSpeed), or the weights stay as they are (LoRA);
    else four: an update of a millionth would vanish in bfloat16."""
    keeps_copy = recipe.hardware.engine in ("zero2", "zero3") or phase.lora is not None
    return torch.bfloat16 if phase.bf16 and keeps_copy else torch.float32


def in_four_bytes(recipe: Recipe, phase: Phase) -> bool:
    """Whether the phase loads its weights in four bytes each."""
    return weight_type(recipe, phase) is torch.float32


def _unloaded(name: str, what: str, error: Exception) -> RecipeError:
    first_line = str(error).strip().partition("\n")[0][:300]
    return RecipeError(f"the {what} of {name} cannot be loaded: {first_line}; name a folder, or a model of the hub")
