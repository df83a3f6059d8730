"""Two processes that share weights, gradients and optimizer (ZeRO-3, on CPUs) train as one does. Opt-in: deepspeed
compiles for minutes the first time."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.training.grpo.several_processes import run
from tests.training.grpo.test_several_processes import free_port

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("deepspeed") is None or not os.environ.get("CITEREFINE_ZERO3"),
    reason="set CITEREFINE_ZERO3=1, with the extra `deepspeed` installed",
)
CONFIG = {
    "train_micro_batch_size_per_gpu": "auto",
    "train_batch_size": "auto",
    "gradient_accumulation_steps": "auto",
    "gradient_clipping": "auto",
    "zero_optimization": {
        "stage": 3,
        "overlap_comm": False,
        "contiguous_gradients": True,
        "stage3_gather_16bit_weights_on_model_save": True,
    },
    "bf16": {"enabled": False},
    "fp16": {"enabled": False},
    "zero_allow_untested_optimizer": True,
    "zero_force_ds_cpu_optimizer": False,
}


def test_sharded_training_has_the_losses_of_one_process_and_goes_on(tiny_qwen3: Path, tmp_path: Path) -> None:
    config = tmp_path / "zero3.json"
    config.write_text(json.dumps(CONFIG))
    launcher = ["-m", "torch.distributed.run", "--nproc_per_node", "2", "--master_addr", "127.0.0.1"]
    program = ["--master_port", str(free_port()), "-m", "tests.training.grpo.sharding_program"]
    environment = {
        "OMP_NUM_THREADS": "1",
        "DS_ACCELERATOR": "cpu",
        "ACCELERATE_USE_DEEPSPEED": "true",
        "ACCELERATE_DEEPSPEED_CONFIG_FILE": str(config),
    }
    done = subprocess.run(
        [sys.executable, *launcher, *program, str(tiny_qwen3), str(tmp_path)],
        env={**os.environ, **environment},
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    found = json.loads((tmp_path / "found.json").read_text())
    assert (found["stage"], found["processes"]) == (3, 2)
    alone = [line["loss"] for line in run(tiny_qwen3, tmp_path / "one").state.log_history if "loss" in line]
    assert found["losses"] == pytest.approx(alone, abs=1e-4)
    assert found["again"] == pytest.approx(found["losses"], abs=1e-5)
    assert found["newest"].endswith("checkpoint-3")
