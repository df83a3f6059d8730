"""`citerefine data build | best-of-n` as people use them: real processes, files, signals, and a server of models."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.command_line import citerefine
from tests.faulty_server import FaultyServer, Line, Request, says, status
from tests.training.data.sources import LAKES, lake_values, read_lines, write_rows

from citerefine.training.data.row_files import read_rows

CITEREFINE = str(Path(sys.executable).parent / "citerefine")


def environment(folder: Path, **variables: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "COLUMNS": "100", "CITEREFINE_CACHE_DIR": str(folder / "cache"), **variables}


def data(*arguments: object, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return citerefine("data", *arguments, cwd=cwd, env=environment(cwd, **variables))


def reply(request: Request) -> str:
    """Writes criteria where they are asked for; else answers well with an even seed, and badly with an odd one."""
    lake = re.findall(r"Lake (\w+)", request.prompt)[-1]
    if "positive_rubrics" in str(request.body["messages"]):
        good = [{"description": f"Says that perch doubled in Lake {lake} by 2010.", "weight": 2}]
        return json.dumps({"positive_rubrics": good, "negative_rubrics": []})
    if request.body["seed"] % 2:
        return f"<answer>Nobody knows anything about perch in Lake {lake}, number {request.body['seed']}.</answer>"
    return f"<answer><snippet id=S1>The survey found that perch doubled in Lake {lake} by 2010.</snippet></answer>"


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with FaultyServer(says(reply)) as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Holds a corpus about lakes, questions about them, and rows with evidence."""
    (tmp_path / "corpus").mkdir()
    for lake in LAKES:
        text = f"The survey found that perch doubled in Lake {lake} by 2010."
        (tmp_path / "corpus" / f"{lake}.txt").write_text(f"{lake}\n\n{text}\n")
    questions = [{"id": lake, "question": f"Did perch double in Lake {lake}?", "gold": "yes"} for lake in LAKES]
    write_rows(tmp_path / "questions.jsonl", questions)
    write_rows(tmp_path / "rows.jsonl", [lake_values(number) for number in range(6)])
    return tmp_path


BUILD = ("build", "questions.jsonl", "--out", "set", "--corpus", "corpus", "--eval-share", "0.3")


