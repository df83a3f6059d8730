"""A rank of a test of its own: scores its own groups under DDP, FSDP or ZeRO-3, and writes what it found.

Run by torchrun: two_ranks.py FOLDER ddp|fsdp|zero3. Rank 0 has three rows to score where rank 1 has one, in the second
step rank 1 has no answer at all, and then rank 1 alone finds that the scores do not agree.
"""

import json
import os
import sys
import warnings
from pathlib import Path
from typing import Any, Final

import torch
import torch.distributed
from tests.training.prefix.ways import TEMPERATURE, loss_of, padded_batch, small_model, trl_way
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard

from citerefine.training.prefix import shared as shared_module
from citerefine.training.prefix.batch import PaddedBatch
from citerefine.training.prefix.self_check import agreement
from citerefine.training.prefix.shared import SharedPrefix

MOST_TOKENS: Final = 30


def batches(rank: int) -> list[PaddedBatch]:
    """What a rank scores in each step."""
    if rank == 0:
        return [padded_batch((20, (7, 3, 9, 8))), padded_batch((20, (7, 3)))]
    return [padded_batch((11, (2, 9)), (12, (3, 1))), padded_batch((20, (0, 0)))]


def main(folder: Path, way: str) -> None:
    """Writes the gradients of each step, averaged over the ranks, and the numbers of calls."""
    torch.distributed.init_process_group("gloo")
    rank = torch.distributed.get_rank()
    model = small_model()
    shared = SharedPrefix(model, longest=100, temperature=TEMPERATURE, most_tokens=MOST_TOKENS)
    wrapped, step = {"ddp": _ddp, "fsdp": _fsdp, "zero3": _zero3}[way](model)
    calls = [0]
    model.register_forward_pre_hook(lambda *_: calls.__setitem__(0, calls[0] + 1))
    found: dict[str, Any] = {"world": torch.distributed.get_world_size(), "calls": []}
    for number, batch in enumerate(batches(rank)):
        calls[0] = 0
        scores = shared.score(trl_way(), wrapped, *batch, compute_entropy=True)
        found["calls"].append(calls[0])
        torch.save(step(loss_of(scores, batch)), folder / f"step-{number}-rank-{rank}.pt")
    found["agreed"] = shared.agreement is not None
    shared.agreements[0] = None
    if rank == 1:
        setattr(shared_module, "agreement", lambda *how: agreement(*how)._replace(mean=9.0))  # noqa: B010
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        shared.score(trl_way(), wrapped, *batches(rank)[0])
    found["off"] = shared.off
    found["warned"] = [str(warning.message) for warning in caught if "slower" in str(warning.message)]
    (folder / f"rank-{rank}.json").write_text(json.dumps(found), "utf-8")
    torch.distributed.destroy_process_group()


def _ddp(model: Any) -> tuple[Any, Any]:
    wrapped = torch.nn.parallel.DistributedDataParallel(model)

    def step(loss: torch.Tensor) -> dict[str, torch.Tensor]:
        loss.backward()
        found = {name: parameter.grad.clone() for name, parameter in model.named_parameters()}
        model.zero_grad(set_to_none=True)
        return found

    return wrapped, step


def _fsdp(model: Any) -> tuple[Any, Any]:
    mesh = init_device_mesh("cpu", (2,))
    for layer in model.model.layers:
        fully_shard(layer, mesh=mesh)
    fully_shard(model, mesh=mesh)

    def step(loss: torch.Tensor) -> dict[str, torch.Tensor]:
        loss.backward()
        found = {name: parameter.grad.full_tensor() for name, parameter in model.named_parameters()}
        model.zero_grad(set_to_none=True)
        return found

    return model, step


def _zero3(model: Any) -> tuple[Any, Any]:
    import deepspeed
    from deepspeed.utils import safe_get_full_grad
    from transformers.integrations import HfDeepSpeedConfig

    config = {
        "train_micro_batch_size_per_gpu": 1, "zero_force_ds_cpu_optimizer": False,
        "zero_optimization": {"stage": 3, "overlap_comm": False}, "zero_allow_untested_optimizer": True,
    }  # fmt: skip
    kept = HfDeepSpeedConfig(config)  # transformers asks it whether ZeRO-3 is on
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    engine, *_ = deepspeed.initialize(model=model, optimizer=optimizer, config=config)
    engine.kept_config = kept

    def step(loss: torch.Tensor) -> dict[str, torch.Tensor]:
        engine.backward(loss)
        found = {name: safe_get_full_grad(parameter).clone() for name, parameter in model.named_parameters()}
        engine.step()
        return found

    return engine, step


if __name__ == "__main__":
    os.environ.setdefault("DS_ACCELERATOR", "cpu")
    main(Path(sys.argv[1]), sys.argv[2])
