"""A program that trains with ZeRO-3 on CPUs, in each process of a job; see test_zero3.py."""

import json
import sys
from pathlib import Path

import deepspeed
import torch
from tests.training.grpo.several_processes import prepared

from citerefine.training.grpo.checkpoints import newest


def main() -> None:
    folder, output = Path(sys.argv[1]), Path(sys.argv[2])
    torch.set_num_threads(1)
    deepspeed.init_distributed("gloo", auto_mpi_discovery=False)
    made = prepared(folder, output / "run", save_steps=1)
    made.train()
    losses = [line["loss"] for line in made.state.log_history if "loss" in line]
    again = prepared(folder, output / "run", save_steps=1)
    again.train(again.checkpoints / "checkpoint-2")
    losses_again = [line["loss"] for line in again.state.log_history if "loss" in line]
    if made.accelerator.is_main_process:
        found = {"losses": losses, "again": losses_again, "newest": str(newest(made.checkpoints))}
        found["stage"] = made.accelerator.deepspeed_plugin.zero_stage
        (output / "found.json").write_text(json.dumps({**found, "processes": made.accelerator.num_processes}))


if __name__ == "__main__":
    main()
