"""The file of an ablation: what it may say, and what is wrong with others."""

from pathlib import Path

import pytest

from citerefine.training.ablating.ablation import Ablation, read_ablation
from citerefine.training.errors import RecipeError

SEEDS = 'recipe = "tiny-cpu"\nseeds = [1, 2, 3]\n'
TWO = '[[variants]]\nname = "one"\n[[variants]]\nname = "two"\nset = { phases = "two" }\n'


def read(folder: Path, text: str) -> Ablation:
    path = folder / "ablation.toml"
    path.write_text(text, "utf-8")
    return read_ablation(path)


def test_variants_by_name_have_what_is_set_for_all_and_then_their_own(tmp_path: Path) -> None:
    ablation = read(tmp_path, SEEDS + "[set]\ntrain.steps = 5\n" + TWO)
    assert (ablation.recipe, ablation.seeds, ablation.equal_samples) == ("tiny-cpu", (1, 2, 3), True)
    assert [(one.name, one.sets) for one in ablation.variants] == [
        ("one", ("train.steps=5",)),
        ("two", ("train.steps=5", 'phases="two"')),
    ]


def test_axes_are_multiplied_the_last_one_fastest(tmp_path: Path) -> None:
    ablation = read(tmp_path, SEEDS + "[axes]\ntrain.claim_credit = [0, 0.1]\nreward.citation = [0.4, 0.8]\n")
    assert [one.name for one in ablation.variants] == [
        "claim_credit=0, citation=0.4",
        "claim_credit=0, citation=0.8",
        "claim_credit=0.1, citation=0.4",
        "claim_credit=0.1, citation=0.8",
    ]
    assert ablation.variants[1].sets == ("train.claim_credit=0", "reward.citation=0.8")


def test_axes_of_the_same_last_word_are_named_in_full(tmp_path: Path) -> None:
    ablation = read(tmp_path, SEEDS + "[axes]\ntrain.bf16 = [true, false]\nsft.bf16 = [true, false]\n")
    assert ablation.variants[0].name == "train.bf16=True, sft.bf16=True"


@pytest.mark.parametrize("keys", ['"train.steps" = 5', "train.steps = 5", "train = { steps = 5 }"])
def test_keys_are_written_in_any_way_that_toml_has(keys: str, tmp_path: Path) -> None:
    assert read(tmp_path, f"{SEEDS}[set]\n{keys}\n{TWO}").variants[0].sets == ("train.steps=5",)


def test_paths_start_at_the_folder_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    text = 'recipe = "../mine.toml"\nseeds = [1, 2, 3]\n[set]\ndata.train = "rows.jsonl"\n' + TWO
    ablation = read(tmp_path / "inner", text)
    assert ablation.recipe == str(tmp_path / "mine.toml")
    assert ablation.variants[0].sets == (f'data.train="{tmp_path / "inner" / "rows.jsonl"}"',)


def test_the_base_recipe_may_stand_in_the_file(tmp_path: Path) -> None:
    text = f'seeds = [1, 2, 3]\n{TWO}[recipe.model]\nname = "org/model"\n[recipe.data]\ntrain = "rows.jsonl"\n'
    assert read(tmp_path, text).recipe == {
        "model": {"name": "org/model"},
        "data": {"train": str(tmp_path / "rows.jsonl")},
    }


@pytest.mark.parametrize("seeds", ["[]", "[1]", "[1, 2]"])
def test_few_seeds_are_refused_with_the_reason(seeds: str, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"cannot tell what a variant does from what chance does.*few_seeds = true"):
        read(tmp_path, f'recipe = "tiny-cpu"\nseeds = {seeds}\n{TWO}')


def test_few_seeds_are_taken_if_it_is_said_that_they_are_few(tmp_path: Path) -> None:
    assert read(tmp_path, f'recipe = "tiny-cpu"\nseeds = [1]\nfew_seeds = true\n{TWO}').seeds == (1,)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("recipe = ", "is no TOML"),
        (SEEDS, "neither is given"),
        (SEEDS + TWO + "[axes]\ntrain.steps = [1, 2]\n", "both are given"),
        (SEEDS + "[axes]\ntrain.steps = [1]\n", "is no axis"),
        (SEEDS + "[axes]\ntrain.steps = 1\n", "is no axis"),
        (SEEDS + '[[variants]]\nname = "one"\n', "two or more of different names"),
        (SEEDS + TWO + '[[variants]]\nname = "two"\n', "two or more of different names"),
        (SEEDS + '[[variants]]\nname = ""\n', "at least 1 character"),
        (SEEDS + '[[variants]]\nname = "a|b"\n', "variants.0.name"),
        (SEEDS.replace("3", "1") + TWO, "one twice"),
        (SEEDS.replace("3", "-3") + TWO, "below 0"),
        (SEEDS + "[set]\ntrain.seed = 5\n" + TWO, "list them as seeds"),
        (SEEDS + 'seed = 3\n' + TWO, "the keys are: about, recipe, seeds"),
        ("seeds = [1, 2, 3]\n" + TWO, "recipe: field required"),
        (SEEDS + "[axes]\ntrain.steps = [1, 2]\n[axes.x]\n" + "".join(f"a{n} = [1, 2]\n" for n in range(9)), "1000"),
        (SEEDS + '[set]\n"train" = 1\n"train.steps" = 1\n' + TWO, "is a value and no section"),
    ],
)  # fmt: skip
def test_what_is_no_ablation_is_refused_with_what_to_do(text: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=told.replace("|", r"\|")):
        read(tmp_path, text)


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="cannot be read"):
        read_ablation(tmp_path / "nowhere.toml")