def test_the_built_in_notes_make_rows_without_any_model(tmp_path: Path) -> None:
    (tmp_path / "questions.txt").write_text("What is ALCE?\nWhat does RLOO leave out?\nHow does DAPO filter prompts?\n")
    done = data("build", "questions.txt", "--out", "set", "--eval-share", "0.3", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "NO CRITERIA are written" in done.stderr
    rows = [row for side in ("train", "eval") for row in read_rows(str(tmp_path / "set" / f"{side}.jsonl")).rows]
    assert sorted(row.question for row in rows)[0] == "How does DAPO filter prompts?"
    assert all(len(row.evidence) for row in rows)
    assert (tmp_path / "set" / "README.md").read_text().startswith("# questions.txt\n")


def test_rows_get_criteria_and_difficulty_and_a_second_run_asks_nobody(folder: Path, server: FaultyServer) -> None:
    models = ("--writer", server.model, "--samples", 4, "-m", server.model)
    done = data(*BUILD, *models, "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["train"] + report["eval"] == report["questions"] == len(LAKES)
    assert report["work"]["made"] == dict.fromkeys(("evidence", "samples", "criteria", "scores"), len(LAKES))
    assert report["work"]["usage"]["completion_tokens"] > 0
    assert "lexical compares words" in done.stderr
    (row, *_) = read_rows(str(folder / "set" / "train.jsonl")).rows
    assert row.rubric is not None
    assert row.rubric.leaves[0].text.startswith("Says that perch doubled")
    assert len(server.chats) == 5 * len(LAKES)

    again = data(*BUILD, *models, "--json", cwd=folder)
    assert json.loads(again.stdout)["work"]["done_before"] == len(LAKES)
    assert len(server.chats) == 5 * len(LAKES)
    assert (folder / "set" / "stages" / "judge").stat().st_mode & 0o077 == 0


def test_what_a_stage_cannot_do_is_told_with_exit_code_1_and_tried_again_if_asked(folder: Path) -> None:
    command = (*BUILD, "--concurrency", 1)
    with FaultyServer([status(400, "too odd"), says(reply)]) as server:
        done = data(*command, "--writer", server.model, cwd=folder)
        assert done.returncode == 1
        assert "failed: 1 criteria: bad_request" in done.stderr
        assert [line["id"] for line in read_lines(folder / "set" / "dropped.jsonl")] == ["Orven"]
        assert data(*command, "--writer", server.model, cwd=folder).returncode == 1
        mended = data(*command, "--writer", server.model, "--retry-failed", cwd=folder)
    assert mended.returncode == 0, mended.stderr
    assert read_lines(folder / "set" / "dropped.jsonl") == []


def test_a_server_that_is_gone_stops_the_run_and_what_is_done_is_kept(folder: Path) -> None:
    with FaultyServer(says(reply)) as server:
        model = server.model
    done = data(*BUILD, "--writer", model, "--json", cwd=folder)
    assert done.returncode == 1
    assert json.loads(done.stdout)["stopped"]["message"]
    assert "set holds what is done; the same command goes on from there" in done.stderr
    assert len(read_lines(folder / "set" / "stages" / "evidence.jsonl")) >= 1


@pytest.mark.parametrize("kill", [signal.SIGINT, signal.SIGKILL], ids=["Ctrl-C", "kill -9"])
def test_an_interrupted_run_goes_on_and_no_call_is_paid_twice(kill: signal.Signals, folder: Path) -> None:
    arguments = ("best-of-n", "rows.jsonl", "--out", "sft.jsonl", "-n", "4", "--concurrency", "1", "-m")
    hung = list[Request]()

    def hangs_once(request: Request, line: Line) -> None:
        if "Inari" in request.prompt and request.body["seed"] == 3 and not hung:
            hung.append(request)
            line.wait(20)
        says(reply)(request, line)

    with FaultyServer(hangs_once) as server:
        process = subprocess.Popen(
            [CITEREFINE, "data", *arguments, server.model],
            cwd=folder,
            env=environment(folder),
            stderr=subprocess.PIPE,
            text=True,
        )
        while (len(server.chats) < 12 or not hung) and process.poll() is None:
            time.sleep(0.01)
        time.sleep(0.5)  # for the three replies beside the one that does not come
        process.send_signal(kill)
        said = process.communicate(timeout=30)[1]
        assert not (folder / "sft.jsonl").exists()
        if kill is signal.SIGINT:
            assert process.returncode == 130
            assert "holds what is done; the same command goes on from there" in said
        done = data(*arguments, server.model, cwd=folder)
        asked = [(request.prompt, request.body["seed"]) for request in server.chats]
    assert done.returncode == 0, done.stderr
    assert len(read_lines(folder / "sft.jsonl")) == 6
    assert len(set(asked)) == 24
    assert len(asked) == 24 + 1  # the one that was under way when it ended


def test_the_best_answers_become_rows_to_imitate(folder: Path, server: FaultyServer) -> None:
    done = data("best-of-n", "rows.jsonl", "--out", "sft.jsonl", "-n", 4, "-m", server.model, "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["rows"], report["written"], report["left_out"], report["stopped"]) == (6, 6, {}, None)
    assert "6 rows with an answer to imitate, which earn 0." in done.stderr
    rows = read_rows(str(folder / "sft.jsonl")).rows
    assert rows[0].answer == (
        "<answer><snippet id=perch-0>The survey found that perch doubled in Lake Orven by 2010.</snippet></answer>"
    )


def test_a_recipe_says_what_answers_earn_also_in_mathematics(tmp_path: Path) -> None:
    rows = [{"id": "m", "question": "What is 2 + 2 in Lake Orven?", "gold": 4, "task": "maths"}]
    write_rows(tmp_path / "rows.jsonl", rows)
    with FaultyServer(says(lambda request: rf"It is \boxed{{{4 + request.body['seed'] % 2}}}.")) as server:
        command = ("best-of-n", "rows.jsonl", "--out", "sft.jsonl", "-n", 4, "-m", server.model)
        done = data(*command, "--recipe", "rloo-maths", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (row,) = read_lines(tmp_path / "sft.jsonl")
    assert row["answer"] == r"It is \boxed{4}."
    assert (row["sft"]["valid"], row["sft"]["rejected"]) == (2, 2)


@pytest.mark.parametrize("option", ["--judge", "--support"])
def test_a_judge_that_is_not_there_stops_the_run_before_it_judged_anything(
    option: str, folder: Path, server: FaultyServer
) -> None:
    command = ("best-of-n", "rows.jsonl", "--out", "sft.jsonl", "-n", 4, "-m", server.model)
    done = data(*command, option, "openai:judge@http://127.0.0.1:9/v1", "--concurrency", 1, cwd=folder)
    assert done.returncode == 1
    assert "127.0.0.1:9" in done.stderr
    assert read_lines(folder / "sft.jsonl.stages" / "scores.jsonl") == []
    assert len(server.chats) == 4


def wrong_uses() -> Iterator[Any]:
    model = "openai:tiny@http://127.0.0.1:9/v1"
    yield pytest.param(("build", "nothing.jsonl", "-o", "set"), "nothing.jsonl cannot be read", id="no file")
    yield pytest.param(("build", "corpus", "-o", "set"), "names no questions", id="no questions")
    yield pytest.param((*BUILD, "--samples", "4"), "--model is None", id="no model")
    yield pytest.param((*BUILD, "--samples", "4", "-m", "extractive"), "drawn from a chat model", id="extractive")
    yield pytest.param((*BUILD, "--samples", "1", "-m", model), "draw 2 or more", id="one sample")
    yield pytest.param((*BUILD, "--writer", "nobody"), "no model is called 'nobody'", id="no writer")
    yield pytest.param(("build", "questions.jsonl", "-o", "corpus", "-c", "corpus"), "what is searched", id="out")
    yield pytest.param(("best-of-n", "rows.csv", "-o", "sft.jsonl", "-m", model), "names no rows", id="no rows")
    yield pytest.param(("best-of-n", "rows.jsonl", "-o", "rows.jsonl", "-m", model), "the file that is read", id="same")
    yield pytest.param((*BUILD, "--samples", "4", "-m", model, "--recipe", "none"), "none", id="no recipe")
    yield pytest.param(("best-of-n", "rows.jsonl", "-o", "no/sft.jsonl", "-m", model), "does not exist", id="folder")


@pytest.mark.parametrize(("arguments", "word"), [*wrong_uses()])
def test_wrong_use_ends_with_2_and_says_what_to_do(arguments: tuple[str, ...], word: str, folder: Path) -> None:
    done = data(*arguments, cwd=folder)
    assert done.returncode == 2, done.stderr
    assert word in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["build", "best-of-n"])
def test_help_shows_an_example(command: str, tmp_path: Path) -> None:
    assert f"citerefine data {command} " in data(command, "--help", cwd=tmp_path).stdout
