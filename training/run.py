"""Runs a recipe: rows, prompts, model, training on given answers, training on rewards, the trained model.

In: a recipe and a folder. Out: the folder of the run, with the trained model in `model/`; `Finished`. The same code
runs on one CPU and in each process of a job that torchrun or accelerate started: the first process writes and speaks. A
run that was interrupted, or whose judges failed, goes on from its last checkpoint. Not here: the parts (running/),
checks before a run (recipes/, planning/), the command line.
"""

import asyncio
import gc
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

from citerefine.training.recipes.recipe import Recipe
from citerefine.training.running.engine import check_engine
from citerefine.training.running.quiet import quiet
from citerefine.training.running.run_folder import RunFolder, is_main
from citerefine.training.running.stopping import stopping

Tell = Callable[[str], None]

_FREE: Final = ("patience", "least_valid", "answer_deadline", "max_calls", "max_dollars")
"""Settings of a reward that may change while a run goes on."""
_PROMPTS: Final = ("ids", "mode", "long", "prompt_tokens", "answer_tokens", "total_tokens")
"""Settings of data that may not; which rows there are, the trainer compares."""
_IMITATION: Final = ("model", "revision", "sft", "prompts")
"""What of a run's identity decides about training on given answers."""


class Finished(NamedTuple):
    """What became of a run."""

    steps: int
    """Optimizer steps that are done."""
    of: int
    model: Path | None
    """The trained model; None if the run was stopped before its end."""


def run_training(recipe: Recipe, out: Path, *, resume: bool = False, tell: Tell = print) -> Finished:
    """Trains as the recipe says.

    Args:
        recipe: checked (recipes/checks.py, planning/plan.py).
        out: folder of the run.
        resume: go on with the run that is there; where there is none, one begins.
        tell: gets a line now and then, in the first process alone.

    Raises:
        InputError: if the folder holds something already, or rows cannot be read.
        RecipeError: if the model cannot be loaded, or rows are too few.
        StateError: if a checkpoint is of another run.
        JudgeOutage: if judges failed for too long; the state before that step is saved.
    """
    folder, told = RunFolder(out.resolve()), tell if is_main() else _nobody
    if is_main():
        folder.open(recipe, resume=resume)
    with quiet():
        return _Job(recipe, folder, resume, told).run()


def _nobody(line: str) -> None:
    """Takes what the other processes would tell too."""


