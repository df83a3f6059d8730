"""`--set section.key=value`."""

import pytest

from citerefine.training.errors import RecipeError
from citerefine.training.recipes.overriding import override, parse_set


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a.b=5", 5),
        ("a.b = 1e-6", 1e-6),
        ("a.b=true", True),
        ("a.b=['x', 'y']", ["x", "y"]),
        ('a.b="5"', "5"),
        ("a.b=rows.jsonl", "rows.jsonl"),
        ("a.b=Qwen/Qwen3-4B", "Qwen/Qwen3-4B"),
        ("a.b=openai:m@http://h:1/v1?x=1", "openai:m@http://h:1/v1?x=1"),
        ("a.b=", ""),
        ("a.b=1\nc=2", "1\nc=2"),
    ],
)
def test_a_value_is_toml_and_else_text(text: str, value: object) -> None:
    assert parse_set(text) == (("a", "b"), value)


@pytest.mark.parametrize("text", ["steps", "=5", "a b=5", "a..b=5", ".a=5"])
def test_what_names_no_key_is_refused(text: str) -> None:
    with pytest.raises(RecipeError, match=r"is not section\.key=value"):
        parse_set(text)


def test_the_last_of_two_holds_and_sections_come_to_be() -> None:
    values = {"train": {"steps": 1}}
    assert override(values, ["train.steps=2", "train.steps=3", "sft.epochs=1"]) == {
        "train": {"steps": 3},
        "sft": {"epochs": 1},
    }
    assert values == {"train": {"steps": 1}}


def test_none_leaves_a_section_out_and_is_a_value_elsewhere() -> None:
    values = {"train": {"lora": {"rank": 4}, "correction": "token_truncate"}}
    left = override(values, ["train.lora=none", "train.correction=none", "sft=none"], [("train", "lora"), ("sft",)])
    assert left == {"train": {"correction": "none"}}


def test_a_value_has_no_keys() -> None:
    with pytest.raises(RecipeError, match="steps is a value and no section"):
        override({"train": {"steps": 1}}, ["train.steps.more=2"])
