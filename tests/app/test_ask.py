"""`citerefine ask` with models: real processes, a model server on loopback."""

import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.command_line import citerefine
from tests.faulty_server import FaultyServer, hang, says, status

from citerefine.app.ask import noting
from citerefine.refiner.answer import parse_answer
from citerefine.refiner.evidence import Evidence
from citerefine.refiner.records import Snippet

CITEREFINE = str(Path(sys.executable).parent / "citerefine")
QUESTION = "Did perch double in Lake Orven?"
ANSWER = "<answer><snippet id=S1>Perch doubled by 2010.</snippet></answer>"
KEY = "sk-planted-in-the-environment"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A working folder with papers/ in it."""
    (tmp_path / "papers").mkdir()
    (tmp_path / "papers" / "perch.txt").write_text("Perch in Lake Orven doubled between 1990 and 2010.\n")
    return tmp_path


def environment(cwd: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "CITEREFINE_CACHE_DIR": str(cwd / "cache"), "OPENAI_API_KEY": KEY}


def run(*arguments: object, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
    return citerefine(*arguments, cwd=cwd, env=environment(cwd) | more, timeout=60)


def start(*arguments: object, cwd: Path) -> subprocess.Popen[str]:
    command = [CITEREFINE, *map(str, arguments)]
    return subprocess.Popen(
        command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(cwd)
    )


def wait_until(condition: Callable[[], object]) -> None:
    until = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


def ask(server: FaultyServer, *more: object) -> list[object]:
    return ["ask", QUESTION, "-c", "papers", "--model", server.model, *more]


def test_a_model_answers_and_nothing_of_the_run_is_kept(folder: Path) -> None:
    with FaultyServer(says(ANSWER)) as server:
        asked = run(*ask(server, "--json"), cwd=folder)
    answer = json.loads(asked.stdout)
    assert (asked.returncode, asked.stderr) == (0, "")
    assert (answer["text"], answer["model"]) == ("Perch doubled by 2010.", server.model)
    assert answer["notes"][0] == "Searched papers (1 document)."
    assert [*(folder / "cache" / "runs").iterdir()] == []


def test_options_come_from_the_environment_and_reach_the_run(folder: Path) -> None:
    bad = "<answer><snippet id=S9>Perch doubled.</snippet></answer>"
    with FaultyServer(says(bad)) as server:
        variables = {"CITEREFINE_MODEL": server.model, "CITEREFINE_ON_INVALID": "raise", "CITEREFINE_CORPUS": "papers"}
        raised = run("ask", QUESTION, cwd=folder, **variables)
    assert raised.returncode == 1
    assert "the answer does not validate" in raised.stderr


def test_a_planner_chooses_what_is_searched_for(folder: Path) -> None:
    with FaultyServer(says("SEARCH: perch orven")) as planner, FaultyServer(says(ANSWER)) as server:
        asked = run(*ask(server, "--planner", planner.model, "--max-searches", 1), cwd=folder)
    assert asked.returncode == 0
    assert "Perch doubled by 2010. [1]" in asked.stdout
    assert planner.chats
    assert all("You plan the searches" in chat.body["messages"][0]["content"] for chat in planner.chats)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--planner", "extractive"], "'extractive' is no chat model"),
        (["--planner", "gpt-9"], "no model is called 'gpt-9'"),
        (["--max-searches", "-1"], "--max-searches"),
        (["--max-seconds", "0"], "--max-seconds"),
        (["--passes", "3"], "--passes"),
        (["--on-invalid", "ignore"], "--on-invalid"),
        (["--trace", "papers/t.jsonl"], "papers/t.jsonl lies in what is searched"),
        (["--total-tokens", "300"], "--total-tokens 300 does not hold --prompt-tokens 6144"),
        (["--trace", "a", "--replay", "b"], "--trace and --replay contradict each other"),
        (["--replay", "none.jsonl"], "none.jsonl cannot be read"),
        (["--replay", "papers/perch.txt"], "papers/perch.txt, line 1: it is no JSON"),
    ],
)
def test_wrong_use_is_named_and_ends_with_2(folder: Path, arguments: list[str], message: str) -> None:
    failed = run("ask", QUESTION, "-c", "papers", *arguments, cwd=folder)
    assert failed.returncode == 2
    assert message in " ".join(failed.stderr.replace("│", " ").split())
    assert "Traceback" not in failed.stderr
    assert failed.stdout == ""


def test_a_server_that_fails_ends_with_1_and_the_same_command_goes_on_from_there(folder: Path) -> None:
    with FaultyServer([status(401), says(ANSWER)]) as server:
        failed = run(*ask(server), cwd=folder)
        assert failed.returncode == 1
        assert "the same command goes on from there" in failed.stderr
        assert KEY not in failed.stderr
        [kept] = (folder / "cache" / "runs").glob("*.db")
        assert kept.stat().st_mode & 0o077 == 0
        assert KEY.encode() not in kept.read_bytes()
        again = run(*ask(server, "--json", "--max-seconds", 200), cwd=folder)
    assert again.returncode == 0
    assert again.stderr == "going on with the interrupted run of this question; --fresh starts anew\n"
    assert [snippet["text"] for snippet in json.loads(again.stdout)["snippets"].values()] == [
        "Perch in Lake Orven doubled between 1990 and 2010."
    ]


def test_where_the_files_have_changed_the_run_starts_anew(folder: Path) -> None:
    with FaultyServer([status(401), says(ANSWER)]) as server:
        assert run(*ask(server), cwd=folder).returncode == 1
        (folder / "papers" / "perch.txt").write_text("Perch halved, as a file says that came later.\n")
        again = run(*ask(server, "--json"), cwd=folder)
    assert (again.returncode, again.stderr) == (0, "")
    assert [snippet["text"] for snippet in json.loads(again.stdout)["snippets"].values()] == [
        "Perch halved, as a file says that came later."
    ]


def test_kill_9_while_the_model_writes_loses_no_search(folder: Path) -> None:
    with FaultyServer([hang(), says(ANSWER)]) as server:
        child = start(*ask(server, "--format", "tags"), cwd=folder)
        wait_until(lambda: server.chats)
        child.kill()
        child.communicate()
        again = run(*ask(server, "--format", "tags"), cwd=folder)
    assert again.stdout == "<answer><snippet id=175212871f02d6a3>Perch doubled by 2010.</snippet></answer>\n"
    assert "going on with the interrupted run" in again.stderr
    assert [*(folder / "cache" / "runs").iterdir()] == []


def test_ctrl_c_ends_with_130_and_says_that_the_run_is_kept(folder: Path) -> None:
    with FaultyServer(hang()) as server:
        child = start(*ask(server), cwd=folder)
        wait_until(lambda: server.chats)
        child.send_signal(signal.SIGINT)
        _, stderr = child.communicate(timeout=30)
        assert child.returncode == 130
        assert stderr == (
            "what was found is kept; the same command goes on from there, with --fresh it starts anew\n"
            "citerefine: interrupted\n"
        )


def test_a_trace_replays_to_the_same_answer_without_a_server(folder: Path) -> None:
    with FaultyServer(says("SEARCH: perch orven")) as planner, FaultyServer(says(ANSWER)) as server:
        traced = run(*ask(server, "--planner", planner.model, "--trace", "t.jsonl", "--json"), cwd=folder)
    (folder / "papers" / "perch.txt").unlink()
    assert traced.returncode == 0
    for question in ([], [QUESTION]):
        replayed = run("ask", *question, "--replay", "t.jsonl", "--json", cwd=folder)
        assert (replayed.returncode, replayed.stderr) == (0, "")
        assert replayed.stdout == traced.stdout
    other = run("ask", "Did pike vanish?", "--replay", "t.jsonl", cwd=folder)
    assert other.returncode == 2
    assert "t.jsonl answers another question" in other.stderr
    assert KEY not in (folder / "t.jsonl").read_text()


def test_an_answer_without_a_model_can_be_traced_and_replayed_too(folder: Path) -> None:
    traced = run("ask", QUESTION, "-c", "papers", "--trace", "t.jsonl", "--json", cwd=folder)
    replayed = run("ask", "--replay", "t.jsonl", "--json", cwd=folder)
    assert traced.returncode == replayed.returncode == 0
    assert replayed.stdout == traced.stdout == run("ask", QUESTION, "-c", "papers", "--json", cwd=folder).stdout


def test_a_failure_replays_as_the_same_failure(folder: Path) -> None:
    with FaultyServer(status(401)) as server:
        failed = run(*ask(server, "--trace", "t.jsonl"), cwd=folder)
    replayed = run("ask", "--replay", "t.jsonl", cwd=folder)
    assert failed.returncode == replayed.returncode == 1
    assert replayed.stderr == failed.stderr


def test_a_terminal_is_told_what_is_being_done(folder: Path) -> None:
    with FaultyServer(says(ANSWER)) as server:
        screen, terminal = pty.openpty()
        command = [CITEREFINE, *map(str, ask(server))]
        child = subprocess.Popen(
            command, cwd=folder, stdout=subprocess.DEVNULL, stderr=terminal, env=environment(folder)
        )
        child.wait(timeout=60)
        os.close(terminal)
        shown = os.read(screen, 65_536).decode()
        os.close(screen)
    assert [line.strip() for line in shown.splitlines()] == [
        "planning …", f"searching corpus: {QUESTION}", "corpus: 1 passage", "writing the answer …",
    ]  # fmt: skip


def test_walk_works_with_a_model_too(folder: Path) -> None:
    with FaultyServer(says(ANSWER)) as server:
        walked = run("walk", QUESTION, "-c", "papers", "-m", server.model, cwd=folder)
    assert walked.returncode == 0
    assert f"── draft of {server.model}\n{ANSWER}" in walked.stdout


def test_passages_without_a_name_are_counted_where_none_of_them_is_quoted() -> None:
    evidence = Evidence([Snippet(text="Perch live in lakes of many kinds."), Snippet(text="Roach live there too.")])
    answer = parse_answer("<answer>The evidence does not answer this question.</answer>", evidence, question="Who won?")
    assert noting(answer, ()).notes[-1] == "Read 2 passages, and quoted none."
    named = Evidence([Snippet(text="Perch live in lakes of many kinds.", url="https://example.org/perch")])
    assert noting(parse_answer("<answer>No.</answer>", named), ()).notes[-1] == (
        "Nearest sources: https://example.org/perch."
    )
