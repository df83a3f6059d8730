"""What happens around an optimizer step: none is taken without signal, and a stop waits for a rollout's end.

In: what the trainer says of each rollout. Out: `StepGate`, a callback of transformers; it also tells the clock when a
step is done. AdamW moves weights by momentum when all gradients are 0; without gradients it does not. DeepSpeed steps
on its own, so there momentum stays. Not here: which answers have signal (missing.py).
"""

from typing import Any

import torch
from accelerate import Accelerator
from transformers import TrainerCallback

from citerefine.training.grpo.clock import StepClock


class StepGate(TrainerCallback):  # type: ignore[misc]  # transformers is not typed here
    """Keeps the optimizer from steps without signal, and ends a run between two rollouts."""

    def __init__(
        self, accelerator: Accelerator, passes_per_update: int, updates_per_save: int, clock: StepClock
    ) -> None:
        """`updates_per_save`: optimizer steps between two states that can be saved."""
        self._clock = clock
        self._accelerator, self._passes, self._updates = accelerator, passes_per_update, updates_per_save
        self.signal_P: list[int] = []
        """How many answers move the policy in each pass of the rollout, over all processes."""
        self.stop_wanted = False
        self.stopped = False
        """Whether the run was ended for that, be it at its last step."""

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Takes the gradients away if no answer has a part in them."""
        if not self.signal_P:
            return
        update = state.global_step % (len(self.signal_P) // self._passes)
        if not any(self.signal_P[update * self._passes :][: self._passes]):
            for parameter in kwargs["model"].parameters():
                parameter.grad = None

    def on_optimizer_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """What callbacks do from now on, as evaluation, is no part of the step's time."""
        self._clock.pause()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Ends the run with a checkpoint if a process was asked to."""
        if state.global_step % self._updates == 0 and self._any_wants_to_stop():
            control.should_save = control.should_training_stop = self.stopped = True

    def _any_wants_to_stop(self) -> bool:
        if self._accelerator.num_processes == 1:
            return self.stop_wanted
        wanted = torch.tensor(int(self.stop_wanted), device=self._accelerator.device)
        return bool(self._accelerator.reduce(wanted, reduction="sum"))
