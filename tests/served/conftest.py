"""The real server that the tests of this folder talk to.

llama.cpp in the default tier. With CITEREFINE_TEST_SERVER=vllm (`make test-vllm`) vLLM on this machine's CPU, run by
the Python that CITEREFINE_VLLM_PYTHON names.
"""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.model_servers import Server, serve_vllm


@pytest.fixture(scope="session")
def served(
    request: pytest.FixtureRequest, tiny_qwen3: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A server with a tiny Qwen3 of random weights."""
    kind = os.environ.get("CITEREFINE_TEST_SERVER", "llama.cpp")
    if kind == "llama.cpp":
        yield Server(kind, request.getfixturevalue("llama_server"))
        return
    assert kind == "vllm", f"CITEREFINE_TEST_SERVER is {kind!r}; set vllm or llama.cpp"
    python = os.environ["CITEREFINE_VLLM_PYTHON"]
    log = tmp_path_factory.mktemp("vllm") / "server.log"
    with serve_vllm(python, tiny_qwen3, _free_port(), log) as base_url:
        yield Server(kind, base_url)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port
