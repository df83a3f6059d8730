"""The stage `scores`: what each sampled answer to a row earns.

In: a row with samples. Out: a reward for each of them, or None with the reason. An answer that was cut off has none, as
in training, where it is masked. A row of which judges can judge no answer, however often they are asked, fails; judges
that do not answer end the run. Not here: the reward itself (citerefine.training.rewards), what follows from it
(choosing.py).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol

from citerefine.training.data.building.sampling import shown_row
from citerefine.training.data.building.stages import StageError, Values
from citerefine.training.data.row import TrainingRow
from citerefine.training.rewards.refiner_reward import RefinerReward

PATIENCE: Final = 120.0
"""Seconds for which judges that fail are asked again, before the run stops."""
TRUNCATED: Final = "truncated: it was cut off at the token limit"


class Scored(NamedTuple):
    """What one answer earns."""

    reward: float | None
    reason: str = ""
    """Why there is no reward, or why it is held down."""
    gate: str = ""
    """Why the answer earns nothing whatever it says; empty if it was judged."""


class Scorer(Protocol):
    """Says what answers to a row earn."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """All that decides it, as JSON values."""
        ...

    async def score(self, row: TrainingRow, answers: Sequence[str]) -> Sequence[Scored]:
        """For each answer what it earns, in order; the answers are one group. Raises what ends the run."""
        ...


class RewardScorer:
    """The reward that training has."""

    def __init__(self, reward: RefinerReward, patience: float = PATIENCE) -> None:
        self._reward, self._patience = reward, patience
        self.settings: Mapping[str, Any] = {"reward": reward.settings.model_dump(mode="json"), "seed": reward.seed}

    async def score(self, row: TrainingRow, answers: Sequence[str]) -> Sequence[Scored]:
        """For each answer what it earns.

        Raises:
            StageError: `unjudged`, if judges fail on every answer, and would again.
            JudgeOutage: if too few answers can be judged for so long, and asking again might help.
            CallError: if a judge cannot be asked for any row.
        """
        found = await self._reward.ascore_group(row, answers, patience=self._patience)
        if found and all(one.total is None and one.failures for one in found):
            raise StageError("unjudged", f"none of {len(found)} answers can be judged: {found[0].reason}")
        return [Scored(one.total, one.reason, one.gate) for one in found]


class ScoreAnswers:
    """Scores the samples of each row."""

    name = "scores"

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer
        self.settings = scorer.settings

    async def make(self, row: Values) -> dict[str, Any]:
        """`scores` of a row: for each sample `{"reward", "reason", "gate"}`."""
        samples = row["samples"]
        whole = [sample["text"] for sample in samples if sample["finish"] != "length"]
        scored = iter(await self._scorer.score(shown_row(row), whole) if whole else ())
        each = [Scored(None, TRUNCATED) if sample["finish"] == "length" else next(scored) for sample in samples]
        return {"scores": [one._asdict() for one in each]}
