"""Things that wait until a test says so: a source, a model's reply."""

import asyncio
import threading
from typing import Any

from tests.app.serving.running import LAKE
from tests.faulty_server import Behaviour, Line, Request, chunks, event

from citerefine.refiner.protocols import SearchPage, SearchTool

LONGEST = 30.0
"""Seconds that anything waits, so that a broken test ends."""


class GatedSource:
    """A source that answers once its gate is open."""

    name = "lake"

    def __init__(self, source: SearchTool = LAKE) -> None:
        self.gate = threading.Event()
        self.asked = threading.Event()
        self._source = source

    async def search(self, query: str, k: int) -> SearchPage:
        """What the source behind it finds."""
        self.asked.set()
        await asyncio.to_thread(self.gate.wait, LONGEST)
        return await self._source.search(query, k)


def says_in_two(first: str, second: str, gate: threading.Event) -> Behaviour:
    """A streamed reply that stops between its parts until the gate is open."""

    def behave(request: Request, line: Line) -> None:
        line.send(line.head(headers={"Content-Type": "text/event-stream"}))
        sent: list[dict[str, Any]] = [*chunks(request, first)]
        for chunk in sent[: len(sent) - _n_ends(request)]:
            line.send(event(chunk))
        gate.wait(LONGEST)
        for chunk in [*chunks(request, second)][1:]:
            line.send(event(chunk))
        line.send(b"data: [DONE]\n\n")
        line.hang_up()

    return behave


def _n_ends(request: Request) -> int:
    """How many of a reply's chunks end it."""
    return 2 if (request.body.get("stream_options") or {}).get("include_usage") else 1
