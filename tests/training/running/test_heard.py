"""Samples come from what is trained on, once a rollout."""

import asyncio

from tests.training.rewards.rewarding import WordRubricJudge, WordSupportJudge, answer, training_row

from citerefine.training.grpo.phases import Scored
from citerefine.training.phases.phase import improving, solving
from citerefine.training.phases.rollouts import PhasedRollouts
from citerefine.training.rewards import RefinerReward, RewardSettings
from citerefine.training.running.heard import HeardReward

ROW = training_row().model_dump_json()


def test_what_was_kept_is_heard_once_and_what_was_thrown_away_is_not() -> None:
    heard = HeardReward(RefinerReward(RewardSettings(), judge=WordRubricJudge(), support=WordSupportJudge()))
    texts = [answer("perch"), answer("ice")]
    asyncio.run(heard(["p"] * 2, texts, row=[ROW] * 2))
    kept = heard.breakdowns
    asyncio.run(heard(["q"] * 2, [answer("lies"), answer("eels")], row=[ROW] * 2))  # a draw of a refill
    assert heard.last() is None
    heard.kept([{"row": ROW}] * 2, texts, kept)
    assert heard.last() == (["What happened in Lake Orven?"] * 2, texts, [*kept], [""] * 2, [None] * 2)
    assert heard.last() is None


def test_of_two_phases_it_is_heard_which_one_an_answer_is_of_and_which_draft_it_improves() -> None:
    heard = HeardReward(RefinerReward(RewardSettings(), judge=WordRubricJudge(), support=WordSupportJudge()))
    texts = [answer("perch"), answer("ice")]
    asyncio.run(heard(["p"] * 2, texts, row=[ROW] * 2))
    phased = PhasedRollouts((solving("uniform"), improving(lambda row, draft: row)), group_size=2, seed=1)
    rows = phased.rows(0, [{"id": "a", "prompt": "p", "row": ROW}] * 2)
    heard.kept(rows, texts, heard.breakdowns)
    assert (heard.last() or ())[3:] == (["draft"] * 2, [None] * 2)
    phased.scored(0, [Scored(row, "as it was", 0.5) for row in rows])
    heard.kept(phased.rows(1, rows), texts, heard.breakdowns)
    assert (heard.last() or ())[3:] == (["improved"] * 2, ["as it was"] * 2)


def test_what_judging_took_is_told_once_of_all_calls() -> None:
    heard = HeardReward(RefinerReward(RewardSettings(), judge=WordRubricJudge(), support=WordSupportJudge()))
    for _ in range(2):
        asyncio.run(heard(["p"], [answer("perch")], row=[ROW]))
    figures = heard.figures([[*heard.breakdowns]], heard.take_usages())
    assert (figures["judge/calls"], figures["judge/cost"]) == (2.0, 1.0)
    assert figures["reward/total"] == heard.breakdowns[0].total
    assert heard.take_usages() == []
