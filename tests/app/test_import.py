"""`citerefine import` as people and scripts use it."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.command_line import citerefine


def run(*arguments: object, cwd: Path, stdin: bytes = b"") -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "COLUMNS": "100"}
    return citerefine("import", *arguments, cwd=cwd, env=environment, stdin=stdin)


def chat(id: str, *found: str) -> dict[str, Any]:
    tools = [{"role": "tool", "tool_call_id": "c1", "content": text} for text in found]
    return {"id": id, "messages": [{"role": "user", "content": "Did perch double?"}, *tools]}


def write(path: Path, *rows: object) -> None:
    path.write_text("".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Holds runs.jsonl with two conversations."""
    write(tmp_path / "runs.jsonl", chat("a", "Perch doubled."), chat("b", "Roach fell.", "Ice came later."))
    return tmp_path


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_help_shows_an_example() -> None:
    shown = " ".join(run("--help", cwd=Path.cwd()).stdout.split())
    assert "citerefine import runs.jsonl --from openai --out requests.jsonl" in shown


def test_runs_become_request_rows_that_refine_answers(folder: Path) -> None:
    done = run("runs.jsonl", "--from", "openai", "--out", "requests.jsonl", cwd=folder)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "requests.jsonl: 2 requests, 0 refused, 0 warnings\n"
    first, second = rows(folder / "requests.jsonl")
    assert (first["id"], first["question"]) == ("a", "Did perch double?")
    assert [snippet["text"] for snippet in second["snippets"]] == ["Roach fell.", "Ice came later."]
    environment = {"PATH": os.environ["PATH"]}
    refined = citerefine("refine", "requests.jsonl", "--out", "run.jsonl", cwd=folder, env=environment)
    assert refined.returncode == 0
    assert all(row["answer"] for row in rows(folder / "run.jsonl"))


def test_what_cannot_be_taken_is_told_by_line_and_the_rest_goes_on(folder: Path) -> None:
    write(folder / "runs.jsonl", chat("a", "Perch."), "{", chat("b"), chat("c", '[{"title": "x"}, "Roach fell."]'))
    done = run("runs.jsonl", "--from", "openai", "-o", "requests.jsonl", "--json", cwd=folder)
    assert done.returncode == 1
    assert json.loads(done.stdout) == {
        "out": "requests.jsonl",
        "from": "openai",
        "requests": 2,
        "refused": 2,
        "errors": {"invalid_json": 1, "no_evidence": 1},
        "warnings": 1,
    }
    assert [row["id"] for row in rows(folder / "requests.jsonl")] == ["a", "c"]
    told = done.stderr.splitlines()
    assert told[0].startswith("line 2: not JSON")
    assert told[1] == "line 3: b: no tool gave anything since the question that can be cited"
    assert told[2] == "line 4: left out of what c1 gave: 1 hit without text"


def test_runs_may_come_from_standard_input(folder: Path) -> None:
    stdin = (folder / "runs.jsonl").read_bytes()
    assert run("-", "--from", "openai", "--out", "requests.jsonl", cwd=folder, stdin=stdin).returncode == 0
    assert len(rows(folder / "requests.jsonl")) == 2


def test_every_turn_gives_a_row_of_its_own(folder: Path) -> None:
    both = {"id": "a", "messages": chat("a", "Perch doubled.")["messages"] + chat("b", "Roach fell.")["messages"]}
    write(folder / "runs.jsonl", both)
    assert run("runs.jsonl", "--from", "langchain", "-o", "out.jsonl", "--every-turn", cwd=folder).returncode == 0
    assert [row["id"] for row in rows(folder / "out.jsonl")] == ["a-1", "a-2"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["none.jsonl", "--from", "openai", "-o", "out.jsonl"], "none.jsonl cannot be read"),
        (["runs.jsonl", "--from", "openai", "-o", "-"], "--out is '-', and must be a file"),
        (["runs.jsonl", "--from", "openai", "-o", "runs.jsonl"], "runs.jsonl is the file of runs"),
        (["runs.jsonl", "--from", "openai", "-o", "no/out.jsonl"], "the folder no does not exist"),
        (["runs.jsonl", "--from", "autogpt", "-o", "out.jsonl"], "'autogpt' is not one of"),
    ],
)
def test_wrong_use_is_said_and_changes_nothing(folder: Path, arguments: list[str], says: str) -> None:
    before = (folder / "runs.jsonl").read_bytes()
    done = run(*arguments, cwd=folder)
    assert done.returncode == 2
    assert says in " ".join(done.stderr.split())
    assert (folder / "runs.jsonl").read_bytes() == before
    assert sorted(path.name for path in folder.iterdir()) == ["runs.jsonl"]


def test_a_file_that_is_no_json_lines_leaves_the_old_output(folder: Path) -> None:
    (folder / "requests.jsonl").write_text("old\n")
    (folder / "runs.jsonl").write_text('[\n{"id": 1}\n]')
    done = run("runs.jsonl", "--from", "openai", "--out", "requests.jsonl", cwd=folder)
    assert done.returncode == 2
    assert "not one object a line" in done.stderr
    assert (folder / "requests.jsonl").read_text() == "old\n"
    assert len([*folder.iterdir()]) == 2
