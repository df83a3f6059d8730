"""A task is one file: whatever has a `TASK` in the folder of tasks is read, prompted, rewarded, trained and watched."""

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from pydantic import ValidationError
from tests.training.recipes.recipe_rows import TINY
from transformers import AutoTokenizer

from citerefine.refiner.batch.rows import BadRow
from citerefine.refiner.evidence import Evidence
from citerefine.training.data import tasks
from citerefine.training.data.prompted import prompt_rows
from citerefine.training.data.row import TrainingRow
from citerefine.training.data.row_reading import read_row
from citerefine.training.data.row_values import row_values
from citerefine.training.data.settings import DataSettings
from citerefine.training.data.tasks.task import Task
from citerefine.training.recipes.reading import load_recipe
from citerefine.training.rewards.refiner_reward import RefinerReward
from citerefine.training.rewards.settings import RewardSettings
from citerefine.training.run import run_training
from citerefine.training.watch.run_journal import read_steps

BACKWARDS = '''
"""The task `backwards`: a word, to be spelled from its end."""

from citerefine.refiner.chat.call import ChatCall, Message
from citerefine.training.data.tasks.prompt import TaskPrompt
from citerefine.training.data.tasks.task import Task


async def build(row, settings, count):
    return TaskPrompt(ChatCall(messages=(Message(role="user", content=f"Spell backwards: {row.question}"),)), row)


TASK = Task(build, lambda names: "Spell it once more.", cites=False, agrees=lambda gold, text: text.strip() == gold)
'''


@pytest.fixture
def backwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A third task, in a folder beside that of the package."""
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "backwards.py").write_text(BACKWARDS)
    monkeypatch.setattr(tasks, "__path__", [*tasks.__path__, str(tmp_path / "tasks")])
    importlib.invalidate_caches()
    found = tasks.find_tasks()
    assert {*found} == {"backwards", "cited", "maths"}
    monkeypatch.setitem(cast(dict[str, Task], tasks.TASKS), "backwards", found["backwards"])
    yield
    del sys.modules["citerefine.training.data.tasks.backwards"]
    delattr(tasks, "backwards")


def values(number: int = 0) -> dict[str, Any]:
    word = f"perch{number}"
    return {"id": str(number), "task": "backwards", "question": word, "gold": word[::-1]}


def test_the_tasks_are_those_of_the_folder() -> None:
    assert {*tasks.TASKS} == {*tasks.find_tasks()} == {"cited", "maths"}
    assert [name for name, task in tasks.TASKS.items() if task.cites] == ["cited"]


@pytest.mark.parametrize("name", ["poems", "prompt", "task", "../cited", "__init__", ""])
def test_a_row_of_no_task_is_refused_with_the_tasks_that_there_are(name: str) -> None:
    with pytest.raises(ValidationError, match=r"there is no task .*; choose one of cited, maths"):
        TrainingRow(id="1", question="Why?", evidence=Evidence(()), task=name)
    if name:
        with pytest.raises(BadRow, match=r"^there is no task .*; choose one of cited, maths$"):
            read_row({"id": "1", "question": "Why?", "snippets": [], "task": name})


@pytest.mark.usefixtures("backwards")
def test_a_third_task_is_read_written_and_prompted(tiny_qwen3: Path) -> None:
    row = read_row(values())
    assert row.task == "backwards"
    assert row_values(row) == {**values(), "mode": "answer_only"}
    with pytest.raises(BadRow, match="has no snippets; leave them out"):
        read_row({**values(), "snippets": [{"id": "a", "text": "Perch."}]})
    tokenizer = AutoTokenizer.from_pretrained(tiny_qwen3)
    (made,) = prompt_rows([row], tokenizer, DataSettings(train="-")).rows
    assert "<|im_start|>user\nSpell backwards: perch0<|im_end|>" in made.prompt


@pytest.mark.usefixtures("backwards")
def test_a_third_task_is_rewarded_by_its_own_comparison() -> None:
    reward = RefinerReward(RewardSettings(verification=1.0, static_sets=("citation",)))
    right, wrong = reward.score_group(read_row(values()), ["0hcrep", "perch0"])
    reward.close()
    assert (right.total, wrong.total) == (1.0, 0.0)
    assert right.value("verification") == 1
    assert [term.reason.partition(":")[0] for term in wrong.terms] == [
        "no_rubric",
        "other_task",
        "other_task",
        "wrong",
    ]


@pytest.mark.usefixtures("backwards")
def test_a_third_task_is_trained_in_two_phases(tiny_qwen3: Path, tmp_path: Path) -> None:
    rows, run = tmp_path / "rows.jsonl", tmp_path / "run"
    rows.write_text("".join(f"{json.dumps(values(number))}\n" for number in range(8)))
    sets = [*TINY, f"model.name={tiny_qwen3}", f"data.train={rows}", "train.steps=2", "watch.heldout_rows=2"]
    finished = run_training(load_recipe("thinktwice", [*sets, "data.eval_share=0.25"]), run, tell=lambda line: None)
    assert finished.steps == 2
    steps = read_steps(run / "metrics.jsonl")
    assert [step.values["heldout/accuracy"] for step in steps if step.phase == "heldout"] == [0, 0]
    (improved,) = [step.values for step in steps if "transitions/wrong_wrong" in step.values]
    assert improved["transitions/wrong_wrong"] == 1
    assert improved["transitions/asked_anew"] == 0
