"""Saving and resuming for trainers of transformers, exactly: `ExactlyResumed`.

In: a trainer of transformers that stands behind this class. Out: checkpoints that are published whole (checkpoints.py),
hold the state of all parts (parts.py), and say which run they are of (identity.py). What transformers writes is read as
tensors and numbers alone. Not here: when to save.
"""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from accelerate.utils import broadcast_object_list
from transformers import Trainer
from transformers.utils import logging as transformers_logging

from citerefine.refiner.errors import CiterefineError
from citerefine.training.errors import StateError
from citerefine.training.grpo.agreeing import is_of_all
from citerefine.training.grpo.beginning import SavesAsAsked
from citerefine.training.grpo.checkpoints import STAGED, facts_of, flaw, named, newest, prune, publish, step_of
from citerefine.training.grpo.identity import differences
from citerefine.training.grpo.parts import PartsKeeper

_PICKLED = "training_args.bin"
"""What transformers writes beside a model, and nobody reads."""


class ExactlyResumed(Trainer):  # type: ignore[misc]  # transformers is not typed here
    """A trainer whose runs go on from checkpoints as if they had not been interrupted."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._staged: Path | None = None
        super().__init__(*args, **kwargs)

    def _prepare_saving(
        self, parts: PartsKeeper, identity: Mapping[str, Any], *, keep: int, updates_per_save: int
    ) -> None:
        self._parts, self._keep, self._updates_per_save = parts, keep, updates_per_save
        self._identity = {**identity, "processes": self.accelerator.num_processes}
        self.add_callback(SavesAsAsked())
        self._tokens_before, self._begun_at = 0, 0
        self._rolled_out_at: int | None = None
        """Step at which the last rollout began."""

    @property
    def checkpoints(self) -> Path:
        """Folder of the run's checkpoints."""
        return Path(self.args.output_dir)

    @property
    def finished(self) -> bool:
        """Whether `train` reached its last step; else it was stopped."""
        return bool(self.state.global_step >= self.state.max_steps)

    def train(self, resume_from_checkpoint: str | Path | bool | None = None, **kwargs: Any) -> Any:
        """Trains to the end.

        Args:
            resume_from_checkpoint: a checkpoint, or True for the newest that is whole; else from the start.
            **kwargs: as transformers has them.

        Raises:
            StateError: if the checkpoint is not whole, or of another run.
            CiterefineError: of a reward that cannot be had, as JudgeOutage; the state before the rollout is saved. Of
                what watches the run, where all processes fail: the state as it is, if it is one between rollouts.
        """
        checkpoint = self._chosen(resume_from_checkpoint)
        self._begun_at, self._rolled_out_at = 0 if checkpoint is None else step_of(checkpoint), None
        if checkpoint is not None:
            self._parts.load(checkpoint)
            self._begins_at(step_of(checkpoint))
            self._step = step_of(checkpoint) * self.args.gradient_accumulation_steps  # TRL's count of passes
        try:
            return super().train(str(checkpoint) if checkpoint else None, **kwargs)
        except CiterefineError as error:
            if self.accelerator.num_processes == 1 or is_of_all(error):  # one process alone cannot save
                self._store_last()
            raise

    def _store_last(self) -> None:
        """Saves what a run that failed can go on from, if there is more than at its beginning."""
        step = self.state.global_step
        if step == self._rolled_out_at:  # nothing was moved since that rollout began
            self.state.num_input_tokens_seen = self._tokens_before
            self._store(self.model_wrapped, before_rollout=True)
        elif step > self._begun_at and step % self._updates_per_save == 0:
            self._store(self.model_wrapped, before_rollout=False)

    def _chosen(self, wanted: str | Path | bool | None) -> Path | None:
        if wanted is None or wanted is False:
            return None
        found: list[Any] = [None, ""]  # what the main process finds is for all
        if self.accelerator.is_main_process:
            try:
                found[0] = self._found(wanted)
            except StateError as error:
                found[1] = str(error)
        if self.accelerator.num_processes > 1:
            broadcast_object_list(found)
        if found[1]:
            raise StateError(found[1])
        chosen: Path = found[0]
        return chosen

    def _found(self, wanted: str | Path | bool) -> Path:
        checkpoint = newest(self.checkpoints) if wanted is True else Path(str(wanted))
        if checkpoint is None:
            raise StateError(f"{self.checkpoints} holds no whole checkpoint to go on from; start without resuming")
        reason = flaw(checkpoint)
        if reason:
            raise StateError(f"{checkpoint} cannot be used: {reason}; use another checkpoint")
        lines = differences(facts_of(checkpoint)["identity"], self._identity)
        if lines:
            raise StateError(
                f"{checkpoint} is of another run: {'; '.join(lines)}. Go on with the settings it was saved with, or "
                "start a new run"
            )
        return checkpoint

    def _begins_at(self, step: int) -> None:
        """Told the step that a resumed run begins with."""

    def _keep_before_rollout(self) -> None:
        """Remembers what a rollout changes, for the case that it fails."""
        self._tokens_before, self._rolled_out_at = self.state.num_input_tokens_seen, self.state.global_step
        if self.accelerator.is_main_process:
            self._parts.keep()

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        if self.state.global_step % self._updates_per_save == 0:  # between rollouts nothing is buffered
            self._store(model, before_rollout=False)

    def _store(self, model: Any, *, before_rollout: bool) -> None:
        staged = self.checkpoints / STAGED
        if self.accelerator.is_main_process:
            shutil.rmtree(staged, ignore_errors=True)
        self.accelerator.wait_for_everyone()
        self._staged = staged
        try:
            with _no_progress_bars():
                super()._save_checkpoint(model, None)
        finally:
            self._staged = None
        self.accelerator.wait_for_everyone()
        if self.accelerator.is_main_process:
            self._publish(named(staged, self.state.global_step), before_rollout)
        self.accelerator.wait_for_everyone()

    def _publish(self, written: Path, before_rollout: bool) -> None:
        (written / _PICKLED).unlink(missing_ok=True)
        self._parts.save(written, kept=before_rollout)
        final = named(self.checkpoints, self.state.global_step)
        publish(written, final, {"step": self.state.global_step, "identity": self._identity})
        prune(self.checkpoints, self._keep)

    def _load_optimizer_and_scheduler(self, checkpoint: Any) -> None:
        """Reads them on the CPU, where they fit; transformers reads them onto a device that torch may not know."""
        if checkpoint is None or self.is_deepspeed_enabled or self.is_fsdp_enabled:
            super()._load_optimizer_and_scheduler(checkpoint)
            return
        for state, file in ((self.optimizer, "optimizer.pt"), (self.lr_scheduler, "scheduler.pt")):
            state.load_state_dict(torch.load(Path(checkpoint) / file, map_location="cpu", weights_only=True))

    def _get_output_dir(self, trial: Any) -> str:
        return str(self._staged or super()._get_output_dir(trial))

    def create_model_card(self, *args: Any, **kwargs: Any) -> None:
        """None: what a run is stands in its recipe."""


@contextmanager
def _no_progress_bars() -> Iterator[None]:
    shown = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            transformers_logging.enable_progress_bar()
