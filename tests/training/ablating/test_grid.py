"""The runs of an ablation: their recipes, their order, and that all sample as many answers."""

from pathlib import Path

import pytest

from citerefine.training.ablating.ablation import Ablation, Variant
from citerefine.training.ablating.grid import folder_name, plan_runs
from citerefine.training.errors import RecipeError

ROWS = "data.train=rows.jsonl"


def ablation(*variants: tuple[str, tuple[str, ...]], equal_samples: bool = True) -> Ablation:
    return Ablation(
        recipe="tiny-cpu",
        seeds=(1, 2, 3),
        few_seeds=False,
        equal_samples=equal_samples,
        variants=tuple(Variant(name=name, sets=sets) for name, sets in variants),
    )


def test_all_variants_have_a_seed_before_any_has_the_next(tmp_path: Path) -> None:
    runs = plan_runs(ablation(("a", ()), ("b", ("train.claim_credit=0.1",))), tmp_path, [ROWS])
    assert [(run.variant.name, run.seed) for run in runs] == [(name, seed) for seed in (1, 2, 3) for name in "ab"]
    assert runs[-1].folder == tmp_path / "b" / "seed-3"
    assert len({run.folder for run in runs}) == 6


def test_a_seed_decides_about_rewards_and_about_imitation(tmp_path: Path) -> None:
    runs = plan_runs(ablation(("a", ("sft.steps=1",)), ("b", ())), tmp_path, [ROWS])
    assert [(run.recipe.train.seed, run.recipe.sft and run.recipe.sft.seed) for run in runs[:3]] == [
        (1, 1),
        (1, None),
        (2, 2),
    ]


def test_what_a_variant_sets_wins_over_what_is_set_for_all(tmp_path: Path) -> None:
    sets = [ROWS, "train.claim_credit=0.5", "train.beta=0.5"]
    first, second = plan_runs(ablation(("a", ()), ("b", ("train.claim_credit=0.1",))), tmp_path, sets)[:2]
    assert (first.recipe.train.claim_credit, second.recipe.train.claim_credit) == (0.5, 0.1)
    assert second.recipe.train.beta == 0.5


def test_two_phases_with_as_many_steps_sample_as_many_answers(tmp_path: Path) -> None:
    two = ("phases=two", "data.total_tokens=2048")
    one, other = plan_runs(ablation(("one", ()), ("two", two)), tmp_path, [ROWS])[:2]
    assert one.samples == other.samples == 20 * 2 * 4


@pytest.mark.parametrize(
    ("sets", "remedy"),
    [
        (("train.group_size=8",), "set train.steps = 10 in it"),
        (("train.steps=40",), "set train.steps = 20 in it"),
        (("train.group_size=3",), "of the same product"),
        (("phases=two", "train.prompts_per_step=8", "data.total_tokens=2048"), "of the same product"),  # 5 is odd
    ],
)
def test_variants_that_sample_more_answers_are_refused(sets: tuple[str, ...], remedy: str, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=rf"it samples [\d,]+ answers, and 'a' 160.*{remedy}"):
        plan_runs(ablation(("a", ()), ("b", sets)), tmp_path, [ROWS])
    assert plan_runs(ablation(("a", ()), ("b", sets), equal_samples=False), tmp_path, [ROWS])


def test_refilled_groups_sample_nobody_knows_how_many(tmp_path: Path) -> None:
    refill = ("train.refill=true", "train.refill_tokens=100000")
    with pytest.raises(RecipeError, match=r"nobody knows how many.*equal_samples = false"):
        plan_runs(ablation(("a", refill), ("b", (*refill, "train.beta=0.1"))), tmp_path, [ROWS])


@pytest.mark.parametrize(
    ("variants", "told"),
    [
        ([("a", ()), ("b", ("train.steps=20",))], "'a' and 'b' come to the same recipe"),
        ([("a b", ()), ("a, b", ("train.beta=0.1",))], "would be kept in the same folder"),
        ([("a", ()), ("b", ("watch.heldout_rows=0",))], "b: nothing is held out"),
        ([("a", ()), ("b", ("hardware.gpus=8", "hardware.engine=ddp"))], "b: it is made for 8 processes"),
        ([("a", ()), ("b", ("train.step=1",))], "did you mean steps"),
    ],
)
def test_what_cannot_be_compared_is_refused(
    variants: list[tuple[str, tuple[str, ...]]], told: str, tmp_path: Path
) -> None:
    with pytest.raises(RecipeError, match=told):
        plan_runs(ablation(*variants), tmp_path, [ROWS])


def test_a_recipe_in_the_file_is_told_of_as_such(tmp_path: Path) -> None:
    inline = ablation(("a", ()), ("b", ("train.beta=0.1",))).model_copy(
        update={"recipe": {"model": {"name": "org/model"}, "data": {"train": "/rows.jsonl"}}}
    )
    runs = plan_runs(inline, tmp_path)
    assert (runs[0].recipe.model.name, runs[1].recipe.train.beta) == ("org/model", 0.1)
    wrong = inline.model_copy(update={"recipe": {"model": {"name": "org/model"}}})
    with pytest.raises(RecipeError, match=r"^variant 'a': the recipe of the ablation cannot be run:\s+data"):
        plan_runs(wrong, tmp_path)


@pytest.mark.parametrize("name", ["../..", "a/b", "..", "λ", "a" * 80, "x=0.1, y=2"])
def test_a_variant_is_kept_in_a_folder_of_its_own_whatever_its_name(name: str) -> None:
    assert Path(folder_name(name)).name == folder_name(name)
    assert folder_name(name).strip(".")
