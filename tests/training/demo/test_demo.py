"""It learns: a small model, made from nothing, gains citation F1 by rewards alone; and the run can be looked at after.

The short demonstration takes about a minute of one core; all tests share one run of it.
"""

import json
from pathlib import Path

import pytest

from citerefine.refiner import Refiner
from citerefine.refiner.settings import OnInvalid, RefinerSettings
from citerefine.training.demo.demo import Outcome, demonstrate
from citerefine.training.demo.names import side_of
from citerefine.training.demo.preparing import SHORT
from citerefine.training.demo.task import make_rows

SEED = 0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def outcome(folder: Path) -> Outcome:
    told = list[str]()
    found = demonstrate(folder, SHORT, SEED, told.append)
    assert found is not None
    assert told[0] == "seed 0: making a model and 1,600 rows"
    return found


def test_citation_f1_rises_by_rewards_alone(outcome: Outcome) -> None:
    """The full demonstration gains more (docs/benchmarks.md); this one has little evidence and few steps."""
    assert outcome.made.f1 < 0.1
    assert outcome.imitated.f1 < 0.75  # there is room above it
    assert outcome.gain >= 0.08


def test_the_rise_is_no_trick_on_the_judge(outcome: Outcome) -> None:
    assert outcome.rewarded.verbatim >= outcome.imitated.verbatim + 0.1


def test_the_curve_begins_with_the_imitating_model_and_ends_with_the_last_step(outcome: Outcome) -> None:
    steps = [step for step, _ in outcome.curve]
    assert (steps[0], steps[-1]) == (0, 40)
    assert outcome.curve[-1][1] > outcome.curve[0][1]


def test_what_was_rewarded_was_asked_of_names_for_training_alone(outcome: Outcome, folder: Path) -> None:
    lines = (folder / "run" / "transcripts.jsonl").read_text("utf-8").splitlines()
    rows = {row.id: row for row in make_rows(1600, SEED, "train", SHORT.n_snippets)}
    asked = {rows[json.loads(line)["id"]].gold for line in lines}
    assert len(lines) == 40 * 16 * 8
    assert {side_of(place) for place in asked if place is not None} == {"train"}


def test_a_demonstration_that_is_done_is_read_and_not_run_again(outcome: Outcome, folder: Path) -> None:
    told = list[str]()
    assert demonstrate(folder, SHORT, SEED, told.append) == outcome
    assert not told


def test_the_trained_model_answers_at_once(outcome: Outcome, folder: Path) -> None:
    """What was trained is what is shipped: the refiner's prompt, parser and policy, and unseen names."""
    settings = RefinerSettings(prompt_tokens=256, answer_tokens=24, total_tokens=280, on_invalid=OnInvalid.MARK)
    refiner = Refiner(f"hf:{folder / 'run' / 'model'}", settings)
    for row in make_rows(4, 99, "test", SHORT.n_snippets):
        answer = refiner.refine(row.question, row.evidence.snippets)
        assert len(answer.claims) == 1
        assert answer.claims[0].citations
        assert row.gold is not None
        assert row.gold in answer.text