class _Job:
    """One run, step by step."""

    def __init__(self, recipe: Recipe, folder: RunFolder, resume: bool, tell: Tell) -> None:
        self._recipe, self._folder, self._resume, self._tell = recipe, folder, resume, tell
        self._use_cpu = recipe.hardware.gpus == 0
        self._base = recipe
        """The recipe, with the folder of its model in place of its name."""

    def run(self) -> Finished:
        from citerefine.training.running.job_data import job_data
        from citerefine.training.running.policy import load_policy, load_tokenizer
        from citerefine.training.running.snapshot import model_folder

        check_engine(self._recipe)
        here = self._recipe.model.model_copy(update={"name": str(model_folder(self._recipe.model)), "revision": ""})
        self._base = self._recipe.model_copy(update={"model": here})
        tokenizer = load_tokenizer(self._base)
        data = job_data(self._recipe, tokenizer, self._tell)
        start = None
        if self._recipe.sft is not None:
            stopped = self._imitated(data.train, tokenizer)
            if stopped is not None:
                return stopped
            start = str(self._folder.start)
        return self._reinforce(load_policy(self._base, self._recipe.train, start), data, tokenizer)

    # --- on given answers -------------------------------------------------------------------------------------

    def _imitated(self, dataset: Any, tokenizer: Any) -> Finished | None:
        """Trains on given answers, unless that is done. Returns where that was stopped; None if it was not."""
        from citerefine.training.grpo.sft import answers_key

        whole = run_identity(self._recipe)
        identity = {name: whole[name] for name in _IMITATION}
        made_from = {**identity, "data": answers_key(dataset)}
        if self._folder.start.is_dir():
            self._folder.check_start(made_from)
            return None
        return self._imitate(dataset, tokenizer, identity, made_from)

    def _imitate(
        self, dataset: Any, tokenizer: Any, identity: dict[str, Any], made_from: dict[str, Any]
    ) -> Finished | None:
        from citerefine.training.grpo.beginning import OnBeginning
        from citerefine.training.grpo.sft import RefinerSftTrainer, imitation_rows
        from citerefine.training.running.job_data import check_enough
        from citerefine.training.running.policy import load_policy
        from citerefine.training.running.watching import other_boards
        from citerefine.training.watch.callback import Watcher

        settings = self._recipe.sft
        assert settings is not None
        rows = imitation_rows(dataset, tokenizer, settings.max_tokens)
        if rows.too_long:
            self._tell(f"{len(rows.too_long):,} answers are left out, being longer than {settings.max_tokens} tokens")
        check_enough(len(rows.dataset), settings.rows_per_step, "sft.rows_per_step")
        self._tell(f"training on {len(rows.dataset):,} given answers")
        model = load_policy(self._base, settings)
        folder = self._folder.sft
        if is_main():
            folder.mkdir(exist_ok=True)
        watcher = Watcher(folder, self._recipe.watch, phase="sft", writes=is_main())
        trainer = RefinerSftTrainer(
            model, rows.dataset, tokenizer, settings, folder,
            callbacks=[OnBeginning(self._keep_recipe), watcher], identity=identity, use_cpu=self._use_cpu,
            report_to=other_boards(self._recipe),
        )  # fmt: skip
        try:
            with stopping(trainer.stop_after_step, self._tell):
                trainer.train(resume_from_checkpoint=newest_for_all(trainer))
        finally:
            watcher.close()
        if trainer.finished:
            if is_main():
                self._folder.keep_start(made_from)
            self._save(trainer, self._folder.start, merge=settings.lora is not None)
        stopped = Finished(trainer.state.global_step, trainer.state.max_steps, None) if trainer.stopped else None
        trainer.accelerator.free_memory()
        del trainer, model
        gc.collect()
        return stopped

    # --- on rewards -------------------------------------------------------------------------------------------

    def _reinforce(self, model: Any, data: Any, tokenizer: Any) -> Finished:
        from citerefine.training.grpo.beginning import OnBeginning
        from citerefine.training.grpo.trainer import RefinerTrainer
        from citerefine.training.rewards.refiner_reward import RefinerReward
        from citerefine.training.running.growing import growing_rubrics, keep_in_step
        from citerefine.training.running.heard import HeardReward
        from citerefine.training.running.watching import Watch, board_callbacks, other_boards

        recipe, folder = self._recipe, self._folder
        rubrics = growing_rubrics(recipe, folder, data.train, self._tell)
        reward = RefinerReward(
            recipe.reward, journal=folder.calls(), transcripts=folder.transcripts, seed=recipe.train.seed,
            rubrics=rubrics,
        )  # fmt: skip
        heard, watch = HeardReward(reward), Watch(recipe, folder, data.heldout)
        trainer = RefinerTrainer(
            model, heard, data.train, tokenizer, recipe.train, folder.path,
            callbacks=[OnBeginning(self._keep_recipe)],
            answer_tokens=recipe.data.answer_tokens, total_tokens=recipe.data.total_tokens,
            identity=run_identity(recipe), use_cpu=self._use_cpu, report_to=other_boards(recipe),
            parts=[] if rubrics is None else [rubrics], phases=self._phases(tokenizer),
        )  # fmt: skip
        if rubrics is not None:
            keep_in_step(trainer, rubrics)
        watcher = watch.callback(trainer, heard)
        trainer.add_callback(watcher)
        for board in board_callbacks(recipe, folder):  # behind the watcher, whose last scores come when training ends
            trainer.add_callback(board)
        try:
            with stopping(trainer.stop_after_rollout, self._tell):
                trainer.train(resume_from_checkpoint=self._rewound(trainer, reward))
            if trainer.finished:
                self._save(trainer, folder.model)
        finally:
            watcher.close()
            for part in (reward, rubrics):
                if part is not None:
                    asyncio.run_coroutine_threadsafe(part.aclose(), trainer.async_loop).result()
            watch.close()
        steps, of = trainer.state.global_step, trainer.state.max_steps
        return Finished(steps, of, folder.model if trainer.finished else None)

    def _phases(self, tokenizer: Any) -> Any:
        """The phases of a step, where there are two."""
        from accelerate.utils import gather_object

        from citerefine.training.phases.two import two_phases

        recipe = self._recipe
        if recipe.phases == "one":
            return None
        return two_phases(
            recipe.second, tokenizer, recipe.data, group_size=recipe.train.group_size, seed=recipe.train.seed,
            gather=lambda values: list(gather_object(values)),
        )  # fmt: skip

    def _rewound(self, trainer: Any, reward: Any) -> Path | None:
        """The checkpoint to go on from, if there is one. What is done again leaves the transcripts."""
        from citerefine.training.grpo.checkpoints import step_of

        checkpoint = newest_for_all(trainer)
        if checkpoint is not None and self._resume:
            self._tell(f"going on from step {step_of(checkpoint)}")
        reward.rewind(0 if checkpoint is None else step_of(checkpoint))
        return checkpoint

    def _keep_recipe(self) -> None:
        """Writes the recipe down, when the checkpoint that it goes on from is found to be of its run."""
        if is_main():
            self._folder.keep_recipe(self._recipe)

    def _save(self, trainer: Any, target: Path, *, merge: bool = False) -> None:
        """Writes the model under another name first, so that a folder of its name is always whole."""
        from citerefine.training.export.merging import merge_adapter
        from citerefine.training.running.policy import in_four_bytes
        from citerefine.training.running.snapshot import name_base

        staged, accelerator = target.with_name(f".{target.name}.new"), trainer.accelerator
        if accelerator.is_main_process:
            shutil.rmtree(staged, ignore_errors=True)
        accelerator.wait_for_everyone()
        trainer.save_model(str(staged))
        accelerator.wait_for_everyone()
        if accelerator.is_main_process:
            (staged / "training_args.bin").unlink(missing_ok=True)  # a pickle that nobody reads
            if merge:
                whole = target.with_name(f".{target.name}.merged")
                in_four = in_four_bytes(self._recipe, self._recipe.train)
                merge_adapter(staged, whole, base=self._base.model.name, float32=in_four)
                shutil.rmtree(staged)
                whole.rename(staged)
            elif self._recipe.sft is None:
                name_base(staged, self._recipe.model)
            shutil.rmtree(target, ignore_errors=True)
            staged.rename(target)
        accelerator.wait_for_everyone()


