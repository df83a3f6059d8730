"""MCP servers that are late, hostile, renamed or stubborn: what they do costs the search that asked, and no other."""

import asyncio
import shlex
import signal
import sqlite3
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import JsonValue
from tests.tools.sources.test_mcp import is_running, search

from citerefine.refiner.errors import InputError, ReplayError
from citerefine.refiner.protocols import Outcome, SearchPage
from citerefine.tools.sources.mcp_client import McpSearch
from citerefine.tools.sources.mcp_hits import read_result
from citerefine.tools.web.client import WebClient, WebLimits
from citerefine.tools.web.store import StoreMode, WebStore

SCRIPT = Path(__file__).with_name("unfriendly_mcp_server.py")


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """What the servers of a test write down."""
    return tmp_path / "log"


def command(log: Path, *arguments: str) -> str:
    return shlex.join([sys.executable, str(SCRIPT), "--log", str(log), *arguments])


def noted(log: Path, word: str) -> list[str]:
    """What stands behind that word, of each line that begins with it."""
    lines = log.read_text().splitlines() if log.exists() else []
    return [line.removeprefix(word).strip() for line in lines if line.startswith(word)]


def pids(log: Path) -> list[int]:
    return [int(pid) for pid in noted(log, "pid")]


def test_a_pattern_of_the_server_is_never_matched(log: Path) -> None:
    found = search(command(log, "--pattern", "^(a+)+$"))  # takes years
    assert found.outcome is Outcome.OK
    assert [snippet.text for snippet in found.snippets] == ["Perch doubled: perch."]


def test_a_call_that_is_late_ends_no_other_call_of_its_session(log: Path) -> None:
    async def run() -> list[SearchPage]:
        source = McpSearch(WebClient(limits=WebLimits(deadline=5)), argument=command(log))
        pages = [await source.search("perch", 1)]
        slow = asyncio.create_task(source.search("slow", 1))
        await asyncio.sleep(4.5)
        later = asyncio.create_task(source.search("later", 1))
        pages += [await slow, await later, await source.search("roach", 1)]
        await source.aclose()
        return pages

    first, slow, later, after = asyncio.run(run())
    assert (first.outcome, slow.outcome) == (Outcome.OK, Outcome.FAILED)
    assert "no complete reply from" in slow.warnings[0]
    assert [page.snippets[0].text for page in (later, after)] == ["Perch doubled: later.", "Perch doubled: roach."]
    assert len(pids(log)) == 2  # the late one was left for a new session once its last call was done
    assert not any(map(is_running, pids(log)))


def test_a_tool_that_was_renamed_is_found_though_the_list_is_kept(log: Path, tmp_path: Path) -> None:
    server = tmp_path / "server"
    line = shlex.join(["sh", str(server)])
    with WebStore(tmp_path / "store.db", StoreMode.CACHE) as store:
        pages = list[SearchPage]()
        for name, query in (("search", "perch"), ("find", "roach"), ("find", "pike")):
            server.write_text(f"exec {command(log, '--tool', name)}")
            pages.append(search(line, query, store=store))
    assert [page.outcome for page in pages] == [Outcome.OK] * 3
    assert not any(page.cached for page in pages)
    assert noted(log, "called") == ["search perch", "search roach", "find roach", "find pike"]
    assert len(noted(log, "listed")) == 2


def test_a_tool_that_fails_and_is_listed_as_before_is_asked_once(log: Path, tmp_path: Path) -> None:
    named = f"{command(log)}#lookup"
    with WebStore(tmp_path / "store.db", StoreMode.CACHE) as store:
        pages = [search(named, store=store) for _ in range(2)]
    assert all("has no tool 'lookup'" in page.warnings[0] for page in pages)
    assert len(noted(log, "listed")) == 2


