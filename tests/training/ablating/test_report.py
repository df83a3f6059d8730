"""The table of an ablation: means over seeds, differences, and failures that are no numbers."""

import json
from pathlib import Path

import pytest
from tests.training.ablating.pretended_runs import pretended, write_metrics

from citerefine.training.ablating.grid import PlannedRun
from citerefine.training.ablating.outcome import read_outcome
from citerefine.training.ablating.report import Report, figure_names, make_report, markdown

F1S = {(0.0, 1): 0.1, (0.0, 2): 0.2, (0.0, 3): 0.3, (1.0, 1): 0.5, (1.0, 2): 0.6, (1.0, 3): 0.7}


def report(folder: Path, missing: tuple[float, int] | None = None, **others: float | None) -> Report:
    ablation, runs = pretended(0, 1, out=folder)
    for run in runs:
        at = (run.recipe.train.beta, run.seed)
        if at != missing:
            write_metrics(run, {"n": 5.0, "f1": F1S[at], **others})
        else:
            run.folder.parent.mkdir(exist_ok=True)
            run.failure.write_text('{"code": 1, "reason": "exit code 1: a | b\\n<b>"}', "utf-8")
    return make_report(ablation, runs)


def test_means_and_paired_differences_are_over_seeds(tmp_path: Path) -> None:
    first, other = report(tmp_path).variants
    assert (round(first.means["f1"].mean or 0, 3), round(other.means["f1"].mean or 0, 3)) == (0.2, 0.6)
    assert first.differences is None
    assert other.differences is not None
    gap = other.differences["f1"]
    assert (round(gap.mean or 0, 3), gap.n) == (0.4, 3)
    assert gap.ci95 is not None
    assert gap.ci95[1] - gap.ci95[0] < 1e-9


def test_a_failed_run_is_no_number_and_the_page_says_so(tmp_path: Path) -> None:
    made = report(tmp_path, missing=(1.0, 2))
    _, other = made.variants
    assert (made.failed, made.done) == (1, True)
    assert (other.means["f1"].n, round(other.means["f1"].mean or 0, 3)) == (2, 0.6)
    assert other.runs[1].figures == {}
    page = markdown(made)
    assert "| beta 1 | 160 | 2 of 3, 1 failed | 0.600 [" in page
    (difference,) = [line for line in page.splitlines() if line.startswith("| beta 1 | +0.400 [")]
    assert "] (2 seeds) |" in difference
    assert "seeds)" not in markdown(report(tmp_path / "all"))
    assert page.endswith("Failed:\n\n- beta 1, seed 2: exit code 1: a \\| b \\<b\\>\n")


def test_a_run_without_scores_of_its_last_step_has_failed(tmp_path: Path) -> None:
    ablation, runs = pretended(0, 1, out=tmp_path)
    write_metrics(runs[0], {"f1": 1.0}, step=3)
    made = make_report(ablation, runs)
    assert made.variants[0].runs[0].status == "failed"
    assert "no scores of held-out rows after step 20" in made.variants[0].runs[0].reason
    assert made.variants[0].means == {}


def test_seeds_that_all_say_the_same_are_no_certainty(tmp_path: Path) -> None:
    told = "**An interval without width says that these seeds do not differ"
    assert told in markdown(report(tmp_path / "same", exact=0.0))
    ablation, runs = pretended(0, 1, out=tmp_path / "other")
    for run in runs:
        write_metrics(run, {"f1": run.seed**2 * (run.recipe.train.beta + 1)})
    assert told not in markdown(make_report(ablation, runs))


@pytest.mark.parametrize(("steps", "late"), [(2, 1.5), (20, 19.5), (30, 29.5), (40, 38.5)])
def test_the_reward_of_training_is_over_as_many_steps_of_either_phase(
    steps: int, late: float, tmp_path: Path
) -> None:
    """The tenth part of 30 steps would have one phase twice as often as the other."""
    _, (run, *_) = pretended(0, 1, out=tmp_path)
    longer = run.recipe.model_copy(update={"train": run.recipe.train.model_copy(update={"steps": steps})})
    run = run._replace(recipe=longer)
    write_metrics(run, {"f1": 1.0})
    with (run.folder / "metrics.jsonl").open("a") as file:
        for step in range(1, steps + 1):
            row = {"step": step, "time": 0, "phase": "train", "values": {"reward/total": step}}
            file.write(json.dumps(row) + "\n")
    assert read_outcome(run).figures["reward"] == late


