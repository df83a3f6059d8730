"""docs/serving.md: its programs run against a server, and its tables say what the server does."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from tests.app.serving.running import Running, server
from tests.command_line import citerefine

from citerefine.app.searching import NO_SOURCES, open_searched
from citerefine.app.serving.described import ANSWERED
from citerefine.app.serving.settings import ServeSettings

PAGE = (Path(__file__).parents[3] / "docs" / "serving.md").read_text()
ADDRESS = "http://localhost:8008"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with open_searched([], NO_SOURCES) as searched, server(searched.tool) as started:
        yield started


def test_its_python_runs_from_top_to_bottom(running: Running) -> None:
    program = "\n".join(blocks("py")).replace(ADDRESS, running.url)
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "ALCE citation recall" in done.stdout
    assert "https://arxiv.org/abs/2305.14627" in done.stdout
    assert "… claim" in done.stdout


def test_its_calls_of_curl_are_answered(running: Running) -> None:
    (block,) = [block for block in blocks("sh") if block.startswith("curl ")]
    calls = [f"curl {call}" for call in re.split(r"^curl ", block, flags=re.MULTILINE)[1:]]
    replies = dict[str, str]()
    for call in calls:
        command = call.replace(ADDRESS, running.url).replace("curl -s", "curl --fail -s")
        done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
        assert done.returncode == 0, call
        path = re.search(rf"{ADDRESS}(\S+)", call)
        assert path is not None
        replies[path[1]] = done.stdout
    assert json.loads(replies["/v1/refine"])["text"] == "Perch doubled by 2010."
    assert json.loads(replies["/v1/score"])["f1"] == 1.0
    assert [model["id"] for model in json.loads(replies["/v1/models"])["data"]] == ["refiner", "research"]
    assert replies["/v1/chat/completions"].endswith("data: [DONE]\n\n")


def test_its_figures_are_those_of_the_server(running: Running) -> None:
    httpx2.get(f"{running.url}/readyz")
    shown = httpx2.get(f"{running.url}/metrics").text
    for name in re.findall(r"`(citerefine_\w+)`", PAGE):
        assert f"# HELP {name}" in shown


def test_its_errors_are_those_of_the_description() -> None:
    named = {int(status) for status in re.findall(r"^\| (\d{3}) \|", PAGE, re.MULTILINE)}
    assert named == {status for status in ANSWERED if isinstance(status, int)}


def test_its_options_are_those_of_the_command(tmp_path: Path) -> None:
    shown = citerefine("serve", "--help", cwd=tmp_path, env={"COLUMNS": "200"}).stdout
    others = ("docker", "curl", "--tmpfs", "ask --json", "(`--kill-model`)", "(`--sigterm`)")
    lines = "\n".join(line for line in PAGE.splitlines() if not any(other in line for other in others))
    options = {*re.findall(r"(?<![\w-])--[a-z][a-z-]+", lines)}
    assert len(options) > 8
    assert options <= {*re.findall(r"--[a-z-]+", shown)}


def test_its_limits_are_the_defaults() -> None:
    settings = ServeSettings()
    assert f"{settings.body_bytes // 10**6} MB a body and {settings.body_seconds:g} seconds" in PAGE
    assert f"`--concurrency` answers at once ({settings.at_once})" in PAGE
    assert f"`--queue` that wait\n  ({settings.waiting})" in PAGE
    assert f"`--max-seconds` an answer ({settings.max_seconds:g})" in PAGE
    assert f"not finished after {settings.drain_seconds:g} seconds" in PAGE
