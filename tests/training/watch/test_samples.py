"""A few completions of each step are kept, from the best to the worst."""

from pathlib import Path

import pytest

from citerefine.training.rewards.breakdown import Breakdown
from citerefine.training.watch.samples import SampleFile, read_samples, spread


def earned(total: float | None) -> Breakdown:
    return Breakdown(id="q", total=total, reason="" if total is not None else "outage: nobody answered")


def test_best_and_worst_are_among_those_that_are_kept(tmp_path: Path) -> None:
    file = SampleFile(tmp_path / "samples.jsonl", per_step=3)
    totals = [0.1, 0.9, None, 0.5, 0.3]
    file.add(1, ["q"] * 5, [str(total) for total in totals], [earned(total) for total in totals])
    file.close()
    kept = [sample.completion for sample in read_samples(file.path, 10)]
    assert kept == ["0.9", "0.3", "None"]  # those without a reward come last


def test_samples_of_a_long_run_are_spread_over_it(tmp_path: Path) -> None:
    file = SampleFile(tmp_path / "samples.jsonl", per_step=1)
    for step in range(1, 101):
        file.add(step, ["q"], ["answer"], [earned(0.5)])
    file.close()
    steps = [sample.step for sample in read_samples(file.path, 5)]
    assert steps == [1, 26, 50, 75, 100] or (steps[0], steps[-1], len(steps)) == (1, 100, 5)


def test_a_run_that_goes_on_keeps_no_sample_twice(tmp_path: Path) -> None:
    file = SampleFile(tmp_path / "samples.jsonl", per_step=1)
    for step in (1, 2, 3):
        file.add(step, ["q"], [f"first {step}"], [earned(0.5)])
    file.rewind(1)
    file.add(2, ["q"], ["second 2"], [earned(0.5)])
    file.close()
    assert [sample.completion for sample in read_samples(file.path, 10)] == ["first 1", "second 2"]


def test_an_improvement_is_kept_with_its_draft(tmp_path: Path) -> None:
    file = SampleFile(tmp_path / "samples.jsonl", per_step=2)
    file.add(1, ["q"] * 2, ["a", "b"], [earned(0.1), earned(0.9)], ["improved", "draft"], ["before a\ud83d", None])
    file.add(2, ["q"], ["c"], [earned(0.5)])
    file.close()
    kept = [(sample.completion, sample.phase, sample.draft) for sample in read_samples(file.path, 10)]
    assert kept == [("b", "draft", None), ("a", "improved", "before a\ufffd"), ("c", "", None)]


def test_very_long_completions_are_cut(tmp_path: Path) -> None:
    file = SampleFile(tmp_path / "samples.jsonl", per_step=1)
    file.add(1, ["q"], ["x" * 100_000], [earned(0.5)], ["improved"], ["y" * 100_000])
    file.close()
    assert file.path.stat().st_size < 45_000


@pytest.mark.parametrize(("most", "kept"), [(0, []), (1, [0]), (2, [0, 9]), (3, [0, 4, 9]), (20, [*range(10)])])
def test_spread_takes_the_ends_and_even_steps_between(most: int, kept: list[int]) -> None:
    assert spread(range(10), most) == kept
