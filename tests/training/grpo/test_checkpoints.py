"""A checkpoint is whole, or it is none."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citerefine.training.errors import StateError
from citerefine.training.grpo import checkpoints
from citerefine.training.grpo.checkpoints import MANIFEST, STAGED, facts_of, flaw, listed, named, newest, prune, publish


def save(folder: Path, step: int, text: str = "weights") -> Path:
    staged = folder / STAGED / f"checkpoint-{step}"
    (staged / "parts" / "buffer").mkdir(parents=True)
    (staged / "model.safetensors").write_text(text)
    (staged / "parts" / "buffer" / "events.jsonl").write_text("{}\n")
    publish(staged, named(folder, step), {"step": step, "identity": {"seed": 1}})
    return named(folder, step)


def test_what_is_published_is_whole_and_says_what_it_is_of(tmp_path: Path) -> None:
    checkpoint = save(tmp_path, 3)
    assert flaw(checkpoint) == ""
    assert facts_of(checkpoint)["identity"] == {"seed": 1}
    assert {*facts_of(checkpoint)["files"]} == {"model.safetensors", "parts/buffer/events.jsonl"}
    assert newest(tmp_path) == checkpoint


def test_the_newest_that_is_whole_is_taken(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    good, broken = save(tmp_path, 9), save(tmp_path, 10)
    (broken / "model.safetensors").write_text("weighty")
    (tmp_path / "checkpoint-11").mkdir()
    (tmp_path / "checkpoint-x").mkdir()
    assert newest(tmp_path) == good
    assert "checkpoint-10 is passed over: model.safetensors is not what was written" in caplog.text
    assert "checkpoint-11 is passed over" in caplog.text


def test_none_is_no_error(tmp_path: Path) -> None:
    assert newest(tmp_path) is None
    assert newest(tmp_path / "not there") is None


@given(st.data())
def test_no_change_of_a_file_goes_unseen(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    checkpoint = save(tmp_path_factory.mktemp("c"), 1)
    file = checkpoint / data.draw(st.sampled_from(sorted(facts_of(checkpoint)["files"])))
    text = bytearray(file.read_bytes())
    match data.draw(st.sampled_from(["flip", "cut", "add", "remove"])):
        case "flip":
            text[data.draw(st.integers(0, len(text) - 1))] ^= 1 << data.draw(st.integers(0, 7))
            file.write_bytes(text)
        case "cut":
            file.write_bytes(text[: data.draw(st.integers(0, len(text) - 1))])
        case "add":
            file.write_bytes(text + b" ")
        case "remove":
            file.unlink()
    assert flaw(checkpoint)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"version": 2}', '{"version": 1}', '{"version": 1, "files": [1]}'])
def test_a_manifest_that_is_none_is_a_flaw(tmp_path: Path, text: str) -> None:
    checkpoint = save(tmp_path, 1)
    (checkpoint / MANIFEST).write_text(text)
    assert flaw(checkpoint)


def test_a_whole_one_stays_and_a_broken_one_is_replaced(tmp_path: Path) -> None:
    save(tmp_path, 1, "first")
    assert (save(tmp_path, 1, "second") / "model.safetensors").read_text() == "first"
    (named(tmp_path, 1) / "model.safetensors").write_text("broken")
    assert (save(tmp_path, 1, "third") / "model.safetensors").read_text() == "third"


def test_old_ones_leave_and_what_broken_saves_left(tmp_path: Path) -> None:
    for step in (2, 10, 9, 1):
        save(tmp_path, step)
    (tmp_path / STAGED / "checkpoint-11").mkdir(parents=True)
    prune(tmp_path, keep=2)
    assert [path.name for path in listed(tmp_path)] == ["checkpoint-9", "checkpoint-10"]
    assert not [*tmp_path.glob(".*")]


def test_nothing_is_named_before_it_is_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kill at any point of a save leaves the old checkpoint as the newest, or the new one whole."""
    old, synced = save(tmp_path, 1), list[Path]()

    def record(path: Path) -> None:
        synced.append(path)
        assert newest(tmp_path) == (named(tmp_path, 2) if named(tmp_path, 2).exists() else old)

    monkeypatch.setattr(checkpoints, "_sync", record)
    new = save(tmp_path, 2)
    files = {path for path in new.rglob("*") if path.is_file()}
    assert {path.name for path in synced} >= {file.name for file in files} | {"buffer", "parts", tmp_path.name}


def test_a_kill_while_one_is_removed_leaves_no_half_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for step in (1, 2, 3):
        save(tmp_path, step)

    def killed(path: Path, **_: Any) -> None:
        if (path / "model.safetensors").exists():
            os.unlink(path / "model.safetensors")
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(shutil, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            prune(tmp_path, keep=2)
    assert [(path.name, flaw(path)) for path in listed(tmp_path)] == [("checkpoint-2", ""), ("checkpoint-3", "")]
    prune(tmp_path, keep=2)
    assert not [*tmp_path.glob(".*")]


def test_a_folder_without_manifest_says_so(tmp_path: Path) -> None:
    with pytest.raises(StateError, match=r"has no manifest.json; it was not saved to the end"):
        facts_of(tmp_path)


def test_the_manifest_is_plain_json(tmp_path: Path) -> None:
    assert json.loads((save(tmp_path, 1) / MANIFEST).read_text())["step"] == 1
