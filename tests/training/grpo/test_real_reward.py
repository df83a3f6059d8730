"""The trainer with the project's own prompts and reward: one step from rows to moved weights."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.training.grpo.tiny_runs import Scripted, first_batch, model_of, same, settings, tokenizer_of, weights

from citerefine.refiner.evidence import Evidence
from citerefine.training.data.prompted import prompt_rows, to_dataset
from citerefine.training.data.row import TrainingRow
from citerefine.training.data.settings import DataSettings
from citerefine.training.rewards import RefinerReward, RewardSettings
from citerefine.training.running.heard import HeardReward

FACTS = {"perch": "Perch doubled in Lake Orven by 2010.", "pike": "Pike halved in Lake Orven by 2012."}
ANSWERS = [
    "<answer><snippet id=S1>{fact}</snippet> <snippet id=S1>Trout vanished.</snippet></answer>",
    "<answer><snippet id=S1>{fact}</snippet></answer>",
    "<answer>Nobody knows.</answer>",
    "No answer at all",
]


def rows() -> list[TrainingRow]:
    return [
        TrainingRow(id=fish, question=f"What did {fish} do?", evidence=Evidence([{"text": fact, "title": "Survey"}]))
        for fish, fact in FACTS.items()
    ]


def made(folder: Path, output: Path, **values: Any) -> Scripted:
    tokenizer = tokenizer_of(folder)
    lengths = DataSettings(train="-", prompt_tokens=3000, answer_tokens=200, total_tokens=4000)
    dataset = to_dataset(prompt_rows(rows(), tokenizer, lengths))
    weighed = RewardSettings(rubric=0, citation=0.8, format=0.2)
    reward = RefinerReward(weighed, transcripts=output / "transcripts.jsonl")
    chosen = settings(steps=1, micro_groups=2, **values)
    trainer = Scripted(model_of(folder), reward, dataset, tokenizer, chosen, output, answer_tokens=200, use_cpu=True)
    order = [dataset[place]["id"] for place in trainer._order.places(0)]
    texts = [answer.format(fact=FACTS[fish]) for fish in order for answer in ANSWERS]
    trainer.scripts = [[[*tokenizer(text)["input_ids"], tokenizer.eos_token_id] for text in texts]]
    return trainer


@pytest.mark.parametrize("advantage", ["rloo", "gdpo"])
def test_a_step_from_rows_to_weights(tiny_qwen3: Path, tmp_path: Path, advantage: str) -> None:
    trainer = made(tiny_qwen3, tmp_path, advantage=advantage)
    before = weights(trainer.model)
    trainer.train()
    assert not same(before, weights(trainer.model))
    lines = [json.loads(line) for line in (tmp_path / "transcripts.jsonl").read_text().splitlines()]
    assert len(lines) == 8
    assert trainer.state.log_history[0]["groups/dropped"] == 0


def test_the_supported_claim_of_an_answer_has_more_credit_than_the_other(tiny_qwen3: Path, tmp_path: Path) -> None:
    trainer = made(tiny_qwen3, tmp_path, claim_credit=0.5)
    (batch,) = first_batch(trainer)
    advantages, ids = batch["advantages"][0], batch["completion_ids"][0]
    tokenizer = tokenizer_of(tiny_qwen3)
    ends = [len(tokenizer.decode(ids[: n + 1], skip_special_tokens=True)) for n in range(len(ids))]
    text = tokenizer.decode(ids, skip_special_tokens=True)
    fact, other = (next(n for n, end in enumerate(ends) if end > text.index(word)) for word in (" Lake", "vanished"))
    outside = advantages[0]
    assert advantages[fact] > outside > advantages[other]
    assert not advantages[batch["completion_mask"][0] == 0].any()


def test_groups_that_are_scored_as_they_end_are_worth_what_they_are_worth_together(
    tiny_qwen3: Path, tmp_path: Path
) -> None:
    """Sampled ones, with the reward as a run has it; the transcripts have their order too."""

    class Whole(HeardReward):
        def scoring(self, trainer_state: Any = None) -> None:
            return None

    runs, kept = [], []
    for kind in (HeardReward, Whole):
        trainer = made(tiny_qwen3, tmp_path / kind.__name__)
        trainer.scripts = []
        trainer.reward_funcs = [kind(trainer.reward_funcs[0])]
        trainer.train()
        runs.append(trainer)
        transcripts = (tmp_path / kind.__name__ / "transcripts.jsonl").read_text().splitlines()
        kept.append([json.loads(line) for line in transcripts])
    assert ["scoring/under_rollout" in run.state.log_history[0] for run in runs] == [True, False]
    assert len(kept[0]) == 8
    assert kept[0] == kept[1]
    assert same(weights(runs[0].model), weights(runs[1].model))
