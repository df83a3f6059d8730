"""`citerefine score` as people and scripts use it: real processes, real files, real signals, a real server."""

import json
import os
import re
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.command_line import citerefine
from tests.faulty_server import FaultyServer, Request, says, status
from tests.judges.chat.judging import Asked, by_words, claims_in, server_by
from tests.judges.runs.run_files import run_row, score_rows, write_run
from typer.main import get_command

from citerefine.app.commands import app
from citerefine.app.score_progress import told
from citerefine.app.score_text import summary_lines
from citerefine.judges.loading import JUDGES
from citerefine.judges.runs.run_rows import REFUSALS
from citerefine.judges.runs.score_file import ScoreReport
from citerefine.judges.runs.score_row import ScoreRow, UnitRow
from citerefine.judges.runs.summary import Agreement, Summary

CITEREFINE = str(Path(sys.executable).parent / "citerefine")


def environment(folder: Path, **variables: str) -> dict[str, str]:
    cards = {"CITEREFINE_CARDS": str(folder / "cards"), "CITEREFINE_CACHE_DIR": str(folder / "cache")}
    return {"PATH": os.environ["PATH"], "COLUMNS": "100", **cards, **variables}


def score(*arguments: object, cwd: Path, stdin: bytes = b"", **variables: str) -> subprocess.CompletedProcess[str]:
    return citerefine("score", *arguments, cwd=cwd, env=environment(cwd, **variables), stdin=stdin)


def start(*arguments: object, cwd: Path, process_group: int | None = None) -> subprocess.Popen[bytes]:
    command = [CITEREFINE, "score", *map(str, arguments)]
    return subprocess.Popen(
        command,
        cwd=cwd,
        env=environment(cwd),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        process_group=process_group,
    )


def wait_until(happened: Callable[[], bool], seconds: float = 30.0) -> None:
    until = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.005)


