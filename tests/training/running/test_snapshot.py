"""One folder stands for the model and revision of a recipe, and what comes of it names them again."""

import json
from pathlib import Path
from typing import Any

import pytest

from citerefine.training.errors import RecipeError
from citerefine.training.recipes.sections import ModelSettings
from citerefine.training.running import snapshot
from citerefine.training.running.snapshot import model_folder, name_base


def test_a_folder_is_taken_as_it_is_and_nothing_is_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "snapshot_download", None)
    assert model_folder(ModelSettings(name=str(tmp_path), revision="v1")) == tmp_path


@pytest.mark.parametrize(("revision", "asked"), [("", None), ("v1", "v1")])
def test_a_model_of_the_hub_is_fetched_once_in_its_revision_without_weights_in_other_formats(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, revision: str, asked: str | None
) -> None:
    calls = list[tuple[str, dict[str, Any]]]()

    def fetched(name: str, **how: Any) -> str:
        calls.append((name, how))
        return str(tmp_path)

    monkeypatch.setattr(snapshot, "snapshot_download", fetched)
    assert model_folder(ModelSettings(name="org/model", revision=revision)) == tmp_path
    ((name, how),) = calls
    assert (name, how["revision"]) == ("org/model", asked)
    assert not any(pattern.endswith((".bin", ".pth", ".py")) for pattern in how["allow_patterns"])


def test_what_cannot_be_fetched_is_told_with_its_revision(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(name: str, **how: Any) -> str:
        raise OSError("no such revision\nmore")

    monkeypatch.setattr(snapshot, "snapshot_download", fails)
    with pytest.raises(RecipeError, match="the files of org/model at v1 cannot be loaded: no such revision; name a"):
        model_folder(ModelSettings(name="org/model", revision="v1"))


def test_an_adapter_names_model_and_revision_and_not_a_cache(tmp_path: Path) -> None:
    file = tmp_path / "adapter_config.json"
    file.write_text(json.dumps({"base_model_name_or_path": "/cache/snapshots/ab", "revision": None, "r": 8}))
    name_base(tmp_path, ModelSettings(name="org/model", revision="v1"))
    assert json.loads(file.read_text()) == {"base_model_name_or_path": "org/model", "revision": "v1", "r": 8}


def test_an_adapter_of_a_folder_stays_and_whole_weights_have_no_settings_to_write(tmp_path: Path) -> None:
    name_base(tmp_path, ModelSettings(name="org/model"))
    assert not list(tmp_path.iterdir())
    file = tmp_path / "adapter_config.json"
    file.write_text('{"base_model_name_or_path": "x"}')
    name_base(tmp_path, ModelSettings(name=str(tmp_path)))
    assert file.read_text() == '{"base_model_name_or_path": "x"}'
