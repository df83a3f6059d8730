"""What rubrics have become comes back from a checkpoint, and is the same in all processes."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.training.evolving.growing import (
    ADMITS,
    ICE,
    NOTHING_NEW,
    events_of,
    growing,
    rewarding,
    row,
    scripted,
    step,
    written,
)

from citerefine.rubrics.buffer.events import Add, Begin
from citerefine.rubrics.buffer.rubric_buffer import RubricBuffer
from citerefine.rubrics.buffer.state import Standing
from citerefine.training.errors import StateError
from citerefine.training.evolving.rubrics import EvolvingRubrics


def test_a_checkpoint_brings_back_what_was_and_the_file_goes_on_from_there(tmp_path: Path) -> None:
    file, saved = tmp_path / "rubrics" / "events.jsonl", tmp_path / "saved"
    saved.mkdir()
    rubrics = growing(scripted(written(ICE), NOTHING_NEW, NOTHING_NEW), events=file)
    asyncio.run(step(rewarding(rubrics), 0))
    rubrics.apply()
    rubrics.save(saved)
    before = events_of(rubrics)
    asyncio.run(step(rewarding(rubrics), 1))
    rubrics.apply()
    whole = events_of(rubrics)
    assert len(whole) > len(before)
    asyncio.run(rubrics.aclose())  # as a killed process leaves it

    again = growing(scripted(NOTHING_NEW), events=file)
    again.load(saved)
    assert events_of(again) == before
    asyncio.run(step(rewarding(again), 1))
    again.apply()
    assert events_of(again) == whole
    asyncio.run(again.aclose())


def test_a_run_without_a_checkpoint_begins_anew(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    rubrics = growing(scripted(written(ICE)), events=file)
    asyncio.run(step(rewarding(rubrics), 0))
    rubrics.apply()
    asyncio.run(rubrics.aclose())
    again = growing(scripted(written(ICE)), events=file)
    again.begin_anew()
    assert not again.buffer.state.queries
    asyncio.run(again.aclose())


def test_what_was_collected_for_a_step_that_failed_is_forgotten(tmp_path: Path) -> None:
    saved = tmp_path / "saved"
    saved.mkdir()
    rubrics = growing(scripted(written(ICE)), events=tmp_path / "events.jsonl")
    rubrics.save(saved)
    asyncio.run(step(rewarding(rubrics), 0))
    rubrics.load(saved)
    assert rubrics.apply() == {}
    asyncio.run(rubrics.aclose())


def test_a_file_of_another_run_or_of_other_rules_is_refused(tmp_path: Path) -> None:
    saved = tmp_path / "saved"
    saved.mkdir()
    one, other = tmp_path / "one.jsonl", tmp_path / "other.jsonl"
    rubrics = growing(scripted(written(ICE)), events=one)
    asyncio.run(step(rewarding(rubrics), 0))
    rubrics.apply()
    rubrics.save(saved)
    asyncio.run(rubrics.aclose())
    with pytest.raises(StateError, match="made with other settings"):
        growing(scripted(), events=one, most_share=0.3)
    foreign = growing(scripted(), events=other)
    with pytest.raises(StateError, match="restore the file that belongs to it"):
        foreign.load(saved)
    asyncio.run(foreign.aclose())
    with pytest.raises(StateError, match="kept in memory"):
        growing(scripted()).load(saved)


# --- several processes --------------------------------------------------------------------------------------------


class Together:
    """Two processes as two threads: what each gathers is told to both."""

    def __init__(self) -> None:
        self._barrier, self._held = threading.Barrier(2, timeout=20), list[list[Any]]([[], []])

    def of(self, rank: int) -> Callable[[list[Any]], list[Any]]:
        def gather(values: list[Any]) -> list[Any]:
            self._held[rank] = values
            self._barrier.wait()
            both = [*self._held[0], *self._held[1]]
            self._barrier.wait()
            return both

        return gather


def at_once(*works: Callable[[], Any]) -> None:
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def buffers(processes: list[EvolvingRubrics]) -> list[tuple[str, Any]]:
    made = [one.buffer for one in processes]
    return [(_digest(one), [query.entries for query in one.state.queries.values()]) for one in made]


def _digest(buffer: RubricBuffer) -> str:
    return buffer.checkpoint(buffer.state.step).digest


def test_processes_that_saw_different_groups_have_one_buffer_and_resume_with_it(tmp_path: Path) -> None:
    saved, file = tmp_path / "saved", tmp_path / "events.jsonl"
    saved.mkdir()

    def started() -> list[EvolvingRubrics]:
        both = Together()
        writer = written(ICE)
        return [
            growing(scripted(always=writer), events=file if rank == 0 else None, gather=both.of(rank))
            for rank in (0, 1)
        ]

    processes = started()
    for rank, one in enumerate(processes):
        asyncio.run(step(rewarding(one), 0, of=row(f"r{rank}")))
    at_once(*(one.apply for one in processes))
    first, second = buffers(processes)
    assert first == second
    assert len(first[1]) == 2
    assert sum(entry.standing is Standing.ACTIVE for entries in first[1] for entry in entries) == 2
    processes[0].save(saved)
    asyncio.run(processes[0].aclose())

    again = started()
    at_once(*(lambda one=one: one.load(saved) for one in again))
    assert buffers(again) == [first, first]
    asyncio.run(again[0].aclose())


def test_a_file_that_does_not_fit_is_told_to_all_processes(tmp_path: Path) -> None:
    saved = tmp_path / "saved"
    saved.mkdir()
    (saved / "buffer.json").write_text('{"step":3,"n_events":7,"digest":"' + "1" * 32 + '"}')
    both, errors = Together(), list[str]()
    processes = [
        growing(scripted(), events=tmp_path / "events.jsonl" if rank == 0 else None, gather=both.of(rank))
        for rank in (0, 1)
    ]

    def load(one: EvolvingRubrics) -> None:
        try:
            one.load(saved)
        except StateError as error:
            errors.append(str(error))

    at_once(*(lambda one=one: load(one) for one in processes))
    assert len(errors) == 2
    assert errors[0] == errors[1]
    asyncio.run(processes[0].aclose())


def test_events_name_models_and_not_servers() -> None:
    rubrics = growing(scripted(written(ICE)))
    asyncio.run(step(rewarding(rubrics), 0))
    rubrics.apply()
    begin, *_, add = events_of(rubrics)
    assert isinstance(begin, Begin)
    assert isinstance(add, Add)
    assert add.evidence is not None
    assert "Mistral-Small" in ADMITS
    assert "Mistral-Small" in add.evidence.judge
    assert "DeepSeek-V4" in add.writer
    assert "http" not in add.evidence.judge + add.writer
