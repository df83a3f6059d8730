"""A journal holds what each request came to: what it answers is not asked again, what is damaged is not believed."""

import asyncio
import errno
import os
import sqlite3
import stat
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import closing, suppress
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.faulty_server import Behaviour, FaultyServer, hang, says, status
from tests.refiner.chat.asking import SWIFT, call_of

from citerefine.refiner.chat.attempts import PAID
from citerefine.refiner.chat.budget import Budget, BudgetedModel
from citerefine.refiner.chat.call import ChatCall, ChatReply, ToolCall
from citerefine.refiner.chat.client import ChatClient
from citerefine.refiner.chat.endpoint import Endpoint
from citerefine.refiner.chat.identity import identity
from citerefine.refiner.chat.journal import JournaledModel
from citerefine.refiner.chat.journal_events import COLUMNS, Event, Totals, from_row, to_row
from citerefine.refiner.chat.journal_file import MOST_BYTES, JournalFile
from citerefine.refiner.errors import CallError, InputError
from citerefine.refiner.protocols import Capabilities, ChatModel
from citerefine.refiner.records import Usage

T = TypeVar("T")
HELLO = ChatReply(text="Hello.", usage=Usage(prompt_tokens=5, completion_tokens=2))
OTHER_VERSION = "CREATE TABLE t (x); PRAGMA application_id = 1129466446; PRAGMA user_version = 9"


class Echo:
    """A model that tells nothing of its requests: replies with the prompt, or fails."""

    name = "hf:echo"

    def __init__(self, *replies: ChatReply | CallError) -> None:
        self.calls = 0
        self._replies = [*replies]

    async def complete(self, call: ChatCall) -> ChatReply:
        self.calls += 1
        await asyncio.sleep(0.01)
        reply = self._replies.pop(0) if self._replies else HELLO
        if isinstance(reply, CallError):
            raise reply
        return reply

    async def stream(self, call: ChatCall) -> AsyncIterator[str | ChatReply]:
        reply = await self.complete(call)
        yield reply.text
        yield reply

    async def capabilities(self) -> Capabilities:
        return Capabilities(grammar=True)

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]

    async def aclose(self) -> None:
        """Nothing."""


def journaled(model: ChatModel, path: Path, work: Callable[[JournaledModel], Awaitable[T]], **how: Any) -> T:
    async def run() -> T:
        found = JournaledModel(model, path, **how)
        try:
            return await work(found)
        finally:
            await found.aclose()

    return asyncio.run(run())


async def ask(model: JournaledModel) -> ChatReply:
    return await model.complete(call_of())


def totals_of(path: Path) -> Totals:
    async def told(model: JournaledModel) -> Totals:
        return model.totals()

    return journaled(Echo(), path, told)


def test_it_is_a_chat_model(tmp_path: Path) -> None:
    model = JournaledModel(Echo(), tmp_path / "j.db")
    assert isinstance(model, ChatModel)
    assert model.name == "hf:echo"
    assert asyncio.run(model.capabilities()).grammar
    assert not (tmp_path / "j.db").exists()


