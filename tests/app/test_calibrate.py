"""`citerefine calibrate` as people and scripts use it: real files, real processes."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests import command_line
from tests.faulty_server import FaultyServer, Request, says, status


def citerefine(*arguments: object, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    env = {"PATH": os.environ["PATH"], "COLUMNS": "100", "CITEREFINE_CACHE_DIR": str(cwd / "cache")}
    env |= {"CITEREFINE_CARDS": str(cwd / "cards"), **variables}
    return command_line.citerefine(*arguments, cwd=cwd, env=env)


def label_row(n: int) -> dict[str, Any]:
    """A claim; every second one is what its evidence says."""
    evidence = f"By {1990 + n} perch had doubled in Lake Orven."
    claim = evidence if n % 2 else f"Ice on row {n} came late."
    return {"claim": claim, "evidence": evidence, "label": "SUPPORTS" if n % 2 else "NOT ENOUGH INFO"}


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Holds labels.jsonl with 20 claims."""
    write(tmp_path / "labels.jsonl", [label_row(n) for n in range(20)])
    return tmp_path


def test_help_shows_an_example(tmp_path: Path) -> None:
    shown = citerefine("calibrate", "--help", cwd=tmp_path).stdout
    assert "citerefine calibrate labels.jsonl --judge lexical" in " ".join(shown.split())


