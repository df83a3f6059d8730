"""`citerefine grade` as people and scripts use it: real processes, real files, real signals."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.command_line import citerefine
from typer.main import get_command

from citerefine.app.commands import app
from citerefine.app.grade_progress import told
from citerefine.app.grade_text import grade_lines
from citerefine.judges.rubric.runs.grade_row import GradeRow
from citerefine.judges.rubric.runs.grade_summary import CriterionSummary, GradeSummary
from citerefine.judges.rubric.runs.grade_watch import GradeReport
from citerefine.refiner.records import Usage
from citerefine.rubrics.aggregation import FORMULAS
from citerefine.rubrics.formats import FORMATS

CITEREFINE = str(Path(sys.executable).parent / "citerefine")
ROOT = Path(__file__).parents[2]
RUBRIC = """
[[positive]]
text = "States that perch doubled by 2010."
weight = 2

[[positive]]
text = "Names Lake Orven."

[[negative]]
text = "States that bream vanished."
"""


def environment(folder: Path, **variables: str) -> dict[str, str]:
    kept = {"CITEREFINE_CARDS": str(folder / "cards"), "CITEREFINE_CACHE_DIR": str(folder / "cache")}
    return {"PATH": os.environ["PATH"], "COLUMNS": "100", **kept, **variables}


def grade(*arguments: object, cwd: Path, stdin: bytes = b"", **variables: str) -> subprocess.CompletedProcess[str]:
    return citerefine("grade", *arguments, cwd=cwd, env=environment(cwd, **variables), stdin=stdin)


def run_row(number: int, **values: object) -> dict[str, object]:
    says = ("Perch doubled by 2010 in Lake Orven.", "All bream vanished from Lake Orven for good.")[number % 2]
    answer = f"<answer><snippet id=a>{says}</snippet></answer>"
    snippets = [{"id": "a", "text": "Perch doubled by 2010 in Lake Orven."}]
    return {"id": f"q{number}", "question": f"Question {number % 7}?", "snippets": snippets, "answer": answer, **values}


def rows_of(path: Path) -> list[GradeRow]:
    return [GradeRow.model_validate_json(line) for line in path.read_bytes().splitlines()]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Holds run.jsonl with thirty answers, and rubric.toml."""
    (tmp_path / "run.jsonl").write_text("".join(json.dumps(run_row(number)) + "\n" for number in range(30)))
    (tmp_path / "rubric.toml").write_text(RUBRIC)
    return tmp_path


def test_help_shows_an_example() -> None:
    shown = " ".join(grade("--help", cwd=Path.cwd()).stdout.split())
    assert "citerefine grade run.jsonl --rubrics rubric.toml --out grades.jsonl --html grades.html" in shown


def test_grading_prints_a_table_and_says_how_far_to_trust_the_judge(folder: Path) -> None:
    done = grade("run.jsonl", "--rubrics", "rubric.toml", "--out", "grades.jsonl", cwd=folder)
    assert done.returncode == 0
    assert re.search(r"^score +0\.\d{3} \[-?0\.\d{3}, 0\.\d{3}\]", done.stdout, re.MULTILINE)
    assert re.search(r"^ +50\.0 %  c1: States that perch doubled by 2010\.$", done.stdout, re.MULTILINE)
    assert "compares words and no meaning" in done.stderr
    assert [row.id for row in sorted(rows_of(folder / "grades.jsonl"), key=lambda row: int(str(row.id)[1:]))] == [
        f"q{number}" for number in range(30)
    ]


def test_json_is_the_summary(folder: Path) -> None:
    done = grade("run.jsonl", "-r", "rubric.toml", "--json", cwd=folder)
    summary = GradeSummary.model_validate_json(done.stdout)
    assert (summary.n, summary.questions, summary.cells) == (30, 7, {"ok": 90})


def test_the_page_is_written(folder: Path) -> None:
    grade("run.jsonl", "-r", "rubric.toml", "--html", "grades.html", cwd=folder)
    page = (folder / "grades.html").read_text()
    assert "Rubric grades" in page
    assert "compares words and no meaning" in page


def test_rows_come_from_standard_input_too(folder: Path) -> None:
    done = grade("-", "-r", "rubric.toml", "--json", cwd=folder, stdin=(folder / "run.jsonl").read_bytes())
    assert json.loads(done.stdout)["n"] == 30


def test_rows_that_cannot_be_graded_are_told_by_line_and_reason_and_the_code_is_1(folder: Path) -> None:
    with (folder / "run.jsonl").open("a") as file:
        file.write("{\n" + json.dumps(run_row(31, answer=None)) + "\n")
    done = grade("run.jsonl", "-r", "rubric.toml", "--json", cwd=folder)
    assert done.returncode == 1
    assert "line 31: not JSON" in done.stderr
    assert "line 32: the row has no answer" in done.stderr
    assert json.loads(done.stdout)["n"] == 30


