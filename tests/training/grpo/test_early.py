"""Rewards that are asked for while others are sampled: nothing but time changes, whatever the judges' pace."""

import asyncio
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.training.grpo.parted import Parted, Parts
from tests.training.grpo.tiny_runs import Scripted, by_first_token, prompts, same, trainer, weights

from citerefine.training.errors import JudgeOutage
from citerefine.training.grpo.early import EarlyRewards
from citerefine.training.grpo.identity import differences
from citerefine.training.grpo.settings import AlgorithmSettings

GROUPS, SIZE = 4, 4


def made(folder: Path, output: Path, reward: Any, **changes: Any) -> Scripted:
    usual: dict[str, Any] = {"dataset": prompts(8), "prompts_per_step": GROUPS, "steps": 3, "groups_at_once": 1}
    return trainer(folder, output, reward, **{**usual, **changes})


def trained(folder: Path, output: Path, reward: Any, **changes: Any) -> Scripted:
    run = made(folder, output, reward, **changes)
    run.train()
    return run


@pytest.fixture(scope="module")
def steady(tiny_qwen3: Path, tmp_path_factory: pytest.TempPathFactory) -> Scripted:
    """A run of parts whose rewards come at once."""
    return trained(tiny_qwen3, tmp_path_factory.mktemp("steady"), Parted(), save_steps=1)


@pytest.mark.parametrize("pauses", [(0.3, 0.0), (0.0, 0.2, 0.1), (0.05,)])
def test_the_pace_of_judges_changes_nothing(
    steady: Scripted, tiny_qwen3: Path, tmp_path: Path, pauses: tuple[float, ...]
) -> None:
    run = trained(tiny_qwen3, tmp_path, Parted(pauses))
    assert same(weights(run.model), weights(steady.model))
    untimed = [
        [{key: value for key, value in line.items() if not timed(key)} for line in one.state.log_history[:-1]]
        for one in (run, steady)
    ]
    assert untimed[0] == untimed[1]


def timed(key: str) -> bool:
    return key.startswith(("time/", "step_time", "tokens/s", "scoring/", "train_"))


@pytest.mark.parametrize(("at_once", "sizes"), [(1, [4, 4, 4, 4]), (2, [8, 8]), (3, [12, 4])])
def test_parts_are_whole_groups_and_what_is_told_is_of_all(
    tiny_qwen3: Path, tmp_path: Path, at_once: int, sizes: list[int]
) -> None:
    reward = Parted()
    run = trained(tiny_qwen3, tmp_path, reward, steps=1, groups_at_once=at_once)
    assert reward.sizes == sizes
    assert reward.whole == 0
    assert [*run._logs["extra"]["text"]] == reward.texts == [*run._logs["completion"]]
    assert run.state.log_history[0]["told"] == GROUPS * SIZE
    assert [one.id for one in reward.breakdowns] == [
        f"q{place}" for place in run._order.places(0) for _ in range(SIZE)
    ]


@pytest.mark.parametrize("at_once", [0, GROUPS, 100])
def test_where_all_is_sampled_at_once_the_reward_is_called_once_as_ever(
    tiny_qwen3: Path, tmp_path: Path, at_once: int
) -> None:
    reward = Parted()
    run = trained(tiny_qwen3, tmp_path / "one", reward, groups_at_once=at_once)
    assert (reward.sizes, reward.whole) == ([], 3)
    plain = trained(tiny_qwen3, tmp_path / "other", by_first_token, groups_at_once=0)
    assert same(weights(run.model), weights(plain.model))
    assert "scoring/under_rollout" not in run.state.log_history[0]


def test_a_reward_that_knows_no_parts_is_called_once_for_all(
    steady: Scripted, tiny_qwen3: Path, tmp_path: Path
) -> None:
    asked: list[int] = []

    async def whole(completion_ids: Sequence[Sequence[int]], **_: Any) -> list[float | None]:
        asked.append(len(completion_ids))
        return by_first_token(completion_ids)

    run = trained(tiny_qwen3, tmp_path, whole)
    assert asked == [GROUPS * SIZE] * 3
    assert same(weights(run.model), weights(steady.model))


