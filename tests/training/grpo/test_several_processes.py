"""Two processes that share a step train as one does that has it all."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from safetensors.torch import load_file
from tests.training.grpo.several_processes import scenarios, told


class Two(NamedTuple):
    """What two processes did."""

    output: Path
    found: list[dict[str, Any]]
    """Of each process."""


def free_port() -> int:
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        port: int = opened.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def two(tiny_qwen3: Path, tmp_path_factory: pytest.TempPathFactory) -> Two:
    output = tmp_path_factory.mktemp("two")
    launcher = ["-m", "torch.distributed.run", "--nproc_per_node", "2", "--master_addr", "127.0.0.1"]
    program = ["--master_port", str(free_port()), "-m", "tests.training.grpo.several_processes"]
    done = subprocess.run(
        [sys.executable, *launcher, *program, str(tiny_qwen3), str(output)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return Two(output, [json.loads((output / f"found-{rank}.json").read_text()) for rank in (0, 1)])


@pytest.fixture(scope="module")
def one(tiny_qwen3: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return scenarios(tiny_qwen3, tmp_path_factory.mktemp("one"))


@pytest.mark.parametrize("name", ["rows", "tokens"])
def test_losses_figures_and_weights_are_those_of_one(two: Two, one: dict[str, Any], name: str) -> None:
    for found in two.found:
        assert found[name]["processes"] == 2
    expected, got = told(one[name]), two.found[0][name]
    assert any(expected["groups/dropped"])
    assert any(expected["groups/flat_share"])
    for figure, values in expected.items():
        if figure == "groups/refilled":
            continue
        assert got[figure] == pytest.approx(values, rel=1e-4, abs=1e-6), figure
    state = one[name].model.state_dict()
    for key, value in load_file(two.output / f"{name}.safetensors").items():
        assert torch.allclose(value, state[key], atol=2e-5), key


def test_processes_that_share_two_phases_choose_the_drafts_that_one_does(two: Two, one: dict[str, Any]) -> None:
    expected, got = told(one["phases"]), two.found[0]["phases"]
    assert expected["transitions/asked_anew"] == [0, 0]
    for figure in ("num_tokens", "reward/draft", "reward/improved", "transitions/asked_anew", "loss"):
        assert got[figure] == pytest.approx(expected[figure], rel=1e-4, abs=1e-6), figure
    state = one["phases"].model.state_dict()
    for key, value in load_file(two.output / "phases.safetensors").items():
        assert torch.allclose(value, state[key], atol=2e-5), key


def test_processes_refill_together(two: Two, one: dict[str, Any]) -> None:
    """Each fills its own gaps, so it takes other prompts than one process would; at the end each group has signal."""
    for found in (told(one["refilled"]), two.found[0]["refilled"]):
        assert sum(found["groups/refilled"]) > 0
        assert found["groups/flat_share"] == found["groups/dropped"] == [0, 0, 0]


def test_an_outage_of_one_process_is_one_of_all(two: Two) -> None:
    messages = [found["outage"]["error"] for found in two.found]
    assert messages == ["process 1 could not reward its answers: out", "out"]
    assert [found["outage"]["step"] for found in two.found] == [3, 3]
    assert two.found[0]["outage"]["left"] == ["checkpoint-1", "checkpoint-3"]


def test_an_outage_while_others_are_sampled_is_one_of_all_too(two: Two) -> None:
    first, second = (found["early"] for found in two.found)
    assert [first["error"], second["error"]] == ["process 1 could not reward its answers: out", "out"]
    assert [first["step"], second["step"]] == [3, 3]
    assert first["ended"] == ["done"] * 8  # of its own parts nothing failed
    assert second["ended"][:4] == ["done"] * 4
    assert "cancelled" in second["ended"]


def test_files_that_the_first_process_cannot_write_end_all_with_the_step_that_is_done(two: Two) -> None:
    first, second = (found["unwritable"] for found in two.found)
    assert (first["kind"], first["error"]) == ("InputError", "no space left")
    assert second["kind"] == "TrainingError"
    assert second["error"] == "process 0 could not write the run's files: no space left"
    assert first["left"] == ["checkpoint-2"]
    resumed, whole = (load_file(two.output / f"{name}.safetensors") for name in ("unwritable", "rows"))
    assert resumed.keys() == whole.keys()
    assert all(torch.equal(resumed[name], whole[name]) for name in whole)
