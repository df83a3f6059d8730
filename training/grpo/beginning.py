"""What happens when a run begins or goes on, after its checkpoint was found to be its own: callbacks of transformers.

In: the events of a trainer. Out: `SavesAsAsked`, since transformers goes on with what a checkpoint says of saving;
`OnBeginning`. Not here: whether a checkpoint is of the run (saving.py).
"""

from collections.abc import Callable
from typing import Any

from transformers import TrainerCallback


class SavesAsAsked(TrainerCallback):  # type: ignore[misc]  # transformers is not typed here
    """Saves as often as the settings say, also where the checkpoint was saved by a run that said otherwise."""

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Takes the setting of now."""
        state.save_steps = args.save_steps


class OnBeginning(TrainerCallback):  # type: ignore[misc]  # transformers is not typed here
    """Calls a function when training begins."""

    def __init__(self, call: Callable[[], None]) -> None:
        self._call = call

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Calls it."""
        self._call()
