"""Recording a run: everything that came back is in the trace, and no key."""

import asyncio
import json
import stat
from pathlib import Path
from typing import Any

import pytest
from tests.refiner.recording.runs import FOUND, MORE, QUESTION, REPLY, EmptyShelf, Library, answer_with
from tests.scripted_model import ScriptedModel

from citerefine.refiner.chat.call import ChatCall, ChatReply, Message
from citerefine.refiner.errors import CallError, InputError
from citerefine.refiner.protocols import Capabilities, ChatModel, SearchTool
from citerefine.refiner.recording.recorder import Recorder, RecordingModel, RecordingSearch
from citerefine.refiner.recording.replay import Recording

CALL = ChatCall(messages=(Message(role="user", content="Héllo"),))


def record_run(path: Path, *tools: SearchTool) -> list[dict[str, Any]]:
    tools = tools or (Library(), EmptyShelf())
    with Recorder(path) as recorder:
        recorder.header(question=QUESTION, model="scripted", tools=tools, settings={"passes": 1})
        model = RecordingModel(ScriptedModel(REPLY), recorder)
        answer = asyncio.run(answer_with(model, [RecordingSearch(tool, recorder) for tool in tools]))
        recorder.answer(answer)
    return read_lines(path)


def read_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_trace_holds_the_run_in_order_and_everything_that_came_back(tmp_path: Path) -> None:
    lines = record_run(tmp_path / "trace.jsonl")
    kinds = [line["kind"] for line in lines]
    assert kinds == ["run", "search", "read", "search", "capabilities", "tokens", "call", "answer"]
    run, search, read, empty, _, tokens, call, answer = lines
    assert run == {
        "kind": "run", "format": 1, "question": QUESTION, "model": "scripted", "planner": None,
        "tools": ["library", "shelf"], "readers": ["library"], "settings": {"passes": 1},
    }  # fmt: skip
    assert (search["tool"], search["query"], search["k"]) == ("library", QUESTION, 10)
    assert search["page"]["snippets"] == [FOUND.model_dump(mode="json")]
    assert (search["page"]["cost"], search["page"]["warnings"]) == (0.25, ["one file was not read"])
    assert (read["ids"], read["page"]["snippets"][1]["id"]) == ([FOUND.id], MORE.id)
    assert empty["page"]["outcome"] == "empty"
    assert (call["model"], call["reply"]["text"], call["error"]) == ("scripted", REPLY, None)
    assert call["key"] == ChatCall.model_validate(call["call"]).key
    assert [*tokens["counts"].values()] == [len(QUESTION) // 4 + 1]
    assert answer["answer"]["tagged"].startswith(f"<answer><snippet id={FOUND.id},{MORE.id}>")


def test_what_is_recorded_is_passed_on_unchanged(tmp_path: Path) -> None:
    with Recorder(tmp_path / "trace.jsonl") as recorder:
        inner = ScriptedModel(REPLY, REPLY)
        model: ChatModel = RecordingModel(inner, recorder)

        async def ask() -> list[str | ChatReply]:
            whole = await model.complete(CALL)
            pieces = [piece async for piece in model.stream(CALL)]
            assert "".join(piece for piece in pieces if isinstance(piece, str)) == whole.text
            await model.aclose()
            return pieces

        assert asyncio.run(ask())[-1] == asyncio.run(ScriptedModel(REPLY).complete(CALL))
        assert inner.closed
        assert isinstance(RecordingSearch(Library(), recorder), SearchTool)
        assert not hasattr(RecordingSearch(EmptyShelf(), recorder), "read")


def test_no_key_of_a_service_is_in_a_trace_and_others_cannot_read_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_API_KEY", "S2_API_KEY", "CITEREFINE_MODEL"):
        monkeypatch.setenv(name, "sk-planted")
    path = tmp_path / "trace.jsonl"
    path.touch(0o644)
    record_run(path)
    assert "planted" not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_failures_are_recorded_and_raised_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    with Recorder(path) as recorder:
        model = RecordingModel(ScriptedModel(CallError("no server", "unreachable", retryable=True)), recorder)
        with pytest.raises(CallError, match="no server"):
            asyncio.run(model.complete(CALL))
        tool = RecordingSearch(Library(ConnectionResetError("GET https://api.example/?key=sk-planted")), recorder)
        with pytest.raises(ConnectionResetError):
            asyncio.run(tool.search("x", 1))
    call, search = read_lines(path)
    assert call["error"] == {"code": "unreachable", "message": "no server", "retryable": True}
    assert (call["reply"], call["key"]) == (None, CALL.key)
    assert search["error"]["code"] == "ConnectionResetError"
    assert "planted" not in path.read_text()


def test_a_tool_that_gives_no_page_is_recorded_as_failing(tmp_path: Path) -> None:
    class Careless(EmptyShelf):
        async def search(self, query: str, k: int) -> Any:
            return [FOUND]

    path = tmp_path / "trace.jsonl"
    with Recorder(path) as recorder, pytest.raises(TypeError, match="shelf gave list, no SearchPage"):
        asyncio.run(RecordingSearch(Careless(), recorder).search("x", 1))
    assert read_lines(path)[0]["error"]["code"] == "TypeError"


def test_a_call_that_is_waited_for_no_longer_is_recorded_as_missing_its_deadline(tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    with Recorder(path) as recorder:
        model = RecordingModel(ScriptedModel(REPLY, delay=60), recorder)
        with pytest.raises(TimeoutError):
            asyncio.run(asyncio.wait_for(model.complete(CALL), 0.01))
    [call] = read_lines(path)
    assert (call["error"]["code"], call["reply"]) == ("deadline", None)


def test_a_stream_that_is_left_early_is_recorded_as_far_as_it_was_read(tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"

    async def leave(model: ChatModel) -> None:
        stream = model.stream(CALL)
        await anext(stream)
        await stream.aclose()  # type: ignore[attr-defined]

    with Recorder(path) as recorder:
        asyncio.run(leave(RecordingModel(ScriptedModel(REPLY), recorder)))
    [call] = read_lines(path)
    assert (call["partial"], call["reply"], call["error"]) == (REPLY[:7], None, None)


def test_what_a_model_can_do_and_its_token_counts_are_written_once(tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    with Recorder(path) as recorder:
        model = RecordingModel(ScriptedModel(capable=Capabilities(grammar=True)), recorder)
        for _ in range(2):
            assert asyncio.run(model.capabilities()).grammar
            assert asyncio.run(model.count_tokens(["four", "fourfour"])) == [2, 3]
        asyncio.run(model.count_tokens(["four", "new"]))
    assert [line["kind"] for line in read_lines(path)] == ["capabilities", "tokens", "tokens"]
    assert len(read_lines(path)[-1]["counts"]) == 1


def test_half_a_character_in_a_reply_comes_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    reply = ChatReply(text="é", logprobs=({"token": "\ud83d"},))
    with Recorder(path) as recorder:
        recorder.header(question="\ud83d?", model="scripted")
        asyncio.run(RecordingModel(ScriptedModel(reply), recorder).complete(CALL))
    assert asyncio.run(Recording.load(path).model("scripted").complete(CALL)) == reply


def test_an_earlier_trace_is_replaced_and_anything_else_is_not(tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    record_run(path)
    assert len(record_run(path)) == 8
    for text in ("my notes\n", '{"kind": "search"}\n', "x"):
        path.write_text(text)
        with pytest.raises(InputError, match="something else than a trace"):
            Recorder(path)
        assert path.read_text() == text


def test_a_torn_first_line_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    path.write_text('{"kind": "ru')
    with Recorder(path) as recorder:
        recorder.header(question=QUESTION)
    assert Recording.load(path).header.question == QUESTION


def test_two_runs_do_not_write_the_same_trace(tmp_path: Path) -> None:
    with Recorder(tmp_path / "trace.jsonl"), pytest.raises(InputError, match="another process is writing"):
        Recorder(tmp_path / "trace.jsonl")
