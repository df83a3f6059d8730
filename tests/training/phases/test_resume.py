"""A run in two phases that is killed, stopped or out of judges, and gone on with, ends as one that was not."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.forking_worker import ForkingWorker
from tests.training.grpo.tiny_runs import same, weights
from tests.training.phases.two_phase_runs import Verified, two_phase_trainer
from tests.training.phases.two_phase_worker import PLACES, STEPS

from citerefine.training.errors import JudgeOutage, StateError
from citerefine.training.grpo.checkpoints import newest


@pytest.fixture(scope="module")
def worker(tiny_qwen3: Path) -> Iterator[ForkingWorker]:
    made = ForkingWorker("tests.training.phases.two_phase_worker", TINY_QWEN3=str(tiny_qwen3), OMP_NUM_THREADS="1")
    yield made
    made.close()


@pytest.fixture(scope="module")
def undisturbed(worker: ForkingWorker, tiny_qwen3: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    found = worker(model=str(tiny_qwen3), run=str(tmp_path_factory.mktemp("undisturbed")))
    assert found["steps"] == STEPS
    assert len({str(figures) for figures in found["figures"]}) == STEPS
    return found


@pytest.mark.parametrize(
    ("place", "call"), [*((place, 2) for place in PLACES), ("writing the drafts", 1), ("rollout", 3)]
)
def test_a_kill_between_or_in_phases_is_as_if_it_had_not_been(
    worker: ForkingWorker, undisturbed: dict[str, Any], tiny_qwen3: Path, tmp_path: Path, place: str, call: int
) -> None:
    order = {"model": str(tiny_qwen3), "run": str(tmp_path)}
    assert worker(**order, kill=place, call=call)["killed"]
    assert worker(**order, resume=True) == undisturbed


def test_a_kill_goes_back_to_the_checkpoint_that_there_is(
    worker: ForkingWorker, undisturbed: dict[str, Any], tiny_qwen3: Path, tmp_path: Path
) -> None:
    order = {"model": str(tiny_qwen3), "run": str(tmp_path), "save_steps": 2}
    assert worker(**order, kill="rollout", call=4)["killed"]
    assert [path.name for path in (tmp_path / "checkpoints").glob("checkpoint-*")] == ["checkpoint-2"]
    assert worker(**order, resume=True) == undisturbed


def test_a_run_stops_between_the_phases_when_it_is_asked_to(
    worker: ForkingWorker, undisturbed: dict[str, Any], tiny_qwen3: Path, tmp_path: Path
) -> None:
    order = {"model": str(tiny_qwen3), "run": str(tmp_path), "save_steps": 100}
    assert worker(**order, stop=0)["steps"] == 1
    assert worker(**order, resume=True) == undisturbed


class Failing(Verified):
    """A reward that is out at its nth call."""

    def __init__(self, call: int) -> None:
        super().__init__()
        self._left = call

    def __call__(self, prompts: Any, completion_ids: Any, **columns: Any) -> list[float | None]:
        self._left -= 1
        if not self._left:
            raise JudgeOutage("the judge is out")
        return super().__call__(prompts, completion_ids, **columns)


@pytest.mark.parametrize("call", [2, 3])
def test_an_outage_keeps_the_drafts_that_wait(tiny_qwen3: Path, tmp_path: Path, call: int) -> None:
    plain = two_phase_trainer(tiny_qwen3, tmp_path / "plain")
    plain.train()
    cut = two_phase_trainer(tiny_qwen3, tmp_path / "cut", Failing(call), save_steps=100)
    with pytest.raises(JudgeOutage):
        cut.train()
    checkpoint = newest(cut.checkpoints)
    assert checkpoint is not None
    assert checkpoint.name == f"checkpoint-{call - 1}"
    again = two_phase_trainer(tiny_qwen3, tmp_path / "cut", save_steps=100)
    again.train(True)
    assert same(weights(again.model), weights(plain.model))


def test_drafts_that_cannot_be_read_are_told(tiny_qwen3: Path, tmp_path: Path) -> None:
    made = two_phase_trainer(tiny_qwen3, tmp_path)
    (tmp_path / "drafts.json").write_text('{"rollout": 0, "drafts": [{"id": 1}]}')
    assert made._phases is not None
    with pytest.raises(StateError, match="holds no drafts"):
        made._phases.load(tmp_path)
    (tmp_path / "drafts.json").write_text('{"rollout": 4, "drafts": []}')
    made._phases.load(tmp_path)
    with pytest.raises(StateError, match="improves drafts of rollout 0, and those that are there are of 4"):
        made._phases.rows(1, [])
