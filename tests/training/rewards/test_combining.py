"""Who earns at most 0 is told with the reward, whatever its terms are, for those who look at the terms alone."""

import asyncio

import pytest
from tests.training.rewards.rewarding import ROW, WordRubricJudge, WordSupportJudge, answer

from citerefine.training.rewards.breakdown import Breakdown
from citerefine.training.rewards.combining import UNSUPPORTED
from citerefine.training.rewards.refiner_reward import RefinerReward
from citerefine.training.rewards.settings import RewardSettings


def breakdown(text: str, **settings: object) -> Breakdown:
    reward = RefinerReward(
        RewardSettings.model_validate(settings), judge=WordRubricJudge(), support=WordSupportJudge()
    )
    asyncio.run(reward(["prompt"], [text], row=[ROW]))
    return reward.breakdowns[0]


@pytest.mark.parametrize("words", ["perch and ice", "pike alone"])
def test_an_answer_without_a_supported_claim_is_marked_also_where_its_terms_are_below_0(words: str) -> None:
    found = breakdown(f"<answer>It is said that {words} was seen there.</answer>")
    assert found.reason == UNSUPPORTED
    assert found.total is not None
    assert (found.total < 0) is (words == "pike alone")
    assert found.value("format") == 0.5


def test_others_are_not_marked() -> None:
    assert breakdown(answer("perch")).reason == ""
    assert breakdown("<answer>It is said that perch and ice was seen there.</answer>", needs_support=False).reason == ""
