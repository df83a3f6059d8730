"""A planner in a replay: it says what it said, and no more once the recorded searches are over."""

import asyncio
from pathlib import Path

import pytest
from tests.refiner.agent.scripted_search import ScriptedSearch, passages
from tests.scripted_model import ScriptedModel

from citerefine.refiner.agent.context import RefinerContext
from citerefine.refiner.agent.run import research
from citerefine.refiner.answer import Answer
from citerefine.refiner.errors import ReplayError
from citerefine.refiner.protocols import ChatModel, SearchTool
from citerefine.refiner.recording.recorder import Recorder, RecordingModel, RecordingSearch
from citerefine.refiner.recording.replay import Recording

QUESTION = "Did perch double in Lake Orven, and did pike vanish?"
PLAN = "PART: perch in Lake Orven\nPART: pike\nSEARCH: perch orven"


async def answer_of(search: SearchTool, planner: ChatModel, question: str = QUESTION) -> Answer:
    return await research(question, [search], RefinerContext(planner=planner, max_searches=9, max_seconds=1.0))


def recorded_until_time_was_up(path: Path) -> Answer:
    search = ScriptedSearch("lakes", lambda query: passages("Perch in Lake Orven doubled."), delay=0.7)
    planner = ScriptedModel(PLAN, name="planner")
    with Recorder(path) as recorder:
        recorder.header(question=QUESTION, planner="planner", tools=[search])
        answer = asyncio.run(answer_of(RecordingSearch(search, recorder), RecordingModel(planner, recorder)))
        recorder.answer(answer)
    assert len(planner.calls) == 1
    return answer


def test_a_run_that_stopped_because_its_time_was_up_is_replayed_to_the_same_answer(tmp_path: Path) -> None:
    answer = recorded_until_time_was_up(tmp_path / "trace.jsonl")
    recording = Recording.load(tmp_path / "trace.jsonl")
    (search,) = recording.searches()
    replayed = asyncio.run(answer_of(search, recording.planner("planner")))
    assert (replayed.tagged, replayed.evidence) == (answer.tagged, answer.evidence)


def test_a_planner_that_is_asked_something_else_before_they_are_over_is_an_error(tmp_path: Path) -> None:
    recorded_until_time_was_up(tmp_path / "trace.jsonl")
    recording = Recording.load(tmp_path / "trace.jsonl")
    (search,) = recording.searches()
    with pytest.raises(ReplayError, match="is not recorded"):
        asyncio.run(answer_of(search, recording.planner("planner"), "Did roach fall?"))
