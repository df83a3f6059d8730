"""`citerefine calibrate` for rubric judges as people and scripts use it: real files, real processes."""

import json
import re
import stat
from pathlib import Path
from typing import Any

import pytest
from tests.app.test_calibrate import citerefine, write
from tests.faulty_server import FaultyServer, Request, says, status

ANSWERS = [("Perch doubled by 2010 in Lake Orven.", True, "a"), ("Ice on Lake Saima came late.", False, "b")]


def label_rows(prompts: int) -> list[dict[str, Any]]:
    """Two answers to each prompt: one says what is asked for, the other does not."""
    return [
        {
            "question": f"What became of perch by {2000 + n}?",
            "answer": f"{answer} Year {n}.",
            "criterion": "Perch doubled",
            "labels": [met, met],
            "source": source,
        }
        for n in range(prompts)
        for answer, met, source in ANSWERS
    ]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Holds criteria.jsonl with 20 answers to 10 prompts."""
    write(tmp_path / "criteria.jsonl", label_rows(10))
    return tmp_path


def test_rows_of_criteria_give_the_card_of_a_rubric_judge(folder: Path) -> None:
    done = citerefine("calibrate", "criteria.jsonl", "--name", "lakes", "--repeats", 2, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "labels: lakes (20 rows" in done.stdout
    assert "people say (40 labels): positive: 20 met, 20 not" in done.stdout
    assert re.search(r"macro-F1 of met and unmet, against each label +1.000 +\[1.000, 1.000\] +40", done.stdout)
    assert re.search(r"order of answers to one prompt, ties one half +1.000 +\[1.000, 1.000\] +10", done.stdout)
    assert re.search(r"flip rate when asked again +0.000 +\[0.000, 0.000\] +40", done.stdout)
    assert "40 labels are few: fewer than 500" in done.stdout
    (kept,) = (folder / "cards").iterdir()
    assert f"kept as {kept}" in done.stderr
    assert json.loads(kept.read_text())["kind"] == "rubric"


def test_json_and_out_hold_the_whole_card(folder: Path) -> None:
    done = citerefine("calibrate", "criteria.jsonl", "--json", "--out", "card.json", cwd=folder)
    card = json.loads(done.stdout)
    assert json.loads((folder / "card.json").read_text()) == card
    assert (card["n"], card["answers"], card["prompts"], card["kappa"]["value"]) == (20, 20, 10, 1.0)


def test_bad_rows_are_reported_by_line_and_the_rest_is_measured(folder: Path) -> None:
    with (folder / "criteria.jsonl").open("a") as file:
        file.write(
            '{"answer": "x", "criterion": "c", "label": "perhaps \x7f"}\n\n{"claim": "\x1b[31m\n{"claim": "x"}\n'
        )
    done = citerefine("calibrate", "criteria.jsonl", cwd=folder)
    assert done.returncode == 1
    assert "line 21: the label 'perhaps" in done.stderr
    assert "line 23: not JSON" in done.stderr
    assert "line 24: the answer is NoneType" in done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    assert "rows that cannot be used: 1 no_label, 1 invalid_json, 1 no_answer" in done.stdout


def test_labels_of_one_class_give_no_card(folder: Path) -> None:
    write(folder / "criteria.jsonl", [row for row in label_rows(10) if row["source"] == "a"])
    done = citerefine("calibrate", "criteria.jsonl", cwd=folder)
    assert done.returncode == 1
    assert "no card is kept: agreement shows only where" in done.stderr
    assert re.search(r"not known: macro-F1.* \(people give one of the two labels only\)", done.stdout)
    assert not (folder / "cards").exists()


def reads(request: Request) -> str:
    """A model that is always right."""
    return "c01=MET 1" if "Perch doubled by" in request.prompt else "c01=UNMET"


def test_what_a_model_judged_is_not_asked_again(folder: Path) -> None:
    with FaultyServer([*[says(reads)] * 10, status(401), says(reads)]) as server:
        command = ("calibrate", "criteria.jsonl", "--judge", server.model, "--concurrency", 1, "--json")
        stopped = citerefine(*command, cwd=folder)
        assert (stopped.returncode, stopped.stdout) == (1, ""), stopped.stderr
        assert "nothing was measured" in stopped.stderr
        assert not (folder / "cards").exists()
        done = citerefine(*command, cwd=folder)
        assert done.returncode == 0, done.stderr
        card = json.loads(done.stdout)
        assert (card["n"], card["accuracy"]["value"], len(server.chats)) == (20, 1.0, 21)


def test_a_model_at_another_address_is_measured_by_its_own_verdicts(folder: Path) -> None:
    cards = []
    for say in (reads, "c01=UNMET"):
        with FaultyServer([says(say)]) as server:
            done = citerefine("calibrate", "criteria.jsonl", "--judge", server.model, "--json", cwd=folder)
            cards.append(json.loads(done.stdout))
            assert len(server.chats) == 20
            assert "are not made again" not in done.stderr
            again = citerefine("calibrate", "criteria.jsonl", "--judge", server.model, "--json", cwd=folder)
            assert len(server.chats) == 20
            assert "if another model is served there by now, name a new file with --cache" in again.stderr
    assert [card["accuracy"]["value"] for card in cards] == [1.0, 0.5]
    assert stat.S_IMODE((folder / "cache").stat().st_mode) == 0o700


def test_a_judge_whose_replies_cannot_be_read_has_no_figure_and_no_card(folder: Path) -> None:
    with FaultyServer([says("Well, who knows?")]) as server:
        done = citerefine("calibrate", "criteria.jsonl", "--judge", server.model, "--json", cwd=folder)
    card = json.loads(done.stdout)
    assert (done.returncode, card["n"], card["macro_f1"]["value"]) == (1, 0, None)
    assert sum(card["not_judged"].values()) == 20
    assert "nothing was measured" in done.stderr
    assert not (folder / "cards").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["criteria.jsonl", "--positive", "0"], "--positive is for labelled claims"),
        (["criteria.jsonl", "--kind", "support"], "holds no labelled claims (20 no_claim)"),
        (["claims.jsonl", "--kind", "rubric"], "holds no labelled criteria (1 no_answer)"),
        (["claims.jsonl", "--repeats", "2"], "--repeats is for rubric judges"),
        (["claims.jsonl", "--votes", "3"], "--votes is for rubric judges"),
        (["criteria.jsonl", "--votes", "3"], "--votes is for judges with a model, and lexical asks none"),
        (["criteria.jsonl", "--cache", "kept.db"], "--cache is for judges with a model, and lexical asks none"),
        (["criteria.jsonl", "--judge", "nobody"], "no rubric judge is called 'nobody'"),
        (["criteria.jsonl", "--out", "criteria.jsonl"], "criteria.jsonl is the file of labels"),
    ],
)
def test_what_cannot_be_done_is_said_with_what_to_do(folder: Path, arguments: list[str], message: str) -> None:
    write(folder / "claims.jsonl", [{"claim": "x", "evidence": "y", "label": 1}])
    done = citerefine("calibrate", *arguments, cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_asked_again_a_model_has_other_seeds_and_the_judge_is_the_one_that_grade_would_have(folder: Path) -> None:
    with FaultyServer([says(reads)]) as server:
        command = ("calibrate", "criteria.jsonl", "--judge", server.model, "--json", "--repeats", 2, "--votes", 1)
        done = citerefine(*command, cwd=folder)
        card = json.loads(done.stdout)
        assert (card["flip_rate"]["value"], card["flip_rate"]["n"], len(server.chats)) == (0, 40, 60)
    assert "votes 1," in card["judge"]
    assert "seed 0" in card["judge"]


def test_the_environment_names_the_judge_of_criteria_as_it_does_for_grade(folder: Path) -> None:
    labels = [{"answer": row["answer"], "criterion": row["criterion"], "label": "met"} for row in label_rows(10)]
    write(folder / "table.jsonl", labels)
    judges = {"CITEREFINE_RUBRIC_JUDGE": "table:table.jsonl", "CITEREFINE_JUDGE": "nobody"}
    card = json.loads(citerefine("calibrate", "criteria.jsonl", "--json", cwd=folder, **judges).stdout)
    assert card["judge"].startswith("table")
    assert (card["accuracy"]["value"], card["macro_f1"]["value"]) == (0.5, pytest.approx((2 / 3) / 2))
