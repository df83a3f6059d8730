"""Grading a file: every row once, whatever happens in between."""

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.judges.rubric.runs.grading_files import RUBRIC, WordJudge, grade_rows, grade_run, run_row, write_run

from citerefine.judges.rubric.runs.grade_watch import GradeReport, GradeWatch
from citerefine.refiner.errors import CallError, InputError
from citerefine.refiner.recording.line_file import LineFile
from citerefine.rubrics.rubric import Rubric

ROWS = [run_row(number, ("perch ice", "perch", "pike", "perch ice pike")[number % 4]) for number in range(40)]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_run(tmp_path / "run.jsonl", ROWS)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "grades.jsonl"


# --- rows -------------------------------------------------------------------------------------------------------------


def test_each_row_has_its_score_and_its_cells(source: Path, out: Path) -> None:
    summary = grade_run(source, out)
    rows = grade_rows(out)
    assert set(rows) == {row["id"] for row in ROWS}
    assert [rows[f"q{n}"].score for n in range(4)] == [1.0, 0.5, -0.25, 0.75]
    assert summary.score == pytest.approx(0.5)
    assert (summary.n, summary.rows, summary.questions) == (40, 40, 5)
    assert [cell.verdict for cell in rows["q1"].cells] == ["MET", "UNMET", "UNMET"]


def test_a_row_is_what_the_design_says(tmp_path: Path, out: Path) -> None:
    grade_run(write_run(tmp_path / "run.jsonl", ROWS[:1]), out)
    values = json.loads(out.read_text())
    asked = values.pop("asked")
    assert len(asked) == 16
    assert values.pop("cells")[0] == {
        "criterion": "perch",
        "status": "ok",
        "verdict": "MET",
        "p_met": None,
        "value": 1.0,
        "weight": 2.0,
        "evidence": "the perch of the lake",
    }
    assert values == {
        "id": "q0",
        "score": 1.0,
        "formula": "pos_norm",
        "coverage": 1.0,
        "judge": "words-1",
        "rubric": RUBRIC.key,
        "question": "Question 0?",
        "usage": {"prompt_tokens": 10, "completion_tokens": 2},
    }


def test_rows_that_cannot_be_graded_are_told_counted_and_written_and_the_rest_is_graded(
    tmp_path: Path, out: Path
) -> None:
    told = list[tuple[int, str]]()
    unanswered = run_row(1, answer=None, error={"code": "deadline", "message": "late"})
    source = write_run(tmp_path / "run.jsonl", (ROWS[0], b"{", unanswered, ROWS[0], ROWS[2]))
    watch = GradeWatch(refused=lambda line, code, message: told.append((line, code)))
    summary = grade_run(source, out, watch=watch)
    assert sorted(told) == [(2, "invalid_json"), (3, "unanswered"), (4, "duplicate_id")]
    assert (summary.n, summary.rows) == (2, 5)
    assert summary.not_graded == {"unanswered": 1}
    assert summary.refused == {"duplicate_id": 1, "invalid_json": 1}
    errors = [json.loads(line).get("error") for line in out.read_bytes().splitlines()]
    assert sorted(error["code"] for error in errors if error) == ["duplicate_id", "invalid_json", "unanswered"]
    again = grade_run(source, out, judge := WordJudge())
    assert (again, judge.asked) == (summary, [])


def test_an_answer_that_says_nothing_is_gated_and_nobody_is_asked(tmp_path: Path, out: Path) -> None:
    source = write_run(tmp_path / "run.jsonl", [run_row(0, answer="<answer></answer>"), ROWS[0] | {"id": "b"}])
    summary = grade_run(source, out, judge := WordJudge())
    assert len(judge.asked) == 1
    assert grade_rows(out)["q0"].score == 0.0
    assert summary.gated == {"empty": 1}


def test_all_forms_of_answers_are_graded_with_their_citations_as_tags(tmp_path: Path) -> None:
    answer = "What the perch of the lake did is well known, as is what became of them [1]."
    grade_run(write_run(tmp_path / "run.jsonl", [run_row(0, answer=answer)]), judge=(judge := WordJudge()))
    assert "<snippet id=a>" in judge.asked[0]


def test_at_most_so_many_answers_are_asked_about_at_once(source: Path) -> None:
    grade_run(source, judge=(judge := WordJudge(seconds=0.002)), concurrency=3)
    assert judge.most_at_once == 3
    assert judge.closed


