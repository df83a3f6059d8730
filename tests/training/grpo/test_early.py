"""Rewards that are asked for while others are sampled: nothing but time changes, whatever the judges' pace."""

import asyncio
import math
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.training.grpo.parted import Parted, Parts
from tests.training.grpo.tiny_runs import Scripted, by_first_token, prompts, same, trainer, weights
from transformers import LogitsProcessorList

from citerefine.training.errors import JudgeOutage
from citerefine.training.grpo.early import EarlyRewards
from citerefine.training.grpo.identity import differences
from citerefine.training.grpo.settings import AlgorithmSettings

GROUPS, SIZE = 4, 4


def made(folder: Path, output: Path, reward: Any, **changes: Any) -> Scripted:
    usual: dict[str, Any] = {"dataset": prompts(8), "prompts_per_step": GROUPS, "steps": 3}
    return trainer(folder, output, reward, **{**usual, **changes})


def trained(folder: Path, output: Path, reward: Any, **changes: Any) -> Scripted:
    run = made(folder, output, reward, **changes)
    run.train()
    return run


@pytest.fixture(scope="module")
def steady(tiny_qwen3: Path, tmp_path_factory: pytest.TempPathFactory) -> Scripted:
    """A run whose rewards come at once."""
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


@pytest.mark.parametrize("at_once", [0, 1, 3, GROUPS, 100])
def test_what_is_added_are_groups_and_what_is_told_is_of_all(
    tiny_qwen3: Path, tmp_path: Path, at_once: int
) -> None:
    reward = Parted()
    run = trained(tiny_qwen3, tmp_path, reward, steps=1, groups_at_once=at_once)
    assert reward.sizes == [SIZE] * GROUPS
    assert sorted(reward.places) == [*range(0, GROUPS * SIZE, SIZE)]
    assert reward.whole == 0
    assert [*run._logs["extra"]["text"]] == reward.texts == [*run._logs["completion"]]
    assert run.state.log_history[0]["told"] == GROUPS * SIZE
    assert [one.id for one in reward.breakdowns] == [
        f"q{place}" for place in run._order.places(0) for _ in range(SIZE)
    ]


ENDS_AT = ((9, 9, 9, 2), (3, 1, 2, 3), (5, 5, 5, 5), (4, 2, 1, 1))
"""Tokens of the answers of each group, the last of which ends it; the first group is cut off."""


def ending(run: Scripted) -> list[int]:
    """Makes a run's answers as long as `ENDS_AT` says. Returns a list that grows by one with each token."""
    lengths = torch.tensor(ENDS_AT[:GROUPS]).flatten()
    end, drawn, generate = run._tokenizer.eos_token_id, list[int](), run.model.generate

    def forced(ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        drawn.append(len(drawn) + 1)
        scores[:, end] = torch.where(lengths == len(drawn), math.inf, -math.inf)
        return scores.nan_to_num(posinf=1e9)

    run.model.generate = lambda **given: generate(**given, logits_processor=LogitsProcessorList([forced]))
    return drawn


def test_a_group_is_scored_when_its_last_answer_ends_while_others_are_sampled(
    tiny_qwen3: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reward, added = Parted(), list[tuple[int, int, list[int]]]()
    run = made(tiny_qwen3, tmp_path, reward, steps=1)
    drawn, add = ending(run), EarlyRewards.add

    def noted(early: EarlyRewards, at: int, prompts: Any, texts: Any, ids: Any, /, **columns: Any) -> None:
        added.append((len(drawn), at, [len(row) for row in ids]))
        add(early, at, prompts, texts, ids, **columns)

    monkeypatch.setattr(EarlyRewards, "add", noted)
    run.train()
    assert added == [(3, 4, [3, 1, 2, 3]), (4, 12, [4, 2, 1, 1]), (5, 8, [5] * 4), (6, 0, [6, 6, 6, 2])]
    assert reward.places == [4, 12, 8, 0]
    assert [*run._logs["extra"]["text"]] == reward.texts == [*run._logs["completion"]]
    assert [one.id for one in reward.breakdowns] == [
        f"q{place}" for place in run._order.places(0) for _ in range(SIZE)
    ]


@pytest.mark.parametrize("shared", ["auto", "off"])
def test_a_run_is_that_of_a_reward_that_is_asked_when_all_is_sampled(
    steady: Scripted, tiny_qwen3: Path, tmp_path: Path, shared: str
) -> None:
    reward = Parted()
    run = trained(tiny_qwen3, tmp_path / "one", reward, shared_prefix=shared)
    plain = trained(tiny_qwen3, tmp_path / "other", by_first_token, shared_prefix=shared)
    assert same(weights(run.model), weights(plain.model))
    assert "scoring/under_rollout" in run.state.log_history[0]
    assert "scoring/under_rollout" not in plain.state.log_history[0]


def test_a_reward_with_a_call_of_its_own_is_asked_by_that(tiny_qwen3: Path, tmp_path: Path) -> None:
    class Halved(Parted):
        async def __call__(self, completion_ids: Sequence[Sequence[int]], **more: Any) -> list[float | None]:
            return [None if one is None else one / 2 for one in await super().__call__(completion_ids, **more)]

    reward = Halved()
    trained(tiny_qwen3, tmp_path, reward, steps=1)
    assert (reward.whole, reward.places) == (1, [])


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
    run = made(tiny_qwen3, tmp_path, reward, steps=1, groups_at_once=1)
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
    run = made(tiny_qwen3, tmp_path, reward, steps=1, groups_at_once=1)
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
            return [0.5] * sum(len(ids) for _, ids, _ in self.given.values())

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
            early.add(at, [""], [str(at)], [[at]], id=[str(at)])
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