def test_what_was_answered_is_not_asked_again_and_costs_nothing(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    with FaultyServer(says("Hello there.")) as server:
        first = journaled(ChatClient(Endpoint.parse(server.model)), path, ask)
        second = journaled(ChatClient(Endpoint.parse(server.model)), path, ask)
        assert len(server.chats) == 1
    assert (first.usage.calls, second.usage) == (1, PAID)
    assert second.model_copy(update={"usage": first.usage}) == first


@pytest.mark.parametrize(
    "changes",
    [{"seed": 1}, {"temperature": 0.5, "seed": 0}, {"grammar": 'root ::= "a"'}, {"thinking": True}, {"max_tokens": 9}],
)
def test_whatever_decides_the_reply_makes_another_key(changes: dict[str, Any], tmp_path: Path) -> None:
    echo = Echo()

    async def both(model: JournaledModel) -> None:
        await model.complete(call_of())
        await model.complete(call_of(**changes))

    journaled(echo, tmp_path / "j.db", both)
    assert echo.calls == 2


def test_a_model_of_another_name_or_service_has_other_keys() -> None:
    assert identity("openai:a@http://localhost:1/v1") == identity("openai:a@http://127.0.0.1:2/v1,http://node7/v1")
    names = ["openai:a@http://localhost/v1", "openai:b@http://localhost/v1", "openai:a@https://api.x.com/v1", "hf:a"]
    assert len({identity(name) for name in names}) == 4


@pytest.mark.parametrize(
    "reply",
    [
        ChatReply(text="Hel", finish="length"),
        ChatReply(text="No.", finish="refusal"),
        ChatReply(text=" \n"),
        CallError("it fails", "server_error"),
    ],
)
def test_what_is_not_usable_is_kept_for_its_cost_and_asked_again(reply: ChatReply | CallError, tmp_path: Path) -> None:
    path, echo = tmp_path / "j.db", Echo(reply)

    async def twice(model: JournaledModel) -> str:
        with suppress(CallError):
            await model.complete(call_of())
        return (await model.complete(call_of())).text

    assert journaled(echo, path, twice) == "Hello."
    assert echo.calls == 2
    totals = totals_of(path)
    assert (totals.requests, totals.ok, totals.failed, totals.unknown) == (2, 1, 1, 1)
    assert totals.known == Usage(prompt_tokens=5, completion_tokens=2, calls=1)


def test_tool_calls_are_a_usable_reply(tmp_path: Path) -> None:
    wants = ChatReply(text="", finish="tool_calls", tool_calls=(ToolCall(id="1", name="f", arguments="{}"),))
    journaled(Echo(wants), tmp_path / "j.db", ask)
    assert journaled(Echo(), tmp_path / "j.db", ask).tool_calls == wants.tool_calls


def test_a_reply_that_is_drawn_anew_is_never_used_again(tmp_path: Path) -> None:
    echo = Echo()

    async def twice(model: JournaledModel) -> None:
        for _ in range(2):
            await model.complete(call_of(temperature=1.0))

    journaled(echo, tmp_path / "j.db", twice)
    assert echo.calls == 2
    assert totals_of(tmp_path / "j.db").ok == 2


def test_equal_calls_at_once_are_paid_once(tmp_path: Path) -> None:
    async def at_once(model: JournaledModel) -> list[int]:
        replies = await asyncio.gather(*(model.complete(call_of()) for _ in range(8)))
        return sorted(reply.usage.calls for reply in replies)

    echo = Echo()
    assert journaled(echo, tmp_path / "a.db", at_once) == [0] * 7 + [1]
    assert echo.calls == 1
    with FaultyServer(says("Hello.", after=0.05)) as server:
        assert journaled(ChatClient(Endpoint.parse(server.model)), tmp_path / "b.db", at_once) == [0] * 7 + [1]
        assert len(server.chats) == 1


def test_streams_are_journaled_and_answered_from_it(tmp_path: Path) -> None:
    async def read(model: JournaledModel) -> list[str | ChatReply]:
        return [item async for item in model.stream(call_of())]

    with FaultyServer(says("Hello there.")) as server:
        *pieces, first = journaled(ChatClient(Endpoint.parse(server.model)), tmp_path / "j.db", read)
        assert len(pieces) > 1
        text, again = journaled(ChatClient(Endpoint.parse(server.model)), tmp_path / "j.db", read)
        assert len(server.chats) == 1
    assert isinstance(first, ChatReply)
    assert isinstance(again, ChatReply)
    assert (text, again.text, again.usage) == (first.text, first.text, PAID)
    echo = Echo()
    assert journaled(echo, tmp_path / "k.db", read)[0] == journaled(echo, tmp_path / "k.db", read)[0] == "Hello."
    assert echo.calls == 1


def test_a_cancelled_call_is_told_as_unknown(tmp_path: Path) -> None:
    async def cancel(model: JournaledModel) -> None:
        task = asyncio.create_task(model.complete(call_of("Hang.")))
        await asyncio.sleep(0.2)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    with FaultyServer(hang()) as server:
        journaled(ChatClient(Endpoint.parse(server.model)), tmp_path / "j.db", cancel)
    totals = totals_of(tmp_path / "j.db")
    assert (totals.failed, totals.unknown, totals.under_way) == (1, 1, 0)
    assert (totals.most.prompt_tokens or 0) > 1
    assert totals.most.completion_tokens == 1024


def test_what_was_sent_by_a_process_that_is_gone_is_lost_and_what_lives_is_not(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    file = JournalFile(path)
    file.add(Event("k", "1", "sent", usage=Usage(prompt_tokens=7, completion_tokens=9)))
    other = JournalFile(path)
    assert (other.totals().unknown, other.totals().under_way) == (1, 1)
    other.close()
    file.close()
    later = JournalFile(path)
    totals = later.totals()
    assert (totals.unknown, totals.under_way) == (1, 0)
    assert (totals.most.prompt_tokens, totals.most.completion_tokens) == (7, 9)
    assert [event.status for event in later.events()] == ["sent", "lost"]
    later.close()
    again = JournalFile(path)
    assert len([*again.events()]) == 2
    again.close()


STEPS = st.tuples(st.sampled_from("AB"), st.sampled_from(["begin", "end", "die"]))


@settings(max_examples=40, deadline=None)
@given(st.lists(STEPS, max_size=25))
def test_whatever_two_processes_do_a_request_without_an_end_is_lost_once(steps: list[tuple[str, str]]) -> None:
    """It is lost when a process opens the file that is alone then."""
    with TemporaryDirectory() as folder:
        path, ids, files = Path(folder) / "j.db", map(str, count()), dict[str, JournalFile]()
        under_way, gone, lost = {"A": list[str](), "B": list[str]()}, list[str](), list[str]()
        for process, step in [*steps, ("A", "die"), ("B", "die"), ("A", "begin"), ("A", "die")]:
            if step == "die":
                if process in files:
                    files.pop(process).close()
                gone, under_way[process] = gone + under_way[process], []
                continue
            if not files:
                lost, gone = lost + gone, []
            file = files.setdefault(process, JournalFile(path))
            if step == "begin":
                under_way[process].append(next(ids))
                file.add(Event("k", under_way[process][-1], "sent"))
            elif under_way[process]:
                file.add(Event("k", under_way[process].pop(0), "ok"))
            assert sorted(event.attempt for event in file.events() if event.status == "lost") == sorted(lost)


INDEXES_BEFORE = """
DROP TABLE settled;
CREATE INDEX begun ON events (attempt) WHERE status = 'sent';
CREATE INDEX ended ON events (attempt) WHERE status IN ('ok', 'failed', 'lost');
"""


def test_a_file_from_before_requests_were_counted_as_settled_is_used_further(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    file = JournalFile(path)
    file.add(Event("k", "1", "sent"), Event("k", "1", "ok", "stop", reply=HELLO), Event("k", "2", "sent"))
    file.close()
    _database(path, INDEXES_BEFORE)
    with closing(JournalFile(path)) as later:
        found = later.find("k")
        assert found
        assert found.reply == HELLO
        assert [(event.attempt, event.status) for event in later.events()][2:] == [("2", "sent"), ("2", "lost")]
        assert later.totals().requests == 2
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT seq FROM settled").fetchall() == [(4,)], "what was counted is not read again"
    connection.close()


def test_events_come_in_order_with_all_that_happened(tmp_path: Path) -> None:
    with FaultyServer([status(500), says("Hello.")]) as server:
        journaled(ChatClient(Endpoint.parse(server.model), SWIFT), tmp_path / "j.db", ask)
        ids = [chat.headers["x-request-id"] for chat in server.chats]
    model = JournaledModel(Echo(), tmp_path / "j.db")
    events = [*model.events()]
    assert [(event.status, event.code) for event in events] == [
        ("sent", ""), ("failed", "server_error"), ("sent", ""), ("ok", "stop"),
    ]  # fmt: skip
    assert [event.attempt for event in events] == [ids[0], ids[0], ids[1], ids[1]]
    assert [event.seq for event in events] == [1, 2, 3, 4]
    assert {event.endpoint for event in events} == {server.base_url}
    assert len({event.key for event in events}) == 1
    asyncio.run(model.aclose())


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE events SET reply = replace(reply, 'Hello', 'Jello')",
        "UPDATE events SET prompt_tokens = 1 + coalesce(prompt_tokens, 0)",
        "UPDATE events SET crc = crc + 1",
        "UPDATE events SET crc = NULL",
        "UPDATE events SET reply = CAST(x'ff00fe' AS TEXT)",
        "UPDATE events SET status = 'ok', reply = NULL WHERE status = 'ok'",
        "UPDATE events SET reply = '{' WHERE status = 'ok'",
        "UPDATE events SET time = 'soon'",
        "UPDATE events SET key = (SELECT key FROM events) || 'x', reply = x'00'",
    ],
)
def test_a_damaged_row_is_counted_and_never_believed(damage: str, tmp_path: Path) -> None:
    path, echo = tmp_path / "j.db", Echo()
    journaled(echo, path, ask)
    with sqlite3.connect(path) as connection:
        connection.execute(damage)
    connection.close()
    totals = totals_of(path)
    assert totals.damaged >= 1
    assert totals.ok == 0
    reply = journaled(echo, path, ask)
    assert (reply.text, reply.usage.calls, echo.calls) == ("Hello.", 1, 2)
    assert journaled(echo, path, ask).usage == PAID


def test_the_last_valid_reply_to_a_key_wins(tmp_path: Path) -> None:
    file = JournalFile(tmp_path / "j.db")
    for number in range(3):
        file.add(Event("k", str(number), "ok", "stop", reply=ChatReply(text=f"{number}")))
    file.close()
    with sqlite3.connect(tmp_path / "j.db") as connection:
        connection.execute("UPDATE events SET crc = 0 WHERE seq = 3")
    connection.close()
    found = JournalFile(tmp_path / "j.db")
    event = found.find("k")
    assert event is not None
    assert event.reply is not None
    assert event.reply.text == "1"
    found.close()


texts = st.text(max_size=20)
numbers = st.none() | st.integers(min_value=0, max_value=2**40)
events = st.builds(
    Event,
    key=texts,
    attempt=texts,
    status=st.sampled_from(["sent", "ok", "failed", "lost"]),
    code=texts,
    endpoint=texts,
    reply=st.none() | st.builds(ChatReply, text=texts, reasoning=texts),
    usage=st.none() | st.builds(Usage, prompt_tokens=numbers, completion_tokens=numbers),
    time=st.floats(allow_nan=False, allow_infinity=False),
)


@given(events, st.integers(min_value=1, max_value=2**40))
def test_a_row_gives_back_its_event(event: Event, seq: int) -> None:
    assert from_row((seq, *to_row(event))) == event._replace(seq=seq)


@given(events, st.sampled_from(range(len(COLUMNS))), texts)
def test_a_row_in_which_anything_differs_gives_none(event: Event, place: int, other: str) -> None:
    row = [*to_row(event)]
    if row[place] != other:
        row[place] = other
        assert from_row((1, *row)) is None


def test_the_file_is_for_its_owner_only(tmp_path: Path) -> None:
    mask = os.umask(0)
    try:
        journaled(Echo(), tmp_path / "j.db", ask)
    finally:
        os.umask(mask)
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}


