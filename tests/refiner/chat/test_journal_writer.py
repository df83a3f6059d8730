"""Events of few requests are added at once and those of many share transactions; nobody goes on before it is done."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.faulty_server import FaultyServer, says
from tests.refiner.chat.asking import call_of

from citerefine.refiner.chat.attempts import FREE, Attempt
from citerefine.refiner.chat.client import ChatClient
from citerefine.refiner.chat.endpoint import Endpoint
from citerefine.refiner.chat.journal import JournaledModel
from citerefine.refiner.chat.journal_events import Event
from citerefine.refiner.chat.journal_file import HeldError, JournalFile
from citerefine.refiner.chat.journal_writer import FEW, TOGETHER, JournalWriter
from citerefine.refiner.chat.limits import ClientLimits
from citerefine.refiner.errors import CallError, InputError
from citerefine.refiner.records import Usage

MANY = FEW + 1
"""Requests under way from which on events share transactions."""


class Counting(JournalFile):
    """Notes how many events each transaction has."""

    def __init__(self, path: Path, most_bytes: int | None = None) -> None:
        super().__init__(path, most_bytes)
        self.sizes: list[int] = []

    def add(self, *events: Event) -> None:
        super().add(*events)
        self.sizes.append(len(events))


def sent(number: int, endpoint: str = "") -> Event:
    return Event("k", str(number), "sent", endpoint=endpoint)


def written(path: Path) -> list[str]:
    """Requests in the file, as another process sees it."""
    with sqlite3.connect(path) as connection:
        found = [attempt for (attempt,) in connection.execute("SELECT attempt FROM events ORDER BY seq")]
    connection.close()
    return found


def write(file: JournalFile, work: Callable[[JournalWriter], Awaitable[None]]) -> None:
    async def run() -> None:
        await work(JournalWriter(file))

    try:
        asyncio.run(run())
    finally:
        file.close()


def test_few_requests_have_each_event_added_at_once_and_many_together_in_their_order(tmp_path: Path) -> None:
    file = Counting(tmp_path / "j.db")

    async def work(writer: JournalWriter) -> None:
        await asyncio.gather(*(writer.add(sent(number)) for number in range(MANY + 2 * TOGETHER + 1)))
        await writer.add(sent(MANY + 2 * TOGETHER + 1))

    write(file, work)
    assert file.sizes == [1] * MANY + [TOGETHER, TOGETHER, 1, 1]
    assert written(file.path) == [str(number) for number in range(MANY + 2 * TOGETHER + 2)]


def test_requests_that_begin_take_along_what_has_ended_and_ends_alone_share_one_transaction(tmp_path: Path) -> None:
    file = Counting(tmp_path / "j.db")

    def ended(numbers: Iterable[int]) -> list[Event]:
        return [Event("k", str(number), "ok") for number in numbers]

    async def work(writer: JournalWriter) -> None:
        await asyncio.gather(*(writer.add(sent(number)) for number in range(2 * MANY)))
        file.sizes.clear()
        begun = [sent(2 * MANY + number) for number in range(TOGETHER)]
        await asyncio.gather(*map(writer.add, [*ended(range(3)), *begun]))
        await asyncio.gather(*map(writer.add, ended(range(3, 3 + TOGETHER + 2))))

    write(file, work)
    assert file.sizes == [3 + TOGETHER, TOGETHER + 2]


def test_requests_that_ended_or_could_not_begin_are_not_under_way(tmp_path: Path) -> None:
    file = Counting(tmp_path / "j.db", most_bytes=65_536)

    async def work(writer: JournalWriter) -> None:
        for status in ("ok", "failed"):
            await asyncio.gather(*(writer.add(sent(number)) for number in range(MANY)))
            await asyncio.gather(*(writer.add(Event("k", str(number), status)) for number in range(MANY)))
        too_long = (writer.add(sent(number, "x" * 100_000)) for number in range(MANY))
        assert {type(told) for told in await asyncio.gather(*too_long, return_exceptions=True)} == {InputError}
        await asyncio.gather(*(writer.add(sent(number)) for number in range(MANY)))

    write(file, work)
    assert file.sizes == 2 * ([1] * MANY + [MANY]) + [1] * MANY


def test_an_event_on_its_own_is_added_without_waiting_for_a_turn(tmp_path: Path) -> None:
    file = JournalFile(tmp_path / "j.db")

    async def work(writer: JournalWriter) -> None:
        with pytest.raises(StopIteration):
            writer.add(sent(0)).send(None)
        assert written(file.path) == ["0"]

    write(file, work)


def test_an_event_is_in_the_file_before_anybody_goes_on(tmp_path: Path) -> None:
    file = JournalFile(tmp_path / "j.db")

    async def work(writer: JournalWriter) -> None:
        async def one(number: int) -> None:
            for turn in range(3):
                await writer.add(sent(10 * number + turn))
                assert str(10 * number + turn) in written(file.path)

        await asyncio.gather(*map(one, range(8)))

    write(file, work)


def test_what_cannot_wait_takes_along_what_waits(tmp_path: Path) -> None:
    file = Counting(tmp_path / "j.db")

    async def work(writer: JournalWriter) -> None:
        waiting = [asyncio.create_task(writer.add(sent(number))) for number in range(MANY + 1)]
        await asyncio.sleep(0)
        writer.add_now(sent(MANY + 1))
        assert written(file.path) == [str(number) for number in range(MANY + 2)]
        await asyncio.gather(*waiting)

    write(file, work)
    assert file.sizes == [1] * MANY + [2]


def test_who_is_cancelled_has_added_and_nobody_else_is_disturbed(tmp_path: Path) -> None:
    file = JournalFile(tmp_path / "j.db")

    async def work(writer: JournalWriter) -> None:
        await asyncio.gather(*(writer.add(sent(number)) for number in range(MANY)))
        tasks = [asyncio.create_task(writer.add(Event("k", str(number), "ok"))) for number in range(3)]
        asyncio.get_running_loop().call_soon(tasks[1].cancel)
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(result) for result in results] == [type(None), asyncio.CancelledError, type(None)]

    write(file, work)
    assert written(file.path)[MANY:] == ["0", "1", "2"]


def test_where_not_all_fit_those_that_do_are_added_and_the_others_told(tmp_path: Path) -> None:
    file = JournalFile(tmp_path / "j.db", most_bytes=65_536)

    async def work(writer: JournalWriter) -> None:
        events = (sent(number, "x" * (100_000 if number == 1 else 10)) for number in range(3))
        results = await asyncio.gather(*map(writer.add, events), return_exceptions=True)
        assert [type(result) for result in results] == [type(None), InputError, type(None)]

    write(file, work)
    assert written(file.path) == ["0", "2"]


def test_what_cannot_be_written_for_any_reason_leaves_nobody_waiting(tmp_path: Path) -> None:
    file = JournalFile(tmp_path / "j.db")

    async def work(writer: JournalWriter) -> None:
        with pytest.raises(UnicodeEncodeError):
            await asyncio.wait_for(writer.add(sent(0, "\ud800")), 5)

    write(file, work)


@contextmanager
def held(path: Path) -> Iterator[sqlite3.Connection]:
    """The file, while another connection writes it."""
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield other
    finally:
        other.close()


def test_while_another_process_holds_the_file_the_loop_goes_on_and_the_deadline_holds(tmp_path: Path) -> None:
    async def work(server: FaultyServer) -> tuple[float, float]:
        limits = ClientLimits(deadline=1.0, attempts=1)
        model = JournaledModel(ChatClient(Endpoint.parse(server.model), limits), tmp_path / "j.db")
        await model.complete(call_of("First."))
        loop, longest = asyncio.get_running_loop(), 0.0
        with held(tmp_path / "j.db"):
            begin, waiting = loop.time(), asyncio.create_task(model.complete(call_of("Second.")))
            while not waiting.done():
                turn = loop.time()
                await asyncio.sleep(0.01)
                longest = max(longest, loop.time() - turn)
            took = loop.time() - begin
            assert isinstance(waiting.exception(), CallError)
        assert (await model.complete(call_of("Second."))).text == "Hello."
        await model.aclose()
        return took, longest

    with FaultyServer(says("Hello.")) as server:
        took, longest = asyncio.run(work(server))
        assert len(server.chats) == 2
    assert took < 1.8
    assert longest < 0.7


def test_a_file_that_is_held_too_long_is_told_and_one_that_is_free_again_is_written(tmp_path: Path) -> None:
    file = JournalFile(tmp_path / "j.db", wait=0)

    async def work(writer: JournalWriter) -> None:
        await writer.add(sent(0))
        with held(file.path), pytest.raises(HeldError, match="another process holds it"):
            await writer.add(sent(1))
        with held(file.path) as other:
            waiting = asyncio.create_task(writer.add(sent(2)))
            await asyncio.sleep(0.05)
            writer.add_now(sent(3))
            other.execute("ROLLBACK")
            await waiting
        await writer.drain()

    async def run() -> None:
        await work(JournalWriter(file, wait=0.3))

    asyncio.run(run())
    file.close()
    assert written(file.path) == ["0", "2", "3"]


def test_a_request_cancelled_while_it_waits_for_the_file_counts_as_unsent(tmp_path: Path) -> None:
    async def run() -> list[tuple[str, str, Usage | None]]:
        model = JournaledModel(ChatClient(Endpoint.parse("openai:m@http://127.0.0.1:9/v1")), tmp_path / "j.db")
        model.totals()  # makes the file
        with held(tmp_path / "j.db"):
            waiting = asyncio.create_task(model.begin(Attempt("1", "k", "e", Usage())))
            await asyncio.sleep(0.05)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
        assert waiting.cancelled()
        await model.aclose()
        events = [(str(event.status), event.code, event.usage) for event in model.events()]
        return events

    assert asyncio.run(run()) == [("sent", "", Usage()), ("failed", "cancelled", FREE)]


def test_a_call_cancelled_while_its_request_waits_for_the_file_ends_once(tmp_path: Path) -> None:
    async def run(server: FaultyServer) -> list[tuple[str, Usage | None]]:
        model = JournaledModel(ChatClient(Endpoint.parse(server.model)), tmp_path / "j.db")
        await model.complete(call_of("First."))
        drawn = call_of("Second.", temperature=1.0)  # nothing is looked for, so that it is the request that waits
        with held(tmp_path / "j.db"):
            waiting = asyncio.create_task(model.complete(drawn))
            await asyncio.sleep(0.05)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
        await model.aclose()
        return [(str(event.status), event.usage) for event in model.events()][2:]

    with FaultyServer(says("Hello.")) as server:
        events = asyncio.run(run(server))
        assert len(server.chats) == 1
    assert [status for status, _ in events] == ["sent", "failed"]
    assert events[-1][1] == FREE
