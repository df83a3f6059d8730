"""Rubrics follow the trainer's steps; a file of events that cannot be written ends the job in words."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from citerefine.rubrics.errors import RubricError
from citerefine.training.errors import TrainingError
from citerefine.training.evolving.callback import RubricsCallback
from citerefine.training.evolving.rubrics import EvolvingRubrics

ARGS = SimpleNamespace(world_size=1)


class FullDisk:
    """Rubrics whose file cannot be written."""

    def apply(self) -> dict[str, float]:
        raise RubricError("events.jsonl cannot be written: No space left on device")


class Applied:
    def apply(self) -> dict[str, float]:
        return {"rubrics/added": 2.0}


def callback(rubrics: Any, noted: dict[str, float]) -> RubricsCallback:
    return RubricsCallback(cast(EvolvingRubrics, rubrics), noted.__setitem__)


def test_figures_of_a_step_are_noted() -> None:
    noted = dict[str, float]()
    callback(Applied(), noted).on_step_end(ARGS, None, None)
    assert noted == {"rubrics/added": 2.0}


def test_a_full_disk_ends_training_with_the_reason() -> None:
    with pytest.raises(TrainingError, match=r"rubrics cannot be kept: .*No space left"):
        callback(FullDisk(), {}).on_step_end(ARGS, None, None)
