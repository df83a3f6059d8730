"""The files of the model that a run begins with, in one folder: `model_folder`, and `name_base` for what comes of it.

In: a model's name and revision. Out: a folder, from which policy, reference model and the weights that LoRA is merged
into are all loaded: TRL and peft know a model by its name alone, and would take another revision. Not here: loading
(policy.py).
"""

import json
from pathlib import Path
from typing import Final

from huggingface_hub import snapshot_download

from citerefine.training.errors import RecipeError
from citerefine.training.recipes.sections import ModelSettings

_WANTED: Final = ("*.safetensors", "*.json", "*.txt", "*.model", "*.jinja")
_UNWANTED: Final = ("*/*", "consolidated*")
"""Weights a second time, in other formats."""
_ADAPTER: Final = "adapter_config.json"


def model_folder(model: ModelSettings) -> Path:
    """The folder of the model: the one that is named, or that of the revision in the hub's cache.

    Raises:
        RecipeError: if it is not there, and cannot be fetched.
    """
    if Path(model.name).is_dir():
        return Path(model.name)
    try:
        return Path(
            snapshot_download(
                model.name,
                revision=model.revision or None,
                allow_patterns=[*_WANTED],
                ignore_patterns=[*_UNWANTED],
            )
        )
    except (OSError, ValueError) as error:
        first_line = str(error).strip().partition("\n")[0][:300]
        at = f" at {model.revision}" if model.revision else ""
        raise RecipeError(
            f"the files of {model.name}{at} cannot be loaded: {first_line}; name a folder, or a model of the hub"
        ) from error


def name_base(adapter: Path, model: ModelSettings) -> None:
    """Writes into an adapter's settings the name and revision that its model has everywhere, in place of the folder
    that it has here; nothing where the model is a folder, or nothing was trained beside it."""
    file = adapter / _ADAPTER
    if file.is_file() and not Path(model.name).is_dir():
        settings = json.loads(file.read_text("utf-8"))
        settings |= {"base_model_name_or_path": model.name, "revision": model.revision or None}
        file.write_text(json.dumps(settings, indent=2), "utf-8")
