"""An agent, a policy and a writer of criteria that know about lakes, for tests of how rows are made.

The policy answers well with an even seed, and badly with an odd one; a lake whose name begins with `Sa` it always
answers alike. What each of them was asked is kept.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from tests.refiner.agent.scripted_search import ScriptedSearch
from tests.scripted_model import Scripted, ScriptedModel

from citerefine.refiner.agent.context import RefinerContext
from citerefine.refiner.chat.call import ChatCall, ChatReply
from citerefine.refiner.records import Snippet
from citerefine.training.data.building.criteria import WriteCriteria
from citerefine.training.data.building.evidence import FindEvidence
from citerefine.training.data.building.sampling import SampleAnswers, SampleSettings
from citerefine.training.data.building.scoring import RewardScorer, ScoreAnswers, Scored
from citerefine.training.data.row import TrainingRow
from citerefine.training.rewards.refiner_reward import RefinerReward
from citerefine.training.rewards.settings import RewardSettings


def lake_of(text: str) -> str:
    """The name behind the last `Lake`."""
    names: list[str] = re.findall(r"[Ll]ake (\w+)", text)
    return names[-1].title()


def found_for(query: str) -> Sequence[Snippet]:
    """Two passages about the lake of a query; nothing about Lake Nowhere."""
    names = [word.title() for word in query.split() if word.lower() not in ("did", "perch", "double", "in", "lake")]
    if not names or names[0].startswith("Nowhere"):
        return ()
    lake = names[0].strip("?")
    return (
        Snippet(text=f"The survey found that perch doubled in Lake {lake} by 2010.", title="S", licence="CC-BY-4.0"),
        Snippet(text=f"Records show that ice came to Lake {lake} late in December.", title="Ice"),
    )


def answers(call: ChatCall) -> Scripted:
    """What the policy writes."""
    lake, seed = lake_of(call.messages[-1].content), call.sampling.seed or 0
    if seed % 2 and not lake.startswith("Sa"):
        return f"<answer>Nobody knows anything about perch in Lake {lake}, number {seed}.</answer>"
    return f"<answer><snippet id=S1>The survey found that perch doubled in Lake {lake} by 2010.</snippet></answer>"


def criteria(call: ChatCall) -> Scripted:
    """What the writer writes."""
    lake = lake_of(call.messages[-1].content)
    good = [{"description": f"Says that perch doubled in Lake {lake} by 2010.", "weight": 2}]
    return json.dumps({"positive_rubrics": good, "negative_rubrics": []})


def cut_off(call: ChatCall) -> Scripted:
    """The same as `answers`, and every fourth one is cut at its limit."""
    said = answers(call)
    assert isinstance(said, str)
    return ChatReply(text=said[:-20], finish="length") if (call.sampling.seed or 0) % 4 == 2 else ChatReply(text=said)


class World:
    """Everybody who is asked, and the stages in which they are."""

    def __init__(self, **policy: Any) -> None:
        self.search = ScriptedSearch("lakes", found_for)
        self.policy = ScriptedModel(**{"reply": answers, "name": "policy", **policy})
        self.writer = ScriptedModel(reply=criteria, name="writer")
        self.scorer = Counting(RewardScorer(RefinerReward(RewardSettings())))
        self.settings = SampleSettings(n=4)

    @property
    def finding(self) -> FindEvidence:
        return FindEvidence([self.search], RefinerContext())

    @property
    def sampling(self) -> SampleAnswers:
        return SampleAnswers(self.policy, self.settings)

    @property
    def scoring(self) -> ScoreAnswers:
        return ScoreAnswers(self.scorer)

    @property
    def stages(self) -> list[Any]:
        """All of them, in their order."""
        return [self.finding, self.sampling, WriteCriteria(self.writer), self.scoring]

    @property
    def asked(self) -> tuple[int, int, int, int]:
        """How often each was asked: search, policy, writer, scorer."""
        return len(self.search.queries), len(self.policy.calls), len(self.writer.calls), self.scorer.asked


class Counting:
    """A scorer that counts what it is asked, and can fail."""

    def __init__(self, scorer: RewardScorer, error: Exception | None = None) -> None:
        self._scorer, self.error = scorer, error
        self.settings: Mapping[str, Any] = scorer.settings
        self.asked = 0

    async def score(self, row: TrainingRow, answers: Sequence[str]) -> Sequence[Scored]:
        if self.error is not None:
            raise self.error
        self.asked += 1
        return await self._scorer.score(row, answers)
