"""The commands that start a run: on one process, on several GPUs, on several machines, with servers that sample.

In: a recipe and what it is called. Out: command lines to be copied. How a model is spread over processes is said to
accelerate, in the files beside this module. Not here: starting anything.
"""

import shlex
from importlib.resources import files
from pathlib import Path
from typing import Final

from citerefine.training.recipes.recipe import Recipe

_PORT: Final = 29_500


def launcher_file(engine: str) -> Path:
    """accelerate's configuration for an engine other than `single`."""
    return Path(str(files(__package__).joinpath(f"accelerate-{engine}.json")))


def launch_lines(recipe: Recipe, train: str) -> tuple[str, ...]:
    """The commands for this recipe; `train` is the one that one process would be started with."""
    return (*_server(recipe), *_training(recipe, train))


def _server(recipe: Recipe) -> tuple[str, ...]:
    """vLLM's own server, with what TRL 1.16 needs of it (trl/scripts/vllm_serve.py)."""
    if recipe.train.rollout != "vllm_server":
        return ()
    options = {
        "--max-model-len": str(recipe.data.total_tokens),
        "--weight-transfer-config": '{"backend": "nccl"}',
        "--logprobs-mode": "processed_logprobs",
        "--max-logprobs": "-1",
    }
    words = [word for option in options.items() for word in option]
    return (f"VLLM_SERVER_DEV_MODE=1 {shlex.join(['vllm', 'serve', recipe.model.name, *words])}",)


def _training(recipe: Recipe, train: str) -> tuple[str, ...]:
    hardware = recipe.hardware
    if hardware.ranks == 1:
        return (train,)
    words = ["accelerate", "launch", "--config_file", str(launcher_file(hardware.engine))]
    words += ["--num_processes", str(hardware.ranks)]
    if hardware.nodes > 1:
        words += ["--num_machines", str(hardware.nodes), "--machine_rank", "RANK"]
        words += ["--main_process_ip", "HEAD", "--main_process_port", str(_PORT)]
    return (f"{shlex.join(words)} --no_python {train}",)