def newest_for_all(trainer: Any) -> Path | None:
    """The newest checkpoint that is whole, as the first process finds it: each file of gigabytes is read once in a job,
    and all processes go on from the same."""
    from accelerate.utils import broadcast_object_list

    from citerefine.training.grpo.checkpoints import newest

    accelerator = trainer.accelerator
    found: list[Path | None] = [newest(trainer.checkpoints) if accelerator.is_main_process else None]
    if accelerator.num_processes > 1:
        broadcast_object_list(found)
    return found[0]


def run_identity(recipe: Recipe) -> dict[str, Any]:
    """What of a recipe must not change while its run goes on: all that decides where training goes, and not where
    servers are, or how patiently they are asked."""
    from citerefine.judges.rubric.judge_identity import judge_identity

    values = recipe.model_dump(mode="json")
    reward = {key: value for key, value in values["reward"].items() if key not in _FREE}
    for judge in ("judge", "support", "backup"):
        reward[judge] = judge_identity(reward[judge])
    evolve = recipe.evolve
    return {
        "phases": recipe.phases,
        "second": values["second"] if recipe.phases == "two" else None,
        "model": recipe.model.name,
        "revision": recipe.model.revision,
        "sft": values["sft"],
        "prompts": {key: values["data"][key] for key in _PROMPTS},
        "reward": reward,
        "evolve": None if evolve is None else evolve.identity,
        "train": values["train"],
    }