def test_an_older_file_that_others_may_read_is_narrowed_with_those_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    path.touch(0o644)
    path.chmod(0o644)

    async def modes(model: JournaledModel) -> set[int]:
        await model.complete(call_of())
        return {stat.S_IMODE(each.stat().st_mode) for each in tmp_path.iterdir()}

    assert journaled(Echo(), path, modes) == {0o600}
    assert (tmp_path / "j.db-lock").exists()


def test_totals_read_no_reply(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journaled(Echo(), tmp_path / "j.db", ask)

    def fail(*_: object, **__: object) -> ChatReply:
        raise AssertionError("a reply was read")

    monkeypatch.setattr(ChatReply, "model_validate_json", fail)
    totals = totals_of(tmp_path / "j.db")
    assert totals.known == Usage(prompt_tokens=5, completion_tokens=2, calls=1)


def test_a_file_is_bounded_unless_told_otherwise(tmp_path: Path) -> None:
    file = JournalFile(tmp_path / "j.db")
    (pages,) = file._use(lambda connection: connection.execute("PRAGMA max_page_count").fetchone())
    (size,) = file._use(lambda connection: connection.execute("PRAGMA page_size").fetchone())
    file.close()
    assert pages * size == MOST_BYTES


def test_the_key_of_a_service_is_nowhere_in_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "planted-key-77f0")
    with FaultyServer(says(lambda request: f"You sent {request.headers['authorization']}.")) as server:
        journaled(ChatClient(Endpoint.parse(server.model)), tmp_path / "j.db", ask)
    assert all(b"planted-key-77f0" not in path.read_bytes() for path in tmp_path.iterdir())


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda path: path.write_bytes(b"no database, " * 100), "not a database"),
        (lambda path: path.mkdir(), "unable to open"),
        (lambda path: _database(path, "CREATE TABLE t (x)"), "no journal of calls"),
        (lambda path: _database(path, OTHER_VERSION), "version 9"),
    ],
)
def test_a_file_that_is_no_journal_is_refused_and_left_alone(
    spoil: Callable[[Path], object], complaint: str, tmp_path: Path
) -> None:
    path = tmp_path / "j.db"
    spoil(path)
    before = path.read_bytes() if path.is_file() else b""
    echo = Echo()
    with pytest.raises(InputError, match=complaint):
        journaled(echo, path, ask)
    assert echo.calls == 0
    assert not path.is_file() or path.read_bytes() == before


