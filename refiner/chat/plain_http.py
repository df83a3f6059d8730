"""HTTP/1.1 over plain TCP to one host, in one event loop: a request out, a status, headers and a body's pieces back.

In: the bytes of a request. Out: `Response`, whose body is read piece by piece, or OSError where the connection broke.
Connections are kept open for the next request; one that the server had closed by then is replaced. Not here: TLS,
proxies and redirects (connection.py leaves addresses that need them to httpx2), what the bytes mean (http_reading.py),
bounds of the body itself (bounded_body.py), deadlines.

Why a client of our own: 64 calls at a time to a server that takes 50 ms are 1,280 a second, which leaves 0.78 ms of one
processor for all that a call needs. Of that httpx2 takes 2.0 ms a request, aiohttp 0.3 to 0.46 ms, this 0.15 ms, as
measured side by side; what is above it, with a journal, takes most of the rest.
"""

import asyncio
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, NamedTuple, SupportsIndex

import httpx2

from citerefine.refiner.chat.http_reading import BadHttpError, Body, keeps, read_head

_CONNECT_SECONDS: Final = 10.0
_IDLE_SECONDS: Final = 4.0
"""Servers commonly close a connection that was idle for five."""
_STALE_SECONDS: Final = 0.25
"""A server that closes a kept connection later than this after a request may have worked on the request."""
_HEAD_BYTES: Final = 65_536


class NotConnectedError(ConnectionError):
    """No connection came about, so nothing was sent."""


class Response(NamedTuple):
    """A response whose body has not been read."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: httpx2.AsyncByteStream


class _Reader(asyncio.StreamReader):
    """A reader that knows whether bytes have come in that nobody took."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(_HEAD_BYTES, loop)
        self.untaken = 0
        self.received = 0
        """Bytes that have come in, ever."""

    def feed_data(self, data: Iterable[SupportsIndex]) -> None:
        piece = bytes(data)
        self.untaken += len(piece)
        self.received += len(piece)
        super().feed_data(piece)

    async def read(self, n: int = -1) -> bytes:
        return self._took(await super().read(n))

    async def readuntil(self, separator: Any = b"\n") -> bytes:
        return self._took(await super().readuntil(separator))

    async def readexactly(self, n: int) -> bytes:
        return self._took(await super().readexactly(n))

    def _took(self, piece: bytes) -> bytes:
        self.untaken -= len(piece)
        return piece


class _Line(NamedTuple):
    reader: _Reader
    writer: asyncio.StreamWriter
    idle_since: float = 0.0


class PlainHttp:
    """The connections to one host."""

    def __init__(self, host: str, port: int) -> None:
        """Connects to nothing yet."""
        self._host = host
        self._port = port
        self._idle: list[_Line] = []
        self._closed = False

    def exchange(self, request: bytes) -> "HttpExchange":
        """The response to a request, within an `async with` block.

        Its connection is used again only if the body was read to its end.

        Raises:
            OSError: if the connection broke; NotConnectedError if there was none.
            BadHttpError: if what came back is no HTTP.
        """
        return HttpExchange(self, request)

    def put(self, line: _Line) -> None:
        """Keeps a connection on which nothing is under way."""
        if self._closed:
            line.writer.transport.abort()
        else:
            self._idle.append(line._replace(idle_since=time.monotonic()))

    def take(self) -> _Line | None:
        """The connection that was used last and is still open, as far as is known; None if there is none."""
        while self._idle:
            line = self._idle.pop()
            fresh = time.monotonic() - line.idle_since < _IDLE_SECONDS
            # Bytes that nobody asked for would be taken for the reply to the next request.
            if fresh and not line.reader.untaken and not line.reader.at_eof() and not line.writer.is_closing():
                return line
            line.writer.transport.abort()
        return None

    async def connect(self) -> _Line:
        """A new connection. Raises NotConnectedError."""
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                loop = asyncio.get_running_loop()
                reader = _Reader(loop)
                protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
                transport, _ = await loop.create_connection(lambda: protocol, self._host, self._port)
                return _Line(reader, asyncio.StreamWriter(transport, protocol, reader, loop))
        except TimeoutError:
            raise NotConnectedError(f"no connection within {_CONNECT_SECONDS:g} s") from None
        except OSError as error:
            raise NotConnectedError(str(error)) from None

    async def aclose(self) -> None:
        """Closes the connections that nobody uses, and later those that are in use."""
        self._closed = True
        lines, self._idle = self._idle, []
        for line in lines:
            line.writer.close()
        for line in lines:
            with suppress(OSError):
                await line.writer.wait_closed()


class HttpExchange:
    """One request and its response. A generator in its stead costs each request several microseconds."""

    __slots__ = ("_body", "_http", "_keeps", "_line", "_request")

    def __init__(self, http: PlainHttp, request: bytes) -> None:
        self._http = http
        self._request = request

    async def __aenter__(self) -> Response:
        kept = self._http.take()
        if kept:
            begun, before = time.monotonic(), kept.reader.received
            try:
                return await self._ask(kept)
            except ConnectionError:
                # Both sides may end an idle connection at any time: that the server just did is no failure of it.
                if kept.reader.received > before or time.monotonic() - begun > _STALE_SECONDS:
                    raise
        return await self._ask(await self._http.connect())

    async def _ask(self, line: _Line) -> Response:
        self._line = line
        try:
            line.writer.write(self._request)
            status, headers, version = await read_head(line.reader)
            self._keeps = keeps(headers, version)
            self._body = Body(line.reader, status, headers)
        except BaseException as error:
            line.writer.transport.abort()
            _raise_explained(error)
            raise
        return Response(status, headers, self._body)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None and self._body.ended and self._keeps:
            self._http.put(self._line)
            return
        self._line.writer.transport.abort()
        if error is not None:
            _raise_explained(error)


def _raise_explained(error: BaseException) -> None:
    """Raises what an error of the streams means, if it is one."""
    if isinstance(error, asyncio.IncompleteReadError):
        raise ConnectionError("the connection was closed before the reply was complete") from None
    if isinstance(error, asyncio.LimitOverrunError):
        raise BadHttpError("its head is longer than any server's") from None
