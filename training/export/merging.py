"""Joins LoRA's small matrices with the weights that they were trained beside: `merge_adapter`.

In: a folder with an adapter, or with a whole model. Out: a folder with a whole model that needs no peft, and its
tokenizer. Weights are read from safetensors only and written to them; no code comes with a model. Not here: which
folder of a run that is (exporting.py).
"""

import shutil
from pathlib import Path
from typing import Any, Final

from citerefine.training.errors import StateError

ADAPTER: Final = "adapter_config.json"
_TOKENIZER: Final = ("tokenizer*", "special_tokens_map.json", "vocab.json", "merges.txt", "chat_template.jinja")
"""Files of a tokenizer. They are copied, since what is served must have the very tokens that were trained on."""


def is_adapter(folder: Path) -> bool:
    """Whether a folder holds small matrices alone, and no whole model."""
    return (folder / ADAPTER).is_file()


def merge_adapter(adapter: Path, out: Path, *, base: str | None = None, float32: bool = False) -> None:
    """Writes the whole model: W + α/r · BA (Hu et al. 2021, 2106.09685), summed in four bytes.

    Args:
        adapter: its folder.
        out: folder to write; must not exist.
        base: the model that it belongs to; None: the one that the adapter names.
        float32: write four bytes a weight; else bfloat16.

    Raises:
        StateError: if the model that it belongs to cannot be loaded.
    """
    from peft import PeftConfig, PeftModel

    config = PeftConfig.from_pretrained(str(adapter))
    name, revision = (base, None) if base else (str(config.base_model_name_or_path), config.revision)
    model = PeftModel.from_pretrained(_whole(name, f", which {adapter} belongs to,", "--base", revision), str(adapter))
    _write(model.merge_and_unload(), adapter, out, float32)


def write_whole(model: Path, out: Path, *, float32: bool = False) -> None:
    """Writes a model that is whole already, in the precision that is asked for. Raises StateError if it cannot be
    loaded."""
    _write(_whole(str(model), "", "another folder"), model, out, float32)


def _whole(name: str, whose: str, elsewhere: str, revision: str | None = None) -> Any:
    import torch
    from transformers import AutoModelForCausalLM

    try:
        return AutoModelForCausalLM.from_pretrained(
            name, revision=revision or "main", dtype=torch.float32, use_safetensors=True
        )
    except (OSError, ValueError) as error:
        why = str(error).strip().partition("\n")[0][:300]
        raise StateError(f"the weights of {name}{whose} cannot be loaded: {why}; name {elsewhere}") from error


def _write(model: Any, source: Path, out: Path, float32: bool) -> None:
    import torch

    model.to(torch.float32 if float32 else torch.bfloat16).save_pretrained(str(out))
    for pattern in _TOKENIZER:
        for file in source.glob(pattern):
            shutil.copy2(file, out / file.name)
