"""What watches a run: held-out rows, judges of their own, the journal and the page, and boards of others.

In: a recipe, held-out rows, a trainer. Out: callbacks of transformers. Judges of held-out answers are not those of the
reward: they run in another event loop, and keep their calls in files of their own. Not here: what is watched
(citerefine.training.watch).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from accelerate.utils import gather_object
from transformers.integrations import TensorBoardCallback

from citerefine.judges.loading import load_support_judge
from citerefine.judges.rubric.loading import load_rubric_judge
from citerefine.refiner.background import run
from citerefine.training.data.prompted import PromptedRow
from citerefine.training.recipes.recipe import Recipe
from citerefine.training.rewards.maths import MathsGrader
from citerefine.training.running.heard import HeardReward
from citerefine.training.running.run_folder import RunFolder, is_main
from citerefine.training.watch.callback import Watcher
from citerefine.training.watch.greedy import answer_greedily
from citerefine.training.watch.heldout import Heldout, Judges

_OWN: Final = "tensorboard"
"""The board that is written by a callback of our own, into the run's folder; transformers makes the others."""


def board_callbacks(recipe: Recipe, folder: RunFolder) -> list[Any]:
    """TensorBoard's callback, if the recipe wants it."""
    if _OWN not in recipe.watch.report_to or not is_main():
        return []
    from torch.utils.tensorboard.writer import SummaryWriter

    return [TensorBoardCallback(SummaryWriter(log_dir=str(folder.tensorboard)))]


def other_boards(recipe: Recipe) -> tuple[str, ...]:
    """The boards that transformers reports to."""
    return tuple(board for board in recipe.watch.report_to if board != _OWN)


class Watch:
    """What watches one run; to be closed at its end."""

    def __init__(self, recipe: Recipe, folder: RunFolder, rows: Sequence[PromptedRow]) -> None:
        """Loads judges; nothing is connected before they are asked."""
        self._recipe, self._folder, self._rows = recipe, folder, rows
        self._judges = _judges(recipe, folder) if rows else None

    def callback(self, trainer: Any, reward: HeardReward) -> Watcher:
        """The callback that watches this trainer."""
        accelerator, most = trainer.accelerator, self._recipe.data.answer_tokens
        heldout = None
        if self._judges is not None:
            heldout = Heldout(
                self._rows,
                self._judges,
                self._recipe.reward,
                rank=accelerator.process_index,
                world=accelerator.num_processes,
                gather=lambda values: list(gather_object(values)),
            )
        return Watcher(
            self._folder.path,
            self._recipe.watch,
            heldout=heldout,
            sample=lambda prompts: answer_greedily(trainer, prompts, most),
            rollout=reward.last,
            report=lambda figures, step: _report(trainer, figures),
            writes=accelerator.is_main_process,
        )

    def close(self) -> None:
        """Gives the judges back."""
        if self._judges is not None:
            run(_close(self._judges))


def _judges(recipe: Recipe, folder: RunFolder) -> Judges:
    reward, audit = recipe.reward, recipe.watch.audit
    calls = folder.heldout_calls()
    calls.parent.mkdir(parents=True, exist_ok=True)
    support = load_support_judge(reward.support, cache=calls.with_name("verdicts.db"))
    rubric = load_rubric_judge(reward.judge, journal=calls, backup=reward.backup or None) if reward.rubric else None
    return Judges(support, rubric, load_rubric_judge(audit, journal=calls) if audit else None, MathsGrader())


async def _close(judges: Judges) -> None:
    await judges.support.aclose()
    for judge in (judges.rubric, judges.audit):
        if judge is not None:
            await judge.aclose()
    judges.grader.close()


def _report(trainer: Any, figures: Mapping[str, float]) -> None:
    """Held-out figures to the boards; through `trainer.log` they would be taken for figures of training."""
    for callback in trainer.callback_handler.callbacks:
        if type(callback).__module__.startswith("transformers.integrations"):
            callback.on_log(trainer.args, trainer.state, trainer.control, logs=dict(figures))
