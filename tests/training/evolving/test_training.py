"""Rubrics that grow along a run of the trainer: a killed run that goes on ends where an uninterrupted one does."""

from pathlib import Path

import pytest
from tests.training.evolving.growing import ADMITS, ICE, WRITES, scripted, written
from tests.training.evolving.growing_runs import STEPS, Run, counting, trained
from tests.training.grpo.tiny_runs import same
from tests.training.recipes.recipe_rows import TINY, cited_rows

from citerefine.rubrics.buffer.logs import Checkpoint
from citerefine.training.recipes.reading import load_recipe
from citerefine.training.run import run_training
from citerefine.training.watch.run_journal import read_steps


@pytest.fixture(scope="module")
def whole(tiny_qwen3: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("whole")
    return trained(tiny_qwen3, folder, scripted(always=written(ICE)))


def test_criteria_are_added_and_retired_along_a_run_and_told_in_its_log(whole: Run) -> None:
    kinds = [event.kind for event in whole.events]
    assert kinds.count("begin") == 4
    assert kinds.count("add") >= 2
    assert kinds.count("retire") >= 1
    steps = [line for line in whole.figures if "rubrics/added" in line]
    assert len(steps) == STEPS
    assert sum(line["rubrics/added"] for line in steps) == kinds.count("add") + kinds.count("revive")
    assert sum(line["rubrics/retired"] for line in steps) == kinds.count("retire")
    assert [line["rubrics/writer_failed"] for line in steps] == [0] * STEPS
    # The same answers, when their question comes again, by one more criterion that half of them meet.
    assert max(line["reward"] for line in steps[2:]) > steps[0]["reward"] == steps[1]["reward"]


@pytest.mark.parametrize("dies_at", [1, 3])
def test_a_killed_run_that_goes_on_ends_as_if_it_had_not_been(
    whole: Run, tiny_qwen3: Path, tmp_path: Path, dies_at: int
) -> None:
    """Killed before the first checkpoint, and after one and the events of a further step."""
    writer = scripted(always=written(ICE))
    trained(tiny_qwen3, tmp_path, writer, dies_at=dies_at)
    again = trained(tiny_qwen3, tmp_path, writer, resume=dies_at > 2)
    assert same(again.weights, whole.weights)
    assert again.events == whole.events
    assert again.asked == whole.asked  # what was written before is found in the journal


def test_a_writer_that_is_gone_does_not_stop_a_run(tiny_qwen3: Path, tmp_path: Path) -> None:
    run = trained(tiny_qwen3, tmp_path, scripted(always="I have no idea."), steps=1)
    assert sum(line.get("rubrics/writer_failed", 0) for line in run.figures) == 2  # groups
    assert "add" not in [event.kind for event in run.events]


def test_a_job_of_a_recipe_keeps_its_rubrics_beside_its_checkpoints(tiny_qwen3: Path, tmp_path: Path) -> None:
    """A model that has learnt nothing writes nothing to be judged: nobody is asked; questions enter all the same."""
    section = (f"evolve.writer={WRITES}", f"evolve.admission={ADMITS}", "evolve.every=1", "train.group_size=4")
    rows = cited_rows(tmp_path / "rows.jsonl")
    recipe = load_recipe("tiny-cpu", [*TINY, f"model.name={tiny_qwen3}", f"data.train={rows}", *section])
    run = tmp_path / "run"
    assert run_training(recipe, run, tell=lambda line: None).steps == 1
    (line,) = read_steps(run / "metrics.jsonl")
    assert (line.values["rubrics/added"], line.values["rubrics/active"]) == (0, 0)
    assert [event.kind for event in counting(run / "rubrics" / "events.jsonl")].count("begin") == 2
    (part,) = run.glob("checkpoints/checkpoint-1/parts/rubrics/buffer.json")
    assert Checkpoint.model_validate_json(part.read_text()).n_events > 2
