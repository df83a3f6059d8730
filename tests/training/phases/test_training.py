"""Training in two phases: what is sampled when, with which policy, and what is learnt."""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.training.grpo.tiny_runs import Scripted, same, tokenizer_of, weights
from tests.training.phases.two_phase_runs import Verified, phases_of, two_phase_trainer

from citerefine.training.phases.rollouts import GROUP


def test_each_batch_is_answered_and_then_one_draft_of_each_question_is_improved(
    tiny_qwen3: Path, tmp_path: Path
) -> None:
    reward, seen = Verified(), list[Any]()
    phases = phases_of(tiny_qwen3)
    scored = phases.scored

    def watched(rollout: int, answers: Sequence[Any]) -> Any:
        seen.append(answers)
        return scored(rollout, answers)

    phases.scored = watched  # type: ignore[method-assign]
    made = two_phase_trainer(tiny_qwen3, tmp_path, reward, phases=phases)
    made.train()
    assert len(seen) == 4
    for first, second in (seen[:2], seen[2:]):
        ids = [answer.row["id"] for answer in first]
        assert ids == [answer.row["id"] for answer in second]
        assert [answer.row[GROUP] for answer in first] == ids
        for start in (0, 4):
            improved = second[start : start + 4]
            (prompt,) = {answer.row["prompt"] for answer in improved}  # one for the group
            (group,) = {answer.row[GROUP] for answer in improved}
            drafts = [answer.completion for answer in first[start : start + 4]]
            shown = [draft for draft in drafts if f"assistant\n{draft.strip()}<|im_end|>" in prompt]
            assert shown
            assert group.startswith(f"{ids[start]}/")
            assert prompt.startswith(first[start].row["prompt"].partition("<|im_start|>assistant")[0])
    assert [prompts[0] for prompts in reward.prompts] == [answers[0].row["prompt"] for answers in seen]


def test_the_policy_that_improves_is_the_one_that_the_first_phase_updated(tiny_qwen3: Path, tmp_path: Path) -> None:
    at, sampled = list[dict[str, torch.Tensor]](), list[int]()
    made = two_phase_trainer(tiny_qwen3, tmp_path, steps=2)
    sample = made._sample

    def watched(number: int, *rest: Any) -> Any:
        at.append(weights(made.model))
        sampled.append(number)
        return sample(number, *rest)

    setattr(made, "_sample", watched)  # noqa: B010  # a method
    made.train()
    assert sampled == [0, 1]
    assert not same(*at)


def test_figures_tell_both_phases_and_what_became_of_drafts(tiny_qwen3: Path, tmp_path: Path) -> None:
    made = two_phase_trainer(tiny_qwen3, tmp_path)
    made.train()
    first, second, *_ = [line for line in made.state.log_history if "loss" in line]
    assert "reward/draft" in first
    assert "reward/improved" not in first
    assert {"reward/improved", "transitions/unknown_share", "transitions/asked_anew"} <= {*second}
    shares = [second[f"transitions/{name}"] for name in ("right_right", "wrong_right", "right_wrong", "wrong_wrong")]
    assert sum(shares) == pytest.approx(1)
    assert second["transitions/right_right"] + second["transitions/wrong_right"] == second["reward/improved"]
    assert second["transitions/asked_anew"] == second["transitions/unknown_share"] == 0


@pytest.mark.parametrize("changes", [{"updates_per_rollout": 2}, {"shared_prefix": "on"}, {"micro_groups": 2}])
def test_several_updates_shared_prompts_and_larger_passes_go_with_phases(
    tiny_qwen3: Path, tmp_path: Path, changes: dict[str, Any]
) -> None:
    """The answers of the first phase are as many, whatever a step is divided into."""
    reward = Verified()
    made = two_phase_trainer(tiny_qwen3, tmp_path, reward, steps=2, **changes)
    made.train()
    assert made.finished
    assert [len(prompts) for prompts in reward.prompts] == [8, 8]
    assert all("Look at your solution again" in prompt for prompt in reward.prompts[1])


def test_what_is_rewarded_is_learnt_in_both_phases(tiny_qwen3: Path, tmp_path: Path) -> None:
    dice, shares, wanted = random.Random(1), list[float](), range(1000, 1400)

    def reward(completion_ids: Sequence[Sequence[int]], **_: Any) -> list[float | None]:
        hits = [sum(id in wanted for id in ids) / len(ids) for ids in completion_ids]
        shares.append(sum(hits) / len(hits))
        return [None if dice.random() < 0.2 else hit for hit in hits]

    values = {"prompts_per_step": 2, "group_size": 8, "micro_groups": 2}
    made = two_phase_trainer(tiny_qwen3, tmp_path, reward, steps=24, **values)
    made.train()
    assert max(shares[:2]) < 0.3
    assert min(shares[-2:]) > 0.5


def test_a_draft_keeps_no_special_token_and_each_turn_one_end(tiny_qwen3: Path, tmp_path: Path) -> None:
    """The answer of the first phase is sampled with its end token, which is not part of the draft."""
    tokenizer = tokenizer_of(tiny_qwen3)
    words = tokenizer.encode("The result is 4", add_special_tokens=False)[:5]
    reward = Verified()
    script = [[*words, tokenizer.eos_token_id]] * 8
    made: Scripted = two_phase_trainer(tiny_qwen3, tmp_path, reward, steps=2, scripts=[script])
    made.train()
    prompt = reward.prompts[1][0]
    draft = tokenizer.decode(words)
    assert f"<|im_start|>assistant\n{draft}<|im_end|>\n<|im_start|>user\n" in prompt
    assert prompt.count("<|im_end|>") == prompt.count("<|im_start|>") - 1 == 4
