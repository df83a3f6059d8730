"""`citerefine rubrics` as people and scripts use it: the whole command line, real files, a real server."""

import io
import json
import os
import subprocess
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import pytest
from tests.faulty_server import FaultyServer, Request, hang, says, status

from citerefine.app.cli import main

CITEREFINE = str(Path(sys.executable).parent / "citerefine")
RUBRIC = """
question = "Which river flooded?"

[[positive]]
title = "River"
text = "Names the Orven as the river that flooded."
weight = 3

[[positive]]
text = "Gives the year of the flood."
weight = 2

[[negative]]
text = "Gives 1998 as the year in which the Orven flooded."
"""
BAD = """
[[positive]]
text = "Names the Orven, and gives the year of the flood."

[[positive]]
text = "Names the Orven, and gives the year of the flood."

[[negative]]
text = "Does not name the river that flooded."
"""
WRITTEN = json.dumps(
    {
        "positive_rubrics": [{"title": "River", "description": "Names the Orven as the river.", "weight": 3}],
        "negative_rubrics": [{"description": "Does not name the river.", "weight": 1}],
    }
)


class Done(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


def rubrics(*arguments: object, cwd: Path, **variables: str) -> Done:
    """Runs the command in this process, which is started up already."""
    out, err = io.StringIO(), io.StringIO()
    command = ["citerefine", "rubrics", *map(str, arguments)]
    with (
        patch.object(sys, "argv", command),
        patch.dict(os.environ, {"COLUMNS": "100", **variables}),
        chdir(cwd),
        redirect_stdout(out),
        redirect_stderr(err),
        pytest.raises(SystemExit) as exited,
    ):
        main()
    return Done(int(exited.value.code or 0), out.getvalue(), err.getvalue())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Holds rubric.toml, bad.toml and in.jsonl with three requests."""
    (tmp_path / "rubric.toml").write_text(RUBRIC)
    (tmp_path / "bad.toml").write_text(BAD)
    rows = [{"id": n, "question": f"Which river {n}?", "snippets": [{"text": f"The Orven, {n}."}]} for n in range(3)]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


@pytest.mark.parametrize("command", ["lint", "convert", "generate", "show", "sets"])
def test_help_shows_an_example(command: str, tmp_path: Path) -> None:
    assert f"Example: citerefine rubrics {command}" in " ".join(rubrics(command, "--help", cwd=tmp_path).stdout.split())


def test_lint_finds_nothing_in_a_good_rubric_and_errors_end_with_1(folder: Path) -> None:
    good = rubrics("lint", "rubric.toml", cwd=folder)
    assert (good.returncode, good.stdout, good.stderr) == (0, "", "1 rubric: no findings\n")
    bad = rubrics("lint", "rubric.toml", "bad.toml", cwd=folder)
    assert bad.returncode == 1
    assert "bad.toml: c2: error: duplicate: " in bad.stdout
    assert "2 rubrics: " in bad.stderr


def test_lint_as_json_says_where_each_finding_is(folder: Path) -> None:
    found = json.loads(rubrics("lint", "bad.toml", "--json", cwd=folder).stdout)
    assert {"compound", "duplicate", "negated"} <= {one["code"] for one in found}
    assert all((one["file"], one["rubric"], one["criterion"][:1]) == ("bad.toml", 1, "c") for one in found)


def test_convert_there_and_back_gives_the_same_rubric(folder: Path) -> None:
    assert rubrics("convert", "rubric.toml", "seed.jsonl", "--to", "seed", cwd=folder).returncode == 0
    (row,) = rows_of(folder / "seed.jsonl")
    assert row["positive_rubrics"][0] == {
        "description": "Names the Orven as the river that flooded.", "title": "River", "weight": 3,
    }  # fmt: skip
    back = rubrics("convert", "seed.jsonl", "back.toml", "--to", "toml", cwd=folder)
    assert (back.returncode, back.stderr) == (0, "back.toml: 1 rubric, 3 criteria (toml)\n")
    shown = [rubrics("show", name, cwd=folder).stdout.partition("\n")[2] for name in ("rubric.toml", "back.toml")]
    assert shown[0] == shown[1]


def test_convert_leaves_out_only_what_it_is_told_to_and_never_changes_the_meaning(folder: Path) -> None:
    refused = rubrics("convert", "rubric.toml", "out.jsonl", "--to", "healthbench", cwd=folder)
    assert refused.returncode == 2
    assert refused.stderr == (
        "has no place: c1: its title 'River' has no place\n"
        "citerefine: healthbench cannot say 1 thing (above); --lossy leaves such things out\n"
    )
    assert not (folder / "out.jsonl").exists()
    lossy = rubrics("convert", "rubric.toml", "out.jsonl", "--to", "healthbench", "--lossy", cwd=folder)
    assert lossy.returncode == 0
    assert "left out: c1: its title 'River' has no place" in lossy.stderr
    meaning = rubrics("convert", "rubric.toml", "out.json", "--to", "rubrichub", "--lossy", cwd=folder)
    assert (meaning.returncode, "name another format" in meaning.stderr) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("lint", "none.toml"), "none.toml cannot be read"),
        (("lint", "in.jsonl"), "in.jsonl: line 1"),
        (("show", "in.txt"), "in.txt cannot be read"),
        (("convert", "rubric.toml", "o.json", "--to", "nope"), "no format is called 'nope'; the formats are: "),
        (("convert", "rubric.toml", "o.txt", "--to", "seed"), "o.txt ends in '.txt'; name a file that ends in .json"),
        (("convert", "rubric.toml", "o.toml", "--to", "seed"), "the format seed is written as .json or .jsonl"),
        (("convert", "rubric.toml", "no/o.json", "--to", "seed"), "the folder no does not exist"),
        (("show", "rubric.toml", "--from", "nope"), "there is no format 'nope'"),
        (("sets", "nope"), "there is no static set 'nope'"),
        (("generate", "in.jsonl", "--out", "-", "-m", "openai:x@http://127.0.0.1:1/v1"), "--out is '-'"),
        (("generate", "in.jsonl", "--out", "o.jsonl", "-m", "extractive"), "'extractive' is no chat model"),
        (
            ("generate", "in.jsonl", "--out", "o.jsonl", "-m", "openai:x@http://127.0.0.1:1/v1", "--budget-dollars", 1),
            "set CITEREFINE_PRICES",
        ),
    ],
)
def test_wrong_use_ends_with_2_and_one_line(folder: Path, arguments: tuple[object, ...], why: str) -> None:
    done = rubrics(*arguments, cwd=folder)
    assert done.returncode == 2
    assert done.stderr.startswith("citerefine: ")
    assert why in done.stderr
    assert done.stderr.count("\n") == 1


def test_show_lists_criteria_with_their_shares_and_no_control_characters(folder: Path) -> None:
    (folder / "evil.toml").write_text('[[positive]]\ntext = "Names \\u001b[2Jthe river."\n')
    assert "\x1b" not in rubrics("show", "evil.toml", cwd=folder).stdout
    assert rubrics("show", "rubric.toml", cwd=folder).stdout.splitlines() == [
        "Which river flooded? | citerefine",
        "  weight   share  criterion",
        "       3     60%  c1 River: Names the Orven as the river that flooded.",
        "       2     40%  c2 Gives the year of the flood.",
        "      -1    -20%  c3 Gives 1998 as the year in which the Orven flooded. (fault)",
    ]


def test_sets_are_listed_and_printed_as_files_that_can_be_read(folder: Path) -> None:
    assert rubrics("sets", cwd=folder).stdout.startswith("citation ")
    (folder / "citation.toml").write_text(rubrics("sets", "citation", cwd=folder).stdout)
    assert rubrics("lint", "citation.toml", cwd=folder).returncode == 0


def test_a_process_ends_with_the_same_code_and_line(folder: Path) -> None:
    command = [CITEREFINE, "rubrics", "show", "none.toml"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)


def test_generate_writes_criteria_for_each_row_and_goes_on_where_it_stopped(folder: Path) -> None:
    with FaultyServer(says(WRITTEN)) as server:
        command = ("generate", "in.jsonl", "--out", "out.jsonl", "-m", server.model, "--json")
        first = rubrics(*command, "--budget-calls", 2, "--concurrency", 1, cwd=folder)
        assert first.returncode == 1
        assert (json.loads(first.stdout)["written"], json.loads(first.stdout)["stopped"]["code"]) == (2, "budget")
        second = rubrics(*command, cwd=folder)
        assert len(server.chats) == 3
    report = json.loads(second.stdout)
    assert (second.returncode, report["done_before"], report["written"], report["kept"]) == (0, 2, 1, 1)
    assert report["dropped"] == {"absence": 1}
    assert report["usage"]["calls"] == 1
    assert "1 criteria kept" in second.stderr
    rows = rows_of(folder / "out.jsonl")
    assert sorted(row["id"] for row in rows) == [0, 1, 2]
    assert {row["positive_rubrics"][0]["title"] for row in rows} == {"River"}
    assert rubrics("lint", "out.jsonl", cwd=folder).returncode == 0  # what is written is a file of rubrics


def test_generate_shows_the_answers_of_run_files(folder: Path) -> None:
    for name, answer in (("a", "The Orven."), ("b", "The Saima.")):
        (folder / f"{name}.jsonl").write_text(json.dumps({"id": 1, "answer": f"<answer>{answer}</answer>"}) + "\n")
    prompts = dict[str, str]()

    def written(request: Request) -> str:
        prompts[request.prompt.partition("Which river ")[2][:1]] = request.prompt
        return WRITTEN

    with FaultyServer(says(written)) as server:
        answers = ("--answers", "a.jsonl", "--answers", "b.jsonl")
        done = rubrics("generate", "in.jsonl", "--out", "o.jsonl", "-m", server.model, *answers, cwd=folder)
    assert done.returncode == 0
    assert ("The Orven.\n" in prompts["1"], "The Saima.\n" in prompts["1"]) == (True, True)
    assert "BEGIN ANSWER" not in prompts["0"]


def test_generate_says_what_failed_and_what_stops_it(folder: Path) -> None:
    with FaultyServer(says("I would rather not.")) as server:
        bad = rubrics("generate", "in.jsonl", "--out", "o.jsonl", "-m", server.model, cwd=folder)
        assert len(server.chats) == 6  # each row is asked a second time
    assert (bad.returncode, "failed: 3 unreadable" in bad.stderr, "--retry-failed" in bad.stderr) == (1, True, True)
    with FaultyServer(status(401, "the key sk-planted is wrong")) as server:
        options = ("--out", "p.jsonl", "-m", server.model)
        done = rubrics("generate", "in.jsonl", *options, cwd=folder, OPENAI_API_KEY="sk-planted")
    assert (done.returncode, "planted" in done.stderr + (folder / "p.jsonl").read_text()) == (1, False)
    assert "the same command goes on from there" in done.stderr
    with FaultyServer(hang(30)) as server:
        late = rubrics("generate", "in.jsonl", "--out", "q.jsonl", "-m", server.model, "--deadline", 0.5, cwd=folder)
    assert (late.returncode, "failed: 3 deadline" in late.stderr) == (1, True)


def test_convert_lists_what_it_refuses(folder: Path) -> None:
    criteria = "".join(f'[[positive]]\ntitle = "T{n}"\ntext = "Names river {n}."\n' for n in range(25))
    (folder / "many.toml").write_text(criteria)
    refused = rubrics("convert", "many.toml", "out.jsonl", "--to", "healthbench", cwd=folder)
    lines = refused.stderr.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["has no place"] * 20 + ["… and 5 more", "citerefine"]
    assert "25 things" in lines[-1]
    assert "--lossy" in lines[-1]


def test_convert_to_seed_keeps_the_formula(folder: Path) -> None:
    rubrics("convert", "rubric.toml", "seed.jsonl", "--to", "seed", cwd=folder)
    (row,) = rows_of(folder / "seed.jsonl")
    assert row["aggregate"] == "pos_norm"


def test_standard_input_is_read_for_a_dash(folder: Path) -> None:
    for command in (("show", "-"), ("lint", "-"), ("convert", "-", "o.jsonl", "--to", "seed")):
        done = subprocess.run(
            [CITEREFINE, "rubrics", *command], cwd=folder, input=RUBRIC, capture_output=True, text=True
        )
        assert (command, done.returncode, done.stderr.count("error")) == (command, 0, 0)
    assert rows_of(folder / "o.jsonl")[0]["question"] == "Which river flooded?"


def test_rows_without_a_rubric_are_passed_over_and_counted(folder: Path) -> None:
    with FaultyServer(says(lambda request: "No." if "river 1?" in request.prompt else WRITTEN)) as server:
        command = ("generate", "in.jsonl", "--out", "o.jsonl", "-m", server.model, "--concurrency", 1)
        assert rubrics(*command, cwd=folder).returncode == 1
    for reading in ("show", "lint"):
        done = rubrics(reading, "o.jsonl", cwd=folder)
        assert (done.returncode, "o.jsonl: 1 row without a rubric passed over" in done.stderr) == (0, True)


def test_generate_tells_answers_without_a_request_and_rows_with_other_settings(folder: Path) -> None:
    rows = [{"id": id, "answer": "<answer>The Orven.</answer>"} for id in (1, 7, "x")]
    (folder / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with FaultyServer(says(WRITTEN)) as server:
        command = ("generate", "in.jsonl", "--out", "o.jsonl", "-m", server.model)
        first = rubrics(*command, "--answers", "a.jsonl", "--positive", 4, cwd=folder)
        assert "2 answers with an id that no request has" in first.stderr
        assert "set otherwise" not in first.stderr
        second = rubrics(*command, "--positive", 5, "--json", cwd=folder)
        assert len(server.chats) == 3
    assert "set otherwise in 3 rows that o.jsonl held already: positive 4, not 5; name another --out" in second.stderr
    assert json.loads(second.stdout)["other_settings"] == {"positive 4, not 5": 3}
    assert "set otherwise" not in rubrics(*command, "--positive", 4, cwd=folder).stderr