def two_phases(run: PlannedRun, steps: int, updates: int = 1) -> PlannedRun:
    """A run that is done, whose drafts earn what their step is and improvements 100 more."""
    changes = {"steps": steps, "updates_per_rollout": updates, "prompts_per_step": 4}
    run = run._replace(recipe=run.recipe.model_copy(update={"train": run.recipe.train.model_copy(update=changes)}))
    write_metrics(run, {"f1": 1.0}, step=steps * updates)
    with (run.folder / "metrics.jsonl").open("a") as file:
        for at in range(steps):
            step = at * updates + 1
            of_phase = {"reward/improved": 0.5, "transitions/asked_anew": 0.0} if at % 2 else {"reward/draft": 0.5}
            values = {"reward/total": step + 100 * (at % 2), **of_phase}
            file.write(json.dumps({"step": step, "time": 0, "phase": "train", "values": values}) + "\n")
            for more in range(1, updates):
                file.write(json.dumps({"step": step + more, "time": 0, "phase": "train", "values": {"kl": 0}}) + "\n")
    return run


@pytest.mark.parametrize(
    ("steps", "updates", "drafts", "improvements"),
    [(2, 1, 1, 102), (40, 1, 38, 139), (2, 2, 1, 103), (40, 4, 149, 253)],
)
def test_improvements_have_a_reward_of_their_own(
    steps: int, updates: int, drafts: float, improvements: float, tmp_path: Path
) -> None:
    """Both are of answers that were cut off too, as in runs with one phase: `reward/draft` leaves these out."""
    _, (run, *_) = pretended(0, 1, out=tmp_path)
    figures = read_outcome(two_phases(run, steps, updates)).figures
    assert (figures["reward"], figures["reward_improved"]) == (drafts, improvements)


def test_variants_of_one_phase_and_of_two_are_compared_by_first_answers(tmp_path: Path) -> None:
    ablation, runs = pretended(0, 1, out=tmp_path)
    done = [two_phases(run, 20) if run.recipe.train.beta else run for run in runs]
    for run in done:
        if not run.recipe.train.beta:
            write_metrics(run, {"f1": 1.0})
            row = {"step": 20, "time": 0, "phase": "train", "values": {"reward/total": 18}}
            with (run.folder / "metrics.jsonl").open("a") as file:
                file.write(json.dumps(row) + "\n")
    page = markdown(make_report(ablation, done))
    assert "| citation F1 | reward of first answers | reward of improvements |" in page
    (one,) = [line for line in page.splitlines() if line.startswith("| beta 0 ")]
    assert one.endswith("| 18.000 [18.000, 18.000] | – (no seed has a value) |")
    _, two = [line for line in page.splitlines() if line.startswith("| beta 1 ")]
    assert two.endswith("| +1.000 [+1.000, +1.000] | – (no seed has a value) |")


def test_runs_to_come_are_told_of(tmp_path: Path) -> None:
    ablation, runs = pretended(0, 1, out=tmp_path)
    write_metrics(runs[0], {"f1": 1.0})
    runs[1].folder.mkdir(parents=True)
    made = make_report(ablation, runs)
    assert not made.done
    page = markdown(made)
    assert "**Not all runs are done.**" in page
    assert "| beta 0 | 160 | 1 of 3, 2 to do | 1.000 (an interval needs two seeds) |" in page
    assert "| beta 1 | 160 | 0 of 3, 1 interrupted, 2 to do | – (no seed has a value) |" in page


def test_few_seeds_and_unequal_samples_are_told_of(tmp_path: Path) -> None:
    ablation, runs = pretended(0, 1, out=tmp_path, seeds=(1, 2))
    longer = runs[1].recipe.model_copy(update={"train": runs[1].recipe.train.model_copy(update={"steps": 40})})
    mixed = [run if run.variant.name == "beta 0" else run._replace(recipe=longer) for run in runs]
    page = markdown(make_report(ablation, mixed))
    assert "**2 seeds are too few" in page
    assert "different numbers of answers" in page


def test_figures_that_nobody_knows_have_no_column_and_others_keep_an_order(tmp_path: Path) -> None:
    made = report(tmp_path, accuracy=None, precision=0.5, own=0.25, verbatim=0.75)
    assert [*made.variants[0].means] == ["f1", "precision", "verbatim", "own"]
    assert figure_names([]) == ()


def test_the_report_is_json_both_ways(tmp_path: Path) -> None:
    made = report(tmp_path, missing=(0.0, 1))
    assert Report.model_validate_json(made.model_dump_json()) == made