def test_scoring_goes_on_under_sampling_and_the_log_says_how_much(
    tiny_qwen3: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reward = Parted((0.02,))
    run = made(tiny_qwen3, tmp_path, reward, steps=1)
    turn = run._answers

    def slow(*args: Any) -> Any:
        time.sleep(0.1)
        found = turn(*args)
        reward.when.append(("sampled", time.perf_counter()))
        return found

    monkeypatch.setattr(run, "_answers", slow)
    run.train()
    assert [what for what, _ in sorted(reward.when, key=lambda event: event[1])] == ["sampled", "began"] * GROUPS
    told = run.state.log_history[0]
    assert 0.3 < told["scoring/under_rollout"] <= 1
    assert told["time/scoring"] >= GROUPS * 0.02
    assert told["time/reward"] < told["time/scoring"]


def test_a_part_that_fails_ends_the_others_and_moves_nothing_and_the_run_goes_on(
    steady: Scripted, tiny_qwen3: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reward = Parted(fails=(1, 2))
    run = made(tiny_qwen3, tmp_path, reward)
    before: list[Any] = []
    sample = run._sample

    def watched(number: int, *args: Any) -> Any:
        before.append(weights(run.model))
        if number == 1:
            reward.pauses = (0.0, 30.0)  # parts 1 and 3 would take that long
        return sample(number, *args)

    monkeypatch.setattr(run, "_sample", watched)
    with pytest.raises(JudgeOutage, match="out"):
        run.train()
    assert reward.ended == ["done"] * GROUPS + ["done", "cancelled", "cancelled"]
    assert same(weights(run.model), before[1])
    again = made(tiny_qwen3, tmp_path, Parted())
    again.train(True)
    assert same(weights(again.model), weights(steady.model))


def test_sampling_that_fails_leaves_nothing_running(
    tiny_qwen3: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reward = Parted((30.0,))
    run = made(tiny_qwen3, tmp_path, reward, steps=1)
    turn, calls = run._answers, list[int]()

    def breaks(*args: Any) -> Any:
        calls.append(1)
        if len(calls) == 3:
            raise RuntimeError("out of memory")
        return turn(*args)

    monkeypatch.setattr(run, "_answers", breaks)
    with pytest.raises(RuntimeError, match="out of memory"):
        run.train()
    assert reward.ended == ["cancelled"] * 2


def test_further_groups_are_scored_early_too(tiny_qwen3: Path, tmp_path: Path) -> None:
    class Flat(Parted):
        def scoring(self, trainer_state: Any) -> Parts:
            return FlatParts(self, trainer_state.global_step)

    class FlatParts(Parts):
        async def finish(self, log_extra: Any, log_metric: Any) -> list[float | None]:
            await super().finish(log_extra, log_metric)
            return [0.5] * len(self.ids)

    reward = Flat()
    trained(tiny_qwen3, tmp_path, reward, steps=1, refill=True, refill_tokens=10_000, save_steps=1)
    assert reward.sizes == [SIZE] * 8  # the rollout, and all other prompts


def test_what_is_worked_on_at_once_counts_once() -> None:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    early = EarlyRewards(Parts(Parted((0.2, 0.3)), 0), loop)
    try:
        for at in range(4):
            early.add([""], [str(at)], [[at]], id=[str(at)])
        time.sleep(0.1)
        assert len(early.finish(log_extra=lambda *_: None, log_metric=lambda *_: None)) == 4
        worked = early.worked()
        assert 0.3 <= worked.seconds < 0.9
        assert 0 < worked.under_sampling < worked.seconds
    finally:
        early.close()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def test_groups_at_once_are_part_of_what_a_run_is() -> None:
    one, other = (AlgorithmSettings(groups_at_once=n).model_dump(mode="json") for n in (0, 2))
    assert differences(one, other) == ["groups_at_once: 0 → 2"]
