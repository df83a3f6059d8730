"""A judge's server that is not there, or dies on the way, ends a run; what it failed stays undone."""

from pathlib import Path

import pytest
from tests.judges.rubric.runs.grading_files import RUBRIC, WordJudge, grade_rows, grade_run, run_row, write_run

from citerefine.judges.runs.outage import ANSWERS
from citerefine.refiner.errors import CallError
from citerefine.rubrics.criterion import Criterion
from citerefine.rubrics.rubric import Rubric

ROWS = [run_row(number, ("perch ice", "perch", "pike", "perch ice pike")[number % 4]) for number in range(40)]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_run(tmp_path / "run.jsonl", ROWS)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "grades.jsonl"


def test_a_server_that_is_never_there_ends_the_run_and_nothing_counts_as_done(source: Path, out: Path) -> None:
    judge = WordJudge(fails=lambda query, criterion: True)
    judge.code = "unreachable"
    with pytest.raises(CallError, match="nothing of the first 20 answers") as ended:
        grade_run(source, out, judge, concurrency=2)
    assert ended.value.code == "unreachable"
    assert out.read_bytes() == b""


def test_a_short_file_that_met_no_server_says_so_row_by_row(tmp_path: Path, out: Path) -> None:
    judge = WordJudge(fails=lambda query, criterion: True)
    judge.code = "server_error"
    summary = grade_run(write_run(tmp_path / "run.jsonl", ROWS[: ANSWERS - 1]), out, judge)
    assert (summary.n, summary.failures) == (0, {"server_error": 3 * (ANSWERS - 1)})
    assert len(grade_rows(out)) == ANSWERS - 1


def test_a_server_that_comes_back_in_time_is_waited_for(source: Path, out: Path) -> None:
    judge = WordJudge(fails=lambda query, criterion: len(judge.asked) < ANSWERS - 1)
    judge.code = "deadline"
    summary = grade_run(source, out, judge, concurrency=1)
    assert (summary.rows, len(grade_rows(out))) == (40, 40)


class NoServer(WordJudge):
    """Cannot be reached by questions from the `at`-th on."""

    code = "unreachable"

    def __init__(self, at: int) -> None:
        super().__init__(fails=lambda query, criterion: len(self.asked) >= at)


def test_criteria_that_code_decides_do_not_hide_that_there_is_no_server(source: Path, out: Path) -> None:
    short = Criterion(id="short", text="Is short", verifier="rule", rule="max_words:300")
    rubric = Rubric(criteria=(*RUBRIC.criteria, short))
    with pytest.raises(CallError, match="nothing of the first 20 answers"):
        grade_run(source, out, NoServer(at=1), rubrics=[rubric])
    assert out.read_bytes() == b""
    assert grade_run(source, out, judge := WordJudge(), rubrics=[rubric]).n == len(judge.asked) == 40


def test_rows_that_no_judge_is_asked_about_are_graded_without_a_server(source: Path, out: Path) -> None:
    short = Criterion(id="short", text="Is short", verifier="rule", rule="max_words:300")
    assert grade_run(source, out, NoServer(at=1), rubrics=[Rubric(criteria=(short,))]).n == 40


def test_a_server_that_dies_on_the_way_ends_the_run_and_what_it_failed_stays_undone(source: Path, out: Path) -> None:
    with pytest.raises(CallError, match="nothing of the last 20 answers could be judged") as ended:
        grade_run(source, out, NoServer(at=8), concurrency=1)
    assert (ended.value.code, ended.value.retryable) == ("unreachable", True)
    assert len(grade_rows(out)) == 7
    assert not any(row.failed for row in grade_rows(out).values())
    assert grade_run(source, out, judge := WordJudge()) == grade_run(source)
    assert len(judge.asked) == 33


def test_failures_that_do_not_follow_each_other_end_nothing(source: Path, out: Path) -> None:
    judge = WordJudge(fails=lambda query, criterion: len(judge.asked) % ANSWERS != 0)
    judge.code = "deadline"
    summary = grade_run(source, out, judge, concurrency=1)
    assert (summary.rows, len(grade_rows(out))) == (40, 40)
