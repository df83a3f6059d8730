"""`citerefine mcp` as assistants start it: a process of its own, over its streams and over HTTP."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple

import anyio
import httpx2
import jsonschema  # type: ignore[import-untyped]
import pytest
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import TextContent
from tests.faulty_server import FaultyServer, Line, Request

PROGRAM = ("-c", "from citerefine.app.cli import main; main()", "mcp")
QUESTION = "Did perch double in Lake Orven?"
PERCH = "Perch in Lake Orven doubled between 1990 and 2010."
ERAS: tuple[Literal["auto", "legacy"], ...] = ("auto", "legacy")
"""The protocol as it is, and as it was before 2026: `legacy` has sessions, and says explicitly that a call is void."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A working folder with papers/ in it."""
    (tmp_path / "papers").mkdir()
    (tmp_path / "papers" / "perch.txt").write_text(f"{PERCH}\n")
    return tmp_path


class Watched:
    """A model that never answers, and sees whether whoever asked it goes away."""

    def __init__(self) -> None:
        self.asked, self.left = threading.Event(), threading.Event()

    def __call__(self, request: Request, line: Line) -> None:
        self.asked.set()
        connection = line.connection.connection  # type: ignore[attr-defined]
        connection.settimeout(60)
        if connection.recv(1) == b"":
            self.left.set()
        line.hang_up()


def environment(folder: Path, **more: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "CITEREFINE_CACHE_DIR": str(folder / "cache"), **more}


def text(content: object) -> str:
    assert isinstance(content, TextContent)
    return content.text


# --- over standard input and output -----------------------------------------------------------------------------------


class Speaking(NamedTuple):
    """A server process, and what is said to it."""

    process: "subprocess.Popen[bytes]"

    def say(self, **message: Any) -> None:
        """Sends a message."""
        self.raw(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")

    def raw(self, line: bytes) -> None:
        """Sends bytes."""
        assert self.process.stdin is not None
        self.process.stdin.write(line)
        self.process.stdin.flush()

    def hear(self) -> dict[str, Any]:
        """The next message."""
        assert self.process.stdout is not None
        message: dict[str, Any] = json.loads(self.process.stdout.readline())
        return message

    def ask(self, id: int) -> None:
        """Calls the tool that takes longest."""
        self.say(id=id, method="tools/call", params={"name": "ask", "arguments": {"question": QUESTION}})


@contextmanager
def speaking(*arguments: str, folder: Path) -> Iterator[Speaking]:
    """A server that was greeted."""
    command = [sys.executable, *PROGRAM, "--corpus", "papers", *arguments]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, cwd=folder, env=environment(folder), stdin=pipe, stdout=pipe, stderr=pipe)
    with process, killed(process):
        server = Speaking(process)
        client = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
        server.say(id=1, method="initialize", params=client)
        assert server.hear()["result"]["serverInfo"]["name"] == "citerefine"
        server.say(method="notifications/initialized")
        yield server


@contextmanager
def killed(process: "subprocess.Popen[Any]") -> Iterator[None]:
    """Leaves no process behind."""
    try:
        yield
    finally:
        process.kill()


@pytest.mark.parametrize("era", ERAS)
def test_a_client_starts_it_lists_its_tools_and_calls_each(era: Literal["auto", "legacy"], folder: Path) -> None:
    arguments: dict[str, dict[str, Any]] = {
        "search": {"query": "perch", "k": 3},
        "refine": {"question": QUESTION, "snippets": [{"id": "a", "text": PERCH}]},
        "check": {"answer": f"{PERCH} [1]", "snippets": [{"id": "a", "text": PERCH}]},
        "ask": {"question": QUESTION},
    }

    async def work() -> None:
        command = [*PROGRAM, "--corpus", "papers"]
        started = StdioServerParameters(command=sys.executable, args=command, env=environment(folder), cwd=folder)
        async with Client(stdio_client(started), mode=era) as client:
            tools = (await client.list_tools()).tools
            assert {tool.name for tool in tools} == arguments.keys()
            for tool in tools:
                result = await client.call_tool(tool.name, arguments[tool.name])
                assert not result.is_error
                jsonschema.validate(result.structured_content, tool.output_schema)
                assert PERCH in text(result.content[0])

    asyncio.run(work())


