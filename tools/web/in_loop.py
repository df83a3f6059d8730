"""What the client of services has in one event loop: connections, the ways to hosts, requests under way.

In: hosts. Out: how each is reached. Once it is closed, requests under way have come to a failure, and no new one
begins. Not here: asking, finding the loop (client.py).
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2

from citerefine.refiner.chat.breaker import Breaker
from citerefine.refiner.chat.single_flight import SingleFlight
from citerefine.tools.web.failures import WebFailure
from citerefine.tools.web.identity import user_agent
from citerefine.tools.web.pacing import Lane, Pace
from citerefine.tools.web.reply import Asked


class InLoop:
    """What belongs to one event loop."""

    def __init__(self) -> None:
        self.flights = SingleFlight[Asked]()
        self._hosts: dict[str, tuple[Lane, Breaker]] = {}
        self._clients: dict[bool, httpx2.AsyncClient] = {}
        """By whether they go to this machine, without proxy and certificates."""
        self._tasks = set[asyncio.Task[Any]]()
        self._closed = False

    def client(self, direct: bool) -> httpx2.AsyncClient:
        """Connections; `direct`: to this machine."""
        if direct not in self._clients:
            self._clients[direct] = httpx2.AsyncClient(
                follow_redirects=False,
                trust_env=not direct,
                verify=not direct,
                headers={"User-Agent": user_agent(), "Accept-Encoding": "gzip"},
                timeout=httpx2.Timeout(None, connect=10.0),
            )
        return self._clients[direct]

    def lane(self, host: str, pace: Pace) -> tuple[Lane, Breaker]:
        """The way to a host, and whether it is asked. The pace is that of whoever asks it first."""
        if host not in self._hosts:
            self._hosts[host] = Lane(host, pace), Breaker()
        return self._hosts[host]

    @contextmanager
    def under_way(self, host: str) -> Iterator[None]:
        """A request, for which the running task is there. Raises WebFailure if it is closed, before or meanwhile."""
        closed = WebFailure(f"{host} is asked nothing more: the client is closed", "unreachable")
        task = asyncio.current_task()
        if self._closed or task is None:
            raise closed
        self._tasks.add(task)
        try:
            yield
        except asyncio.CancelledError:
            if self._closed:
                raise closed from None
            raise
        finally:
            self._tasks.discard(task)

    async def aclose(self) -> None:
        """Ends the requests under way, and closes the connections."""
        self._closed = True
        ending = list(self._tasks)
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)
        while self._clients:
            await self._clients.popitem()[1].aclose()
