"""Makes a folder that serves of what a run trained: `export_model`.

In: the folder of a run, or of a model that one made. Out: a folder with a whole model, or with small matrices and the
name of their model; the commands that serve it. Not here: merging (merging.py), servers.
"""

import json
import shlex
import shutil
from pathlib import Path
from typing import Final, NamedTuple

from citerefine.refiner.errors import InputError
from citerefine.refiner.settings import RefinerSettings
from citerefine.training.errors import StateError
from citerefine.training.export.merging import ADAPTER, is_adapter, merge_adapter, write_whole
from citerefine.training.recipes.reading import load_recipe
from citerefine.training.running.quiet import quiet
from citerefine.training.running.run_folder import RunFolder

SERVED: Final = "refiner"
"""Name under which the model is served."""
_ADDRESS: Final = "http://localhost:8000/v1"
_CONFIG: Final = "config.json"
_LENGTHS: Final = ("mode", "prompt_tokens", "answer_tokens", "total_tokens")
"""What a model is asked with as it was trained with."""


class Exported(NamedTuple):
    """What was written, and how it is used."""

    folder: Path
    serve: str
    """Starts vLLM with it."""
    ask: str
    """Asks that server."""
    here: str
    """Asks without a server; empty where only a server can."""


def export_model(
    run: Path, out: Path, *, lora: bool = False, base: str | None = None, float32: bool = False
) -> Exported:
    """Writes the folder, whole or not at all.

    Args:
        run: of a finished run, or a folder with a model.
        out: must not exist.
        lora: hand on small matrices as they are.
        base: the model that they belong to; None: the one that they name.
        float32: write four bytes a weight; else bfloat16.

    Raises:
        InputError: if there is no model in `run`, `out` exists, or small matrices are asked for where there are none.
        StateError: if the model that small matrices belong to cannot be loaded.
    """
    model = _trained(run)
    if out.exists():
        raise InputError(f"{out} exists already; name a folder that does not")
    if lora and not is_adapter(model):
        raise InputError(f"{model} holds whole weights and no small matrices; leave --lora out")
    staged = out.with_name(f".{out.name}.new")
    shutil.rmtree(staged, ignore_errors=True)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        if lora:
            shutil.copytree(model, staged)
        else:
            with quiet():
                if is_adapter(model):
                    merge_adapter(model, staged, base=base, float32=float32)
                else:
                    write_whole(model, staged, float32=float32)
        staged.rename(out)
    except OSError as error:
        raise InputError(f"{out} cannot be written: {error.strerror or error}; name another folder") from error
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    return _told(out, _lengths(run), (base or _base_of(out)) if lora else None)


def _trained(run: Path) -> Path:
    folder = RunFolder(run)
    if folder.recipe.is_file():
        if folder.model.is_dir():
            return folder.model
        raise InputError(f"{run} is not finished, and holds no model yet; go on with it with citerefine train --resume")
    if is_adapter(run) or (run / _CONFIG).is_file():
        return run
    raise InputError(f"{run} is neither a run nor a model; name the folder that citerefine train --out named")


def _base_of(adapter: Path) -> str:
    try:
        return str(json.loads((adapter / ADAPTER).read_text("utf-8"))["base_model_name_or_path"])
    except (ValueError, KeyError, TypeError) as error:
        raise StateError(f"{adapter / ADAPTER} does not say which model it belongs to; name it with --base") from error


def _lengths(run: Path) -> RefinerSettings:
    """The lengths that the run trained with; where that is not known, those that commands have by default."""
    recipe = RunFolder(run).recipe
    return load_recipe(str(recipe)).data.refiner if recipe.is_file() else RefinerSettings()


def _told(out: Path, lengths: RefinerSettings, base: str | None) -> Exported:
    question, default = ["citerefine", "ask", "QUESTION"], RefinerSettings()
    for name in _LENGTHS:
        if (value := getattr(lengths, name)) != getattr(default, name):
            question += [f"--{name.replace('_', '-')}", str(value)]
    served = ["--max-model-len", str(lengths.total_tokens)]
    ask = shlex.join([*question, "--model", f"openai:{SERVED}@{_ADDRESS}"])
    if base is None:
        serve = ["vllm", "serve", str(out), "--served-model-name", SERVED, *served]
        return Exported(out, shlex.join(serve), ask, shlex.join([*question, "--model", f"hf:{out}"]))
    loaded = ["--enable-lora", "--max-lora-rank", str(_rank_of(out)), "--lora-modules", f"{SERVED}={out}"]
    return Exported(out, shlex.join(["vllm", "serve", base, *loaded, *served]), ask, "")


def _rank_of(adapter: Path) -> int:
    """The smallest rank that vLLM takes and that is enough."""
    rank = int(json.loads((adapter / ADAPTER).read_text("utf-8")).get("r", 16))
    return next((size for size in (8, 16, 32, 64, 128, 256, 320, 512) if size >= rank), rank)
