"""Two processes train as one would, call the model equally often, and agree on whether packed rows are used."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.training.prefix.two_ranks import batches
from tests.training.prefix.ways import apart, gradients, loss_of, small_model, trl_way

ROOT = Path(__file__).parents[3]


def run_ranks(folder: Path, way: str, seconds: float) -> list[dict[str, Any]]:
    """What both ranks found."""
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    quiet = {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "PYTHONPATH": path}
    script = Path(__file__).with_name("two_ranks.py")
    command = [
        sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", "--master_addr", "127.0.0.1",
        "--master_port", "0", "--rdzv_backend", "c10d", "--rdzv_endpoint", "127.0.0.1:0", str(script), str(folder), way,
    ]  # fmt: skip
    done = subprocess.run(
        command, env=os.environ | quiet, capture_output=True, text=True, timeout=seconds, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return [json.loads((folder / f"rank-{rank}.json").read_text("utf-8")) for rank in (0, 1)]


def check(folder: Path, found: list[dict[str, Any]]) -> None:
    assert [rank["world"] for rank in found] == [2, 2]
    # In the first step two calls more compare both ways; then as many as the rank with the most rows needs.
    assert found[0]["calls"] == found[1]["calls"] == [2 + 3, 1]
    for number, both in enumerate(zip(batches(0), batches(1), strict=True)):
        model = small_model()
        for batch in both:
            (loss_of(trl_way()(model, *batch, compute_entropy=True), batch) / 2).backward()
        for rank in (0, 1):
            got = torch.load(folder / f"step-{number}-rank-{rank}.pt", weights_only=True)
            wanted = {name: parameter.grad for name, parameter in model.named_parameters()}
            assert got.keys() == wanted.keys()
            assert {name for name in got if apart(got[name], wanted[name]) > 1e-5} == set()
        gradients(model)


def test_two_processes_give_the_gradients_of_one(tmp_path: Path) -> None:
    found = run_ranks(tmp_path, "ddp", 120)
    check(tmp_path, found)
    assert [rank["agreed"] for rank in found] == [True, True]
    assert "this rank agrees, another does not" in found[0]["off"]
    assert "differ by 9 in the mean" in found[1]["off"]
    assert [len(rank["warned"]) for rank in found] == [1, 1]


def test_fsdp_gives_the_gradients_of_one_process(tmp_path: Path) -> None:
    check(tmp_path, run_ranks(tmp_path, "fsdp", 120))


@pytest.mark.skipif(
    not os.environ.get("CITEREFINE_TEST_ZERO3") or find_spec("deepspeed") is None,
    reason="ZeRO-3 compiles for minutes the first time: CITEREFINE_TEST_ZERO3=1, with deepspeed installed, runs it",
)
def test_zero3_gives_the_gradients_of_one_process(tmp_path: Path) -> None:
    check(tmp_path, run_ranks(tmp_path, "zero3", 600))
