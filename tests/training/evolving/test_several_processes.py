"""Two processes of one job, each with half of the groups, have the same rubrics, also when they go on."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.skipif("CITEREFINE_PROCESSES" not in os.environ, reason="half a minute; set CITEREFINE_PROCESSES=1")
def test_two_processes_have_the_same_rubrics(tiny_qwen3: Path, tmp_path: Path) -> None:
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        port: int = opened.getsockname()[1]
    launcher = ["-m", "torch.distributed.run", "--nproc_per_node", "2", "--master_addr", "127.0.0.1"]
    program = ["--master_port", str(port), "-m", "tests.training.evolving.growing_runs"]
    done = subprocess.run(
        [sys.executable, *launcher, *program, str(tiny_qwen3), str(tmp_path)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    first, second = (json.loads((tmp_path / f"found-{rank}.json").read_text()) for rank in (0, 1))
    assert [run["digest"] for run in first] == [run["digest"] for run in second]
    killed, whole = (run["kinds"] for run in first)
    assert whole.count("begin") == 4
    assert whole.count("add") >= 2
    assert killed == whole[: len(killed)]
