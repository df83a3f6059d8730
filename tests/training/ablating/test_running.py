"""Runs one after another: what is done stays, what failed is told, a signal stops at a good place."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import pytest
from tests.training.ablating.pretended_runs import command, pretended, starts

from citerefine.refiner.errors import InputError
from citerefine.training.ablating.outcome import read_outcome
from citerefine.training.ablating.running import run_all
from citerefine.training.errors import StateError
from citerefine.training.recipes.reading import load_recipe


def test_every_run_has_its_folder_its_recipe_and_its_log(tmp_path: Path) -> None:
    told = list[str]()
    _, runs = pretended(0, 1, out=tmp_path / "out")
    assert run_all(runs, command(tmp_path), resume=False, tell=told.append)
    assert [read_outcome(run).status for run in runs] == ["done"] * 6
    assert [read_outcome(run).figures["f1"] for run in runs] == [0.1, 1.1, 0.2, 1.2, 0.3, 1.3]
    assert all(load_recipe(str(run.file)) == run.recipe for run in runs)
    assert told[1] == "run 1 of 6: beta 0, seed 1: f1 0.100, reward 19.500"
    assert told[-1].startswith("run 6 of 6: beta 1, seed 3: f1 1.300")


def test_a_run_that_fails_is_told_with_its_reason_and_the_others_go_on(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    told = list[str]()
    _, runs = pretended(9, 7, 0, out=tmp_path / "out")
    assert run_all(runs, command(tmp_path), resume=False, tell=told.append)
    failed, killed, done = [read_outcome(run) for run in runs[:3]]
    assert (failed.status, failed.reason) == ("failed", "exit code 1: the judge is gone; start it again")
    assert (killed.status, killed.reason) == ("failed", "ended by signal 9: beta is seven")
    assert done.status == "done"
    assert failed.figures == killed.figures == {}
    assert told[1] == "run 1 of 9: beta 9, seed 1: FAILED: exit code 1: the judge is gone; start it again"
    assert runs[0].log.read_text("utf-8").splitlines() == ["step 1", "citerefine: the judge is gone; start it again"]
    assert "step 1\n" in capfd.readouterr().err


def test_what_is_done_is_not_run_again_and_what_failed_is(tmp_path: Path) -> None:
    _, runs = pretended(9, 0, out=tmp_path / "out")
    run_all(runs, command(tmp_path), resume=False, tell=lambda line: None)
    (runs[0].folder.parent / "mended").touch()
    assert run_all(runs, command(tmp_path), resume=True, tell=lambda line: None)
    assert [starts(run) for run in runs] == [2, 1] * 3
    assert [read_outcome(run).status for run in runs] == ["done"] * 6
    assert not runs[0].failure.exists()


def test_a_kill_while_a_recipe_is_written_leaves_no_half_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a recipe would be read again, and refused, for good."""

    def killed(*paths: object) -> None:
        raise KeyboardInterrupt

    _, runs = pretended(0, 1, out=tmp_path / "out")
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            run_all(runs, command(tmp_path), resume=False, tell=lambda line: None)
    assert not runs[0].file.exists()
    assert run_all(runs[:1], command(tmp_path), resume=True, tell=lambda line: None)


def test_runs_that_are_there_are_gone_on_with_only_if_that_is_asked_for(tmp_path: Path) -> None:
    _, runs = pretended(0, 1, out=tmp_path / "out")
    run_all(runs[:1], command(tmp_path), resume=False, tell=lambda line: None)
    with pytest.raises(InputError, match=r"out holds runs already; go on with them with --resume"):
        run_all(runs, command(tmp_path), resume=False, tell=lambda line: None)


def test_a_run_of_another_recipe_is_not_gone_on_with(tmp_path: Path) -> None:
    _, runs = pretended(0, 1, out=tmp_path / "out")
    run_all(runs, command(tmp_path), resume=False, tell=lambda line: None)
    changed = runs[1].recipe.model_copy(update={"train": runs[1].recipe.train.model_copy(update={"beta": 0.5})})
    with pytest.raises(StateError, match=r"seed-1 is of another recipe: train\.beta: 1\.0 → 0\.5; put the ablation"):
        run_all([runs[0], runs[1]._replace(recipe=changed)], command(tmp_path), resume=True, tell=lambda line: None)


