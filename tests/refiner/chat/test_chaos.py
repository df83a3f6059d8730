"""Whatever the server does and whenever the process is killed: the same table, and the server's bill to the last token.

The default run kills at 40 seeded points; CITEREFINE_KILLS=200 kills at as many as it says.
"""

import asyncio
import os
import random
import time
import tracemalloc
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Any

import pytest
from tests.billing_server import SLOW, WORDS, BillingServer, BillLine, read_bill, verdicts
from tests.faulty_server import Request
from tests.forking_worker import ForkingWorker
from tests.refiner.chat.chaos_worker import POINTS, call_of

from citerefine.refiner.chat.call import ChatCall, ChatReply
from citerefine.refiner.chat.journal import JournaledModel
from citerefine.refiner.chat.journal_events import Event
from citerefine.refiner.chat.journal_file import JournalFile
from citerefine.refiner.chat.limits import ClientLimits
from citerefine.refiner.errors import CallError, InputError
from citerefine.refiner.models import load_chat_model
from citerefine.refiner.protocols import Capabilities, ChatModel
from citerefine.refiner.records import Usage

KILLS = int(os.environ.get("CITEREFINE_KILLS", "40"))
A_PART = 10
"""Kills of one test: of several runs, each of which begins with an empty journal and ends when all calls are done."""
CALLS = 40


@pytest.fixture(scope="module")
def worker() -> Iterator[ForkingWorker]:
    found = ForkingWorker("tests.refiner.chat.chaos_worker")
    yield found
    found.close()


def order(journal: Path, models: str, **more: Any) -> dict[str, Any]:
    """What the worker shall do: with eight calls at once each event has a transaction, with more many share one."""
    return {"journal": str(journal), "models": models, "calls": CALLS, "concurrency": 8, **more}


def servers(stack: ExitStack, folder: Path, seed: int, count: int = 1) -> list[BillingServer]:
    return [
        stack.enter_context(BillingServer(folder / f"bill{number}.jsonl", seed=seed, latency=0.002))
        for number in range(count)
    ]


def requests_of(journal: Path) -> tuple[dict[str, Event], dict[str, Event]]:
    """Each request as it was sent, and as it ended; by id."""
    file = JournalFile(journal)
    try:
        events = [event for event in file.events() if event.status != "rejected"]
    finally:
        file.close()
    sent = {event.attempt: event for event in events if event.status == "sent"}
    ended = {event.attempt: event for event in events if event.status != "sent"}
    assert len(sent) + len(ended) == len(events), "a request began or ended twice"
    return sent, ended


def reconciles(journal: Path, bill: dict[str, BillLine]) -> None:
    """Whether what the journal knows is what the server charged, and what it does not know is bounded by it."""
    sent, ended = requests_of(journal)
    assert {*bill} <= {*sent}, "the server charged a request that the journal does not know"
    assert {*ended} <= {*sent}
    known = unknown = 0
    for id, event in sent.items():
        charged = bill[id].prompt_tokens + bill[id].completion_tokens if id in bill else 0
        last = ended.get(id, event)
        assert event.usage is not None
        assert last.usage is not None or last.status != "ok", "the server says what it used"
        if last.status in ("ok", "failed") and last.usage is not None:
            assert (last.usage.prompt_tokens or 0) + (last.usage.completion_tokens or 0) == charged
            known += charged
        else:
            assert charged <= (event.usage.prompt_tokens or 0) + (event.usage.completion_tokens or 0)
            unknown += charged
    assert known + unknown == sum(line.prompt_tokens + line.completion_tokens for line in bill.values())
    file = JournalFile(journal)
    totals = file.totals()
    file.close()
    assert (totals.known.prompt_tokens or 0) + (totals.known.completion_tokens or 0) == known
    assert totals.under_way == totals.damaged == 0
    assert totals.requests == len(sent) == totals.known.calls + totals.unknown


def paid_once(journal: Path, bill: dict[str, BillLine]) -> None:
    """Whether each call was served once, besides requests whose replies died with the process."""
    _, ended = requests_of(journal)
    served = Counter(line.prompt for line in bill.values() if line.fault == "none")
    lost = Counter(
        bill[id].prompt
        for id, event in ended.items()
        if event.status == "lost" and id in bill and bill[id].fault == "none"
    )
    assert served
    for prompt, count in served.items():
        assert count == 1 + lost[prompt]


