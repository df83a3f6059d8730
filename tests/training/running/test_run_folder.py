"""The folder of a run, and which process of a job writes what in it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from citerefine.refiner.errors import InputError
from citerefine.training.errors import RecipeError, StateError
from citerefine.training.grpo.config import CHECKPOINTS
from citerefine.training.recipes.reading import load_recipe
from citerefine.training.running.run_folder import RunFolder, is_main, machine_number, process_count, unless_failed


def begun(path: Path) -> RunFolder:
    """A run that has done something."""
    folder = RunFolder(path)
    folder.open(load_recipe("tiny-cpu"), resume=False)
    (path / "metrics.jsonl").write_text("{}\n")
    return folder


def fail_after(folder: RunFolder, work: Callable[[], object]) -> None:
    """A start that does some work, and fails."""
    with unless_failed(folder):
        work()
        raise RecipeError("no such model")


def test_a_new_folder_holds_the_recipe_as_it_was_resolved(tmp_path: Path) -> None:
    recipe, folder = load_recipe("tiny-cpu"), RunFolder(tmp_path / "runs" / "first")
    folder.open(recipe, resume=False)
    assert load_recipe(str(folder.recipe)) == recipe
    assert folder.path.stat().st_mode & 0o077 == 0  # prompts and replies are private


def test_asking_to_go_on_begins_where_there_is_nothing(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.check(resume=True)
    assert not folder.path.exists()
    folder.open(load_recipe("tiny-cpu"), resume=True)
    folder.open(load_recipe("tiny-cpu"), resume=True)
    assert not folder.is_begun


def test_a_run_that_did_something_is_gone_on_with_only_when_that_is_asked_for(tmp_path: Path) -> None:
    folder = begun(tmp_path / "run")
    assert folder.is_begun
    folder.open(load_recipe("tiny-cpu"), resume=True)
    with pytest.raises(InputError, match="run holds a run already; go on with it with --resume"):
        folder.open(load_recipe("tiny-cpu"), resume=False)
    with pytest.raises(InputError, match="--resume"):
        folder.check(resume=False)


def test_a_start_that_came_to_nothing_is_no_run(tmp_path: Path) -> None:
    """Killed while it loaded a model: a recipe, files that were opened, what boards were told."""
    folder, other = RunFolder(tmp_path / "run"), load_recipe("tiny-cpu", ["train.steps=7"])
    folder.open(load_recipe("tiny-cpu"), resume=False)
    (folder.path / "metrics.jsonl").touch()
    folder.tensorboard.mkdir()
    (folder.tensorboard / "events").write_text("x")
    (folder.path / ".recipe.toml.new").write_text("[mod")
    folder.open(other, resume=False)
    assert load_recipe(str(folder.recipe)) == other


@pytest.mark.parametrize("is_there", [True, False])
def test_what_fails_before_it_did_anything_leaves_the_place_as_it_was(is_there: bool, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    if is_there:
        folder.path.mkdir()
    with pytest.raises(RecipeError, match="no such model"):
        fail_after(folder, lambda: folder.open(load_recipe("tiny-cpu"), resume=False))
    assert folder.path.exists() is is_there
    assert not [*tmp_path.rglob("run/*")]


def test_what_fails_later_or_in_the_place_of_others_takes_nothing_away(tmp_path: Path) -> None:
    with pytest.raises(RecipeError):
        fail_after(RunFolder(tmp_path / "run"), lambda: begun(tmp_path / "run"))
    assert (tmp_path / "run" / "recipe.toml").is_file()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "empty.txt").touch()
    with pytest.raises(InputError, match="is not empty"), unless_failed(RunFolder(tmp_path / "mine")):
        RunFolder(tmp_path / "mine").open(load_recipe("tiny-cpu"), resume=False)
    assert (tmp_path / "mine" / "empty.txt").is_file()
    started = RunFolder(tmp_path / "started")  # perhaps by a process that is loading its model still
    started.open(load_recipe("tiny-cpu"), resume=False)
    with pytest.raises(RecipeError):
        fail_after(started, lambda: None)
    assert started.recipe.is_file()


def test_checkpoints_are_where_the_trainer_writes_them(tmp_path: Path) -> None:
    assert RunFolder(tmp_path).checkpoints == tmp_path / CHECKPOINTS
    assert RunFolder(tmp_path).sft_checkpoints == tmp_path / "sft" / CHECKPOINTS


def test_a_recipe_that_would_go_on_takes_no_place_before_it_is_accepted(tmp_path: Path) -> None:
    first, second = load_recipe("tiny-cpu"), load_recipe("tiny-cpu", ["train.group_size=8"])
    folder = begun(tmp_path / "run")
    folder.open(second, resume=True)
    assert load_recipe(str(folder.recipe)) == first
    folder.keep_recipe(second)
    assert load_recipe(str(folder.recipe)) == second
    assert {path.name for path in folder.path.iterdir()} == {"recipe.toml", "metrics.jsonl"}


def test_a_start_is_only_used_for_what_it_was_made_from(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.sft.mkdir()
    made_from = {"model": "a", "sft": {"steps": 10, "schedule": "constant", "save_steps": 5}, "data": "ab"}
    with pytest.raises(StateError, match=r"nobody can tell what .* was made from; start a new run"):
        folder.check_start(made_from)
    folder.keep_start(made_from)
    folder.check_start(made_from)
    folder.check_start({**made_from, "sft": {"steps": 10, "schedule": "constant", "save_steps": 1}})
    with pytest.raises(StateError, match=r"model: 'a' → 'b'; sft\.steps: 10 → 20\. Go on with what it was made from"):
        folder.check_start({**made_from, "model": "b", "sft": {"steps": 20, "schedule": "constant"}})
    folder.start_identity.write_text("[]")
    with pytest.raises(StateError, match="cannot be read"):
        folder.check_start(made_from)


def test_what_cannot_be_written_or_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="cannot be written: Not a directory; name another with --out"):
        RunFolder(tmp_path / "file").open(load_recipe("tiny-cpu"), resume=False)
    damaged = begun(tmp_path / "run")
    damaged.recipe.write_text("[model")
    with pytest.raises(InputError, match="is damaged"):
        damaged.open(load_recipe("tiny-cpu"), resume=True)


def test_each_machine_keeps_calls_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = RunFolder(tmp_path)
    assert (is_main(), process_count(), machine_number()) == (True, 1, 0)
    assert folder.calls() == tmp_path / "judge" / "calls.db"
    for name, value in {"RANK": "9", "WORLD_SIZE": "16", "LOCAL_WORLD_SIZE": "8"}.items():
        monkeypatch.setenv(name, value)
    assert (is_main(), process_count(), machine_number()) == (False, 16, 1)
    assert folder.calls() == tmp_path / "judge-1" / "calls.db"
    assert folder.heldout_calls() == tmp_path / "judge-1" / "heldout" / "calls.db"
