"""LangGraph's development server serves the graph; runs where its packages are installed.

They are no dependency of ours (langgraph-api is under the Elastic License 2.0). `CITEREFINE_LANGGRAPH` names the
`langgraph` executable of an environment with `langgraph-cli[inmem]` and citerefine; else one on the PATH is taken.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from citerefine.refiner import Answer, Snippet

ROOT = Path(__file__).parents[2]
LANGGRAPH = os.environ.get("CITEREFINE_LANGGRAPH") or shutil.which("langgraph")
START_SECONDS = 90
PERCH = Snippet(text="Perch in Lake Orven doubled between 1990 and 2010.", title="Survey")

pytestmark = pytest.mark.skipif(
    LANGGRAPH is None, reason="no langgraph executable: set CITEREFINE_LANGGRAPH (docs/embedding.md)"
)


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A client of `langgraph dev`, run in a copy of the repository's root, since it leaves a folder there."""
    assert LANGGRAPH is not None
    folder = tmp_path_factory.mktemp("checkout")
    (folder / "langgraph.json").write_text((ROOT / "langgraph.json").read_text())
    (folder / "refiner").symlink_to(ROOT / "refiner")
    port, log = free_port(), folder / "log"
    command = [LANGGRAPH, "dev", "--no-browser", "--no-reload", "--port", str(port)]
    env = {**os.environ, "LANGSMITH_TRACING": "false", "LANGGRAPH_CLI_NO_ANALYTICS": "1"}
    with log.open("w") as writing:
        process = subprocess.Popen(command, cwd=folder, env=env, stdout=writing, stderr=writing, start_new_session=True)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False) as client:
            wait_for(client, process, log)
            yield client
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def wait_for(client: httpx.Client, process: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            if client.get("/ok").is_success:
                return
        except httpx.TransportError:
            time.sleep(0.2)
    raise AssertionError(f"langgraph dev did not start:\n{log.read_text()[-3000:]}")


def post(client: httpx.Client, path: str, body: dict[str, Any]) -> Any:
    reply = client.post(path, json=body)
    assert reply.is_success, reply.text
    return reply.json()


def test_the_graph_is_listed_as_an_assistant(server: httpx.Client) -> None:
    assert [found["graph_id"] for found in post(server, "/assistants/search", {})] == ["refiner"]


def test_a_question_is_answered_over_http(server: httpx.Client) -> None:
    given = {"question": "Did perch double in Lake Orven?", "evidence": [PERCH.model_dump(mode="json")]}
    output = post(
        server, "/runs/wait", {"assistant_id": "refiner", "input": given, "context": {"model": "extractive"}}
    )
    answer = Answer.model_validate(output["answer"])
    assert answer.claims[0].citations == (PERCH.id,)
    assert set(output) == {"answer", "notes"}


def test_the_claims_are_streamed_over_http(server: httpx.Client) -> None:
    given = {"question": "Did perch double in Lake Orven?", "evidence": [PERCH.model_dump(mode="json")]}
    body = {"assistant_id": "refiner", "input": given, "stream_mode": ["custom"]}
    reply = server.post("/runs/stream", json=body)
    events = [json.loads(line.removeprefix("data: ")) for line in reply.text.splitlines() if line.startswith("data: {")]
    assert PERCH.text in [event.get("text") for event in events if event.get("type") == "claim"]