def _database(path: Path, script: str) -> None:
    connection = sqlite3.connect(path)
    connection.executescript(script)
    connection.close()


def test_a_folder_that_is_not_there_or_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be used as a journal"):
        journaled(Echo(), tmp_path / "nowhere" / "j.db", ask)
    with pytest.raises(InputError, match="cannot be used as a journal"):
        journaled(Echo(), Path("/proc/j.db"), ask)


def test_a_full_journal_stops_before_it_asks_and_keeps_what_it_has(tmp_path: Path) -> None:
    path = tmp_path / "j.db"

    async def many(model: JournaledModel) -> None:
        for number in range(500):
            await asyncio.sleep(0)
            await model.complete(call_of(f"Say {number}.", max_tokens=1 + number))

    quick = Quick()
    with pytest.raises(InputError, match=r"bound of 65,536 bytes is reached"):
        journaled(quick, path, many, most_bytes=65_536)
    assert path.stat().st_size <= 65_536
    totals = totals_of(path)
    assert totals.ok >= quick.calls - 1 > 20
    assert totals.damaged == 0


class Quick(Echo):
    """Replies at once."""

    async def complete(self, call: ChatCall) -> ChatReply:
        self.calls += 1
        return ChatReply(text="Hello.", usage=Usage(prompt_tokens=1, completion_tokens=1))


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EROFS])
def test_a_disk_that_fails_is_told_and_nothing_is_asked(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("citerefine.refiner.chat.journal_file.os.open", fail)
    echo = Echo()
    with pytest.raises(InputError, match="cannot be used as a journal of calls"):
        journaled(echo, tmp_path / "j.db", ask)
    assert echo.calls == 0


def test_a_budget_inside_is_not_needed_for_what_the_journal_holds(tmp_path: Path) -> None:
    def limited(calls: int, server: FaultyServer) -> ChatModel:
        return BudgetedModel(ChatClient(Endpoint.parse(server.model)), Budget(calls=calls))

    with FaultyServer(says("Hello.")) as server:
        journaled(limited(1, server), tmp_path / "j.db", ask)
        assert journaled(limited(0, server), tmp_path / "j.db", ask).text == "Hello."
    assert totals_of(tmp_path / "j.db").requests == 1


@pytest.mark.parametrize(("last", "prompt", "completed"), [(says("Hi.", finish="length"), 8, 4), (status(400), 6, 3)])
def test_replies_that_cannot_be_used_count_and_hits_do_not(
    last: Behaviour, prompt: int, completed: int, tmp_path: Path
) -> None:
    async def work(model: JournaledModel) -> int:
        for number in (0, 1, 2, 0, 1, 2, 3):
            with suppress(CallError):
                await model.complete(call_of(f"Say {number}."))
        return model.hits

    with FaultyServer([*[says("Hello.")] * 3, last]) as server:
        assert journaled(ChatClient(Endpoint.parse(server.model), SWIFT), tmp_path / "j.db", work) == 3
    totals = totals_of(tmp_path / "j.db")
    assert (totals.requests, totals.ok, totals.failed, totals.unknown) == (4, 3, 1, 0)
    assert (totals.known.prompt_tokens, totals.known.completion_tokens, totals.known.calls) == (prompt, completed, 4)
