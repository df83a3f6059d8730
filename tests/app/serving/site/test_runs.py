"""Answers that the server works on for the page, without HTTP."""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from tests.app.serving.running import LAKE, PERCH, ROACH
from tests.app.serving.site.gates import GatedSource
from tests.faulty_server import FaultyServer, says, status

from citerefine.app.serving.admission import Busy
from citerefine.app.serving.answering import Answerer, Job
from citerefine.app.serving.metrics import Metrics
from citerefine.app.serving.settings import ServeSettings
from citerefine.app.serving.site.history import Entry, History, RunState
from citerefine.app.serving.site.runs import STOPPED, Runs
from citerefine.refiner.protocols import SearchTool

JOB = Job("Did perch double?", searches=True, live=True)


def in_runs(work: Callable[[Runs], Coroutine[Any, Any, None]], search: SearchTool = LAKE, **settings: Any) -> None:
    """Does something with the runs of a server."""

    async def whole() -> None:
        answerer = Answerer(ServeSettings(**settings), search)
        runs = Runs(answerer, History(None), Metrics(answerer.admission))
        try:
            await asyncio.wait_for(work(runs), 60)
        finally:
            await runs.close()
            await answerer.aclose()

    asyncio.run(whole())


async def ended(runs: Runs, id: str) -> Entry:
    """The entry of a run once it has ended."""
    run = runs.get(id)
    if run is not None:
        async for _ in run.follow():
            pass
    entry = runs.history.get(id)
    assert entry is not None
    return entry


def test_a_run_goes_on_without_readers_and_its_answer_is_kept() -> None:
    async def work(runs: Runs) -> None:
        entry = await ended(runs, await runs.start(JOB))
        assert entry.line.state is RunState.DONE
        assert entry.answer is not None
        assert entry.answer.text == PERCH.text
        assert entry.settings["model"] == "extractive"

    in_runs(work)


def test_any_number_of_readers_are_told_the_same_from_wherever_they_left_off() -> None:
    source = GatedSource()

    async def work(runs: Runs) -> None:
        run = runs.get(await runs.start(JOB))
        assert run is not None

        async def told(after: int) -> list[object]:
            return [message async for message in run.follow(after)]

        readers = [asyncio.create_task(told(after)) for after in (0, 0, 2)]
        await asyncio.to_thread(source.asked.wait, 30)
        source.gate.set()
        first, second, later = await asyncio.gather(*readers)
        assert first == second == run.told
        assert later == first[2:]
        assert [message.text for message in run.told[:3]] == [
            "Planning what to search for",
            "Searching lake for “Did perch double?”",
            "lake: 2 passages for “Did perch double?”",
        ]
        claim = next(message for message in run.told if message.kind == "claim")
        assert claim.text == PERCH.text
        assert claim.sources == (PERCH.title,)

    in_runs(work, source)


def test_a_stopped_run_is_kept_as_stopped_and_gives_its_place_back() -> None:
    source = GatedSource()

    async def work(runs: Runs) -> None:
        id = await runs.start(JOB)
        await asyncio.to_thread(source.asked.wait, 30)
        await runs.stop(id)
        assert runs.get(id) is None
        entry = runs.history.get(id)
        assert entry is not None
        assert entry.line.state is RunState.STOPPED
        assert entry.why == STOPPED
        source.gate.set()
        assert (await ended(runs, await runs.start(JOB))).line.state is RunState.DONE

    in_runs(work, source, at_once=1, waiting=0)


def test_a_model_that_fails_leaves_what_was_found_and_why() -> None:
    with FaultyServer(status(400, "no such thing")) as model:

        async def work(runs: Runs) -> None:
            entry = await ended(runs, await runs.start(JOB))
            assert entry.line.state is RunState.FAILED
            assert "the model could not be asked" in entry.why
            assert {snippet.id for snippet in entry.found} == {PERCH.id, ROACH.id}

        in_runs(work, model=model.model)


def test_what_was_found_is_kept_before_there_is_an_answer() -> None:
    with FaultyServer(says("<answer></answer>", after=20)) as model:

        async def work(runs: Runs) -> None:
            id = await runs.start(JOB)
            end = time.monotonic() + 30
            while not (entry := runs.history.get(id)) or not entry.found:
                assert time.monotonic() < end
                await asyncio.sleep(0.02)
            assert entry.line.state is RunState.WORKING
            assert {snippet.id for snippet in entry.found} == {PERCH.id, ROACH.id}
            await runs.stop(id)

        in_runs(work, model=model.model)


def test_more_than_can_be_worked_on_and_wait_are_told_to_come_back() -> None:
    source = GatedSource()

    async def work(runs: Runs) -> None:
        ids = [await runs.start(JOB) for _ in range(2)]
        with pytest.raises(Busy) as busy:
            await runs.start(JOB)
        assert busy.value.retry_after > 0
        source.gate.set()
        assert [(await ended(runs, id)).line.state for id in ids] == [RunState.DONE] * 2
        assert runs.history.list().total == 2

    in_runs(work, source, at_once=1, waiting=1)


def test_a_run_whose_beginning_cannot_be_kept_does_not_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*values: object) -> None:
        raise OSError("disk full")

    async def work(runs: Runs) -> None:
        monkeypatch.setattr(runs.history, "begin", full)
        with pytest.raises(OSError, match="disk full"):
            await runs.start(JOB)
        monkeypatch.undo()
        assert (await ended(runs, await runs.start(JOB))).line.state is RunState.DONE

    in_runs(work, at_once=1, waiting=0)


@pytest.mark.parametrize(("drain", "state"), [(30.0, RunState.DONE), (0.0, RunState.STOPPED)])
def test_the_end_of_the_server_waits_for_runs_for_a_while(drain: float, state: RunState) -> None:
    source, entries = GatedSource(), list[Entry | None]()

    async def whole() -> None:
        answerer = Answerer(ServeSettings(drain_seconds=drain), source)
        runs = Runs(answerer, History(None), Metrics(answerer.admission))
        id = await runs.start(JOB)
        await asyncio.to_thread(source.asked.wait, 30)
        close, runs.history.close = runs.history.close, lambda: None  # type: ignore[method-assign]
        answerer.admission.close()
        threading.Timer(0.3, source.gate.set).start()
        await runs.close()
        entries.append(runs.history.get(id))
        close()

    asyncio.run(whole())
    assert entries[0] is not None
    assert entries[0].line.state is state


def test_a_server_that_stops_takes_nothing_new() -> None:
    async def whole() -> None:
        answerer = Answerer(ServeSettings(), LAKE)
        runs = Runs(answerer, History(None), Metrics(answerer.admission))
        answerer.admission.close()
        with pytest.raises(Busy, match="stopping"):
            await runs.start(JOB)
        await runs.close()

    asyncio.run(whole())


def test_a_refined_run_searches_nothing_and_says_so() -> None:
    source = GatedSource()

    async def work(runs: Runs) -> None:
        job = Job("Did roach fall?", (ROACH, PERCH), live=True)
        entry = await ended(runs, await runs.start(job, parent="parent", note="Nothing was searched."))
        assert entry.line.parent == "parent"
        assert entry.answer is not None
        assert entry.answer.evidence.snippets == (ROACH, PERCH)
        assert entry.answer.notes[-1] == "Nothing was searched."
        assert not source.asked.is_set()

    in_runs(work, source)