def size_of(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Holds run.jsonl with thirty answers."""
    write_run(tmp_path / "run.jsonl", map(run_row, range(30)))
    return tmp_path


# --- what is printed --------------------------------------------------------------------------------------------------


def test_help_shows_an_example() -> None:
    shown = " ".join(score("--help", cwd=Path.cwd()).stdout.split())
    assert "citerefine score run.jsonl --out scores.jsonl --html report.html" in shown


def test_people_get_a_table(folder: Path) -> None:
    done = score("run.jsonl", cwd=folder)
    assert done.returncode == 0
    lines = {line[:13].strip(): line[13:] for line in done.stdout.splitlines()}
    assert lines["precision"].startswith("0.333  [0.333, 0.333]")
    assert lines["answers"] == "30 of 30 rows scored, on 3 questions"
    assert lines["claims"] == "60 cited, 0 without a citation that need one"
    assert lines["citations"] == "30 of ids that no snippet has"
    assert lines["not judged"] == "0 units, 0 answers masked"
    assert "3 questions" in lines["intervals"]
    assert lines["judge"].startswith("lexical")


def test_a_judge_that_was_never_measured_is_said_to_be_so() -> None:
    summary = Summary(n=0, rows=0, questions=0, precision=None, recall=None, f1=None, judge="J\x1b[31m")
    text = "\n".join(summary_lines(summary))
    assert "never measured; run citerefine calibrate" in text
    assert "precision    –" in text
    assert "\x1b" not in text


def test_agreement_with_people_stands_beside_the_judge() -> None:
    known = Agreement(labels="people", n=1200, auc=0.81, auc_ci95=(0.79, 0.83), balanced_accuracy=0.74)
    summary = Summary(n=1, rows=3, questions=1, precision=1, recall=1, f1=1, judge="J", agreement=(known,))
    text = "\n".join(summary_lines(summary.model_copy(update={"not_scored": {"unanswered": 2}})))
    assert "with people on people (n = 1,200): AUC 0.810 [0.790, 0.830]\n" in f"{text}\n"
    assert "not scored   2 rows: 2 unanswered" in text


def test_what_the_labels_do_and_how_many_rows_were_refused_stands_with_the_agreement() -> None:
    known = Agreement(
        labels="WiCE", n=1043, auc=0.825, balanced_accuracy=0.7, kappa=0.42, missed=0.31, wrongly_full=0.12, rows=1060,
        refused=17,
    )  # fmt: skip
    summary = Summary(n=1, rows=3, questions=1, precision=1, recall=1, f1=1, judge="J", agreement=(known,))
    said = (
        "with people on WiCE (n = 1,043; 17 of 1,060 rows refused): AUC 0.825 (too few for an interval), "
        "labels: kappa 0.42, misses 31 %, "
    )
    assert summary_lines(summary)[-1].endswith(f"{said}wrongly full 12 %")
    few = known.model_copy(update={"refused": 10, "kappa": None})
    text = summary_lines(summary.model_copy(update={"agreement": (few,)}))[-1]
    auc = "AUC 0.825 (too few for an interval)"
    assert text.endswith(f"(n = 1,043): {auc}, labels: kappa –, misses 31 %, wrongly full 12 %")


def test_forms_issues_and_failures_are_named_the_most_frequent_first() -> None:
    issues = {f"issue_{n}": 9 - n for n in range(7)}
    summary = Summary(
        n=1, rows=3, questions=1, precision=1, recall=1, f1=1, judge="J", failed=60, masked=20, issues=issues,
        failures={"server_error": 58, "unparsable": 2}, forms={"numbered": 1200, "tags": 6},
    )  # fmt: skip
    lines = summary_lines(summary)
    assert "not judged   60 units (server_error 58, unparsable 2), 20 answers masked" in lines
    assert "forms        numbered 1,200, tags 6" in lines
    assert "issues       issue_0 9, issue_1 8, issue_2 7, issue_3 6, issue_4 5, 2 other kinds" in lines


def test_ways_to_cite_that_change_figures_are_warned_of(folder: Path) -> None:
    rows = [run_row(n, answer="Perch in the lake doubled between 1990 and 2010 [0].") for n in range(9)]
    write_run(folder / "run.jsonl", [*rows, run_row(9, answer="Perch in the lake doubled between 1990 and 2010 (a).")])
    done = score("run.jsonl", cwd=folder)
    assert done.returncode == 0
    assert "9 of 10 answers cite [0]: if they count from 0, score with --form numbered_from_0\n" in done.stderr
    assert "1 of 10 answers have no citation that could be read (forms: docs/citation-forms.md)\n" in done.stderr
    assert "issues       counted_from_zero 9" in done.stdout
    assert "cite [0]" not in score("run.jsonl", "--form", "numbered_from_0", cwd=folder).stderr


def test_an_empty_file_has_no_figures_and_is_said_to_be_so(folder: Path) -> None:
    write_run(folder / "empty.jsonl", [])
    done = score("empty.jsonl", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "empty.jsonl: no rows\n")
    assert "precision    –" in done.stdout


def test_help_lists_every_kind_of_judge() -> None:
    (option,) = (one for one in get_command(app).commands["score"].params if one.name == "judge")  # type: ignore[attr-defined]
    assert all(f"`{form}`" in option.help for form in JUDGES)


def test_json_is_the_summary(folder: Path) -> None:
    done = score("run.jsonl", "--json", cwd=folder)
    summary = json.loads(done.stdout)
    promised = {"n", "precision", "recall", "f1", "ci95", "micro", "abstained", "failed", "judge", "formula"}
    assert promised <= summary.keys()
    assert (summary["n"], summary["formula"], summary["failed"]) == (30, "citerefine", 0)
    assert len(summary["ci95"]["f1"]) == 2
    assert Summary.model_validate(summary).n == 30


def test_several_formulas_are_a_list_in_the_order_asked_for(folder: Path) -> None:
    done = score("run.jsonl", "--json", "--formula", "trec, citerefine", "--out", "scores.jsonl", cwd=folder)
    assert [summary["formula"] for summary in json.loads(done.stdout)] == ["trec", "citerefine"]
    assert [row.formula for row in score_rows(folder / "scores.jsonl")] == ["trec", "citerefine"] * 30
    assert score("run.jsonl", "--formula", "trec,alce", cwd=folder).stdout.count("precision") == 2


def test_rows_may_come_from_standard_input(folder: Path) -> None:
    done = score("-", "--json", cwd=folder, stdin=(folder / "run.jsonl").read_bytes())
    assert (done.returncode, json.loads(done.stdout)["n"]) == (0, 30)


def test_the_page_shows_the_run(folder: Path) -> None:
    done = score("run.jsonl", "--html", "report.html", "--formula", "citerefine,trec", cwd=folder)
    assert done.returncode == 0
    page = (folder / "report.html").read_text()
    assert "run.jsonl" in page
    assert "Perch in Lake Orven doubled" in page


# --- bad input --------------------------------------------------------------------------------------------------------


def test_bad_rows_are_told_by_line_counted_and_the_rest_is_scored(folder: Path) -> None:
    with (folder / "run.jsonl").open("ab") as file:
        file.write(b'{"answer": NaN}\n\xff\n[]\n{"id": "q0", "answer": "x"}\n{"id": "\x1b[31m"\n{"id": "late"}\n')
    done = score("run.jsonl", "--out", "scores.jsonl", "--json", cwd=folder)
    assert done.returncode == 1
    for said in (
        "line 31: not JSON: NaN is no number there", "line 32: not UTF-8", "line 33: the line is JSON, but no object",
        "line 34: an earlier row has the id 'q0'", "line 35: not JSON", "line 36: it has no field `answer`",
    ):  # fmt: skip
        assert said in done.stderr
    assert "\x1b" not in done.stderr
    summary = json.loads(done.stdout)
    once = dict.fromkeys(("duplicate_id", "invalid_utf8", "no_answer", "no_object"), 1)
    assert summary["refused"] == {"invalid_json": 2, **once}
    assert (summary["n"], summary["rows"]) == (30, 36)
    rows = score_rows(folder / "scores.jsonl")
    assert len(rows) == 36
    assert all(row.f1 is None and row.error is not None for row in rows[30:])


def test_of_many_bad_rows_the_first_are_told_and_the_rest_counted(folder: Path) -> None:
    with (folder / "run.jsonl").open("ab") as file:
        file.write(b'{"question": "x"}\n' * 25 + b"[]\n")
    done = score("run.jsonl", "--json", cwd=folder)
    lines = done.stderr.splitlines()
    assert [line.partition(":")[0] for line in lines[:21]] == [f"line {n}" for n in (*range(31, 51), 56)]
    assert lines[21:] == ["… and 5 rows more: 5 no_answer"]


def test_answers_that_are_missing_are_counted_and_are_no_failure(folder: Path) -> None:
    write_run(folder / "run.jsonl", [run_row(0), run_row(1, answer=None, error={"code": "deadline", "message": "…"})])
    done = score("run.jsonl", "--json", cwd=folder)
    assert (done.returncode, json.loads(done.stdout)["not_scored"]) == (0, {"unanswered": 1})


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["missing.jsonl"], "missing.jsonl cannot be read: No such file or directory; name a file of run rows"),
        (["run.jsonl", "--cache", "kept.db"], "--cache is for judges with a model, and lexical asks none"),
        (["run.jsonl", "--judge", "nonsense"], "no judge is called 'nonsense'"),
        (["run.jsonl", "--judge", "table:missing"], "missing cannot be read"),
        (["run.jsonl", "--formula", "alec"], "no formula is called 'alec'; there are: citerefine, alce"),
        (["run.jsonl", "--form", "prose"], "no form of citations is called 'prose'; there are: auto, tags"),
        (["run.jsonl", "--out", "run.jsonl"], "one file is named for two things"),
        (["run.jsonl", "--out", "x", "--html", "x"], "one file is named for two things"),
        (["run.jsonl", "--out", "-"], "'-' is no file to write"),
        (["run.jsonl", "--out", "no/folder/x"], "the folder no/folder does not exist"),
        (["run.jsonl", "--workers", "2", "--ray", "local"], "give either workers or the address of a cluster"),
        (["run.jsonl", "--workers", "2", "--judge", "openai:m@http://127.0.0.1:9"], "works with concurrency"),
    ],
)
def test_wrong_use_is_said_and_nothing_is_written(folder: Path, arguments: list[str], said: str) -> None:
    before = sorted(path.name for path in folder.iterdir())
    done = score(*arguments, cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert sorted(path.name for path in folder.iterdir()) == before


# --- size and interruption --------------------------------------------------------------------------------------------


class Ended(NamedTuple):
    code: int
    peak: int
    """Kilobytes."""


def ended(process: subprocess.Popen[bytes]) -> Ended:
    _, status_, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status_)
    for pipe in (process.stdout, process.stderr):
        assert pipe is not None
        pipe.close()
    return Ended(process.returncode, used.ru_maxrss)


def test_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    for name, n in (("few", 50), ("many", 1000)):
        write_run(tmp_path / name, (run_row(number, payload="x" * 20_000) for number in range(n)))
    few, many = (ended(start(name, "--out", f"{name}.out", cwd=tmp_path)) for name in ("few", "many"))
    assert (few.code, many.code) == (0, 0)
    assert many.peak < few.peak + 10 * 1024, f"{few.peak} KB for 50 rows, {many.peak} KB for 1000"


def test_ctrl_c_says_how_to_go_on_and_leaves_no_worker(tmp_path: Path) -> None:
    write_run(tmp_path / "run.jsonl", map(run_row, range(20_000)))
    process = start("run.jsonl", "--out", "scores.jsonl", "--workers", "2", cwd=tmp_path)
    part = tmp_path / "scores.jsonl.part"
    wait_until(lambda: size_of(part) > 0)
    workers = children_of(process.pid)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert b"scores.jsonl.part holds the" in said
    assert b"the same command starts anew" in said
    assert b"Traceback" not in said
    assert not (tmp_path / "scores.jsonl").exists()
    assert workers
    wait_until(lambda: not any(map(is_running, workers)))


@pytest.mark.parametrize("pause", [0.0, 0.03, 0.06, 0.12])
def test_ctrl_c_while_workers_start_is_no_error_of_theirs(tmp_path: Path, pause: float) -> None:
    write_run(tmp_path / "run.jsonl", map(run_row, range(5_000)))
    process = start("run.jsonl", "--workers", "2", cwd=tmp_path, process_group=0)
    wait_until(lambda: bool(children_of(process.pid)))
    time.sleep(pause)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: all processes hear of it
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert b"Traceback" not in said


def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    write_run(tmp_path / "run.jsonl", map(run_row, range(20_000)))
    process = start("run.jsonl", "--out", "scores.jsonl", "--workers", "2", cwd=tmp_path)
    wait_until(lambda: size_of(tmp_path / "scores.jsonl.part") > 0)
    workers = children_of(process.pid)
    process.kill()
    assert ended(process).code == -signal.SIGKILL
    assert workers
    wait_until(lambda: not any(map(is_running, workers)))


def children_of(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").iterdir()
    children = [child for task in tasks for child in (task / "children").read_text().split()]
    return [int(child) for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


# --- a model as judge -------------------------------------------------------------------------------------------------


def claims_asked(requests: list[Request]) -> list[Asked]:
    return [asked for request in requests for asked in claims_in(request.prompt)]


def texts(asked: list[Asked]) -> list[tuple[str, tuple[str, ...]]]:
    return [(one.claim, one.passages) for one in asked]


def test_killed_while_a_model_judges_the_same_command_asks_nothing_twice(folder: Path) -> None:
    rows = [{**run_row(number), "question": f"Question {number}?"} for number in range(30)]
    write_run(folder / "run.jsonl", rows)
    with FaultyServer(says(server_by(by_words), after=0.02)) as server:
        command = ("run.jsonl", "--judge", server.model, "--out", "scores.jsonl", "--concurrency", "2")
        process = start(*command, cwd=folder)
        wait_until(lambda: len(server.chats) >= 12)
        process.kill()
        assert ended(process).code == -signal.SIGKILL
        assert not (folder / "scores.jsonl").exists()
        n_killed = len(server.chats)
        done = score(*command, cwd=folder)
        assert done.returncode == 0
        assert len(server.chats) <= 30 + 2  # those under way when it was killed are asked again
        assert n_killed >= 12
        assert "scores.jsonl.verdicts.db" in done.stderr
        assert "verdicts of earlier runs" in done.stderr
        n_all, before = len(server.chats), (folder / "scores.jsonl").read_bytes()
        again = score(*command, cwd=folder)
        assert (len(server.chats), (folder / "scores.jsonl").read_bytes()) == (n_all, before)
        assert "60 verdicts of earlier runs, 0 new" in again.stderr
    found = score_rows(folder / "scores.jsonl")
    assert [row.id for row in found] == [f"q{number}" for number in range(30)]
    assert all(row.precision == pytest.approx(1 / 3) for row in found if row.units[1].support == 0)


def test_ctrl_c_with_a_model_keeps_all_verdicts(folder: Path) -> None:
    with FaultyServer(says(server_by(by_words), after=0.05)) as server:
        process = start("run.jsonl", "--judge", server.model, "--cache", "kept.db", "--concurrency", "1", cwd=folder)
        wait_until(lambda: len(server.chats) >= 5)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert b"kept.db keeps all verdicts: the same command goes on from there" in said
    assert b"Traceback" not in said


@pytest.mark.parametrize("every", [1, 10])
def test_no_number_appears_where_the_model_gave_no_verdict(folder: Path, every: int) -> None:
    """The model babbles about each row, or each tenth."""

    def reply(request: Request) -> str:
        asked = claims_in(request.prompt)
        bad = every == 1 or any(f" row {number} " in one.claim for one in asked for number in range(0, 30, every))
        return "I would rather talk about pike." if bad else server_by(by_words)(request)

    with FaultyServer(says(reply)) as server:
        done = score("run.jsonl", "--judge", server.model, "--out", "scores.jsonl", "--json", cwd=folder)
    assert done.returncode == 1
    summary, rows = json.loads(done.stdout), score_rows(folder / "scores.jsonl")
    assert summary["failed"] == sum(row.n_failed for row in rows) >= 30 // every
    assert summary["masked"] == 30 // every
    if every == 1:
        assert (summary["n"], summary["f1"], summary["not_scored"]) == (0, None, {"not_judged": 30})
        assert summary["micro"] == {"precision": None, "recall": None, "f1": None}
        assert summary["failures"] == {"unparsable": summary["failed"]}
    for row in rows:
        assert all(value is None for unit in row.units if unit.support is None for value in unit.values.values())
        assert (row.score is None) == (row.n_failed > 0)


def test_a_key_that_is_refused_stops_the_run(folder: Path) -> None:
    with FaultyServer(status(401, "no such key")) as server:
        done = score("run.jsonl", "--judge", server.model, "--out", "scores.jsonl", cwd=folder)
    assert (done.returncode, done.stdout) == (1, "")
    assert "the same command goes on from there" in done.stderr
    assert not (folder / "scores.jsonl").exists()


def test_without_out_verdicts_are_kept_in_the_users_cache(folder: Path) -> None:
    with FaultyServer(says(server_by(by_words))) as server:
        done = score("run.jsonl", "--judge", server.model, cwd=folder)
    assert done.returncode == 0
    assert "cache/verdicts.db: 0 verdicts of earlier runs" in done.stderr
    assert (folder / "cache" / "verdicts.db").exists()
    assert stat.S_IMODE((folder / "cache").stat().st_mode) == 0o700


# --- progress ---------------------------------------------------------------------------------------------------------


def test_progress_says_how_fast_how_long_and_what_failed() -> None:
    report = ScoreReport(rows=100, bytes_done=2500, failed=1, seconds=50)
    assert told(report, 10_000) == "100 rows scored, 2.0 rows/s, 2 min 30 s left, 1 unit not judged"
    assert told(ScoreReport(), None) == "0 rows scored"




# --- the manual -------------------------------------------------------------------------------------------------------


def test_the_manual_explains_every_field_and_every_code() -> None:
    page = (Path(__file__).parents[2] / "docs" / "scoring.md").read_text()
    explained = set(re.findall(r"`(\w+)`", "\n".join(line for line in page.splitlines() if line.startswith("| `"))))
    for record in (Summary, ScoreRow, UnitRow):
        assert record.model_fields.keys() <= explained, record.__name__
    assert REFUSALS.keys() <= explained