def test_only_messages_are_written_to_standard_output(folder: Path) -> None:
    with speaking(folder=folder) as server:
        server.raw(b"this is no message\n")
        server.say(id=2, method="tools/call", params={"name": "search", "arguments": {"k": "many"}})
        server.ask(3)
        server.say(id=4, method="nothing/known")
        heard = [server.hear() for _ in range(3)]
        assert server.process.stdin is not None
        server.process.stdin.close()
        assert server.process.stdout is not None
        assert server.process.stdout.read() == b""
    replies = {message["id"]: message for message in heard}
    assert replies[2]["result"]["isError"] is True
    assert replies[3]["result"]["structuredContent"]["text"] == PERCH
    assert "error" in replies[4]


def test_it_ends_with_its_input(folder: Path) -> None:
    with speaking(folder=folder) as server:
        assert server.process.stdin is not None
        server.process.stdin.close()
        assert server.process.wait(60) == 0
        assert server.process.stderr is not None
        assert server.process.stderr.read() == b""


@pytest.mark.parametrize("how", ["input", signal.SIGINT, signal.SIGTERM], ids=str)
def test_what_is_under_way_is_stopped_when_it_ends(how: str | signal.Signals, folder: Path) -> None:
    watched = Watched()
    with FaultyServer(watched) as model, speaking("--model", model.model, folder=folder) as server:
        server.ask(2)
        assert watched.asked.wait(60)
        if isinstance(how, signal.Signals):
            server.process.send_signal(how)
        else:
            assert server.process.stdin is not None
            server.process.stdin.close()
        assert watched.left.wait(60)
        assert server.process.wait(60) == 0
        assert server.process.stderr is not None
        assert server.process.stderr.read() == b""


def test_a_call_that_is_cancelled_stops_its_work_and_others_are_answered(folder: Path) -> None:
    watched = Watched()
    with FaultyServer(watched) as model, speaking("--model", model.model, folder=folder) as server:
        server.ask(2)
        assert watched.asked.wait(60)
        server.say(method="notifications/cancelled", params={"requestId": 2})
        assert watched.left.wait(60)
        server.say(id=3, method="tools/list")
        assert server.hear()["id"] == 3


def test_a_line_that_is_too_long_is_no_message_and_the_next_one_is(folder: Path) -> None:
    with speaking(folder=folder) as server:
        long = json.dumps({"jsonrpc": "2.0", "id": 2, "method": "tools/list", "params": {"cursor": "x" * 4_100_000}})
        server.raw(long.encode() + b"\n")
        server.say(id=3, method="tools/list")
        assert server.hear()["id"] == 3


# --- over HTTP --------------------------------------------------------------------------------------------------------


class Listening(NamedTuple):
    """A server process, and where it is asked."""

    process: "subprocess.Popen[str]"
    url: str


@contextmanager
def listening(*arguments: str, folder: Path, **env: str) -> Iterator[Listening]:
    """A server at a free port."""
    command = [sys.executable, *PROGRAM, "--http", "0", "--corpus", "papers", *arguments]
    process = subprocess.Popen(
        command, cwd=folder, env=environment(folder, **env), stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True
    )
    with process, killed(process):
        assert process.stderr is not None
        greeting = process.stderr.readline()
        address = re.search(r"http://\S+/mcp", greeting)
        assert address is not None, greeting + process.stderr.read()
        yield Listening(process, address[0])


@asynccontextmanager
async def client(url: str, era: Literal["auto", "legacy"], headers: Mapping[str, str] = {}) -> AsyncIterator[Client]:
    """A client of a server."""
    async with (
        httpx2.AsyncClient(headers=dict(headers), timeout=60) as http,
        Client(streamable_http_client(url, http_client=http), mode=era) as connected,
    ):
        yield connected


