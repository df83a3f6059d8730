"""From a file or a name to a recipe: what holds, what is refused, and how it is told."""

import subprocess
import sys
from pathlib import Path

import pytest

from citerefine.training.errors import RecipeError
from citerefine.training.recipes.keys import recipe_keys, taken_by
from citerefine.training.recipes.reading import MAX_BYTES, load_recipe
from citerefine.training.recipes.recipe import Recipe

SMALL = """
[model]
name = "Qwen/Qwen3-0.6B"

[data]
train = "rows.jsonl"

[train]
steps = 7
"""


def written(folder: Path, text: str) -> str:
    file = folder / "recipe.toml"
    file.write_text(text, "utf-8")
    return str(file)


def refused(source: str, *sets: str) -> str:
    with pytest.raises(RecipeError) as caught:
        load_recipe(source, sets)
    return str(caught.value)


def why_refused(source: str, *sets: str) -> str:
    """Empty if it is not."""
    try:
        load_recipe(source, sets)
    except RecipeError as error:
        return str(error)
    return ""


def test_what_a_recipe_does_not_say_has_its_default(tmp_path: Path) -> None:
    recipe = load_recipe(written(tmp_path, SMALL))
    assert (recipe.train.steps, recipe.train.group_size, recipe.sft, recipe.train.lora) == (7, 8, None, None)


def test_relative_paths_start_at_the_file(tmp_path: Path) -> None:
    assert load_recipe(written(tmp_path, SMALL)).data.train == str(tmp_path / "rows.jsonl")


def test_paths_of_the_command_line_start_where_one_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    recipe = load_recipe(written(tmp_path, SMALL), ["data.train=mine.jsonl"])
    assert recipe.data.train == str(elsewhere / "mine.jsonl")


def test_values_that_are_set_win_over_the_file(tmp_path: Path) -> None:
    sets = ["train.steps=9", "train.lora.rank=4", "reward.static_sets=['citation']"]
    recipe = load_recipe(written(tmp_path, SMALL), sets)
    assert recipe.train.lora is not None
    assert (recipe.train.steps, recipe.train.lora.rank, recipe.reward.static_sets) == (9, 4, ("citation",))


def test_a_section_is_left_out_by_none_and_a_value_may_be_none(tmp_path: Path) -> None:
    text = SMALL + "lora.rank = 4\n[sft]\nepochs = 2.0\n"
    recipe = load_recipe(written(tmp_path, text), ["train.lora=none", "sft=none", "train.correction=none"])
    assert (recipe.train.lora, recipe.sft, recipe.train.correction) == (None, None, "none")


def test_all_that_is_wrong_is_listed_at_once_with_line_and_remedy(tmp_path: Path) -> None:
    text = SMALL + 'lerning_rate = 1e-6\ngroup_size = "many"\n[rewards]\nrubric = 1\n[sft]\njudge = "lexical"\n'
    message = refused(written(tmp_path, text))
    assert "line 10, train.lerning_rate: there is no such key; did you mean learning_rate?" in message
    assert 'line 11, train.group_size: "many" cannot be used; it takes a whole number, 2 or more, and is 8' in message
    assert "line 12, rewards: there is no such key; did you mean reward?" in message
    assert "line 15, sft.judge: there is no such key; judge stands in reward.judge" in message


@pytest.mark.parametrize("value", ["-1.5", "nan", "inf", "1e400", "{}", "[{}]", "[3]", "2026-01-01", "many words"])
def test_a_value_that_does_not_fit_is_told_with_what_does(value: str, tmp_path: Path) -> None:
    """For each key there is; in our words, whatever pydantic calls it."""
    source, n_told = written(tmp_path, SMALL), 0
    for key in recipe_keys(Recipe):
        message = why_refused(source, f"{key.name}={value}")
        lines = [line for line in message.splitlines() if "cannot be used" in line]
        assert all(line.startswith(f"  --set {key.name}: ") for line in lines)
        assert all(f" cannot be used; it takes {taken_by(key.field)}" in line for line in lines)
        assert "nput should" not in message
        n_told += len(lines)
    assert n_told > 10


def test_a_value_in_place_of_a_section_is_told(tmp_path: Path) -> None:
    message = refused(written(tmp_path, SMALL), "watch=5", "train.lora='r'")
    assert "--set watch: 5 cannot be used; it is a section: write its keys below [watch]" in message
    assert '--set train.lora: "r" cannot be used; it is a section: write its keys below [train.lora]' in message


