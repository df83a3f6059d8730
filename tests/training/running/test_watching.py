"""Held-out answers of a job are judged as its recipe rewards answers."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.training.recipes.recipe_rows import TINY
from tests.training.rewards.rewarding import WordRubricJudge

from citerefine.refiner.evidence import Evidence
from citerefine.refiner.records import Snippet
from citerefine.rubrics.sets import load_set
from citerefine.training.data.prompted import PromptedRow
from citerefine.training.data.row import TrainingRow
from citerefine.training.recipes.reading import load_recipe
from citerefine.training.rewards.refiner_reward import RefinerReward
from citerefine.training.running import watching
from citerefine.training.running.heard import HeardReward
from citerefine.training.running.run_folder import RunFolder
from citerefine.training.running.watching import Watch
from citerefine.training.watch.run_journal import read_steps

ROW = TrainingRow(
    id="1",
    question="What did perch do?",
    evidence=Evidence([Snippet(id="a", text="Perch doubled in Lake Orven by 2010, as a survey found.")]),
)
"""Without criteria of its own, and nobody labelled it."""


@pytest.mark.parametrize(
    ("text", "f1"),
    [
        ("<answer><snippet id=S1>Perch doubled in Lake Orven by 2010.</snippet></answer>", 1),
        ("<answer>The sources do not say what happened.</answer>", 0),
    ],
)
def test_static_criteria_and_what_the_reward_assumes_hold_for_heldout_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, f1: float
) -> None:
    monkeypatch.setattr(watching, "answer_greedily", lambda trainer, prompts, most: [text] * len(prompts))
    judge = WordRubricJudge()
    monkeypatch.setattr(watching, "load_rubric_judge", lambda *_, **__: judge)
    sets = ["model.name=m", "data.train=rows.jsonl", "reward.static_sets=['citation']", "watch.audit=lexical"]
    recipe, folder = load_recipe("tiny-cpu", [*TINY, *sets]), RunFolder(tmp_path)
    row = PromptedRow(id="1", prompt="prompt", n_prompt_tokens=1, row=ROW.model_dump_json())
    watch = Watch(recipe, folder, [row])
    one: Any = SimpleNamespace(process_index=0, num_processes=1, is_main_process=True)
    trainer = SimpleNamespace(accelerator=one, callback_handler=SimpleNamespace(callbacks=[]))
    watcher = watch.callback(trainer, HeardReward(RefinerReward(recipe.reward)))
    watcher.on_train_begin(SimpleNamespace(world_size=1), SimpleNamespace(global_step=0, max_steps=1), None)
    watcher.close()
    watch.close()
    (held,) = read_steps(tmp_path / "metrics.jsonl")
    assert held.values["heldout/f1"] == f1
    assert held.values["heldout/rubric"] is not None
    assert held.values["heldout/audit"] == held.values["heldout/rubric"]
    # Nobody is asked about an answer that abstains.
    static = {leaf.text for leaf in load_set("citation").judged}
    assert [{criterion.text for criterion in query.criteria} for query in judge.asked] == [static] * (2 * int(f1))
    assert judge.closed == 2
