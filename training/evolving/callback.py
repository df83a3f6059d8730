"""Has rubrics grow at the end of each step of a trainer: `RubricsCallback`.

In: the events of a transformers Trainer. Out: figures of the step. All processes of a job have it, since each of them
changes its rubrics by what all have seen. Not here: what changes (rubrics.py).
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

from transformers import TrainerCallback

from citerefine.rubrics.errors import RubricError
from citerefine.training.errors import TrainingError
from citerefine.training.evolving.rubrics import EvolvingRubrics
from citerefine.training.grpo.agreeing import fail_together

Result = TypeVar("Result")


class RubricsCallback(TrainerCallback):  # type: ignore[misc]  # transformers is not typed
    """Keeps rubrics in step with a trainer."""

    def __init__(self, rubrics: EvolvingRubrics, note: Callable[[str, float], None]) -> None:
        """`note` takes a figure of the step, before the step is logged."""
        self._rubrics, self._note = rubrics, note

    def on_train_begin(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        """Takes away what a run left that was killed before its first checkpoint."""
        if state.global_step == 0:
            _together(self._rubrics.begin_anew, args.world_size)

    def on_step_end(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        """Applies what was seen, before the step is logged and saved."""
        for name, value in _together(self._rubrics.apply, args.world_size).items():
            self._note(name, value)


def _together(work: Callable[[], Result], processes: int) -> Result:
    """What it gives. One process alone writes the file of events: what fails there ends all. Raises TrainingError."""
    failure: TrainingError | None = None
    result: Result | None = None
    try:
        result = work()
    except RubricError as error:
        failure = TrainingError(f"the rubrics cannot be kept: {error}")
    fail_together(failure, "keep its rubrics", processes)
    return cast(Result, result)