def test_another_number_of_held_out_rows_or_other_rows_are_another_recipe(tmp_path: Path) -> None:
    _, runs = pretended(0, 1, out=tmp_path / "out")
    run_all(runs[:1], command(tmp_path), resume=False, tell=lambda line: None)
    recipe = runs[0].recipe
    fewer = recipe.model_copy(update={"watch": recipe.watch.model_copy(update={"heldout_rows": 3})})
    others = recipe.model_copy(update={"data": recipe.data.model_copy(update={"eval": "/others.jsonl"})})
    for changed, what in ((fewer, "watch.heldout_rows: 8 → 3"), (others, "eval: '' → '/others.jsonl'")):
        with pytest.raises(StateError, match=what):
            run_all([runs[0]._replace(recipe=changed)], command(tmp_path), resume=True, tell=lambda line: None)


def test_another_place_of_a_judge_is_the_same_recipe(tmp_path: Path) -> None:
    _, runs = pretended(0, 1, out=tmp_path / "out")
    run_all(runs[:1], command(tmp_path), resume=False, tell=lambda line: None)
    recipe = runs[0].recipe
    patient = recipe.model_copy(update={"reward": recipe.reward.model_copy(update={"patience": 5.0})})
    assert run_all([runs[0]._replace(recipe=patient)], command(tmp_path), resume=True, tell=lambda line: None)
    assert starts(runs[0]) == 1


STOPPED = """
import sys
from pathlib import Path
from tests.training.ablating.pretended_runs import command, pretended
from citerefine.training.ablating.running import run_all
folder = Path(sys.argv[1])
_, runs = pretended(8, 0, out=folder / "out")
print(run_all(runs, command(folder), resume=True, tell=print))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_lets_the_run_save_and_begins_no_other(number: int, tmp_path: Path) -> None:
    """Sent to the whole group, as a terminal does with Ctrl-C; the run hears of it once."""
    root = Path(__file__).parents[3]
    process = subprocess.Popen(
        [sys.executable, "-c", STOPPED, str(tmp_path)],
        cwd=root, env={**os.environ, "PYTHONPATH": str(root)}, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    assert process.stderr.readline() == "waiting\n"
    os.killpg(process.pid, number)
    said = process.communicate(timeout=30)[0].splitlines()
    assert said[1:] == [
        "stopping: no other run is begun",
        "run 1 of 6: beta 8, seed 1: stopped",
        "False",
    ]
    _, runs = pretended(8, 0, out=tmp_path / "out")
    assert [read_outcome(run).status for run in runs] == ["interrupted"] + ["to do"] * 5
    assert (runs[0].folder / "heard").read_text("utf-8") == "1"
    (runs[0].folder / "starts").write_text("start\n" * 2, "utf-8")  # it does not wait again
    assert run_all(runs[:2], command(tmp_path), resume=True, tell=lambda line: None)
    assert [read_outcome(run).status for run in runs[:2]] == ["done", "done"]


EARLY: Final = """
import os, signal, sys
from pathlib import Path
from tests.training.ablating.pretended_runs import pretended
from citerefine.training.ablating.running import run_all
_, runs = pretended(0, 1, out=Path(sys.argv[1]) / "out")
early = (sys.executable, "-I", "-c", f"import os, time; os.kill({os.getpid()}, {sys.argv[2]}); time.sleep(30)")
print(run_all(runs, early, resume=True, tell=print))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_stopped_before_it_hears_signals_did_not_fail(number: int, tmp_path: Path) -> None:
    """Until its modules are there, a signal ends it at once."""
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-c", EARLY, str(tmp_path), str(int(number))],
        cwd=root, env={**os.environ, "PYTHONPATH": str(root)}, start_new_session=True,
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert "run 1 of 6: beta 0, seed 1: stopped\nFalse" in done.stdout
    _, runs = pretended(0, 1, out=tmp_path / "out")
    assert {read_outcome(run).status for run in runs} == {"to do"}


def test_a_run_does_not_outlive_an_error_here(tmp_path: Path) -> None:
    def fail(line: str) -> None:
        raise RuntimeError(line)

    _, runs = pretended(0, 1, out=tmp_path / "out")
    before = time.monotonic()
    with pytest.raises(RuntimeError):
        run_all(runs, command(tmp_path), resume=False, tell=fail)
    assert time.monotonic() - before < 5
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