def is_true(table: dict[str, str]) -> bool:
    """Whether each call that was answered has the answer to its own prompt."""
    return all(
        outcome == f"stop: {verdicts(Request('POST', '/', {}, {'messages': [{'content': prompt}]}))}"
        for prompt, outcome in table.items()
        if outcome.startswith("stop")
    )


def one_run(seed: int, worker: ForkingWorker, folder: Path, most: int) -> int:
    """How often a run was killed until it was done; all that must hold then was looked at."""
    chance, killed, calm = random.Random(seed), 0, folder / "calm"
    calm.mkdir(parents=True)
    with ExitStack() as stack:
        (server,) = servers(stack, folder, seed)
        (other,) = servers(stack, calm, seed)
        expected = worker(**order(calm / "calls.db", other.model))
        while True:
            at_write = {"kill_write": chance.randrange(50), "kill_at": chance.choice(POINTS)}
            how = at_write if chance.random() < 0.6 else {"kill_after": 0.01 + 0.15 * chance.random()}
            how = {"concurrency": chance.choice((8, 24)), **(how if killed < most else {})}
            found = worker(**order(folder / "calls.db", server.model, **how))
            if not found["killed"]:
                break
            killed += 1
    assert found["table"] == expected["table"]
    assert len(found["table"]) == CALLS
    assert is_true(found["table"])
    for path in (calm, folder):
        bill = read_bill(path / "bill0.jsonl")
        reconciles(path / "calls.db", bill)
        paid_once(path / "calls.db", bill)
    return killed


