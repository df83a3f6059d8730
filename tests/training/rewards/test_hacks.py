"""The reward of training is the reward that the known hacks are measured against (docs/adversary.md)."""

from typing import NamedTuple

from citerefine.judges.adversary import Case, Parts, combined, load_hacks, load_topics, run_adversary
from citerefine.judges.judge import SupportJudge
from citerefine.judges.rubric.rubric_judge import RubricJudge
from citerefine.refiner.evidence import Evidence
from citerefine.training.data.row import TrainingRow
from citerefine.training.rewards import RefinerReward, RewardSettings

SETTINGS = RewardSettings(rubric=0.8, citation=0.2, format=0)


class Pair(NamedTuple):
    text: str
    ours: Parts
    measured: Parts


def test_every_answer_of_the_adversary_suite_earns_the_same() -> None:
    pairs = list[Pair]()

    async def both(case: Case, judge: RubricJudge, support: SupportJudge) -> Parts:
        row = TrainingRow(
            id="r", question=case.question, evidence=Evidence(case.snippets), rubric=case.rubric, answerable=True
        )
        reward = RefinerReward(SETTINGS, judge=judge, support=support)
        (found,) = await reward.ascore_group(row, [case.text])
        ours = Parts(found.total, found.value("rubric"), found.value("citation"))
        pairs.append(Pair(case.text, ours, await combined(case, judge, support)))
        return ours

    hacks = [hack.model_copy(update={"check": ""}) for hack in load_hacks() if hack.attack]
    run_adversary(reward=both, hacks=hacks, topics=load_topics()[:1])
    assert len(pairs) > 150
    assert [pair for pair in pairs if pair.ours != pair.measured] == []
