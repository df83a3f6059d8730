"""Figures of rewards are of what is trained on, over all processes, once a rollout."""

import math
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
from tests.training.grpo.several_processes import ByPrompt, often_flat, prepared
from tests.training.grpo.tiny_runs import by_first_token

from citerefine.refiner.records import Usage
from citerefine.training.grpo.reward_figures import reward_figures, trl_figures
from citerefine.training.grpo.rollout import Rollout
from citerefine.training.rewards import Breakdown, RefinerReward, RewardSettings, Term


class Telling:
    """A reward with all that a trainer may ask of one; a call costs one request an answer."""

    __name__ = "telling"

    def __init__(self) -> None:
        self.breakdowns: tuple[Breakdown, ...] = ()
        self.asked = list[int]()
        self.trained_on = list[list[float | None]]()
        self._plain, self._calls = RefinerReward(RewardSettings()), 0

    def __call__(self, completion_ids: Sequence[Sequence[int]], log_metric: Any, **_: Any) -> list[float | None]:
        assert log_metric is None  # else TRL would log the draws too
        rewards = often_flat(completion_ids)
        self.breakdowns = tuple(made(reward) for reward in rewards)
        self.asked.append(len(rewards))
        self._calls += len(rewards)
        return rewards

    def figures(self, groups: Sequence[Sequence[Breakdown]], usages: Sequence[Usage]) -> dict[str, float]:
        return self._plain.figures(groups, usages)

    def take_usages(self) -> list[Usage]:
        calls, self._calls = self._calls, 0
        return [Usage(calls=calls, cost=0.25)]

    def kept(self, rows: Sequence[Any], completions: Sequence[str], breakdowns: Sequence[Breakdown]) -> None:
        assert len(rows) == len(completions) == len(breakdowns)
        self.trained_on.append([one.total for one in breakdowns])


def made(total: float | None) -> Breakdown:
    term = Term(name="citation", value=total, weight=1, reason="" if total is not None else "missing")
    return Breakdown(id="r", total=total, reason="" if total is not None else "missing", terms=(term,))


def test_a_rollout_is_logged_once_as_it_is_trained_on(tiny_qwen3: Path, tmp_path: Path) -> None:
    reward = Telling()
    refilled = {"refill": True, "refill_tokens": 2000, "updates_per_rollout": 2, "steps": 2}
    run: ByPrompt = prepared(tiny_qwen3, tmp_path, reward, **refilled)
    run.train()
    lines = [line for line in run.state.log_history if "loss" in line]
    assert sum(line.get("groups/refilled", 0) for line in lines) > 0
    assert len(reward.asked) > len(reward.trained_on) == 2  # samplings, rollouts
    for line, kept in zip(lines[::2], reward.trained_on, strict=True):
        known = [total for total in kept if total is not None]
        assert line["reward/total"] == line["reward"] == pytest.approx(fmean(known))
        assert line["rewards/telling/mean"] == line["reward"]
        assert line["judge/cost"] == 0.25
    assert sum(line["judge/calls"] for line in lines[::2]) == sum(reward.asked)
    for line in lines[1::2]:
        assert not {"reward", "reward/total", "judge/calls", "groups/flat_share"} & {*line}


def rollout(*totals: float | None) -> Rollout:
    n = len(totals)
    return Rollout({}, [{}] * n, [""] * n, [[1]] * n, [*totals], [False] * n, [False] * n, [*map(made, totals)])


def test_processes_weigh_by_their_answers_and_sums_are_sums() -> None:
    mine, other = rollout(1.0, None), rollout(0.5, 0.0)
    reward = Telling()
    reward._calls = 2
    there: dict[type, list[Any]] = {Usage: [Usage(calls=5, cost=0.5)], Breakdown: other.breakdowns_B}

    def gather(items: list[Any]) -> list[Any]:
        return [*items, *there[type(items[0])]]

    found = reward_figures(reward, mine, 2, gather)
    assert found["reward/total"] == pytest.approx(0.5)  # of three answers, and not (1 + 0.25) / 2
    assert found["reward/missing_share"] == 0.25
    assert (found["judge/calls"], found["judge/cost"]) == (7.0, 0.75)


def test_a_reward_that_tells_nothing_logs_for_itself() -> None:
    assert reward_figures(by_first_token, rollout(1.0), 1, lambda items: items) == {}


def test_trl_figures_leave_out_what_is_missing() -> None:
    found = trl_figures("one", [1.0, None, 0.5, 0.5], 2)
    assert found["reward"] == found["rewards/one/mean"] == pytest.approx(2 / 3)
    assert found["reward_std"] == found["rewards/one/std"] == pytest.approx(math.sqrt(1 / 12))
    assert found["frac_reward_zero_std"] == 1.0
    assert math.isnan(trl_figures("one", [None, None], 2)["reward"])
