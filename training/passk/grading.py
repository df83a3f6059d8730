"""Says what an answer is worth: one to a problem with a reference answer 1 or 0, a cited one its citation F1.

In: a problem, a model's text. Out: the stage `scores` (training/data/building/stages.py): `value`, and the reason where
something holds it down. What cannot be graded fails, and is worth nobody knows what. It is the reward of training
with one term. An answer that was cut off is graded as it stands: it was given the tokens that it was given. Not here:
the reward (citerefine.training.rewards), figures (figures.py).
"""

from collections.abc import Mapping
from typing import Any, Final

from citerefine.training.data.building.scoring import PATIENCE
from citerefine.training.data.building.stages import StageError, Values
from citerefine.training.data.row import TrainingRow
from citerefine.training.data.row_reading import read_row
from citerefine.training.data.tasks import TASKS, task_of
from citerefine.training.errors import JudgeOutage
from citerefine.training.rewards.parts import code_of
from citerefine.training.rewards.refiner_reward import RefinerReward
from citerefine.training.rewards.settings import RewardSettings

MOST_OUTAGES: Final = 3
"""So many answers in a row that judges come to nothing on end a run."""


def reward_settings(task: str, support: str) -> RewardSettings:
    """The reward that grades answers of a kind.

    Args:
        task: of all problems.
        support: who judges support for claims, of cited answers.
    """
    if not TASKS[task].cites:
        return RewardSettings(rubric=0, citation=0, format=0, verification=1)
    return RewardSettings(rubric=0, citation=1, format=0, citation_figure="f1", support=support)


class GradeAnswer:
    """Grades the text of one answer."""

    name = "scores"

    def __init__(self, reward: RefinerReward, patience: float = PATIENCE) -> None:
        self._reward, self._patience = reward, patience
        self._outages = 0
        self.settings: Mapping[str, Any] = {"reward": reward.settings.model_dump(mode="json")}

    async def make(self, values: Values) -> dict[str, Any]:
        """`value` from 0 to 1, and `reason`.

        Raises:
            StageError: if nobody can say what the answer is worth.
            JudgeOutage: if judges come to nothing on several answers one after the other.
            CallError: if a judge cannot be asked about any answer.
        """
        row = read_row(values.get("shown") or values["problem"])
        try:
            (found,) = await self._reward.ascore_group(row, [values["text"]], patience=self._patience)
        except JudgeOutage as error:  # of one answer it may be the answer: a run must not end there again and again
            self._outages += 1
            if self._outages >= MOST_OUTAGES:
                raise
            raise StageError("unjudged", str(error)) from error
        self._outages = 0
        if found.total is None:
            raise StageError(found.failures[0] if found.failures else code_of(found.reason), found.reason)
        return {"value": min(1.0, max(0.0, found.total)), "reason": found.reason}

    async def is_gradable(self, row: TrainingRow) -> bool:
        """Whether the reference answer of a problem counts as right: else no answer could.

        Also where the grader failed on it, as on a busy machine: problems must not go because of that, and answers to
        it fail and are counted if it goes on.
        """
        text = (row.gold or "").strip()
        if task_of(row).agrees == "mathematics" and "\\boxed" not in text:
            text = rf"\boxed{{{text}}}"
        (found,) = await self._reward.ascore_group(row, [text], patience=self._patience)
        return found.total == 1.0 or bool(found.failures)

    async def aclose(self) -> None:
        """Gives back judges and processes."""
        await self._reward.aclose()