@pytest.mark.parametrize("part", range(-(-KILLS // A_PART)))
def test_a_run_killed_at_any_point_ends_as_an_undisturbed_one_and_pays_nothing_twice(
    part: int, worker: ForkingWorker, tmp_path: Path
) -> None:
    kills = runs = 0
    while kills < A_PART:
        kills += one_run(1000 * part + runs, worker, tmp_path / f"{runs}", A_PART - kills)
        runs += 1


def test_every_call_has_one_outcome_and_the_faults_all_happened(worker: ForkingWorker, tmp_path: Path) -> None:
    with ExitStack() as stack:
        (server,) = servers(stack, tmp_path, 1)
        found = worker(**order(tmp_path / "calls.db", server.model, calls=300, concurrency=32))["table"]
        bill = server.bill()
    assert len(found) == 300
    kinds = Counter(outcome.partition(":")[0] for outcome in found.values())
    assert kinds["stop"] > 150
    assert {*kinds} == {"stop", "length", "refusal", "failed"}
    assert {"500", "reset", "garbled", "truncated", "NaN", "duplicate reply", "none"} <= {
        line.fault for line in bill.values()
    }
    reconciles(tmp_path / "calls.db", bill)


def test_a_run_over_several_endpoints_reconciles_with_the_bills_of_all(worker: ForkingWorker, tmp_path: Path) -> None:
    journal = tmp_path / "calls.db"
    with ExitStack() as stack:
        first, second = servers(stack, tmp_path, 3, 2)
        models = f"{first.model},{second.base_url}"
        for writes, point in zip((2, 5, 9), POINTS, strict=True):
            assert worker(**order(journal, models, kill_write=writes, kill_at=point))["killed"]
        found = worker(**order(journal, models))
        again = worker(**order(journal, models))
        bill = first.bill() | second.bill()
    assert len(found["table"]) == CALLS
    assert again["table"].keys() == found["table"].keys()
    assert again["hits"] >= sum(outcome.startswith("stop") for outcome in found["table"].values())
    reconciles(journal, bill)


def test_several_processes_share_one_journal(worker: ForkingWorker, tmp_path: Path) -> None:
    journal = tmp_path / "calls.db"
    others = [ForkingWorker("tests.refiner.chat.chaos_worker") for _ in range(2)]
    with ExitStack() as stack:
        (server,) = servers(stack, tmp_path, 5)
        for other in others:
            other.send(**order(journal, server.model, concurrency=4))
        found = worker(**order(journal, server.model))
        for other in others:
            assert other.answer()["table"].keys() == found["table"].keys()
            other.close()
        reconciles(journal, server.bill())


@pytest.mark.parametrize("kind", sorted(SLOW))
def test_deadlines_hold_where_the_server_takes_its_time(kind: str, tmp_path: Path) -> None:
    limits = ClientLimits(deadline=4.0, attempts=3, backoff=0.01)

    async def timed(model: JournaledModel, number: int) -> tuple[str, float]:
        begin = time.perf_counter()
        try:
            return (await model.complete(call_of(number))).finish, time.perf_counter() - begin
        except CallError as error:
            return error.code, time.perf_counter() - begin

    async def run(server: BillingServer) -> list[tuple[str, float]]:
        model = JournaledModel(load_chat_model(server.model, limits), tmp_path / "calls.db")
        try:
            return await asyncio.gather(*(timed(model, number) for number in range(16)))
        finally:
            await model.aclose()

    with BillingServer(tmp_path / "bill.jsonl", seed=2, share=0.6, kinds=[kind]) as server:
        found = asyncio.run(run(server))
    assert {code for code, _ in found} == {"stop", "deadline"}
    assert max(seconds for _, seconds in found) < 1.2 * limits.deadline
    reconciles(tmp_path / "calls.db", server.bill())


@pytest.mark.parametrize("seed", range(8))
def test_what_a_file_holds_whose_bytes_were_changed_is_right_or_not_used(seed: int, tmp_path: Path) -> None:
    """Each call gets its own reply from it, or none, or the file is refused in words."""
    chance, path = random.Random(seed), tmp_path / "calls.db"
    file = JournalFile(path)
    for number in range(200):
        used = Usage(prompt_tokens=number, completion_tokens=1)
        file.add(Event(f"key {number}", f"{number}", "sent", usage=used))
        reply = ChatReply(text=f"reply {number} " * chance.randrange(1, 60))
        file.add(Event(f"key {number}", f"{number}", "ok", "stop", reply=reply, usage=used))
    file.close()
    whole = path.read_bytes()
    for _ in range(25):
        body = bytearray(whole)
        for _ in range(chance.choice((1, 1, 4))):
            begin, length = chance.randrange(len(body)), chance.choice((1, 2, 64, 5000))
            body[begin : begin + length] = chance.randbytes(len(body[begin : begin + length]))
        path.write_bytes(body)
        for beside in tmp_path.glob("calls.db-*"):
            beside.unlink()
        with closing(JournalFile(path)) as damaged, suppress(InputError):
            for number in range(200):
                with suppress(InputError):
                    found = damaged.find(f"key {number}")
                    assert found is None or (found.reply and found.reply.text.startswith(f"reply {number} "))
            with suppress(InputError):
                assert {event.key for event in damaged.events()} <= {f"key {number}" for number in range(200)}
            assert damaged.totals().ok <= 200


def test_memory_depends_on_calls_at_once_and_not_on_their_number(tmp_path: Path) -> None:
    async def peak(model: JournaledModel, first: int, count: int) -> int:
        tracemalloc.start()
        numbers = iter(range(first, first + count))

        async def worker() -> None:
            for number in numbers:
                await model.complete(call_of(number))

        await asyncio.gather(*(worker() for _ in range(8)))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    async def run() -> tuple[int, int]:
        model = JournaledModel(Instant(), tmp_path / "calls.db")
        await peak(model, 0, 50)
        found = await peak(model, 1000, 100), await peak(model, 2000, 1500)
        await model.aclose()
        return found

    few, many = asyncio.run(run())
    assert many < few + 100_000


class Instant:
    """A model in this process that replies at once."""

    name = "hf:instant"

    async def complete(self, call: ChatCall) -> ChatReply:
        await asyncio.sleep(0)
        return ChatReply(text="c01=MET " * 50, usage=Usage(prompt_tokens=9, completion_tokens=2))

    async def stream(self, call: ChatCall) -> AsyncIterator[str | ChatReply]:
        yield await self.complete(call)

    async def capabilities(self) -> Capabilities:
        return Capabilities()

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(text) for text in texts]

    async def aclose(self) -> None:
        """Nothing."""


def test_wrong_verdicts_are_well_formed_replies_and_have_to_be_told_by_who_reads_them(tmp_path: Path) -> None:
    request = Request("POST", "/", {}, {"messages": [{"content": "judge c01, c02 and c03"}]})
    said = verdicts(request)
    assert [line[:4] for line in said.splitlines()] == ["c01=", "c02=", "c03="]
    changed = {name: change(said) for name, change in WORDS.items()}
    assert len({said, *changed.values()}) == 1 + len(WORDS)
    with BillingServer(tmp_path / "bill.jsonl", kinds=[], say=lambda asked: changed["wrong ids"]) as server:
        model = load_chat_model(server.model)
        reply = asyncio.run(_ask_and_close(model))
    assert reply.text == changed["wrong ids"]


async def _ask_and_close(model: ChatModel) -> ChatReply:
    try:
        return await model.complete(call_of(0))
    finally:
        await model.aclose()
