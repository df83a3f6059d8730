"""The table of an ablation: means over seeds, differences, and failures that are no numbers."""

from pathlib import Path

from tests.training.ablating.pretended_runs import pretended, write_metrics

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
    assert page.endswith("Failed:\n\n- beta 1, seed 2: exit code 1: a \\| b \\<b\\>\n")


def test_a_run_without_scores_of_its_last_step_has_failed(tmp_path: Path) -> None:
    ablation, runs = pretended(0, 1, out=tmp_path)
    write_metrics(runs[0], {"f1": 1.0}, step=3)
    made = make_report(ablation, runs)
    assert made.variants[0].runs[0].status == "failed"
    assert "no scores of held-out rows after step 20" in made.variants[0].runs[0].reason
    assert made.variants[0].means == {}


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
