"""Playing a trace back: the same answer, nobody asked, nothing made up."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
from tests.refiner.recording.runs import FOUND, QUESTION, REPLY, EmptyShelf, Library, answer_with
from tests.scripted_model import Scripted, ScriptedModel

from citerefine.refiner.answer import Answer
from citerefine.refiner.chat.call import ChatCall, ChatReply, Message, Sampling
from citerefine.refiner.errors import CallError, InputError, ReplayError
from citerefine.refiner.protocols import Capabilities, ChatModel, SearchPage, SearchTool
from citerefine.refiner.recording.recorder import Recorder, RecordingModel, RecordingSearch
from citerefine.refiner.recording.replay import Recording


def call(text: str = "Hello", **sampling: float) -> ChatCall:
    return ChatCall(messages=(Message(role="user", content=text),), sampling=Sampling.model_validate(sampling))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "trace.jsonl"


@pytest.fixture
def answer(path: Path) -> Answer:
    """The answer of a run that `path` is the trace of."""
    tools: list[SearchTool] = [Library(), EmptyShelf()]
    with Recorder(path) as recorder:
        recorder.header(question=QUESTION, model="scripted", tools=tools)
        model = RecordingModel(ScriptedModel(REPLY, capable=Capabilities(grammar=True)), recorder)
        answer = asyncio.run(answer_with(model, [RecordingSearch(tool, recorder) for tool in tools]))
        recorder.answer(answer)
    return answer


def recorded_model(path: Path, *replies: Scripted, calls: tuple[ChatCall, ...]) -> ChatModel:
    """Stands in for a model that was asked `calls`, whether it replied or not."""

    async def ask(model: RecordingModel) -> None:
        for one in calls:
            with suppress(CallError):
                await model.complete(one)

    with Recorder(path) as recorder:
        recorder.header(question=QUESTION, model="scripted")
        asyncio.run(ask(RecordingModel(ScriptedModel(*replies), recorder)))
    return Recording.load(path).model("scripted")


def recorded_tool(path: Path, tool: Library, *queries: str) -> SearchTool:
    async def ask(recording: RecordingSearch) -> None:
        for query in queries:
            with suppress(Exception):
                await recording.search(query, 10)

    with Recorder(path) as recorder:
        recorder.header(question=QUESTION, tools=[tool])
        asyncio.run(ask(RecordingSearch(tool, recorder)))
    return Recording.load(path).searches()[0]


def test_a_replay_gives_the_same_answer(path: Path, answer: Answer) -> None:
    recording = Recording.load(path)
    assert recording.answer == answer
    assert (recording.header.question, recording.models) == (QUESTION, ("scripted",))
    model, tools = recording.model("scripted"), recording.searches()
    assert [tool.name for tool in tools] == ["library", "shelf"]
    assert [hasattr(tool, "read") for tool in tools] == [True, False]
    assert isinstance(tools[0], SearchTool)
    assert asyncio.run(answer_with(model, tools, recording.header.question)) == answer


def test_a_replay_of_a_replay_is_the_same_trace(path: Path, answer: Answer, tmp_path: Path) -> None:
    recording, second = Recording.load(path), tmp_path / "second.jsonl"
    tools = recording.searches()
    with Recorder(second) as recorder:
        recorder.header(question=QUESTION, model="scripted", tools=tools)
        model = RecordingModel(recording.model("scripted"), recorder)
        recorder.answer(asyncio.run(answer_with(model, [RecordingSearch(tool, recorder) for tool in tools])))
    assert second.read_bytes() == path.read_bytes()


def test_calls_are_found_by_what_they_say_in_any_order(path: Path) -> None:
    model = recorded_model(path, "one", "two", "three", calls=(call("a"), call("b"), call("a")))

    async def ask() -> list[str]:
        return [(await model.complete(call(text))).text for text in ("b", "a", "a")]

    assert asyncio.run(ask()) == ["two", "one", "three"]


def test_a_streamed_replay_gives_the_text_and_then_the_reply(path: Path) -> None:
    model = recorded_model(path, "one", calls=(call(),))

    async def pieces() -> list[str | ChatReply]:
        return [piece async for piece in model.stream(call())]

    text, reply = asyncio.run(pieces())
    assert text == "one"
    assert isinstance(reply, ChatReply)
    assert reply.text == "one"


def test_failed_calls_fail_again_in_the_same_way(path: Path) -> None:
    model = recorded_model(path, CallError("slow down", "rate_limited", retryable=True), "one", calls=(call(), call()))
    with pytest.raises(CallError, match="slow down") as failure:
        asyncio.run(model.complete(call()))
    assert (failure.value.code, failure.value.retryable) == ("rate_limited", True)
    assert asyncio.run(model.complete(call())).text == "one"


def test_a_stream_that_broke_breaks_again_behind_the_same_text(path: Path) -> None:
    class Breaking(ScriptedModel):
        async def stream(self, call: ChatCall) -> AsyncIterator[str | ChatReply]:
            yield "half an "
            raise CallError("the connection broke", "unreachable")

    async def pieces(model: ChatModel) -> list[str | ChatReply]:
        stream = model.stream(call())
        got = [await anext(stream)]
        with pytest.raises(CallError, match="the connection broke"):
            await anext(stream)
        return got

    with Recorder(path) as recorder:
        recorder.header(question=QUESTION)
        asyncio.run(pieces(RecordingModel(Breaking(), recorder)))
    assert asyncio.run(pieces(Recording.load(path).model("scripted"))) == ["half an "]


def test_failed_searches_fail_again_under_the_same_name(path: Path) -> None:
    class QuotaExceeded(Exception):
        pass

    tool = recorded_tool(path, Library(QuotaExceeded("come back tomorrow"), TimeoutError("10 s")), "x", "x", "x")
    with pytest.raises(Exception, match="the search failed") as failure:
        asyncio.run(tool.search("x", 10))
    assert type(failure.value).__name__ == "QuotaExceeded"
    with pytest.raises(TimeoutError):
        asyncio.run(tool.search("x", 10))
    assert asyncio.run(tool.search("x", 10)).snippets == (FOUND,)


def test_a_search_that_is_not_recorded_names_the_nearest(path: Path) -> None:
    tool = recorded_tool(path, Library(), "perch in Lake Orven", "ice")
    with pytest.raises(ReplayError, match=r"'perch of Lake Orven' \(k = 5\).*is 'perch in Lake Orven' \(k = 10\)"):
        asyncio.run(tool.search("perch of Lake Orven", 5))


def test_a_call_that_is_not_recorded_names_the_nearest_and_where_it_differs(path: Path) -> None:
    near, far = call("Does perch double?"), call("Write a poem.", temperature=1.0)
    model = recorded_model(path, "one", "two", calls=(near, far))
    with pytest.raises(ReplayError, match=rf"nearest is call {near.key[:12]}….*differs in messages\.0\.content"):
        asyncio.run(model.complete(call("Does perch double")))
    with pytest.raises(ReplayError, match=r"differs in sampling\.temperature"):
        asyncio.run(model.complete(call("Write a poem.", temperature=0.5)))


def test_asking_more_often_than_recorded_is_an_error(path: Path) -> None:
    model = recorded_model(path, "one", calls=(call(),))
    asyncio.run(model.complete(call()))
    with pytest.raises(ReplayError, match="fewer times"):
        asyncio.run(model.complete(call()))


def test_nothing_is_made_up_about_a_model(path: Path) -> None:
    model = recorded_model(path, "one", calls=(call(),))
    with pytest.raises(ReplayError, match="what scripted can do is not recorded"):
        asyncio.run(model.capabilities())
    with pytest.raises(ReplayError, match="the tokens that scripted has for 'unknown text'"):
        asyncio.run(model.count_tokens(["unknown text"]))
    with pytest.raises(ReplayError, match="nothing of a model 'other' is recorded; the run had: scripted"):
        Recording.load(path).model("other")


def test_a_tool_that_was_never_asked_is_there_and_has_nothing(path: Path) -> None:
    tool = recorded_tool(path, Library())
    with pytest.raises(ReplayError, match="nor any other"):
        asyncio.run(tool.search("x", 1))
    page: SearchPage | None = None
    with pytest.raises(ReplayError, match="reading on from"):
        page = asyncio.run(tool.read([FOUND]))  # type: ignore[attr-defined]
    assert page is None


def test_a_trace_that_is_cut_at_any_byte_is_read_as_far_as_it_is_whole(path: Path, answer: Answer) -> None:
    whole = path.read_bytes()
    first = whole.index(b"\n")
    for end in range(first, len(whole), 97):
        path.write_bytes(whole[:end])
        assert Recording.load(path).answer is None
    path.write_bytes(whole[:-1])
    assert Recording.load(path).answer == answer


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("{\n", "line 1: it is no JSON"),
        ('{"id": 1}\n', "line 1: it is no event of a trace"),
        ('{"kind": "run", "format": 2, "question": "x"}\n', "line 1: the trace has format 2, and this version reads 1"),
        ('{"kind": "tokens", "model": "m", "counts": {}}\n', "line 1: it names no run"),
        ("HEADER\n\n", "line 2: it is no JSON"),
        ('HEADER\n{"kind": "call", "model": 5}\n', r"line 2: call\.model: Input should be a valid string"),
        ('HEADER\n{"kind": "dance"}\n', "line 2: .*dance"),
        ('HEADER\n{"kind": "run", "format": 1, "question": "y"}\n', "line 2: another run begins"),
        ("HEADER\n" + "[" * 100_000 + "\n", "line 2: it is no JSON"),
    ],
)
def test_a_file_that_is_no_trace_is_refused_with_its_line(path: Path, text: str, message: str) -> None:
    path.write_text(text.replace("HEADER", '{"kind": "run", "format": 1, "question": "x"}'))
    with pytest.raises(InputError, match=message):
        Recording.load(path)


def test_an_answer_that_was_changed_in_the_file_is_refused(path: Path, answer: Answer) -> None:
    lines = path.read_text().splitlines()
    last = json.loads(lines[-1])
    last["answer"]["text"] = "Y causes X."
    path.write_text("\n".join([*lines[:-1], json.dumps(last)]) + "\n")
    with pytest.raises(InputError, match=r"line 8: .*text is not what the parser reads"):
        Recording.load(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.jsonl cannot be read: No such file"):
        Recording.load(tmp_path / "none.jsonl")
