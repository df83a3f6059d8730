"""Rows and reward as a taskset of verifiers, loaded and scored by verifiers itself."""

import asyncio
import importlib
import importlib.util
import json
import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from citerefine.refiner.errors import InputError, ModelError
from citerefine.training.data.row import TrainingRow
from citerefine.training.rewards import RefinerReward, RewardSettings

NEEDS_VERIFIERS = pytest.mark.skipif(
    importlib.util.find_spec("verifiers") is None, reason="verifiers is not installed: make test-adapters"
)
SNIPPET = {"id": "a", "text": "The survey found that perch doubled in Lake Orven by 2010."}
GOOD = "<answer><snippet id=S1>Perch doubled in Lake Orven by 2010.</snippet></answer>"
SETTINGS: dict[str, Any] = {"rubric": 0, "citation": 0.8, "format": 0.2}


@pytest.mark.skipif(importlib.util.find_spec("verifiers") is not None, reason="verifiers is installed")
def test_without_the_package_it_says_what_to_install() -> None:
    with pytest.raises(ModelError, match="pip install 'verifiers"):
        importlib.import_module("citerefine.training.adapters.verifiers")


@pytest.fixture
def rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of rows, and an installed module that names the taskset."""
    (tmp_path / "refiner_rows.py").write_text(
        "from citerefine.training.adapters.verifiers import RefinerTaskset\n__all__ = ['RefinerTaskset']\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "refiner_rows", raising=False)
    path = tmp_path / "rows.jsonl"
    lines = [{"id": f"r{n}", "question": f"What did perch do {n}?", "snippets": [SNIPPET]} for n in range(3)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def tasks(rows: Path, data: dict[str, Any] | None = None, **task: Any) -> list[Any]:
    import verifiers.v1 as vf

    kind = vf.taskset_config_type("refiner-rows")
    config = kind(id="refiner-rows", rows=str(rows), data=data or {}, task={"reward": SETTINGS, **task})
    return [*vf.load_taskset(config)]


def scored(task: Any, reply: str) -> Any:
    """The trace of a rollout that ended with this reply, scored as verifiers does it."""
    import verifiers.v1 as vf

    agent = vf.AgentInfo(config=vf.AgentConfig(model="none"))
    trace = vf.Trace(task=vf.TraceTask(type=type(task).__name__, data=task.data), agent=agent, root_reply=reply)
    asyncio.run(task.score(trace))
    return trace


@NEEDS_VERIFIERS
def test_each_row_is_a_task_with_the_prompt_of_a_refiner(rows: Path) -> None:
    found = tasks(rows)
    assert [task.data.id for task in found] == ["r0", "r1", "r2"]
    assert "<snippet id=S1>" in found[0].data.prompt
    assert "What did perch do 0?" in found[0].data.prompt
    assert "<answer>" in found[0].data.system_prompt


@NEEDS_VERIFIERS
def test_a_reply_has_the_reward_that_training_gives_it(rows: Path) -> None:
    (task, *_) = tasks(rows)
    row = TrainingRow.model_validate_json(task.data.row)
    known = RefinerReward(RewardSettings(**SETTINGS)).score(row, GOOD)
    trace = scored(task, GOOD)
    assert trace.reward == known.total
    assert known.total
    assert trace.metrics == {"citation": known.value("citation"), "format": known.value("format")}
    assert scored(task, "no block").reward == 0.0


@NEEDS_VERIFIERS
def test_a_reply_whose_reward_is_not_known_is_an_error_and_no_0(rows: Path) -> None:
    import verifiers.v1 as vf

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        support = f"openai:tiny@http://127.0.0.1:{probe.getsockname()[1]}/v1"
    reward = {**SETTINGS, "support": support, "answer_deadline": 1.0}
    (task, *_) = tasks(rows, reward=reward, patience=0.1)
    with pytest.raises(vf.TaskError, match="could not be judged"):
        scored(task, GOOD)


@NEEDS_VERIFIERS
@pytest.mark.parametrize(
    ("mode", "sampling", "refusal"),
    [
        ("answer_only", None, 'enable_thinking true, and its mode needs false.*to {"enable_thinking": false}'),
        ("answer_only", {"temperature": 1.0}, "enable_thinking true"),
        ("answer_only", {"chat_template_kwargs": {"enable_thinking": False}}, ""),
        ("think", None, ""),
        ("think", {"chat_template_kwargs": {"enable_thinking": False}}, "false, and its mode needs true"),
    ],
)
def test_a_model_thinks_where_the_mode_says_so_and_nowhere_else(
    rows: Path, mode: str, sampling: dict[str, Any] | None, refusal: str
) -> None:
    import verifiers.v1 as vf

    def set_up(task: Any) -> None:
        config = vf.AgentConfig.model_validate({"model": "none", "sampling": sampling})
        told = vf.TraceTask(type=type(task).__name__, data=task.data)
        asyncio.run(task.setup(vf.Trace(task=told, agent=vf.AgentInfo(config=config)), None))

    (task, *_) = tasks(rows, {"mode": mode})
    if not refusal:
        set_up(task)
        return
    with pytest.raises(InputError, match=refusal):
        set_up(task)
    (without_switch, *_) = tasks(rows, {"mode": mode}, switch=False)
    set_up(without_switch)


@NEEDS_VERIFIERS
def test_rows_that_do_not_fit_are_left_out_and_told(rows: Path, caplog: pytest.LogCaptureFixture) -> None:
    long = {"id": "long", "question": "Why? " * 400, "snippets": [SNIPPET]}
    rows.write_text(rows.read_text() + json.dumps(long) + "\n")
    data = {"prompt_tokens": 1024, "answer_tokens": 128, "total_tokens": 2048}
    assert [task.data.id for task in tasks(rows, data)] == ["r0", "r1", "r2"]
    assert "row long is left out" in caplog.text


@NEEDS_VERIFIERS
def test_a_bad_row_is_named(rows: Path) -> None:
    rows.write_text(rows.read_text() + '{"id": "x"}\n')
    with pytest.raises(InputError, match="line 4: "):
        tasks(rows)
