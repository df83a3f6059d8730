"""Says whether a model can score packed rows, and if not, why not.

In: a transformers model, bare or with LoRA, and the most tokens that a prompt and its answer may have. Out: None, or a
reason in words. Not here: whether the numbers agree, which self_check.py finds out on the model itself.
"""

from typing import Any, Final

import torch

KNOWN: Final = ("llama", "mistral", "qwen2", "qwen3")
"""Model types whose attention gets the forward's keywords and takes a ready mask, as the tests see. What other types do
between their layers (linear attention, soft caps, routing) is not looked at, so they are refused."""

BASES: Final = ("sdpa", "flash_attention_2", "flash_attention_3", "flash_attention_4")
"""Attentions that the packed one can stand in for."""


def refusal(model: Any, longest: int) -> str | None:
    """Why `model` cannot score packed rows in which a token sees up to `longest` tokens; None if it can."""
    base = bare(model)
    config = base.config.get_text_config()
    if config.model_type not in KNOWN:
        return f"models of type {config.model_type!r} are not known to it (known: {', '.join(KNOWN)})"
    if config._attn_implementation not in BASES and not hasattr(base, "prefix_base"):
        return f"it cannot stand in for attention {config._attn_implementation!r} (only for {', '.join(BASES)})"
    window = _window(config)
    if window is not None and window < longest:
        return f"a sliding window of {window} tokens is shorter than a prompt with its answer, up to {longest} tokens"
    dropout = _dropout(model, config)
    if dropout:
        return f"dropout is {dropout}, and each answer would drop other parts of the shared prompt; set it to 0"
    prompts = [name for name, peft in getattr(model, "peft_config", {}).items() if peft.is_prompt_learning]
    if prompts:
        return f"the adapter {prompts[0]!r} puts tokens of its own before the prompt"
    return None


def bare(model: Any) -> Any:
    """The causal language model inside wrappers (DDP, ZeRO, FSDP, torch.compile) and adapters of `model`."""
    while True:
        if hasattr(model, "get_base_model"):
            model = model.get_base_model()
        elif isinstance(getattr(model, "_orig_mod", None), torch.nn.Module):
            model = model._orig_mod
        elif isinstance(getattr(model, "module", None), torch.nn.Module):
            model = model.module
        else:
            return model


def _window(config: Any) -> int | None:
    kinds = getattr(config, "layer_types", None)
    window = getattr(config, "sliding_window", None)
    if kinds is not None and "sliding_attention" not in kinds:
        return None
    return int(window) if window else None


def _dropout(model: Any, config: Any) -> float:
    modules = (module.p for module in model.modules() if isinstance(module, torch.nn.Dropout))
    return float(max(getattr(config, "attention_dropout", 0.0) or 0.0, *modules, 0.0))
