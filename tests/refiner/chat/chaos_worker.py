"""Makes seeded calls through a journal, is killed in the middle of it, and goes on: the process that chaos tests kill.

Run: python -m tests.refiner.chat.chaos_worker, then one JSON object a line on standard input:
{"journal": path, "models": model string, "calls": N, "concurrency": N, "kill_write": n, "kill_at": point,
 "kill_after": seconds}
`kill_write` kills the fork at its n-th write to the journal: `kill_at` says at which of `POINTS` of it; what kills may
be left out. The answer is one line of JSON: {"killed": bool, "table": {prompt: outcome}, "hits": n}.
"""

import asyncio
import os
import signal
import sqlite3
from pathlib import Path
from typing import Any

from tests.forking_worker import serve_orders

from citerefine.refiner.chat.call import ChatCall, Message, Sampling
from citerefine.refiner.chat.journal import JournaledModel
from citerefine.refiner.chat.journal_events import Event, to_row
from citerefine.refiner.chat.journal_file import _ADD, JournalFile
from citerefine.refiner.chat.limits import ClientLimits
from citerefine.refiner.errors import CallError
from citerefine.refiner.models import load_chat_model
from citerefine.refiner.protocols import ChatModel

POINTS = ("before", "inserted", "committed")
"""Of a write: before an event is inserted, after all are but before they are committed, and after that."""
LIMITS = ClientLimits(deadline=20, attempts=6, backoff=0.002, reply_bytes=20_000)


def call_of(number: int) -> ChatCall:
    """The call of that number; votes of one question differ by their seed."""
    prompt = f"Answer {number // 2}, seed {number % 2}: judge c01, c02 and c03."
    return ChatCall(messages=(Message(role="user", content=prompt),), sampling=Sampling(max_tokens=40, seed=number % 2))


async def outcome(model: ChatModel, call: ChatCall) -> str:
    """What a call came to, in one string."""
    try:
        reply = await model.complete(call)
    except CallError as error:
        return f"failed: {error.code}"
    return f"{reply.finish}: {reply.text}"


async def table(model: ChatModel, calls: int, concurrency: int) -> dict[str, str]:
    """What each call came to."""
    numbers, found = iter(range(calls)), dict[str, str]()

    async def worker() -> None:
        for number in numbers:
            call = call_of(number)
            found[call.messages[0].content] = await outcome(model, call)

    await asyncio.gather(*(worker() for _ in range(concurrency)))
    return found


class DyingFile(JournalFile):
    """A journal whose process is killed while it writes."""

    def __init__(self, path: Path, writes_left: int, point: str) -> None:
        super().__init__(path, wait=0)
        self._writes_left, self._point = writes_left, point

    def add(self, *events: Event) -> None:
        self._writes_left -= 1
        rows = [*map(to_row, events)]

        def add(connection: sqlite3.Connection) -> None:
            connection.execute("BEGIN IMMEDIATE")  # also for one event, so that each write has all points
            for row in rows:
                self._reach("before")
                connection.execute(_ADD, row)
            self._reach("inserted")
            connection.execute("COMMIT")

        self._use(add)
        self._reach("committed")

    def _reach(self, point: str) -> None:
        if self._writes_left < 0 and point == self._point:
            os.kill(os.getpid(), signal.SIGKILL)


async def work(order: dict[str, Any]) -> dict[str, Any]:
    """Does what one line asks for."""
    path = Path(order["journal"])
    model = JournaledModel(load_chat_model(order["models"], LIMITS), path)
    if order.get("kill_write") is not None:
        model._file = DyingFile(path, order["kill_write"], order.get("kill_at", POINTS[0]))
    found = await table(model, order["calls"], order["concurrency"])
    await model.aclose()
    return {"table": found, "hits": model.hits}


async def load_all() -> None:
    """Loads what the libraries beneath load late."""
    await outcome(load_chat_model("openai:m@http://127.0.0.1:9/v1", ClientLimits(attempts=1)), call_of(0))


if __name__ == "__main__":
    asyncio.run(load_all())
    serve_orders(work)