def test_rows_without_a_rubric_say_what_to_do(folder: Path) -> None:
    done = grade("run.jsonl", "--json", cwd=folder)
    assert done.returncode == 1
    assert "line 1: it has no positive_rubrics, negative_rubrics or rubrics" in done.stderr
    assert "… and 10 rows more: 10 no_rubric" in done.stderr
    assert json.loads(done.stdout)["not_graded"] == {"no_rubric": 30}


def test_rows_bring_their_own_rubrics_and_static_sets_are_added(folder: Path) -> None:
    row = run_row(0, positive_rubrics=["States that perch doubled by 2010."], negative_rubrics=["Names a pike."])
    (folder / "own.jsonl").write_text(json.dumps(row) + "\n")
    plain = json.loads(grade("own.jsonl", "--json", cwd=folder).stdout)
    more = json.loads(grade("own.jsonl", "--static", "citation, synthesis", "--json", cwd=folder).stdout)
    assert {one["text"] for one in plain["criteria"]} == {"States that perch doubled by 2010.", "Names a pike."}
    assert len(more["criteria"]) > 10
    assert {one["origin"] for one in more["criteria"]} == {"instance", "static"}


WRONG = [
    (["--rubrics", "none.toml"], "none.toml cannot be read"),
    (["-r", "rubric.toml", "--formula", "best"], "no formula is called 'best'"),
    (["-r", "rubric.toml", "--formula", "policy_aware"], "needs the values of a whole group"),
    (["-r", "rubric.toml", "--static", "mine"], "no static set 'mine'"),
    (["-r", "rubric.toml", "--judge", "clever"], "no rubric judge is called 'clever'"),
    (["-r", "rubric.toml", "--budget-calls", "7"], "--budget-calls is for judges with a model"),
    (["-r", "rubric.toml", "--cache", "c.db"], "--cache is for judges with a model"),
    (["-r", "rubric.toml", "--out", "-"], "'-' is no file to write"),
    (["-r", "rubric.toml", "--out", "rubric.toml"], "one file is named for two things"),
    (["-r", "rubric.toml", "--out", "g.jsonl", "--html", "g.jsonl"], "one file is named for two things"),
    (["-r", "rubric.toml", "--rubric-format", "mine"], "mine"),
    (["-r", "run.jsonl"], "run.jsonl"),
    (["-r", "rubric.toml", "-j", "openai:m@http://127.0.0.1:9/v1", "--cache", "-"], "--cache is '-'"),
]


@pytest.mark.parametrize(("arguments", "message"), WRONG, ids=[" ".join(case[0]) for case in WRONG])
def test_wrong_use_is_said_and_nothing_is_graded(folder: Path, arguments: list[str], message: str) -> None:
    before = sorted(path.name for path in folder.iterdir())
    done = grade("run.jsonl", *arguments, cwd=folder)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(path.name for path in folder.iterdir()) == before


def test_a_server_that_is_not_there_is_said_before_any_answer(folder: Path) -> None:
    model = "openai:m@http://127.0.0.1:9/v1"
    done = grade("run.jsonl", "-r", "rubric.toml", "-j", model, "-o", "grades.jsonl", cwd=folder)
    assert done.returncode == 1
    assert "no reply from" in done.stderr
    assert (folder / "grades.jsonl").read_bytes() == b""


def test_ctrl_c_keeps_what_is_graded_and_the_same_command_goes_on(folder: Path) -> None:
    source = folder / "long.jsonl"
    source.write_text("".join(json.dumps(run_row(number)) + "\n" for number in range(20_000)))
    command = [CITEREFINE, "grade", "long.jsonl", "-r", "rubric.toml", "-o", "grades.jsonl", "--json"]
    out = folder / "grades.jsonl"
    process = subprocess.Popen(command, cwd=folder, env=environment(folder), stdout=-1, stderr=-1)
    until = time.monotonic() + 30
    while not out.exists() or out.stat().st_size < 100_000:
        assert time.monotonic() < until
        assert process.poll() is None
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate()
    assert process.returncode == 130
    assert b"grades.jsonl holds the" in errors
    done = out.read_bytes().count(b"\n")
    assert 0 < done < 20_000
    source.write_text("".join(json.dumps(run_row(number)) + "\n" for number in range(done + 50)))
    again = grade("long.jsonl", "-r", "rubric.toml", "-o", "grades.jsonl", "--json", cwd=folder)
    assert json.loads(again.stdout)["n"] == done + 50
    assert f"grades.jsonl: {done} answers graded before, 50 now" in again.stderr


