"""HTTP/1.1 connections that must say what they want in time.

In: uvicorn's protocol. Out: the same, which closes a connection whose request has no complete head within
HEAD_SECONDS: otherwise a few thousand clients that send a byte a minute hold all the connections that there can be. Not
here: bodies (guard.py), connections that wait for a next request (uvicorn's `timeout_keep_alive`).
"""

import asyncio
from typing import Final

from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_SECONDS: Final = 10.0
_WAITING: Final = "IDLE"
"""What h11 calls a client that has not said all of its head."""


class TimedProtocol(H11Protocol):
    """One connection."""

    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begins to wait for the first request."""
        super().connection_made(transport)
        self._wait_for_head()

    def data_received(self, data: bytes) -> None:
        """Takes a piece of a request; the first piece of a head begins its time."""
        if self._head_timer is None and self._lacks_head():
            self._wait_for_head()
        super().data_received(data)
        if not self._lacks_head():
            self._stop_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stops waiting."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _lacks_head(self) -> bool:
        return str(self.conn.their_state) == _WAITING

    def _wait_for_head(self) -> None:
        self._head_timer = self.loop.call_later(HEAD_SECONDS, self._give_up)

    def _stop_waiting(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _give_up(self) -> None:
        self._head_timer = None
        if self._lacks_head() and not self.transport.is_closing():
            self.transport.close()
