"""`citerefine refine` as people and scripts use it: real processes, real files, real signals."""

import json
import os
import pty
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.command_line import citerefine
from tests.faulty_server import FaultyServer, hang, says, status

from citerefine.app import status_line
from citerefine.app.batch_progress import BatchProgress
from citerefine.refiner.batch.report import BatchReport
from citerefine.refiner.records import Usage

CITEREFINE = str(Path(sys.executable).parent / "citerefine")
ROWS = 2000


def environment(**variables: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "COLUMNS": "100", **variables}


def refine(*arguments: object, cwd: Path, stdin: bytes = b"", **variables: str) -> subprocess.CompletedProcess[str]:
    return citerefine("refine", *arguments, cwd=cwd, env=environment(**variables), stdin=stdin)


def request(number: int, payload: int = 0) -> dict[str, Any]:
    lake = ("Orven", "Saima", "Inari")[number % 3]
    snippets = [
        {"text": f"Perch in Lake {lake} doubled between 1990 and 2010.", "title": "Survey"},
        {"text": f"Ice on Lake {lake} came later in 2011.", "title": "Ice"},
    ]
    return {
        "id": f"q{number}", "question": f"Did perch double in Lake {lake}?", "snippets": snippets, "x": "x" * payload,
    }  # fmt: skip