def test_a_file_of_score_rows_is_refused(tmp_path: Path) -> None:
    source = write_run(tmp_path / "scores.jsonl", [{"id": "a", "precision": 1.0, "units": []}])
    with pytest.raises(InputError, match="score rows"):
        grade_run(source)


def test_out_is_not_the_file_that_is_read(source: Path) -> None:
    with pytest.raises(InputError, match="is the file that is read"):
        grade_run(source, source)


# --- interruption -----------------------------------------------------------------------------------------------------


def test_a_second_run_asks_nothing_and_says_the_same(source: Path, out: Path) -> None:
    first = grade_run(source, out)
    before = out.read_bytes()
    assert grade_run(source, out, judge := WordJudge()) == first
    assert judge.asked == []
    assert out.read_bytes() == before


def test_a_budget_that_is_spent_stops_the_run_and_keeps_what_is_done(source: Path, out: Path) -> None:
    with pytest.raises(CallError, match="budget"):
        grade_run(source, out, WordJudge(stop_after=17), concurrency=2)
    assert 15 <= len(grade_rows(out)) <= 17
    kept = len(grade_rows(out))
    assert grade_run(source, out, judge := WordJudge()) == grade_run(source)
    assert len(judge.asked) == 40 - kept


PROGRAM = """
import sys
from pathlib import Path
from tests.judges.rubric.runs.grading_files import WordJudge, grade_run
grade_run(Path(sys.argv[1]), Path(sys.argv[2]), WordJudge(seconds=0.01), concurrency=2)
"""


def start(source: Path, out: Path) -> "subprocess.Popen[bytes]":
    root = Path(__file__).parents[4]
    return subprocess.Popen([sys.executable, "-c", PROGRAM, str(source), str(out)], cwd=root, stderr=subprocess.PIPE)


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_is_ended_goes_on_where_it_stopped(source: Path, out: Path, ending: signal.Signals) -> None:
    process = start(source, out)
    while not out.exists() or out.read_bytes().count(b"\n") < 12:
        assert process.poll() is None
        time.sleep(0.002)
    process.send_signal(ending)
    process.communicate()
    done = out.read_bytes().count(b"\n")
    assert done < 40
    assert grade_run(source, out, judge := WordJudge()) == grade_run(source)
    assert len(judge.asked) == 40 - done
    assert set(grade_rows(out)) == {row["id"] for row in ROWS}


def test_cut_at_any_byte_the_file_is_completed_to_the_same_figures(source: Path, out: Path) -> None:
    whole = grade_run(source, out)
    data = out.read_bytes()
    for cut in random.Random(5).sample(range(len(data)), 25):
        out.write_bytes(data[:cut])
        assert grade_run(source, out) == whole
        assert len(grade_rows(out)) == 40


def test_nobody_else_writes_the_file_meanwhile(source: Path, out: Path) -> None:
    tried = list[int]()

    def try_too(report: GradeReport) -> None:
        if report.rows == 1:
            with pytest.raises(InputError, match="another process is writing"):
                LineFile(out)
            tried.append(report.rows)

    grade_run(source, out, watch=GradeWatch(progress=try_too), concurrency=1)
    assert tried


# --- what changes -----------------------------------------------------------------------------------------------------


def test_a_changed_answer_under_the_same_id_is_noticed_and_counts_in_no_figure(tmp_path: Path, out: Path) -> None:
    path = tmp_path / "run.jsonl"
    grade_run(write_run(path, ROWS[:3]), out)
    told = list[object]()
    reports = list[GradeReport]()
    watch = GradeWatch(progress=reports.append, changed=lambda line, id: told.append((line, id)))
    summary = grade_run(write_run(path, [ROWS[0], run_row(1, "pike"), ROWS[2]]), out, watch=watch)
    assert told == [(2, "q1")]
    assert (summary.n, summary.not_graded) == (2, {"changed": 1})
    assert (reports[-1].changed, reports[-1].is_good) == (1, False)
    assert grade_rows(out)["q1"].score == 0.5


def test_rows_that_the_input_lacks_count_in_no_figure(tmp_path: Path, out: Path) -> None:
    path = tmp_path / "run.jsonl"
    grade_run(write_run(path, ROWS), out)
    reports = list[GradeReport]()
    summary = grade_run(write_run(path, ROWS[:10]), out, watch=GradeWatch(progress=reports.append))
    assert (summary.n, reports[-1].not_in_input) == (10, 30)


