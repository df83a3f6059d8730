"""Each sampled answer gets its own reward; what was cut off has none, and nobody is asked about it."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from tests.training.data.sources import lake_row, lake_values
from tests.training.rewards.rewarding import RUBRIC, WordRubricJudge, WordSupportJudge

from citerefine.training.data.building.scoring import RewardScorer, ScoreAnswers, Scored
from citerefine.training.data.building.stages import StageError
from citerefine.training.data.row import TrainingRow
from citerefine.training.errors import JudgeOutage
from citerefine.training.rewards.refiner_reward import RefinerReward
from citerefine.training.rewards.settings import RewardSettings


class ByLength:
    """Pays for characters."""

    settings: Mapping[str, Any] = {}

    def __init__(self) -> None:
        self.asked = list[tuple[TrainingRow, tuple[str, ...]]]()

    async def score(self, row: TrainingRow, answers: Sequence[str]) -> Sequence[Scored]:
        self.asked.append((row, tuple(answers)))
        return [Scored(float(len(answer))) for answer in answers]


def scores(scorer: Any, *samples: tuple[str, str], **values: Any) -> list[dict[str, Any]]:
    row = {**lake_values(0), "samples": [{"text": text, "finish": finish} for text, finish in samples], **values}
    found: list[dict[str, Any]] = asyncio.run(ScoreAnswers(scorer).make(row))["scores"]
    return found


def test_each_answer_has_its_own_reward_and_one_that_was_cut_off_none() -> None:
    scorer = ByLength()
    found = scores(scorer, ("a", "stop"), ("cut", "length"), ("four", "stop"))
    assert [one["reward"] for one in found] == [1.0, None, 4.0]
    assert found[1]["reason"].startswith("truncated: ")
    assert [texts for _, texts in scorer.asked] == [("a", "four")]


def test_where_all_were_cut_off_nobody_is_asked() -> None:
    scorer = ByLength()
    assert [one["reward"] for one in scores(scorer, ("a", "length"), ("b", "length"))] == [None, None]
    assert scorer.asked == []


def test_answers_are_judged_by_what_their_model_was_shown() -> None:
    scorer = ByLength()
    scores(scorer, ("a", "stop"), shown=lake_values(0)["snippets"][1:])
    assert [snippet.id for snippet in scorer.asked[0][0].evidence.snippets] == ["ice-0", "all"]


def test_the_reward_is_that_of_training() -> None:
    reward = RefinerReward(RewardSettings())
    answer = "<answer><snippet id=S1>The survey found that perch doubled in Lake Orven by 2010.</snippet></answer>"
    found = scores(RewardScorer(reward), (answer, "stop"), ("Perch doubled.", "stop"))
    totals = [one.total for one in asyncio.run(reward.ascore_group(lake_row(0), [answer, "Perch doubled."]))]
    assert [one["reward"] for one in found] == totals
    assert found[1]["gate"]


def judged_by(code: str) -> RewardScorer:
    """A reward whose rubric judge fails on everything."""
    judge = WordRubricJudge(lambda query, criterion: True, code=code)
    return RewardScorer(RefinerReward(RewardSettings(), judge=judge, support=WordSupportJudge()), patience=0.0)


def score(scorer: RewardScorer, *answers: str) -> Sequence[Scored]:
    return asyncio.run(scorer.score(lake_row(0).model_copy(update={"rubric": RUBRIC}), answers))


def test_a_row_that_no_judge_can_judge_fails_alone_and_judges_that_do_not_answer_end_the_run() -> None:
    answer = "<answer><snippet id=S1>Perch doubled.</snippet></answer>"
    with pytest.raises(StageError, match=r"none of 2 answers can be judged: missing_rubric: .*context_exceeded") as one:
        score(judged_by("context_exceeded"), answer, answer)
    assert one.value.code == "unjudged"
    with pytest.raises(JudgeOutage):
        score(judged_by("unreachable"), answer)
    known, unknown = score(judged_by("context_exceeded"), "no block", answer)
    assert known.reward is not None
    assert unknown.reward is None
