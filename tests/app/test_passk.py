"""`citerefine passk` as people use it: real processes, files, signals, a server of models, a model in this process."""

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
from tests.training.data.sources import lake_values, read_lines, write_rows
from tests.training.passk.passk_results import problem, write_results

pytest.importorskip("math_verify", reason="math-verify is not installed: pip install 'citerefine[train]'")

CITEREFINE = str(Path(sys.executable).parent / "citerefine")
MATHS = Path(__file__).parents[3] / "shared" / "data" / "math"
PROBLEMS = [{"id": f"m{a}", "problem": f"What is {a} + 1?", "answer": str(a + 1)} for a in range(3)]


def environment(folder: Path, **variables: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "COLUMNS": "120", "CITEREFINE_CACHE_DIR": str(folder / "cache"), **variables}


def passk(*arguments: object, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return citerefine("passk", *arguments, cwd=cwd, env=environment(cwd, **variables))


def solves(request: Request) -> str:
    """Right with an even seed; a second look mends every draft."""
    a = int(re.findall(r"What is (\d+) \+ 1", str(request.body["messages"]))[0])
    second = any(message["role"] == "assistant" for message in request.body["messages"])
    return rf"It is \boxed{{{a + 1 if second or request.body['seed'] % 2 == 0 else 77}}}."


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with FaultyServer(says(solves)) as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Holds problems, development problems and rows to train on."""
    write_rows(tmp_path / "problems.jsonl", PROBLEMS)
    write_rows(tmp_path / "train.jsonl", [{"problem": f"What is {a} times 9?", "answer": str(9 * a)} for a in range(5)])
    return tmp_path


def result(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "result.json").read_text())
    return found


def test_answers_are_drawn_graded_and_refined_and_what_is_printed_is_what_is_kept(
    folder: Path, server: FaultyServer
) -> None:
    command = ("problems.jsonl", "-m", server.model, "-n", 6, "--k", "1,2,6", "--refine", "--out", "out/a")
    done = passk(*command, "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == (found := result(folder / "out" / "a"))
    right = [sample["draft"]["value"] for sample in read_lines(folder / "out" / "a" / "samples.jsonl")]
    assert found["drafts"]["figures"]["pass@1"]["value"] == pytest.approx(sum(right) / 18)
    assert [*found["drafts"]["figures"]] == ["mean", "pass@1", "pass@2", "pass@6"]
    assert found["refined"]["figures"]["mean"]["value"] == 1.0
    assert found["transitions"]["shares"]["wrong_right"]["count"] == right.count(0.0)
    assert found["change"]["mean"]["difference"] == pytest.approx(1 - sum(right) / 18)
    assert (found["split"], found["asked_in_training"], found["failed"]) == ("test", None, {})
    assert len(server.chats) == 36

    shown = passk(*command, cwd=folder)
    assert shown.returncode == 0
    assert "wrong → right" in shown.stdout
    assert "fewer than 30 problems" in shown.stdout
    assert re.search(r"pass@6 +1\.000 +\[1\.000, 1\.000\]", shown.stdout)
    assert len(server.chats) == 36  # the second run paid nothing


def test_answers_that_fail_are_named_leave_bounds_and_end_with_1_until_they_are_had(folder: Path) -> None:
    command = ("problems.jsonl", "-n", 4, "--k", "1,4", "--out", "out", "--concurrency", 1)
    with FaultyServer([status(400, "too odd"), says(solves)]) as server:
        done = passk(*command, "-m", server.model, cwd=folder)
        assert done.returncode == 1, done.stderr
        found = result(folder / "out")
        assert found["failed"] == {"drafts: bad_request": 1}
        assert (found["drafts"]["answers"], found["drafts"]["unknown"]) == (12, 1)
        one = found["drafts"]["figures"]["pass@1"]
        assert one["value"] is None
        assert one["high"] - one["low"] == pytest.approx(1 / 12)
        assert "Failed: 1 drafts: bad_request" in done.stdout
        assert "…" in done.stdout
        assert len(read_lines(folder / "out" / "problems.jsonl")[0]["drafts"]) == 4
        mended = passk(*command, "-m", server.model, "--retry-failed", cwd=folder)
        assert mended.returncode == 0, mended.stderr
        assert len(server.chats) == 13
    assert result(folder / "out")["drafts"]["figures"]["pass@1"]["value"] is not None


@pytest.mark.parametrize("kill", [signal.SIGINT, signal.SIGKILL], ids=["Ctrl-C", "kill -9"])
def test_an_interrupted_run_goes_on_and_pays_only_for_what_is_missing(kill: signal.Signals, folder: Path) -> None:
    arguments = ("problems.jsonl", "-n", "4", "--refine", "--out", "out", "--concurrency", "1", "-m")
    asked, hung = list[Request](), list[Request]()

    def hangs_once(request: Request, line: Line) -> None:
        asked.append(request)
        if len(asked) == 18:  # among the refinements
            hung.append(request)
            line.wait(20)
        says(solves)(request, line)

    with FaultyServer(hangs_once) as server:
        process = subprocess.Popen(
            [CITEREFINE, "passk", *arguments, server.model],
            cwd=folder,
            env=environment(folder),
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        )
        while not hung and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(kill)
        said = process.communicate(timeout=30)[1]
        kept = len(read_lines(folder / "out" / "stages" / "drafts" / "drafts.jsonl"))
        refined = len(read_lines(folder / "out" / "stages" / "refined" / "refinements.jsonl"))
        assert (kept, refined) == (12, 5)
        assert not (folder / "out" / "result.json").exists()
        if kill is signal.SIGINT:
            assert process.returncode == 130
            assert "out holds what is done; the same command goes on from there" in said
        done = passk(*arguments, server.model, cwd=folder)
        assert done.returncode == 0, done.stderr
        assert len({request.body["seed"] for request in server.chats}) == 24
        assert len(server.chats) == 24 + 1  # the one that was under way when it ended
    assert result(folder / "out")["refined"]["unknown"] == 0


def test_a_server_that_is_gone_stops_the_run_with_1_and_says_how_to_go_on(folder: Path) -> None:
    gone = ("problems.jsonl", "-m", "openai:tiny@http://127.0.0.1:9/v1", "--out", "new/out")
    done = passk(*gone, "-n", 2, cwd=folder)
    assert done.returncode == 1
    assert "stopped: no answer was drawn, and nothing is kept in new/out" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (folder / "new").exists()
    with FaultyServer(says(solves)) as server:
        model = server.model
        assert passk("problems.jsonl", "-m", model, "-n", 2, "--out", "new/out", cwd=folder).returncode == 0
    done = passk("problems.jsonl", "-m", model, "-n", 3, "--out", "new/out", cwd=folder)
    assert done.returncode == 1
    assert "stopped: new/out holds what is done; the same command goes on from there" in done.stderr
    assert result(folder / "new" / "out")["n"] == 2


def test_answers_are_not_replaced_by_others_unasked(folder: Path, server: FaultyServer) -> None:
    command = ("problems.jsonl", "-m", server.model, "--out", "out")
    done = passk(*command, "-n", 4, cwd=folder)
    assert "12 answers to 3 problems: 12 drafts, 12 scores" in done.stderr
    before = (folder / "out" / "result.json").read_bytes()
    for option, word in (
        (("--temperature", 0.5), "temperature was 1.0 and is 0.5; name another --out"),
        (("-n", 2), "holds 4 answers to each problem, and -n is 2"),
    ):
        done = passk(*command, "-n", 4, *option, cwd=folder)
        assert done.returncode == 2
        assert word in " ".join(done.stderr.split())
    assert (folder / "out" / "result.json").read_bytes() == before
    assert len(server.chats) == 12


def test_problems_that_cannot_be_asked_leave_no_folder_and_questions_that_stand_twice_are_told(
    folder: Path, server: FaultyServer
) -> None:
    for text in ("", '{"problem": "x", "answer": "???"}\n'):
        (folder / "odd.jsonl").write_text(text)
        assert passk("odd.jsonl", "-m", server.model, "--out", "odd", cwd=folder).returncode == 2
        assert not (folder / "odd").exists()
    write_rows(folder / "twice.jsonl", [*PROBLEMS, {**PROBLEMS[1], "id": "again"}])
    done = passk("twice.jsonl", "-m", server.model, "-n", 2, "--out", "out", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "1 problem asks what one before asks (again): each counts" in done.stdout


def test_another_model_refines_and_the_problems_of_training_are_told(folder: Path, server: FaultyServer) -> None:
    write_rows(folder / "train.jsonl", [{"problem": "what is 2 + 1 ?", "answer": "3"}])
    with FaultyServer(says("It stays wrong.")) as other:
        done = passk(
            *("problems.jsonl", "-m", server.model, "--refiner", other.model, "-n", 2, "--out", "out"),
            *("--train", "train.jsonl"),
            cwd=folder,
        )
        assert len(other.chats) == len(server.chats) == 6
    assert done.returncode == 0, done.stderr
    found = result(folder / "out")
    assert found["refined"]["figures"]["mean"]["value"] == 0.0
    assert (found["asked_in_training"], found["asked_in_training_ids"]) == (1, ["m2"])
    assert "refined by" in done.stdout


def test_rows_without_a_usable_reference_answer_are_refused_and_the_rest_is_asked(
    folder: Path, server: FaultyServer
) -> None:
    odd = [{"id": "none", "problem": "What is 5 + 1?"}, {"id": "odd", "problem": "What is 6 + 1?", "answer": "???"}]
    write_rows(folder / "problems.jsonl", [*PROBLEMS, *odd])
    done = passk("problems.jsonl", "-m", server.model, "-n", 2, "--out", "out", cwd=folder)
    assert done.returncode == 1
    assert "none: it has no reference answer" in done.stderr
    assert "odd: its reference answer '???' does not count as right" in done.stderr
    found = result(folder / "out")
    assert (found["problems"], found["refused"]) == (3, 2)
    assert {row["code"] for row in found["refused_rows"]} == {"no_gold", "bad_gold"}

    bad = [{"id": ["x"], "problem": "x", "answer": "1"}, {"question": "x", "gold": "no idea", "task": "maths"}]
    write_rows(folder / "bad.jsonl", [*PROBLEMS, *bad])
    done = passk("bad.jsonl", "-m", server.model, "-n", 2, "--out", "bad", cwd=folder)
    assert done.returncode == 1
    assert "line-4: " in done.stderr
    assert "line-5: 'no idea' in its reference answer" in done.stderr


def test_two_runs_are_compared_and_the_best_is_chosen_on_development_problems_only(
    folder: Path, server: FaultyServer
) -> None:
    with FaultyServer(says(r"It is \boxed{77}.")) as bad:
        for name, model in (("good", server.model), ("bad", bad.model)):
            done = passk("problems.jsonl", "-m", model, "-n", 6, "--out", name, "--split", "dev", cwd=folder)
            assert done.returncode == 0, done.stderr
    compared = json.loads(passk("compare", "bad", "good", "--k", "1,3", "--json", cwd=folder).stdout)
    assert compared["problems"] == 3
    assert compared["drafts"]["mean"]["difference"] == result(folder / "good")["drafts"]["figures"]["mean"]["value"]
    assert "pass@3" in passk("compare", "bad", "good", "--k", "1,3", cwd=folder).stdout
    chosen = passk("select", "bad", "good", "--train", "train.jsonl", "--json", cwd=folder)
    assert json.loads(chosen.stdout)["best"] == "good"
    assert "3 problems: good" in passk("select", "bad", "good", cwd=folder).stdout

    leaked = passk("select", "bad", "good", "--test", "problems.jsonl", cwd=folder)
    assert leaked.returncode == 2
    assert "3 of 3 problems are asked in the test problems" in leaked.stderr
    passk("problems.jsonl", "-m", server.model, "-n", 6, "--out", "good", "--split", "test", cwd=folder)
    refused = passk("select", "bad", "good", cwd=folder)
    assert refused.returncode == 2
    assert "good holds results on test problems" in refused.stderr


def test_a_comparison_says_that_the_first_answers_are_compared(tmp_path: Path) -> None:
    for name, n in (("a", 2), ("b", 3)):
        write_results(tmp_path / name, [problem(1, [1.0] * n), problem(2, [0.0] * n)], n=n, k=(1, 2))
    shown = passk("compare", "a", "b", cwd=tmp_path).stdout
    assert "A has 2 answers to each and B 3: the first 2 of both are compared" in shown
    assert "mean@2" in shown


def test_cited_answers_are_averaged_by_f1_or_called_right_from_a_bound_on(tmp_path: Path) -> None:
    write_rows(tmp_path / "rows.jsonl", [lake_values(number) for number in range(2)])

    def cites(request: Request) -> str:
        lake = re.findall(r"Lake (\w+)", request.prompt)[-1]
        return f"<answer><snippet id=S1>The survey found that perch doubled in Lake {lake} by 2010.</snippet></answer>"

    with FaultyServer(says(cites)) as server:
        command = ("rows.jsonl", "-m", server.model, "-n", 2, "--out", "out")
        assert passk(*command, cwd=tmp_path).returncode == 0
        assert [*result(tmp_path / "out")["drafts"]["figures"]] == ["mean", "best@1", "best@2"]
        assert passk(*command, "--right", 0.8, cwd=tmp_path).returncode == 0
        assert result(tmp_path / "out")["drafts"]["figures"]["pass@2"]["value"] == 1.0
        assert len(server.chats) == 4


def test_a_recipe_gives_rows_lengths_and_a_second_phase(folder: Path, server: FaultyServer) -> None:
    (folder / "recipe.toml").write_text(
        'phases = "two"\n[model]\nname = "tiny"\n[data]\ntrain = "train.jsonl"\neval = "problems.jsonl"\n'
        "prompt_tokens = 700\nanswer_tokens = 40\ntotal_tokens = 1000\n"
    )
    done = passk("recipe.toml", "-m", server.model, "-n", 2, "--out", "out", cwd=folder)
    assert done.returncode == 0, done.stderr
    found = result(folder / "out")
    assert (found["problems"], found["split"], found["asked_in_training"]) == (3, "dev", 0)
    assert found["settings"]["lengths"]["answer_tokens"] == 40
    assert found["refiner"] == server.model
    assert {request.body.get("max_completion_tokens") or request.body["max_tokens"] for request in server.chats} == {40}


def test_the_model_of_a_recipe_at_a_revision_has_to_be_named(folder: Path) -> None:
    """Else another one would be measured."""
    (folder / "recipe.toml").write_text(
        '[model]\nname = "x/y"\nrevision = "abc"\n[data]\ntrain = "train.jsonl"\neval = "problems.jsonl"\n'
    )
    done = passk("recipe.toml", "--out", "out", cwd=folder)
    assert done.returncode == 2, done.stderr
    assert "x/y at the revision abc" in done.stderr
    assert not (folder / "out").exists()


@pytest.mark.skipif(not MATHS.is_dir(), reason=f"there is no {MATHS}")
def test_a_model_in_this_process_is_reported_on_gsm8k_at_1_and_at_32(tmp_path: Path, tiny_qwen3: Path) -> None:
    command = [CITEREFINE, "passk", str(MATHS / "gsm8k_test.jsonl"), "-m", f"hf:{tiny_qwen3}", "--out", "out"]
    options = ["-n", "32", "--k", "1,32", "--max-rows", "2", "--answer-tokens", "16"]
    env = environment(tmp_path, OMP_NUM_THREADS="1", HF_HUB_OFFLINE="1")
    done = subprocess.run([*command, *options], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    found = result(tmp_path / "out")
    assert set(found["drafts"]["figures"]) == {"mean", "pass@1", "pass@32"}
    assert (found["problems"], found["drafts"]["answers"], found["drafts"]["unknown"]) == (2, 64, 0)
    samples = read_lines(tmp_path / "out" / "samples.jsonl")
    assert len({sample["draft"]["text"] for sample in samples}) > 60
    assert re.search(r"pass@32 +0\.\d{3}", done.stdout)


def wrong_uses() -> Iterator[Any]:
    model = ("-m", "openai:m@http://127.0.0.1:9/v1", "--out", "out")
    yield pytest.param(("nothing.jsonl", *model), "nothing.jsonl cannot be read", id="no file")
    yield pytest.param(("problems.jsonl", "--out", "out"), "name a model with --model", id="no model")
    yield pytest.param(("problems.jsonl", "-m", "extractive", "--out", "out"), "is no chat model", id="extractive")
    yield pytest.param(("problems.jsonl", *model, "--k", "64"), "numbers from 1 to n", id="k above n")
    yield pytest.param(("problems.jsonl", *model, "--k", "one"), "name whole numbers", id="k no number")
    yield pytest.param(("problems.jsonl", *model, "--split", "dv"), "choose from dev, test", id="split")
    yield pytest.param(("problems.jsonl", *model, "--mode", "deep"), "choose from answer_only", id="mode")
    yield pytest.param(("problems.jsonl", *model, "--right", "0.5"), "for cited answers", id="right")
    yield pytest.param(("problems.jsonl", *model, "--temperature", "0"), "would be one", id="temperature")
    yield pytest.param(("problems.jsonl", *model, "--set", "data.mode=think"), "changes a recipe", id="set")
    yield pytest.param(("problems.jsonl", *model, "--no-refine", "--refiner", "hf:x"), "leave one out", id="refiner")
    yield pytest.param(("problems.jsonl", *model, "--train", "no.jsonl"), "no.jsonl cannot be read", id="train")
    yield pytest.param(("no-such-recipe", *model), "there is no recipe", id="recipe")
    yield pytest.param(("compare", "a", "b"), "a holds no result", id="compare")
    yield pytest.param(("select", "a"), "a holds no result", id="select")


@pytest.mark.parametrize(("arguments", "word"), [*wrong_uses()])
def test_wrong_use_ends_with_2_and_says_what_to_do(arguments: tuple[str, ...], word: str, folder: Path) -> None:
    done = passk(*arguments, cwd=folder)
    assert done.returncode == 2, done.stderr
    assert word in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_with_something_else_in_it_is_refused(folder: Path, server: FaultyServer) -> None:
    for name, text in (("result.json", "[1"), ("problems.jsonl", "{}\n")):
        (folder / "odd").mkdir(exist_ok=True)
        (folder / "odd" / name).write_text(text)
    done = passk("compare", "odd", "odd", cwd=folder)
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
    (folder / "file").write_text("")
    done = passk("problems.jsonl", "-m", server.model, "--out", "file", cwd=folder)
    assert done.returncode == 2
    assert "name another folder" in done.stderr


@pytest.mark.parametrize("command", [(), ("run",), ("compare",), ("select",)])
def test_help_shows_an_example(command: tuple[str, ...], tmp_path: Path) -> None:
    assert "citerefine passk " in passk(*command, "--help", cwd=tmp_path).stdout.replace("│", "")