def test_a_kept_reply_that_cannot_be_read_is_asked_anew_and_is_an_error_in_a_replay(log: Path, tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with WebStore(path, StoreMode.CACHE) as store:
        search(command(log), store=store)
    database = sqlite3.connect(path)
    database.execute("UPDATE replies SET body = X'5B5D'")
    database.commit()
    database.close()
    with WebStore(path, StoreMode.REPLAY) as store, pytest.raises(ReplayError, match="cannot be read"):
        search(command(log), store=store)
    with WebStore(path, StoreMode.CACHE) as store:
        assert [search(command(log), store=store).cached for _ in range(2)] == [False, True]


def test_a_query_that_no_protocol_can_carry_is_mended(log: Path, tmp_path: Path) -> None:
    with WebStore(tmp_path / "store.db", StoreMode.RECORD) as store:
        found = search(command(log), "perch \udcff", store=store)
    assert found.snippets[0].text == "Perch doubled: perch \ufffd."


@pytest.mark.parametrize("structured", [True, False])
def test_a_text_without_end_is_read_up_to_a_bound(structured: bool) -> None:
    text = "Perch doubled by 2010. " * 20_000
    result: dict[str, JsonValue] = {"content": [{"type": "text", "text": text}]}
    if structured:
        result["structuredContent"] = {"results": [{"text": text}]}
    hits = read_result(result, "lake", 3, datetime.now(UTC))
    assert max(snippet.end or 0 for snippet in hits.snippets) <= 200_000
    assert sum(len(snippet.text) for snippet in hits.snippets) > 190_000
    assert hits.warnings == ["left out: what is behind the first 200,000 characters of a text"]


def test_a_server_that_never_stops_talking_leaves_nothing_behind(log: Path) -> None:
    program = (
        "import asyncio, sys\n"
        "from citerefine.tools.sources.mcp_client import McpSearch\n"
        "from citerefine.tools.web.client import WebClient, WebLimits\n"
        "async def run():\n"
        "    source = McpSearch(WebClient(limits=WebLimits(deadline=5)), argument=sys.argv[1])\n"
        "    print((await source.search('flood', 1)).outcome.value)\n"
        "    await source.aclose()\n"
        "asyncio.run(run())\n"
    )
    words = [sys.executable, "-X", "dev", "-c", program, command(log)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout == "failed\n"
    assert done.stderr == ""
    assert not any(map(is_running, pids(log)))


@pytest.mark.skipif(sys.platform == "win32", reason="needs sh")
@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGKILL])
def test_a_stubborn_server_does_not_outlive_a_process_that_is_killed(log: Path, sign: signal.Signals) -> None:
    program = (
        "import asyncio, sys\n"
        "from citerefine.tools.sources.mcp_client import McpSearch\n"
        "from citerefine.tools.web.client import WebClient, WebLimits\n"
        "source = McpSearch(WebClient(limits=WebLimits(deadline=60)), argument=sys.argv[1])\n"
        "asyncio.run(source.search('slow', 1))\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program, command(log, "--stubborn")])
    try:
        until = time.monotonic() + 60
        while not noted(log, "called"):
            assert time.monotonic() < until, "the server was not asked"
            time.sleep(0.02)
    finally:
        process.send_signal(sign)
        process.wait()
    (pid,) = pids(log)
    while is_running(pid):
        assert time.monotonic() < until, "the server is left"
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("argument", "name"),
    [
        ("env API_KEY=abc server", "API_KEY"),
        ("API_KEY=abc server", "API_KEY"),
        ("sh -c 'API_KEY=abc exec server'", "API_KEY"),
        ("server -H 'Authorization: Bearer abc'", "Authorization"),
        ("server -HX-Api-Key:abc", "-HX-Api-Key"),
        ("server --header='Cookie: abc'", "Cookie"),
        ("server --auth 'Bearer abc'", "Bearer"),
        ("server https://host/mcp?lang=en&key=abc", "key"),
        ("server https://user:abc@host/mcp", "a user in an address"),
        ("""server --json '{"token": "abc"}'""", "token"),
    ],
)
def test_a_secret_anywhere_in_a_command_is_refused_and_not_shown(argument: str, name: str) -> None:
    with pytest.raises(InputError, match=f"{name} would put a secret where it is shown") as refused:
        McpSearch(WebClient(), argument=argument)
    assert "abc" not in str(refused.value)


@pytest.mark.parametrize(
    "argument",
    ["npx -y @lake/keyvault-mcp /papers", "server https://host/mcp?lang=en --port=8080", "server me@host.org"],
)
def test_a_command_without_secrets_is_taken(argument: str) -> None:
    assert McpSearch(WebClient(), argument=argument).disabled() is None
