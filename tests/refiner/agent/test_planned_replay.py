"""A run with a planner model, recorded and replayed: byte for byte the same, whatever went wrong on the way."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.refiner.agent.scripted_search import ReadingSearch, ScriptedSearch, passages
from tests.scripted_model import ScriptedModel

from citerefine.refiner.agent import aided
from citerefine.refiner.agent.context import RefinerContext
from citerefine.refiner.agent.run import research
from citerefine.refiner.answer import Answer
from citerefine.refiner.chat.call import ChatCall, ChatReply
from citerefine.refiner.errors import CallError
from citerefine.refiner.protocols import ChatModel, SearchTool
from citerefine.refiner.recording.recorder import Recorder, RecordingModel, RecordingSearch
from citerefine.refiner.recording.replay import Recording
from citerefine.refiner.records import Snippet

QUESTION = "Did perch double in Lake Orven, and did pike vanish from Lake Veld?"
PLANS = (
    "PART: perch in Lake Orven\nPART: pike in Lake Veld\nSEARCH: perch orven\nSEARCH: perch numbers",
    "COVERED: 1 S1\nSEARCH: pike veld",
    "ENOUGH",
)
ANSWER = "<answer><snippet id=S1>Perch doubled.</snippet></answer>"


def lakes(query: str) -> list[Snippet]:
    return passages(f"Perch in Lake Orven doubled, says one who asked for {query}.") if "perch" in query else []


async def answer_of(tools: Sequence[SearchTool], planner: ChatModel, model: ChatModel) -> Answer:
    context = RefinerContext(planner=planner, model=model, max_searches=9, max_tokens=9000)
    return await research(QUESTION, tools, context)


def recorded(path: Path, tools: Sequence[SearchTool], planner: ChatModel, model: ChatModel) -> Answer:
    with Recorder(path) as recorder:
        recorder.header(question=QUESTION, model=model.name, planner=planner.name, tools=tools)
        watched = [RecordingModel(one, recorder) for one in (planner, model)]
        answer = asyncio.run(answer_of([RecordingSearch(tool, recorder) for tool in tools], *watched))
        recorder.answer(answer)
    return answer


def replayed(trace: Path, path: Path) -> Answer:
    """Replays a trace and records that."""
    recording = Recording.load(trace)
    return recorded(path, recording.searches(), recording.model("planner"), recording.model("writer"))


def test_a_replay_and_the_replay_of_a_replay_are_byte_for_byte_the_recorded_run(tmp_path: Path) -> None:
    traces = [tmp_path / f"{n}.jsonl" for n in range(3)]
    planner = ScriptedModel(*PLANS, name="planner")
    tools = [ReadingSearch("lakes", lakes, passages("More on pike.")), ScriptedSearch("broken", ConnectionError("x"))]
    answers = [recorded(traces[0], tools, planner, ScriptedModel(ANSWER, name="writer"))]
    answers += [replayed(traces[n], traces[n + 1]) for n in range(2)]
    assert len(planner.calls) == 3
    assert answers[0].to_json() == answers[1].to_json() == answers[2].to_json()
    assert traces[0].read_bytes() == traces[1].read_bytes() == traces[2].read_bytes()


def test_sources_that_overtake_each_other_change_the_order_of_the_trace_and_not_the_answer(tmp_path: Path) -> None:
    traces = [tmp_path / f"{n}.jsonl" for n in range(3)]
    tools = [ScriptedSearch("slow", lakes, delay=0.05), ScriptedSearch("fast", lakes)]
    planner = ScriptedModel(*PLANS, name="planner")
    answers = [recorded(traces[0], tools, planner, ScriptedModel(ANSWER, name="writer"))]
    answers += [replayed(traces[n], traces[n + 1]) for n in range(2)]
    assert answers[0].to_json() == answers[1].to_json() == answers[2].to_json()
    assert traces[1].read_bytes() == traces[2].read_bytes()
    assert sorted(traces[0].read_bytes().splitlines()) == sorted(traces[1].read_bytes().splitlines())


def test_the_trace_shows_each_turns_parts_and_their_evidence(tmp_path: Path) -> None:
    trace = tmp_path / "trace.jsonl"
    planner = ScriptedModel(*PLANS, name="planner")
    recorded(trace, [ScriptedSearch("lakes", lakes)], planner, ScriptedModel(ANSWER, name="writer"))
    assert "1. perch in Lake Orven: covered by S1\\n2. pike in Lake Veld: nothing yet" in trace.read_text()


@pytest.mark.parametrize("failure", [CallError("busy", "rate_limited"), CallError("too slow", "deadline")])
def test_a_planner_that_failed_fails_again_with_the_same_note(tmp_path: Path, failure: CallError) -> None:
    planner = ScriptedModel(PLANS[0], failure, "ENOUGH", name="planner")
    first, second = tmp_path / "1.jsonl", tmp_path / "2.jsonl"
    answer = recorded(first, [ScriptedSearch("lakes", lakes)], planner, ScriptedModel(ANSWER, name="writer"))
    assert "The planner was of no help" in " ".join(answer.notes)
    assert replayed(first, second).to_json() == answer.to_json()
    assert second.read_bytes() == first.read_bytes()


def test_a_planner_that_was_cut_off_fails_again_with_the_same_note(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Hanging(ScriptedModel):
        async def complete(self, call: ChatCall) -> ChatReply:
            if len(self.calls) == 1:
                self.calls.append(call)
                await asyncio.sleep(60)
            return await super().complete(call)

    monkeypatch.setattr(aided, "PLANNER_SECONDS", 1.0)
    first, second = tmp_path / "1.jsonl", tmp_path / "2.jsonl"
    planner = Hanging(PLANS[0], "ENOUGH", name="planner")
    answer = recorded(first, [ScriptedSearch("lakes", lakes)], planner, ScriptedModel(ANSWER, name="writer"))
    assert "The planner was of no help (no complete reply within the total deadline)" in " ".join(answer.notes)
    assert replayed(first, second).to_json() == answer.to_json()
