"""What the tests of growing rubrics share: a row, answers, judges that look for a word, a writer with a script.

In: nothing. Out: these, and `EvolvingRubrics` made of them. A criterion is met by answers that hold its last word.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from tests.scripted_model import Scripted, ScriptedModel

from citerefine.judges.rubric.rubric_judge import GradeQuery
from citerefine.judges.rubric.table_rubric_judge import TableRubricJudge
from citerefine.refiner.evidence import Evidence
from citerefine.refiner.records import Snippet
from citerefine.rubrics.buffer.events import Event
from citerefine.rubrics.criterion import Criterion
from citerefine.rubrics.rubric import Rubric
from citerefine.training.data.row import TrainingRow
from citerefine.training.evolving.rubrics import EvolvingRubrics
from citerefine.training.evolving.settings import EvolvingSettings
from citerefine.training.rewards.refiner_reward import RefinerReward
from citerefine.training.rewards.settings import RewardSettings

REWARDS: Final = "openai:Qwen/Qwen3.5-35B-A3B@http://judge:8000/v1"
ADMITS: Final = "openai:mistralai/Mistral-Small@http://other:8000/v1"
WRITES: Final = "openai:deepseek-ai/DeepSeek-V4@http://writer:8000/v1"
OWN: Final = tuple(
    Criterion(id=fish, text=f"Says what became of the {fish}.", weight=2) for fish in ("perch", "pike", "eels")
)
PERCH_ONLY: Final = "<answer><snippet id=S1>In the lake, perch doubled in number by 2010.</snippet></answer>"
WITH_ICE: Final = (
    "<answer><snippet id=S1>In the lake, perch doubled in number by 2010, long after the ice.</snippet></answer>"
)
WITH_PIKE: Final = "<answer><snippet id=S1>In the lake, perch and pike doubled by 2010.</snippet></answer>"
MIXED: Final = (PERCH_ONLY, WITH_ICE, WITH_PIKE, WITH_ICE)
ICE: Final = "Tells when the lake lost its ice."


def row(id: str = "r1", **values: Any) -> TrainingRow:
    fields = {
        "id": id,
        "question": "What became of the fish of Lake Orven?",
        "evidence": Evidence([Snippet(id="a", text="The survey found that perch doubled in Lake Orven by 2010.")]),
        "rubric": Rubric(criteria=OWN),
        "answerable": True,
    }
    return TrainingRow.model_validate({**fields, **values})


def by_word(query: GradeQuery, criterion: Criterion) -> bool:
    return criterion.text.rstrip(".").split()[-1] in query.answer


def written(*positive: str, faults: Sequence[str] = ()) -> str:
    """A writer's reply."""
    lists = {"positive_rubrics": positive, "negative_rubrics": faults}
    return json.dumps({name: [{"description": text, "weight": 3} for text in texts] for name, texts in lists.items()})


def scripted(*replies: Scripted, always: Scripted | None = None) -> ScriptedModel:
    return ScriptedModel(*replies, reply=None if always is None else lambda call: always, name=WRITES)


def reward_settings(**values: Any) -> RewardSettings:
    return RewardSettings.model_validate(
        {"rubric": 1.0, "citation": 0.0, "format": 0.0, "judge": REWARDS, "patience": 0.0, **values}
    )


def evolving_settings(**values: Any) -> EvolvingSettings:
    """Settings with which every step writes, and nothing is held out."""
    return EvolvingSettings.model_validate(
        {"writer": WRITES, "admission": ADMITS, "every": 1, "held_out": 0.0, **values}
    )


def growing(
    writer: ScriptedModel, *, events: Path | None = None, reward: RewardSettings | None = None, **values: Any
) -> EvolvingRubrics:
    """Rubrics of one process; `values` are settings, or arguments of `EvolvingRubrics`."""
    given = {name: values.pop(name) for name in ("gather", "tell", "admission_judge") if name in values}
    return EvolvingRubrics(
        evolving_settings(**values),
        reward or reward_settings(),
        writer=writer,
        admission=given.pop("admission_judge", None) or TableRubricJudge(by_word),
        events=events,
        **given,
    )


def rewarding(rubrics: EvolvingRubrics, **values: Any) -> RefinerReward:
    """A reward whose criteria come from `rubrics`."""
    return RefinerReward(rubrics._reward, judge=TableRubricJudge(by_word), rubrics=rubrics, **values)


class State:
    """Of a trainer, as far as a reward looks at it."""

    def __init__(self, step: int) -> None:
        self.global_step = step


async def step(
    reward: RefinerReward, number: int, texts: Sequence[str] = MIXED, *, of: TrainingRow | None = None
) -> list[float | None]:
    """One call of the reward for one group, as the trainer makes it."""
    n = len(texts)
    return await reward(["prompt"] * n, texts, row=[of or row()] * n, trainer_state=State(number))


def events_of(rubrics: EvolvingRubrics) -> list[Event]:
    """Without when they happened."""
    return [event.model_copy(update={"time": 0.0}) for event in rubrics._log.events()]


NOTHING_NEW: Final = written("Says what became of the pike.")
"""A reply with what is asked already."""
