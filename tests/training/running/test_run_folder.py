"""The folder of a run, and which process of a job writes what in it."""

from pathlib import Path

import pytest

from citerefine.refiner.errors import InputError
from citerefine.training.errors import StateError
from citerefine.training.recipes.reading import load_recipe
from citerefine.training.running.run_folder import RunFolder, is_main, machine_number, process_count


def test_a_new_folder_holds_the_recipe_as_it_was_resolved(tmp_path: Path) -> None:
    recipe, folder = load_recipe("tiny-cpu"), RunFolder(tmp_path / "runs" / "first")
    folder.open(recipe, resume=False)
    assert load_recipe(str(folder.recipe)) == recipe
    assert folder.path.stat().st_mode & 0o077 == 0  # prompts and replies are private


def test_asking_to_go_on_begins_where_there_is_nothing(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.open(load_recipe("tiny-cpu"), resume=True)
    folder.open(load_recipe("tiny-cpu"), resume=True)
    with pytest.raises(InputError, match="--resume"):
        folder.open(load_recipe("tiny-cpu"), resume=False)


def test_a_recipe_that_would_go_on_takes_no_place_before_it_is_accepted(tmp_path: Path) -> None:
    first, second = load_recipe("tiny-cpu"), load_recipe("tiny-cpu", ["train.group_size=8"])
    folder = RunFolder(tmp_path / "run")
    folder.open(first, resume=False)
    folder.open(second, resume=True)
    assert load_recipe(str(folder.recipe)) == first
    folder.keep_recipe(second)
    assert load_recipe(str(folder.recipe)) == second
    assert [path.name for path in folder.path.iterdir()] == ["recipe.toml"]


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
    damaged = RunFolder(tmp_path / "run")
    damaged.open(load_recipe("tiny-cpu"), resume=False)
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