def write_requests(path: Path, n: int, payload: int = 0) -> None:
    with path.open("w") as file:
        for number in range(n):
            file.write(json.dumps(request(number, payload)) + "\n")


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Holds in.jsonl with five requests."""
    write_requests(tmp_path / "in.jsonl", 5)
    return tmp_path


def test_help_shows_an_example() -> None:
    shown = refine("--help", cwd=Path.cwd()).stdout
    assert "citerefine refine requests.jsonl --out run.jsonl" in " ".join(shown.split())


def test_every_request_gets_a_cited_answer(folder: Path) -> None:
    done = refine("in.jsonl", "--out", "run.jsonl", cwd=folder)
    assert (done.returncode, done.stdout) == (0, "")
    assert "run.jsonl: 5 rows answered, 0 failed" in done.stderr
    rows = sorted(rows_of(folder / "run.jsonl"), key=lambda row: row["id"])
    assert [row["id"] for row in rows] == ["q0", "q1", "q2", "q3", "q4"]
    assert "Perch in Lake Orven doubled" in rows[0]["answer"]
    assert rows[0]["snippets"] == request(0)["snippets"]


def test_the_same_command_again_has_nothing_to_do(folder: Path) -> None:
    refine("in.jsonl", "--out", "run.jsonl", cwd=folder)
    before = (folder / "run.jsonl").read_bytes()
    done = refine("in.jsonl", "--out", "run.jsonl", cwd=folder)
    assert (done.returncode, (folder / "run.jsonl").read_bytes()) == (0, before)
    assert "0 rows answered, 0 failed, 5 rows done before" in done.stderr


def test_bad_rows_are_reported_by_line_and_the_rest_is_answered(folder: Path) -> None:
    with (folder / "in.jsonl").open("ab") as file:
        file.write(b'\n{"id": "bad", "question": "x"}\n{"id": "q0", "question": "x", "snippets": []}\n{\x1b[31m\n')
    done = refine("in.jsonl", "--out", "run.jsonl", cwd=folder)
    assert done.returncode == 1
    assert "--retry-failed asks the failed rows again" in done.stderr
    assert "the same command goes on" not in done.stderr
    assert "line 7: it has neither snippets nor tool_output" in done.stderr
    assert "line 8: an earlier row has the id 'q0'" in done.stderr
    assert "line 9: not JSON" in done.stderr
    assert "failed: 1 bad_snippets, 1 duplicate_id, 1 invalid_json" in done.stderr
    assert "\x1b" not in done.stderr
    bad = [row for row in rows_of(folder / "run.jsonl") if row["answer"] is None]
    assert [(row["id"], row["line"], row["error"]["code"]) for row in bad] == [
        ("bad", 7, "bad_snippets"), ("q0", 8, "duplicate_id"), (None, 9, "invalid_json"),
    ]  # fmt: skip
    again = refine("in.jsonl", "--out", "run.jsonl", cwd=folder)
    assert (again.returncode, len(rows_of(folder / "run.jsonl"))) == (1, 8)
    assert "failed in earlier runs: 3 rows" in again.stderr


def test_mended_rows_are_answered_with_retry_failed(folder: Path) -> None:
    whole = (folder / "in.jsonl").read_text()
    (folder / "in.jsonl").write_text(whole.replace('"id": "q2", "question"', '"id": "q2", "query"'))
    assert refine("in.jsonl", "--out", "run.jsonl", cwd=folder).returncode == 1
    (folder / "in.jsonl").write_text(whole)
    done = refine("in.jsonl", "--out", "run.jsonl", "--retry-failed", cwd=folder)
    assert done.returncode == 0
    assert sorted(row["id"] for row in rows_of(folder / "run.jsonl") if row["answer"]) == [f"q{n}" for n in range(5)]
    assert len(rows_of(folder / "run.jsonl")) == 5


def test_rows_that_have_changed_are_named_with_what_to_do(folder: Path) -> None:
    refine("in.jsonl", "--out", "run.jsonl", cwd=folder)
    before, whole = (folder / "run.jsonl").read_bytes(), (folder / "in.jsonl").read_text()
    (folder / "in.jsonl").write_text(whole.replace("Did perch double", "Did pike halve"))
    done = refine("in.jsonl", "--out", "run.jsonl", "--json", cwd=folder)
    assert (done.returncode, json.loads(done.stdout)["changed"]) == (1, 5)
    assert "line 1: the row with the id 'q0' is done, and asks something else now" in done.stderr
    assert done.stderr.count("asks something else now") == 3
    assert "changed: 5 rows of the input" in done.stderr
    assert "name another --out, or give changed rows new ids" in done.stderr
    assert (folder / "run.jsonl").read_bytes() == before
    (folder / "in.jsonl").write_text((folder / "in.jsonl").read_text().replace('"id": "q', '"id": "new'))
    done = refine("in.jsonl", "--out", "run.jsonl", cwd=folder)
    assert (done.returncode, len(rows_of(folder / "run.jsonl"))) == (0, 10)


def test_rows_can_come_from_standard_input(folder: Path) -> None:
    done = refine("-", "--out", "run.jsonl", cwd=folder, stdin=(folder / "in.jsonl").read_bytes())
    assert (done.returncode, len(rows_of(folder / "run.jsonl"))) == (0, 5)


def test_the_report_is_json_of_the_documented_shape(folder: Path) -> None:
    with (folder / "in.jsonl").open("ab") as file:
        file.write(b"{\n")
    done = refine("in.jsonl", "--out", "run.jsonl", "--json", cwd=folder)
    report = json.loads(done.stdout)
    seconds = report.pop("seconds")
    assert report == {
        "out": "run.jsonl", "model": "extractive", "rows": 6, "done_before": 0, "changed": 0, "answered": 5,
        "failed": 1, "refused": 1, "failed_before": 0, "retried": 0, "not_in_input": 0, "errors": {"invalid_json": 1},
        "usage": None, "stopped": None,
    }  # fmt: skip
    assert 0 < seconds < 60


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["in.jsonl"], "Missing option '--out'"),
        (["none.jsonl", "--out", "run.jsonl"], "none.jsonl cannot be read: No such file"),
        (["in.jsonl", "--out", "in.jsonl"], "is the file that is read"),
        (["in.jsonl", "--out", "no/run.jsonl"], "the folder no does not exist"),
        (["in.jsonl", "--out", "."], "is a folder"),
        (["in.jsonl", "--out", "-"], "--out is '-', and must be a file"),
        (["in.jsonl", "--out", "run.jsonl", "--model", "nothing"], "nothing"),
        (["in.jsonl", "--out", "run.jsonl", "--concurrency", "0"], "--concurrency"),
        (["in.jsonl", "--out", "run.jsonl", "--passes", "3"], "--passes"),
        (["in.jsonl", "--out", "run.jsonl", "--on-invalid", "shrug"], "--on-invalid"),
        (["in.jsonl", "--out", "run.jsonl", "--deadline", "0"], "--deadline"),
    ],
)
def test_wrong_use_is_said_and_ends_with_2(folder: Path, arguments: list[str], message: str) -> None:
    before = (folder / "in.jsonl").read_bytes()
    done = refine(*arguments, cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert (folder / "in.jsonl").read_bytes() == before


def test_answers_of_another_model_are_not_mixed(folder: Path) -> None:
    row = {"id": "q0", "answer": "x", "model": "openai:m@http://127.0.0.1:1/v1"}
    (folder / "run.jsonl").write_text(json.dumps(row) + "\n")
    done = refine("in.jsonl", "--out", "run.jsonl", cwd=folder)
    assert done.returncode == 2
    assert "openai:m@http://127.0.0.1:1/v1" in done.stderr
    assert "'extractive'" in done.stderr


def test_somebody_who_watches_sees_a_bar(folder: Path) -> None:
    main, other = pty.openpty()
    command = [CITEREFINE, "refine", "in.jsonl", "--out", "run.jsonl"]
    done = subprocess.run(command, cwd=folder, stderr=other, stdout=subprocess.PIPE, env=environment(TERM="xterm"))
    os.close(other)
    shown = os.read(main, 100_000).decode()
    os.close(main)
    assert done.returncode == 0
    assert "5 rows done, 0 failed" in shown
    assert "run.jsonl: 5 rows answered" in shown


def test_somebody_who_reads_a_log_gets_a_line_now_and_then(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    usage = Usage(prompt_tokens=1000, completion_tokens=234)
    report = BatchReport(answered=8, failed=2, done_before=5, seconds=4.0, usage=usage)
    with BatchProgress(Path("in.jsonl")) as shown:
        shown.progress(report)
        monkeypatch.setattr(status_line, "LINE_SECONDS", 0.0)
        shown.progress(report)
    assert capsys.readouterr().err == "15 rows done, 2 failed, 2.5 rows/s, 1,234 tokens\n"


class Ended(NamedTuple):
    """How a process ended."""

    code: int
    """Exit code, or the signal that killed it, negative."""
    peak: int
    """Most memory that it held at once, in KB."""


def start(folder: Path, *options: str, source: str = "in.jsonl") -> subprocess.Popen[bytes]:
    command = [CITEREFINE, "refine", source, "--out", "run.jsonl", *options]
    return subprocess.Popen(command, cwd=folder, env=environment(), stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)


def ended(process: subprocess.Popen[bytes]) -> Ended:
    """Waits for the end of a process."""
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.stdin is not None
    process.stdin.close()
    return Ended(process.returncode, used.ru_maxrss)


def wait_until(happened: Callable[[], bool], seconds: float = 30.0) -> None:
    until = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.002)


def size_of(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def test_killed_ten_times_a_run_of_2000_rows_loses_none_doubles_none_and_stays_small(tmp_path: Path) -> None:
    moments, out = random.Random(8), tmp_path / "run.jsonl"
    write_requests(tmp_path / "in.jsonl", 200, payload=10_000)
    few = ended(start(tmp_path))
    out.unlink()
    write_requests(tmp_path / "in.jsonl", ROWS, payload=10_000)
    for _ in range(10):
        before, process = size_of(out), start(tmp_path)
        wait_until(lambda before=before: size_of(out) > before)  # type: ignore[misc]
        time.sleep(moments.uniform(0, 0.12))
        process.kill()
        assert ended(process).code == -signal.SIGKILL
    n_killed = out.read_bytes().count(b"\n")
    assert 10 < n_killed < ROWS
    last = ended(start(tmp_path))
    assert (few.code, last.code) == (0, 0)
    rows = rows_of(out)
    assert sorted(row["id"] for row in rows) == sorted(f"q{number}" for number in range(ROWS))
    assert all(row["answer"].startswith("<answer><snippet id=") and len(row["x"]) == 10_000 for row in rows)
    assert last.peak < few.peak + 8 * 1024, f"{few.peak} KB for 200 rows, {last.peak} KB for {ROWS - n_killed}"


def test_killed_while_a_model_writes_a_run_asks_again_only_what_was_under_way(tmp_path: Path) -> None:
    moments, out, concurrency = random.Random(3), tmp_path / "run.jsonl", 8
    reply = "<answer><snippet id=S1>Perch doubled.</snippet></answer>"
    rows = [{"id": n, "question": f"Question {n}?", "snippets": [{"text": "Perch doubled."}]} for n in range(200)]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with FaultyServer(says(reply, after=0.01)) as server:
        options = ("--model", server.model, "--concurrency", str(concurrency))
        for _ in range(2):
            before, process = size_of(out), start(tmp_path, *options)
            wait_until(lambda before=before: size_of(out) > before)  # type: ignore[misc]
            time.sleep(moments.uniform(0, 0.1))
            process.kill()
            ended(process)
        assert 0 < out.read_bytes().count(b"\n") < len(rows)
        assert ended(start(tmp_path, *options)).code == 0
        assert sorted(row["id"] for row in rows_of(out)) == [*range(200)]
        assert {row["model"] for row in rows_of(out)} == {server.model}
        assert len(server.chats) <= len(rows) + 2 * concurrency
        assert server.busiest <= 2 * concurrency  # those of a killed process are still answered


def test_a_model_that_is_not_there_stops_the_run_and_no_row_fails(folder: Path) -> None:
    with FaultyServer(status(404, "no such model")) as server:
        missing = refine("in.jsonl", "--out", "run.jsonl", "--model", server.model, "--json", cwd=folder)
    for done in (missing, refine("in.jsonl", "--out", "run.jsonl", "--model", server.model, "--json", cwd=folder)):
        report = json.loads(done.stdout)
        assert done.returncode == 1
        assert (report["answered"], report["failed"], report["not_in_input"]) == (0, 0, None)
        assert "the same command goes on from there" in done.stderr
        assert "--retry-failed" not in done.stderr
        assert "Traceback" not in done.stderr
        assert rows_of(folder / "run.jsonl") == []
    assert json.loads(missing.stdout)["stopped"]["code"] == "no_such_model"
    assert report["stopped"]["code"] == "unreachable"  # now the server is gone, too


def test_a_key_of_a_service_is_in_no_row_and_no_message(folder: Path) -> None:
    with FaultyServer(status(401, "the key sk-planted is wrong")) as server:
        options = ("--out", "run.jsonl", "--model", server.model)
        done = refine("in.jsonl", *options, cwd=folder, OPENAI_API_KEY="sk-planted")
    assert (done.returncode, "planted" in done.stderr + (folder / "run.jsonl").read_text()) == (1, False)


def test_a_row_may_not_take_longer_than_the_deadline(folder: Path) -> None:
    with FaultyServer(hang(30)) as server:
        began = time.monotonic()
        done = refine("in.jsonl", "--out", "run.jsonl", "--model", server.model, "--deadline", 0.5, cwd=folder)
    assert time.monotonic() - began < 15
    assert (done.returncode, "failed: 5 deadline" in done.stderr) == (1, True)


def test_ctrl_c_keeps_what_is_done_also_while_it_waits_for_more_input(folder: Path) -> None:
    process = start(folder, source="-")
    assert process.stdin is not None
    process.stdin.write((folder / "in.jsonl").read_bytes())
    process.stdin.flush()
    wait_until(lambda: size_of(folder / "run.jsonl") > 0 and len(rows_of(folder / "run.jsonl")) == 5)
    process.send_signal(signal.SIGINT)
    assert ended(process).code == 130
    assert len(rows_of(folder / "run.jsonl")) == 5


def test_ctrl_c_in_the_middle_says_how_to_go_on(tmp_path: Path) -> None:
    write_requests(tmp_path / "in.jsonl", ROWS)
    command = [CITEREFINE, "refine", "in.jsonl", "--out", "run.jsonl"]
    process = subprocess.Popen(command, cwd=tmp_path, env=environment(), stderr=subprocess.PIPE)
    wait_until(lambda: size_of(tmp_path / "run.jsonl") > 0)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert b"run.jsonl holds the rows that are done; the same command goes on from there" in said
    assert b"Traceback" not in said
    n = len(rows_of(tmp_path / "run.jsonl"))
    assert 0 < n < ROWS
    done = refine("in.jsonl", "--out", "run.jsonl", cwd=tmp_path)
    assert f", {n} row" in done.stderr
    assert len({row["id"] for row in rows_of(tmp_path / "run.jsonl")}) == ROWS
    assert len(rows_of(tmp_path / "run.jsonl")) == ROWS


def test_two_at_once_do_not_write_the_same_file(folder: Path) -> None:
    process = start(folder, source="-")
    wait_until(lambda: (folder / "run.jsonl").exists())
    done = refine("in.jsonl", "--out", "run.jsonl", cwd=folder)
    assert (done.returncode, "another process is writing run.jsonl" in done.stderr) == (2, True)
    assert process.stdin is not None
    process.stdin.close()
    assert os.waitstatus_to_exitcode(os.wait4(process.pid, 0)[1]) == 0
    process.returncode = 0