def test_a_value_that_none_of_several_kinds_takes_is_one_problem(tmp_path: Path) -> None:
    message = refused(written(tmp_path, SMALL), "train.lora.targets=3")
    assert message.splitlines()[1:] == [
        "  --set train.lora.targets: 3 cannot be used; it takes a list of texts in brackets, or all-linear, and is "
        '"all-linear" by default'
    ]


def test_what_is_set_wrong_is_told_as_such(tmp_path: Path) -> None:
    assert "--set train.stepps: there is no such key; did you mean steps?" in refused(
        written(tmp_path, SMALL), "train.stepps=4"
    )


def test_lengths_that_cannot_fit_are_refused_with_the_remedy(tmp_path: Path) -> None:
    message = refused(written(tmp_path, SMALL), "data.prompt_tokens=8000")
    assert "data: prompt_tokens 8000 and answer_tokens 1024 exceed total_tokens 8192; raise total_tokens" in message


def test_what_must_be_given_is_asked_for(tmp_path: Path) -> None:
    message = refused(written(tmp_path, "[model]\nname = 'm'\n"))
    assert "data: is not given, and has no default; add it, or --set data=…" in message


def test_a_model_on_a_server_cannot_be_trained(tmp_path: Path) -> None:
    message = refused(written(tmp_path, SMALL), "model.name=openai:m@http://localhost:1/v1")
    assert "cannot be trained; name a folder, or a model on the hub" in message


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"[model\n", "is no TOML"),
        (b"\xff\xfe", "is no UTF-8"),
        (b"# " + b"x" * MAX_BYTES, "is longer than 1 MB"),
        (b"a = " + b"[" * 5000 + b"]" * 5000, "is no TOML"),
    ],
)
def test_a_file_that_is_no_recipe_is_refused(tmp_path: Path, content: bytes, told: str) -> None:
    file = tmp_path / "bad.toml"
    file.write_bytes(content)
    assert told in refused(str(file))


def test_a_name_that_nothing_has_is_answered_with_the_nearest() -> None:
    assert "did you mean tiny-cpu?" in refused("tiny-cpuu")
    assert "cannot be read: No such file" in refused("nowhere/recipe.toml")


def test_a_resolved_recipe_reads_as_the_same(tmp_path: Path) -> None:
    for name in ("tiny-cpu", "thinktwice", "multi-node"):
        recipe = load_recipe(name, ["sft.epochs=2.0"])
        file = written(tmp_path, recipe.resolved())
        assert load_recipe(file) == recipe


def test_imitation_is_as_training_on_rewards_unless_it_says_otherwise(tmp_path: Path) -> None:
    same = load_recipe("tiny-cpu", ["sft.steps=3", "train.lora.rank=5"])
    assert same.sft is not None
    assert same.sft.lora == same.train.lora
    assert (same.sft.bf16, same.sft.gradient_checkpointing) == (False, False)
    own = load_recipe("tiny-cpu", ["sft.lora.rank=2", "sft.bf16=true", "sft.gradient_checkpointing=true"])
    assert own.sft is not None
    assert own.sft.lora is not None
    assert (own.sft.lora.rank, own.sft.bf16, own.sft.gradient_checkpointing) == (2, True, True)
    whole = load_recipe("tiny-cpu", ["sft.all_weights=true"])
    assert whole.sft is not None
    assert whole.sft.lora is None
    for recipe in (same, own, whole):
        assert load_recipe(written(tmp_path, recipe.resolved())) == recipe
        assert Recipe.model_validate_json(recipe.model_dump_json()) == recipe


def test_recipes_are_read_and_checked_without_torch() -> None:
    code = (
        "import sys; from citerefine.training.recipes.reading import load_recipe; "
        "from citerefine.training.recipes.checks import find_problems; "
        "import citerefine.training.planning.plan, citerefine.app.train; "
        "find_problems(load_recipe('tiny-cpu')); "
        "sys.exit(', '.join({'torch', 'transformers', 'trl', 'datasets'} & {*sys.modules}) or None)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_records_of_a_recipe_do_not_change() -> None:
    recipe = load_recipe("tiny-cpu")
    with pytest.raises(ValueError, match="frozen"):
        recipe.train.steps = 3
    assert Recipe.model_validate_json(recipe.model_dump_json()) == recipe
