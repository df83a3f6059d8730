"""Where the paths of a recipe lead."""

from pathlib import Path

import pytest

from citerefine.training.recipes.places import placed


def test_rows_are_files_of_the_folder_unless_they_are_of_a_hub(tmp_path: Path) -> None:
    found = placed({"data": {"train": "a.jsonl", "eval": "hub:o/n:test"}}, tmp_path)
    assert found == {"data": {"train": str(tmp_path / "a.jsonl"), "eval": "hub:o/n:test"}}


def test_a_model_is_a_folder_where_there_is_one(tmp_path: Path) -> None:
    (tmp_path / "org" / "mine").mkdir(parents=True)
    for name, place in {
        "org/mine": str(tmp_path / "org" / "mine"),
        "hf:org/mine": str(tmp_path / "org" / "mine"),
        "Qwen/Qwen3-4B": "Qwen/Qwen3-4B",
        "../m": str(tmp_path.parent / "m"),
    }.items():
        assert placed({"model": {"name": name}}, tmp_path)["model"]["name"] == place


@pytest.mark.parametrize(
    ("judge", "place"),
    [
        ("lexical", "lexical"),
        ("table:labels.jsonl", "table:{}/labels.jsonl"),
        ("hf:./nli", "hf:{}/nli"),
        ("hf:org/nli", "hf:org/nli"),
        ("cascade:hf:./nli", "cascade:hf:{}/nli"),
        ("openai:m@http://h:1/v1", "openai:m@http://h:1/v1"),
    ],
)
def test_judges_may_name_files(tmp_path: Path, judge: str, place: str) -> None:
    assert placed({"reward": {"support": judge}}, tmp_path)["reward"]["support"] == place.format(tmp_path)


def test_what_is_placed_stays_where_it_is(tmp_path: Path) -> None:
    once = placed({"data": {"train": "a.jsonl"}, "reward": {"judge": "table:l.jsonl"}}, tmp_path)
    assert placed(once, Path("/elsewhere")) == once
