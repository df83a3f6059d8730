"""The demonstration of verified answers: one phase and two at as many answers, and the command."""

from collections.abc import Callable
from pathlib import Path

import pytest

from citerefine.training.demo import __main__ as command
from citerefine.training.demo import sums
from citerefine.training.demo.imitating import SETTINGS
from citerefine.training.demo.preparing import SHORT, prepare
from citerefine.training.demo.sums import IMITATED, Phases, SumsOutcome, demonstrate_sums, prepare_sums
from citerefine.training.planning.plan import make_plan
from citerefine.training.recipes.recipe import Recipe

BOTH = pytest.mark.parametrize("phases", ["one", "two"])


def outcome(rewarded: float, phases: Phases = "one") -> SumsOutcome:
    curve = ((0, 0.5), (60, rewarded))
    return SumsOutcome(seed=3, phases=phases, samples=7680, curve=curve, wall_seconds=100.0, cpu_seconds=90.0)


@BOTH
def test_the_recipe_can_be_run_as_it_is(phases: Phases, tmp_path: Path) -> None:
    recipe = prepare_sums(tmp_path, 3, phases)
    (tmp_path / "start").rename(tmp_path / IMITATED)
    assert not make_plan(recipe).errors
    assert recipe.phases == phases
    assert recipe.train.seed == 3


def test_both_sample_as_many_answers_with_all_else_alike(tmp_path: Path) -> None:
    one, two = (prepare_sums(tmp_path / phases, 0, phases) for phases in ("one", "two"))
    assert two.train == one.train
    assert two.model.name.replace("two", "one") == one.model.name
    assert two.data.model_copy(update={"train": one.data.train, "eval": one.data.eval}) == one.data


def test_cited_answers_can_be_trained_in_two_phases_too(tmp_path: Path) -> None:
    small = SHORT._replace(n_imitated=40, n_asked=10, n_watched=3)
    recipe = prepare(tmp_path, small, 0, "two")
    assert not make_plan(recipe).errors
    assert recipe.train == prepare(tmp_path, small, 0).train


@BOTH
def test_a_model_is_trained_and_its_accuracy_is_watched(
    phases: Phases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def smaller(folder: Path, seed: int, phases: Phases) -> Recipe:
        recipe = prepare_sums(folder, seed, phases)
        steps = {"steps": 2, "prompts_per_step": 2, "group_size": 2, "micro_groups": 2}
        watch = recipe.watch.model_copy(update={"heldout_rows": 4})
        return recipe.model_copy(update={"train": recipe.train.model_copy(update=steps), "watch": watch})

    monkeypatch.setattr(sums, "prepare_sums", smaller)
    few = {"steps": 2, "rows_per_step": 4, "micro_rows": 4}
    monkeypatch.setattr(sums, "SETTINGS", SETTINGS.model_copy(update=few))
    told = list[str]()
    found = demonstrate_sums(tmp_path, phases, 0, told.append)
    assert found is not None
    assert (found.samples, found.phases) == (8, phases)
    assert [step for step, _ in found.curve] == [0, 2]
    told.clear()
    assert demonstrate_sums(tmp_path, phases, 0, told.append) == found  # it is read, and not run again
    assert not told


@pytest.mark.parametrize(("rewarded", "code"), [(0.8, 0), (0.5, 1)])
def test_each_seed_has_a_line_and_none_may_gain_nothing(
    rewarded: float, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    asked = list[tuple[Path, Phases, int]]()

    def demonstrate(folder: Path, phases: Phases, seed: int, tell: Callable[[str], None]) -> SumsOutcome:
        asked.append((folder, phases, seed))
        return outcome(rewarded, phases)

    monkeypatch.setattr(command, "demonstrate_sums", demonstrate)
    arguments = ["--task", "arithmetic", "--phases", "two", "--out", str(tmp_path), "--seeds", "3"]
    assert command.main(arguments) == code
    assert asked == [(tmp_path / "two-phases-seed-3", "two", 3)]
    _, line = capsys.readouterr().out.splitlines()
    assert line.split() == ["3", "two", "7,680", "0.500", f"{rewarded:.3f}", f"{rewarded - 0.5:+.3f}", "100", "90"]


def test_one_that_is_stopped_says_how_to_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(command, "demonstrate_sums", lambda *_: None)
    assert command.main(["--task", "arithmetic", "--out", str(tmp_path)]) == 130
    assert "the same command goes on" in capsys.readouterr().err