def test_a_card_is_printed_and_kept(folder: Path) -> None:
    done = citerefine("calibrate", "labels.jsonl", "--judge", "lexical", "--name", "lakes", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "labels: lakes (20 rows" in done.stdout
    assert "AUC of its score" in done.stdout
    assert "1.000  [1.000, 1.000]" in done.stdout
    assert "people say: 10 full, 10 none" in done.stdout
    (kept,) = (folder / "cards").iterdir()
    assert f"kept as {kept}" in done.stderr
    assert json.loads(kept.read_text())["labels"] == "lakes"


def test_scores_of_the_judge_say_how_far_it_agrees(folder: Path) -> None:
    citerefine("calibrate", "labels.jsonl", "--name", "lakes", cwd=folder)
    answer = "<answer><snippet id=a>Perch doubled by 2010.</snippet></answer>"
    write(folder / "run.jsonl", [{"id": 1, "snippets": [{"id": "a", "text": "Perch doubled."}], "answer": answer}])
    assert "with people on lakes (n = 20): AUC 1.000" in citerefine("score", "run.jsonl", cwd=folder).stdout


def test_json_and_out_hold_the_whole_card(folder: Path) -> None:
    done = citerefine("calibrate", "labels.jsonl", "--json", "--out", "card.json", cwd=folder)
    card = json.loads(done.stdout)
    assert json.loads((folder / "card.json").read_text()) == card
    assert (card["n"], card["auc"], card["kappa"], card["refused"]) == (20, 1.0, 1.0, {})


def test_bad_rows_are_reported_by_line_and_the_rest_is_measured(folder: Path) -> None:
    with (folder / "labels.jsonl").open("a") as file:
        file.write('{"claim": "x", "evidence": "y", "label": "perhaps \x7f"}\n\n{"claim": "\x1b[31m\n')
    done = citerefine("calibrate", "labels.jsonl", cwd=folder)
    assert done.returncode == 1
    assert "line 21: the label 'perhaps" in done.stderr
    assert "line 23: not JSON" in done.stderr
    assert "\x1b" not in done.stderr
    assert "no labelled claims: 1 no_label, 1 invalid_json" in done.stdout
    assert len([*(folder / "cards").iterdir()]) == 1


def test_labels_may_mean_the_opposite(folder: Path) -> None:
    rows = [{**label_row(n), "label": 1 - n % 2} for n in range(20)]  # 1 is inconsistent
    write(folder / "labels.jsonl", rows)
    wrong = json.loads(citerefine("calibrate", "labels.jsonl", "--json", cwd=folder).stdout)
    right = json.loads(citerefine("calibrate", "labels.jsonl", "--json", "--positive", "0", cwd=folder).stdout)
    assert (wrong["auc"], right["auc"], right["positive"]) == (0.0, 1.0, "0")


def reads(request: Request) -> str:
    """A model that is always right."""
    return "c01=NONE" if "Ice on row" in request.prompt else "c01=FULL"


def test_what_a_model_judged_is_not_asked_again(folder: Path) -> None:
    with FaultyServer([*[says(reads)] * 10, status(401), says(reads)]) as server:
        command = ("calibrate", "labels.jsonl", "--judge", server.model, "--concurrency", 1, "--json")
        stopped = citerefine(*command, cwd=folder)
        assert (stopped.returncode, stopped.stdout) == (1, "")
        assert "nothing was measured" in stopped.stderr
        assert not (folder / "cards").exists()
        done = citerefine(*command, cwd=folder)
        assert done.returncode == 0, done.stderr
        card = json.loads(done.stdout)
        assert (card["n"], card["accuracy"], len(server.chats)) == (20, 1.0, 21)


def test_a_judge_whose_replies_cannot_be_read_has_no_figure_and_no_card(folder: Path) -> None:
    with FaultyServer([says("Well, who knows?")]) as server:
        done = citerefine("calibrate", "labels.jsonl", "--judge", server.model, "--json", cwd=folder)
    card = json.loads(done.stdout)
    assert (done.returncode, card["n"], card["auc"], card["accuracy"], card["kappa"]) == (1, 0, None, None, None)
    assert sum(card["not_judged"].values()) == 20
    assert "nothing was measured" in done.stderr
    assert not (folder / "cards").exists()


def test_labels_of_one_class_give_no_auc_and_no_card(folder: Path) -> None:
    write(folder / "labels.jsonl", [label_row(n) for n in range(1, 20, 2)])
    done = citerefine("calibrate", "labels.jsonl", "--json", cwd=folder)
    assert (done.returncode, json.loads(done.stdout)["auc"]) == (1, None)
    assert "no card is kept: agreement shows only where" in done.stderr
    assert "those that were judged are 10 full; add labels of the other kind" in done.stderr
    assert not (folder / "cards").exists()


def test_of_many_refused_rows_ten_are_told_and_scores_say_how_many_there_were(folder: Path) -> None:
    with (folder / "labels.jsonl").open("a") as file:
        file.write('{"claim": "x", "evidence": "y", "label": "perhaps"}\n' * 12)
    done = citerefine("calibrate", "labels.jsonl", "--name", "lakes", cwd=folder)
    lines = done.stderr.splitlines()
    assert [line.partition(":")[0] for line in lines[:10]] == [f"line {n}" for n in range(21, 31)]
    assert lines[10] == "… and 2 rows more: 2 no_label"
    assert "Note: 12 of 32 rows were no labelled claims, and are in no figure." in done.stdout
    write(folder / "run.jsonl", [])
    assert "lakes (n = 20; 12 of 32 rows refused)" in citerefine("score", "run.jsonl", cwd=folder).stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.jsonl"], "missing.jsonl cannot be read: No such file or directory; name a file of labels"),
        (["labels.jsonl", "--cache", "kept.db"], "--cache is for judges with a model, and lexical asks none"),
        (["labels.jsonl", "--judge", "nobody"], "no judge is called 'nobody'"),
        (["labels.jsonl", "--positive", "yes"], "has the label 'yes', which was to mean supported"),
        (["labels.jsonl", "--out", "labels.jsonl"], "labels.jsonl is the file of labels"),
        (["/dev/null"], "holds no labelled claims (it is empty)"),
    ],
)
def test_what_cannot_be_done_is_said_with_what_to_do(folder: Path, arguments: list[str], message: str) -> None:
    done = citerefine("calibrate", *arguments, cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert "Traceback" not in done.stderr