@pytest.mark.parametrize("era", ERAS)
def test_a_client_calls_tools_over_http_and_is_told_of_progress(era: Literal["auto", "legacy"], folder: Path) -> None:
    told = list[str | None]()

    async def progress(progress: float, total: float | None, message: str | None) -> None:
        told.append(message)

    async def work(url: str) -> None:
        async with client(url, era, {"Authorization": "Bearer sesame"}) as connected:
            result = await connected.call_tool("ask", {"question": QUESTION}, progress_callback=progress)
            assert (result.structured_content or {})["text"] == PERCH
            assert (await connected.call_tool("ask", {"question": " "})).is_error

    with listening(folder=folder, CITEREFINE_TOKEN="sesame") as server:
        asyncio.run(work(server.url))
    assert told[0] == "planning"
    assert told[-1] == "writing"


@pytest.mark.parametrize("era", ERAS)
def test_a_client_that_gives_a_call_up_over_http_stops_its_work(era: Literal["auto", "legacy"], folder: Path) -> None:
    watched = Watched()

    async def work(url: str) -> None:
        async with client(url, era) as connected:
            with anyio.CancelScope() as scope:
                async with anyio.create_task_group() as group:
                    group.start_soon(connected.call_tool, "ask", {"question": QUESTION})
                    assert await asyncio.to_thread(watched.asked.wait, 60)
                    scope.cancel()
            assert await asyncio.to_thread(watched.left.wait, 60)
            assert (await connected.list_tools()).tools

    with FaultyServer(watched) as model, listening("--model", model.model, folder=folder) as server:
        asyncio.run(work(server.url))


def test_requests_that_a_foreign_page_could_send_are_refused(folder: Path) -> None:
    bearer = {"Authorization": "Bearer sesame"}
    with listening(folder=folder, CITEREFINE_TOKEN="sesame") as server:
        refused = {
            "token": httpx2.post(server.url, json={}),
            "wrong token": httpx2.post(server.url, json={}, headers={"Authorization": "Bearer open"}),
            "host": httpx2.post(server.url, json={}, headers={**bearer, "Host": "evil.example"}),
            "origin": httpx2.post(server.url, json={}, headers={**bearer, "Origin": "http://evil.example"}),
            "size": httpx2.post(server.url, content=b"x" * 4_000_001, headers=bearer),
        }
    assert {why: reply.status_code for why, reply in refused.items()} == {
        "token": 401, "wrong token": 401, "host": 421, "origin": 403, "size": 413,
    }  # fmt: skip
    assert refused["token"].json()["error"]["message"] == "send the server's token as: Authorization: Bearer TOKEN"
    assert all("sesame" not in reply.text for reply in refused.values())


def test_a_signal_ends_it_although_a_client_listens_for_more(folder: Path) -> None:
    async def work(server: Listening) -> None:
        async with client(server.url, "legacy") as connected:
            await connected.call_tool("ask", {"question": QUESTION})
            server.process.send_signal(signal.SIGTERM)
            await asyncio.to_thread(server.process.wait, 60)

    with listening(folder=folder) as server:
        asyncio.run(work(server))
        assert server.process.returncode in (0, -signal.SIGTERM)


# --- wrong use --------------------------------------------------------------------------------------------------------


def run(*arguments: str, folder: Path, program: str = PROGRAM[1]) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", program, "mcp", *arguments]
    nothing = subprocess.DEVNULL
    return subprocess.run(command, cwd=folder, env=environment(folder), stdin=nothing, capture_output=True, text=True)


def test_others_than_this_machine_need_a_token(folder: Path) -> None:
    done = run("--http", "0", "--host", "0.0.0.0", folder=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert "give a token" in done.stderr


def test_a_source_that_does_not_exist_is_told_before_anybody_speaks(folder: Path) -> None:
    done = run("--source", "nowhere", folder=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert "nowhere" in done.stderr


def test_without_the_extra_it_says_what_to_install(folder: Path) -> None:
    program = f"import sys; sys.modules['mcp.server.mcpserver'] = None; {PROGRAM[1]}"
    done = run(folder=folder, program=program)
    assert (done.returncode, done.stdout) == (2, "")
    assert "pip install 'citerefine[mcp]'" in done.stderr
