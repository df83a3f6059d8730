"""Fixtures: a tiny Qwen3 on disk, and real model servers that serve it on loopback.

In: nothing but what tests/tiny_qwen3.py makes. Out: folders and base URLs. Each is made once in a test session, at
its first use, and ends with it. llama.cpp runs in this process; vLLM in one of its own, and only where it is asked for
(tests/served/). Not here: talking to them.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import httpx
import pytest

MODEL: Final = "tiny"
"""What the servers call the model."""

SLOT_TOKENS: Final = 8192
"""Most tokens of prompt and reply that a server takes."""

SLOTS: Final = 4
"""Replies that llama.cpp writes at a time."""

_VLLM_START_SECONDS: Final = 300
_VLLM_SETTINGS: Final = {
    "HF_HUB_OFFLINE": "1",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
}


class Server(NamedTuple):
    """A server that runs."""

    kind: str
    """`llama.cpp` or `vllm`."""
    base_url: str
    """Ends with `/v1`."""

    @property
    def model(self) -> str:
        """The model string of what it serves."""
        return f"openai:{MODEL}@{self.base_url}"


@pytest.fixture(scope="session")
def tiny_qwen3(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny Qwen3, as transformers reads it."""
    from tests.tiny_qwen3 import make_tiny_qwen3

    return make_tiny_qwen3(tmp_path_factory.mktemp("tiny-qwen3"))


@pytest.fixture(scope="session")
def llama_server(tiny_qwen3: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The base URL of a llama.cpp server for the tiny Qwen3, which it calls `tiny`."""
    from tests.tiny_qwen3 import write_gguf

    file = write_gguf(tiny_qwen3, tmp_path_factory.mktemp("gguf") / "tiny.gguf")
    with serve_llama(file) as base_url:
        yield base_url


@contextmanager
def serve_llama(file: Path) -> Iterator[str]:
    """A llama.cpp server in this process, on a free port, as long as the block runs."""
    import xllamacpp

    settings = xllamacpp.CommonParams()
    settings.model.path = str(file)
    settings.hostnames, settings.port = ["127.0.0.1"], 0
    settings.n_ctx, settings.n_parallel = SLOT_TOKENS * SLOTS, SLOTS
    settings.cpuparams.n_threads = 1  # more would wait for each other, with so small a model
    settings.model_alias, settings.use_jinja = {MODEL}, True
    server = xllamacpp.Server(settings)
    yield f"{server.listening_address}/v1"
    del server  # stops it


@contextmanager
def serve_vllm(python: str, folder: Path, port: int, log: Path) -> Iterator[str]:
    """A vLLM server in a process of its own, run by another environment's Python, as long as the block runs."""
    command = [python, "-m", "vllm.entrypoints.openai.api_server", "--model", str(folder)]
    command += ["--served-model-name", MODEL, "--host", "127.0.0.1", "--port", str(port)]
    command += ["--max-model-len", str(SLOT_TOKENS), "--dtype", "float32", "--enforce-eager"]
    # On a CPU, a seeded request whose prompt is read in chunks ends vLLM 0.31: `Generator does not use offset`.
    command += ["--no-enable-chunked-prefill", "--max-num-batched-tokens", str(SLOT_TOKENS)]
    command += ["--enable-auto-tool-choice", "--tool-call-parser", "hermes", "--enable-prompt-tokens-details"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **_VLLM_SETTINGS},
            start_new_session=True,
        )
        try:
            _await_health(f"http://127.0.0.1:{port}/health", process, log)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            _stop(process)


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """Ends the server, and its engine, which is a process of its own."""
    process.terminate()
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _await_health(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    end = time.monotonic() + _VLLM_START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            if httpx.get(url, timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.5)
    sys.stderr.write(log.read_text("utf-8", "replace")[-8000:])
    raise RuntimeError(f"vLLM did not start (exit code {process.poll()}); its last output stands above")