OTHERS: list[tuple[str, dict[str, object], str]] = [
    ("judge", {"judge": WordJudge("words-2")}, r"grades of the judge 'words-1' \(line 1\).*the same --judge"),
    ("formula", {"formula": "abs_norm"}, r"grades by the formula 'pos_norm'.*the same --formula"),
    ("rubric", {"rubrics": [Rubric(criteria=RUBRIC.criteria[:2])]}, r"grades by the rubric [0-9a-f]{16}.*--rubrics"),
]


@pytest.mark.parametrize(("how", "message"), [(how, message) for _, how, message in OTHERS], ids=[o[0] for o in OTHERS])
def test_grades_made_otherwise_are_not_mixed(source: Path, out: Path, how: dict[str, object], message: str) -> None:
    grade_run(source, out)
    before = out.read_bytes()
    with pytest.raises(InputError, match=message):
        grade_run(source, out, **how)  # type: ignore[arg-type]
    assert out.read_bytes() == before


def test_a_run_goes_on_where_its_model_is_served_from_elsewhere(source: Path, out: Path) -> None:
    first = grade_run(source, out, WordJudge("openai:m@http://127.0.0.1:8000/v1 (votes 3)"))
    moved = WordJudge("openai:m@http://127.0.0.1:9000/v1,http://node7:8000/v1 (votes 3)")
    assert grade_run(source, out, moved).score == first.score
    assert moved.asked == []
    for other in ("openai:n@http://127.0.0.1:8000/v1 (votes 3)", "openai:m@http://127.0.0.1:8000/v1 (votes 5)"):
        with pytest.raises(InputError, match="grades of the judge"):
            grade_run(source, out, WordJudge(other))


def test_a_file_of_something_else_stays_as_it_is(source: Path, out: Path) -> None:
    out.write_text('{"id": "a", "f1": 1.0}\n')
    with pytest.raises(InputError, match="line 1, is no row that `grade` wrote"):
        grade_run(source, out)
    assert out.read_text() == '{"id": "a", "f1": 1.0}\n'


# --- failures ---------------------------------------------------------------------------------------------------------


def failing(words: str) -> WordJudge:
    return WordJudge(fails=lambda query, criterion: criterion.id == "ice" and words in query.answer)


def test_a_cell_without_a_verdict_is_no_zero(source: Path, out: Path) -> None:
    summary = grade_run(source, out, failing("answer 1 "))
    row = grade_rows(out)["q1"]
    assert row.score is None
    assert row.reason
    assert row.coverage == pytest.approx(0.6)
    assert [cell.value for cell in row.cells] == [1.0, None, 0.0]
    assert (summary.n, summary.failed, summary.failures) == (39, 1, {"unparsable": 1})
    assert summary.failure_example == "unparsable: no verdict for ice"
    assert sum(summary.not_graded.values()) == 1


def test_failed_answers_stay_until_they_are_to_be_graded_again(source: Path, out: Path) -> None:
    grade_run(source, out, failing("answer 1"))
    failed = sum(row.failed > 0 for row in grade_rows(out).values())
    grade_run(source, out, judge := WordJudge())
    assert judge.asked == []
    assert grade_run(source, out, judge, retry_failed=True) == grade_run(source)
    assert len(judge.asked) == failed == 11


def test_figures_do_not_depend_on_the_order_in_which_rows_are_done(source: Path) -> None:
    shuffled = [*ROWS]
    random.Random(3).shuffle(shuffled)
    other = write_run(source.with_name("other.jsonl"), shuffled)
    first, second = grade_run(source), grade_run(other, concurrency=7)
    assert (first.score, first.criteria) == (second.score, second.criteria)
    assert first.ci95 == pytest.approx(second.ci95)


def test_no_more_than_some_rows_are_held(tmp_path: Path) -> None:
    """Rows are read little ahead of what is asked, whatever the file's length."""
    read = 0

    file = write_run(tmp_path / "run.jsonl", map(run_row, range(500))).open("rb")

    class Pipe:
        def readline(self, limit: int = -1) -> bytes:
            nonlocal read
            read += 1
            return file.readline(limit)

        def fileno(self) -> int:
            return file.fileno()

    with pytest.raises(CallError):
        grade_run(Pipe(), judge=WordJudge(stop_after=50), concurrency=4)  # type: ignore[arg-type]
    file.close()
    assert read < 50 + 30
