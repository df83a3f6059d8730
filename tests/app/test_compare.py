"""`citerefine compare` as people and scripts use it: real files, real processes."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests import command_line
from tests.faulty_server import FaultyServer, says, status


def citerefine(*arguments: object, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    env = {"PATH": os.environ["PATH"], "COLUMNS": "100", "CITEREFINE_CACHE_DIR": str(cwd / "cache"), **variables}
    env.setdefault("CITEREFINE_CARDS", str(cwd / "cards"))
    return command_line.citerefine(*arguments, cwd=cwd, env=env)


def run_row(number: int, good: bool) -> dict[str, Any]:
    """A row whose answer says what its snippet says, or something else."""
    fish = "perch" if good else "bream"
    year = 1990 + number if good else 1800
    return {
        "id": f"q{number}",
        "question": f"What happened in lake {number}?",
        "snippets": [{"id": "a", "text": f"By {1990 + number} perch had doubled in the lake."}],
        "answer": f"<answer><snippet id=a>By {year} {fish} had doubled in the lake.</snippet></answer>",
    }


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Holds two runs, of which the second is better, and their scores."""
    write(tmp_path / "a.run.jsonl", [run_row(n, good=n % 2 == 0) for n in range(16)])
    write(tmp_path / "b.run.jsonl", [run_row(n, good=True) for n in range(16)])
    for name in ("a", "b"):
        done = citerefine("score", f"{name}.run.jsonl", "--out", f"{name}.jsonl", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    return tmp_path


def test_help_shows_an_example(tmp_path: Path) -> None:
    shown = citerefine("compare", "--help", cwd=tmp_path).stdout
    assert "citerefine compare before.jsonl after.jsonl" in " ".join(shown.split())


def test_a_table_and_what_it_says_in_words(folder: Path) -> None:
    done = citerefine("compare", "a.jsonl", "b.jsonl", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    for head in ("B - A", "95 % interval", "p", "corrected", "detectable", "questions"):
        assert head in done.stdout
    lines = [line.split() for line in done.stdout.splitlines() if line]
    assert {"precision", "recall", "f1", "score"} <= {line[0] for line in lines}
    assert "B is better by" in done.stdout
    assert "With 16 questions only differences of" in done.stdout
    assert "fewer than 30 questions" in done.stdout


def test_json_holds_the_same_figures(folder: Path) -> None:
    done = citerefine("compare", "a.jsonl", "b.jsonl", "--json", cwd=folder)
    found = json.loads(done.stdout)
    f1 = {one["metric"]: one for one in found["metrics"]}["f1"]
    assert (found["pairs"], found["better"], found["worse"], found["same"]) == (16, 8, 0, 8)
    assert f1["difference"] == pytest.approx(f1["mean_b"] - f1["mean_a"])
    assert f1["ci95"][0] < f1["difference"] < f1["ci95"][1]
    assert f1["p"] <= f1["p_holm"]
    assert "changes" not in found


def test_out_has_one_row_a_question_with_what_changed(folder: Path) -> None:
    write(folder / "b2.run.jsonl", [run_row(n, good=True) for n in range(1, 17)])
    citerefine("score", "b2.run.jsonl", "--out", "b2.jsonl", cwd=folder)
    done = citerefine("compare", "a.jsonl", "b2.jsonl", "--out", "changes.jsonl", cwd=folder)
    assert "wrote changes.jsonl" in done.stderr
    rows = {row["id"]: row for row in map(json.loads, (folder / "changes.jsonl").read_text().splitlines())}
    assert len(rows) == 17
    assert rows["q1"]["in"] == "both"
    assert rows["q1"]["question"] == "What happened in lake 1?"
    assert rows["q1"]["difference"] == rows["q1"]["f1_b"] - rows["q1"]["f1_a"] > 0
    assert any(what.startswith("supported 0 → 1") for what in rows["q1"]["changed"])
    assert (rows["q0"]["in"], rows["q0"]["f1_b"], rows["q16"]["in"], rows["q16"]["f1_a"]) == ("a", None, "b", None)


def test_html_shows_what_changed(folder: Path) -> None:
    done = citerefine("compare", "a.jsonl", "b.jsonl", "--html", "changes.html", cwd=folder)
    assert done.returncode == 0, done.stderr
    page = (folder / "changes.html").read_text()
    assert "B is better by" in page
    assert "What happened in lake 1?" in page


def test_answers_without_scores_are_scored_first(folder: Path) -> None:
    by_hand = json.loads(citerefine("compare", "a.jsonl", "b.jsonl", "--json", cwd=folder).stdout)
    done = citerefine("compare", "a.run.jsonl", "b.jsonl", "--json", cwd=folder)
    assert "a.run.jsonl holds answers without scores: they are judged by lexical" in done.stderr
    assert json.loads(done.stdout)["metrics"] == by_hand["metrics"]
    assert json.loads(done.stdout)["a"]["name"] == "a.run.jsonl"


def test_run_rows_are_read_in_the_form_that_is_named_and_warned_of_as_score_does(folder: Path) -> None:
    for name in ("a", "b"):
        answer = "By {} perch had doubled in the lake [0]."
        rows = [{**run_row(n, True), "answer": answer.format(1990 + n if name == "b" else 1800)} for n in range(8)]
        write(folder / f"{name}0.jsonl", rows)
    done = citerefine("compare", "a0.jsonl", "b0.jsonl", "--json", cwd=folder)
    assert "b0.jsonl: 8 of 8 answers cite [0]: if they count from 0, score with --form numbered_from_0" in done.stderr
    assert json.loads(done.stdout)["better"] == 0
    right = citerefine("compare", "a0.jsonl", "b0.jsonl", "--form", "numbered_from_0", "--json", cwd=folder)
    assert "answers cite" not in right.stderr
    assert json.loads(right.stdout)["better"] == 8


def test_what_a_model_judged_is_kept_when_it_stops(folder: Path) -> None:
    with FaultyServer([*[says("c01=FULL")] * 16, status(401), says("c01=FULL")]) as server:
        command = ("compare", "a.run.jsonl", "b.run.jsonl", "--judge", server.model, "--json", "--cache", "kept.db")
        stopped = citerefine(*command, cwd=folder)
        assert (stopped.returncode, stopped.stdout) == (1, "")
        assert "nothing was compared" in stopped.stderr
        paid = len(server.chats)
        done = citerefine(*command, cwd=folder)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["pairs"] == 16
        assert 0 < len(server.chats) - paid < 24  # claims that differ


def test_another_judge_is_wrong_use(folder: Path) -> None:
    labels = [
        {"claim": f"By {1990 + n} perch had doubled in the lake.", "snippet": "a", "label": "full"} for n in range(16)
    ]
    write(folder / "labels.jsonl", labels)
    citerefine("score", "b.run.jsonl", "--judge", "table:labels.jsonl", "--out", "c.jsonl", cwd=folder)
    done = citerefine("compare", "a.jsonl", "c.jsonl", cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert "score both with one" in done.stderr
    forced = citerefine("compare", "a.jsonl", "c.jsonl", "--any-judge", cwd=folder)
    assert forced.returncode == 0
    assert "Note: judges or formulas differ" in forced.stdout


def test_rows_that_cannot_be_used_are_named_and_the_rest_is_compared(folder: Path) -> None:
    with (folder / "b.jsonl").open("a") as file:
        file.write('{"id": "q1", "f1": 0.5}\n\n{"id": "\x1b[31m"}\n')
    done = citerefine("compare", "a.jsonl", "b.jsonl", "--json", cwd=folder)
    assert done.returncode == 1
    assert "b.jsonl, line 17: an earlier row has the id 'q1'" in done.stderr
    assert "b.jsonl, line 19: not JSON" in done.stderr
    assert json.loads(done.stdout)["pairs"] == 16


def test_of_many_rows_that_cannot_be_used_the_first_of_each_file_and_reason_are_told(folder: Path) -> None:
    for name in ("a", "b"):
        with (folder / f"{name}.jsonl").open("a") as file:
            file.write('{"id": "q1", "f1": 0.5}\n' * 22)
    lines = citerefine("compare", "a.jsonl", "b.jsonl", cwd=folder).stderr.splitlines()
    assert len(lines) == 41
    assert lines[-1] == "… and 4 rows more: 2 duplicate_id in a.jsonl, 2 duplicate_id in b.jsonl"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["a.jsonl", "missing.jsonl"], "missing.jsonl cannot be read: No such file or directory; name a file of score"),
        (["a.run.jsonl", "b.run.jsonl", "--form", "prose"], "no form of citations is called 'prose'"),
        (["a.run.jsonl", "b.run.jsonl", "--cache", "kept.db"], "--cache is for judges with a model"),
        (["a.jsonl", "none.jsonl"], "none of 16 pairs has figures on both sides"),
        (["a.jsonl", "b.jsonl", "--out", "a.jsonl"], "is one of the files that are compared"),
        (["a.jsonl", "b.jsonl", "--out", "x", "--html", "x"], "--out and --html both name x"),
        (["a.jsonl", "b.jsonl", "--html", "-"], "name files"),
        (
            ["a.jsonl", "/dev/null"],
            "no id with the same question is in both a.jsonl (16 usable rows) and /dev/null (0)",
        ),
        (["a.run.jsonl", "b.run.jsonl", "--judge", "nobody"], "no judge is called 'nobody'"),
        (["a.run.jsonl", "b.run.jsonl", "--formula", "own"], "no formula is called 'own'"),
    ],
)
def test_what_cannot_be_done_is_said_with_what_to_do(folder: Path, arguments: list[str], says: str) -> None:
    reason = "not_judged: the judge came to no verdict"
    write(folder / "none.jsonl", [{"id": f"q{n}", "f1": None, "reason": reason} for n in range(16)])
    done = citerefine("compare", *arguments, cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def grade_row(number: int, score: float | None, **more: Any) -> dict[str, Any]:
    known = {"formula": "pos_norm", "coverage": 1.0, "judge": "words-1", "rubric": "r1", "cells": []}
    reason = {} if score is not None else {"reason": "coverage: too little is known"}
    return {"id": f"q{number}", "score": score, "question": f"Question {number}?", **reason, **known, **more}


def test_grade_rows_are_compared_by_their_score(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", [grade_row(n, -0.5) for n in range(20)] + [grade_row(20, None), grade_row(21, 1)])
    better = [grade_row(n, 0.25 + n / 100) for n in range(20)]
    write(tmp_path / "b.jsonl", [*better, grade_row(20, 1), grade_row(21, 1, rubric="r2"), grade_row(30, 1)])
    done = citerefine("compare", "a.jsonl", "b.jsonl", "--out", "d.jsonl", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "wrote d.jsonl\n")
    assert "The score is higher in B in 20 pairs, lower in 0, the same in 0." in done.stdout
    assert "B is better by 0.845 in score." in done.stdout
    assert "Not compared: a score is missing 1, only in B 1, other rubric 1." in done.stdout
    rows = [json.loads(line) for line in (tmp_path / "d.jsonl").read_text().splitlines()]
    assert [row["in"] for row in rows] == ["both"] * 21 + ["other_rubric", "b"]
    assert (rows[0]["score_a"], rows[0]["score_b"], rows[0]["difference"]) == (-0.5, 0.25, 0.75)
    assert rows[20]["difference"] is None
    shown = json.loads(citerefine("compare", "a.jsonl", "b.jsonl", "--json", cwd=tmp_path).stdout)
    assert [one["metric"] for one in shown["metrics"]] == ["score"]
    assert (shown["pairs"], shown["metrics"][0]["n"], shown["without"]) == (21, 20, 1)


@pytest.mark.parametrize(
    ("rows", "options", "says"),
    [
        ([grade_row(1, 0.5, judge="words-2")], (), "scores of 2 judges, 'words-1' and 'words-2'"),
        ([grade_row(1, 0.5, formula="clip01")], (), "scores of 2 formulas"),
        ([grade_row(2, 0.5)], (), "nothing can be compared: 0 ids are in both"),
        ([grade_row(1, 0.5, rubric="r2")], (), "1 with another rubric"),
        ([grade_row(1, 0.5)], ("--html", "x.html"), "--html has no page for grade rows"),
        ([run_row(1, good=True)], (), "a.jsonl holds grade rows and b.jsonl does not"),
        ([grade_row(1, 0.5), {"id": "q2", "cells": []}], (), "b.jsonl, line 2: score: Field required"),
    ],
)
def test_grade_rows_that_cannot_be_compared_are_told_in_one_line(
    tmp_path: Path, rows: list[dict[str, Any]], options: tuple[str, ...], says: str
) -> None:
    write(tmp_path / "a.jsonl", [grade_row(1, 0.5)])
    write(tmp_path / "b.jsonl", rows)
    done = citerefine("compare", "a.jsonl", "b.jsonl", *options, cwd=tmp_path)
    assert (done.returncode, says in done.stderr, done.stderr.count("\n")) == (2, True, 1)
