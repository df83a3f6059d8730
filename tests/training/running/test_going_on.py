"""What a run that ended too early keeps, and which recipes go on with it: told before a model is loaded."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from citerefine.training.errors import StateError
from citerefine.training.recipes.reading import load_recipe
from citerefine.training.running.going_on import check_same, what_resuming_does
from citerefine.training.running.run_folder import RunFolder

IDENTITY: dict[str, Any] = {
    "model": "a",
    "sft": {"steps": 3, "schedule": "constant"},
    "train": {"group_size": 2, "steps": 4, "schedule": "constant", "save_steps": 1},
}


def checkpoint(checkpoints: Path, step: int, identity: Mapping[str, Any] = IDENTITY) -> None:
    folder = checkpoints / f"checkpoint-{step}"
    folder.mkdir(parents=True)
    made = {**identity, "processes": 1, "data": "ab"}
    (folder / "manifest.json").write_text(json.dumps({"version": 1, "step": step, "identity": made, "files": {}}))


def changed(section: str, **values: Any) -> dict[str, Any]:
    return {**IDENTITY, section: {**IDENTITY[section], **values}}


def test_what_differs_from_the_last_checkpoint_is_told(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    check_same(folder, IDENTITY, 1)  # there is none
    checkpoint(folder.checkpoints, 1, changed("train", group_size=8))
    checkpoint(folder.checkpoints, 2)
    check_same(folder, IDENTITY, 1)
    check_same(folder, changed("train", save_steps=9, steps=40), 1)  # where it goes is the same
    with pytest.raises(StateError, match=r"checkpoint-2 is of another run: train\.group_size: 2 → 4\. Go on with"):
        check_same(folder, changed("train", group_size=4), 1)
    with pytest.raises(StateError, match=r"processes: 1 → 2"):
        check_same(folder, IDENTITY, 2)


def test_a_checkpoint_on_given_answers_binds_only_what_made_it(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    checkpoint(folder.sft_checkpoints, 2, {key: IDENTITY[key] for key in ("model", "sft")})
    check_same(folder, changed("train", group_size=4), 1)
    check_same(folder, changed("sft", steps=5), 1)  # it is not done, and may be longer
    with pytest.raises(StateError, match=r"model: 'a' → 'b'"):
        check_same(folder, {**IDENTITY, "model": "b"}, 1)


def test_a_model_of_given_answers_is_not_made_longer(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.start.mkdir(parents=True)
    folder.keep_start({"model": "a", "sft": IDENTITY["sft"], "data": "ab"})
    check_same(folder, IDENTITY, 1)
    with pytest.raises(StateError, match=r"sft/model is of another run: sft\.steps: 3 → 5"):
        check_same(folder, changed("sft", steps=5), 1)


def test_files_that_cannot_be_read_are_left_to_the_trainer(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    checkpoint(folder.checkpoints, 1)
    (folder.checkpoints / "checkpoint-1" / "manifest.json").write_text("{")
    folder.start.mkdir(parents=True)
    folder.start_identity.write_text("[]")
    check_same(folder, IDENTITY, 1)


def test_what_is_kept_and_what_resuming_does_is_said_as_it_is(tmp_path: Path) -> None:
    folder, recipe = RunFolder(tmp_path / "run"), load_recipe("tiny-cpu", ["train.steps=4", "sft.steps=3"])
    told = [what_resuming_does(folder, recipe)]
    folder.open(recipe, resume=False)
    (folder.path / "metrics.jsonl").write_text("{}")
    told.append(what_resuming_does(folder, recipe))
    checkpoint(folder.sft_checkpoints, 2)
    told.append(what_resuming_does(folder, recipe))
    folder.start.mkdir(parents=True)
    told.append(what_resuming_does(folder, recipe))
    for step in (3, 4):
        checkpoint(folder.checkpoints, step)
        told.append(what_resuming_does(folder, recipe))
    again = "the same command with --resume"
    assert told == [
        f"nothing was done, and {folder.path} keeps nothing; the same command begins anew",
        f"{folder.path} keeps no step; {again} begins anew",
        f"{folder.path} keeps step 2 on given answers; {again} goes on from there",
        f"{folder.path} keeps what training on given answers made; {again} goes on with rewards",
        f"{folder.path} keeps step 3; {again} goes on from there",
        f"{folder.path} keeps step 4, the last one; {again} writes the model, and trains no more",
    ]