def test_a_changed_answer_is_told_and_the_code_is_1(folder: Path) -> None:
    grade("run.jsonl", "-r", "rubric.toml", "-o", "grades.jsonl", cwd=folder)
    lines = (folder / "run.jsonl").read_text().splitlines()
    lines[3] = json.dumps(run_row(4, id="q3"))
    (folder / "run.jsonl").write_text("\n".join(lines) + "\n")
    done = grade("run.jsonl", "-r", "rubric.toml", "-o", "grades.jsonl", "--json", cwd=folder)
    assert done.returncode == 1
    assert "line 4: the row with the id 'q3' is graded, and is another answer or rubric now" in done.stderr
    assert json.loads(done.stdout)["not_graded"] == {"changed": 1}


def test_another_rubric_does_not_go_into_the_same_file(folder: Path) -> None:
    grade("run.jsonl", "-r", "rubric.toml", "-o", "grades.jsonl", cwd=folder)
    (folder / "rubric.toml").write_text(RUBRIC.replace("weight = 2", "weight = 3"))
    done = grade("run.jsonl", "-r", "rubric.toml", "-o", "grades.jsonl", cwd=folder)
    assert done.returncode == 2
    assert "grades.jsonl holds grades by the rubric" in done.stderr


# --- words ------------------------------------------------------------------------------------------------------------


def test_progress_says_how_fast_and_how_long() -> None:
    report = GradeReport(rows=10, bytes_done=50, graded=8, done_before=2, failed=3, seconds=4.0)
    assert told(report, 100) == "10 answers graded, 2.0 answers/s, 4 s left, 3 cells without a verdict"
    assert told(GradeReport(), None) == "0 answers graded"


def test_the_table_says_what_was_used_and_shows_no_control_characters() -> None:
    known = {"polarity": "negative", "origin": "instance", "answers": 4, "n": 4, "met": 0.25}
    criterion = CriterionSummary(key="k", criterion="c\x1b[31m1", text="Says\x07 it\nall", **known)  # type: ignore[arg-type]
    summary = GradeSummary(
        n=1,
        rows=2,
        questions=1,
        score=0.5,
        criteria=(criterion,),
        gated={"empty": 1},
        failures={"deadline": 2},
        usage=Usage(prompt_tokens=1200, completion_tokens=30, cached_tokens=1000, cost=0.5, calls=3),
        judge="j\x1b]0;x\x07",
    )
    text = "\n".join(grade_lines(summary))
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "3 calls, 1,200 tokens of prompts (1,000 from its cache), 30 of replies, 0.5000 dollars (paid when" in text
    assert "  75.0 %  c1: Says it all" in text
    assert "gated        empty 1: nobody was asked, and the score is 0" in text


# --- docs -------------------------------------------------------------------------------------------------------------


def test_the_docs_name_every_option_formula_and_format() -> None:
    grading, rubrics = ((ROOT / "docs" / name).read_text() for name in ("grading.md", "rubrics.md"))
    command = get_command(app).commands["grade"]  # type: ignore[attr-defined]
    options = {option for one in command.params for option in one.opts if option.startswith("--")}
    assert {one for one in options if f"`{one}" not in grading} <= {"--help"}
    assert [name for name in FORMULAS if f"`{name}`" not in grading] == []
    assert [name for name in FORMATS if f"`{name}`" not in rubrics] == []


def test_the_docs_name_every_key_of_rows_and_summary() -> None:
    grading = (ROOT / "docs" / "grading.md").read_text()
    keys = {*GradeRow.model_fields, *GradeSummary.model_fields, *CriterionSummary.model_fields}
    assert sorted(key for key in keys if f"`{key}`" not in grading) == []


def test_a_run_without_any_score_ends_with_1_and_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "run.jsonl").write_text(json.dumps(run_row(0)) + "\n")
    (tmp_path / "faults.toml").write_text('[[negative]]\ntext = "States that bream vanished."\n')
    faults = grade("run.jsonl", "--rubrics", "faults.toml", cwd=tmp_path)
    assert faults.returncode == 1
    assert "no answer has a score; rubrics of faults only" in faults.stderr
    static = grade("run.jsonl", "--static", "synthesis", cwd=tmp_path)
    assert static.returncode == 1
    assert "a model can be named with --judge" in static.stderr


def test_what_the_judge_could_never_tell_is_not_said_to_be_unmet() -> None:
    one = CriterionSummary(
        key="k", criterion="c", text="t", polarity="positive", origin="static", answers=3, n=3, met=0.0, abstained=3
    )
    summary = GradeSummary(n=3, rows=3, questions=3, score=0.0, judge="J", criteria=(one,))
    assert grade_lines(summary)[-1].split() == ["–", "c:", "t"]
