"""HTTP/1.1 over plain TCP to one host, in one event loop: a request out, a status, headers and a body's pieces back.

In: the bytes of a request. Out: `Response`, whose body is read piece by piece, or OSError where the connection broke.
Connections are kept open for the next request. Not here: TLS, proxies and redirects (connection.py leaves addresses
that need them to httpx2), bounds (bounded_body.py), deadlines.

Why a client of our own: 64 calls at a time to a server that takes 50 ms are 1,280 a second, which leaves 0.78 ms of one
processor for all that a call needs. Of that httpx2 takes 2.0 ms a request, aiohttp 0.3 to 0.46 ms, this 0.15 ms, as
measured side by side; what is above it, with a journal, takes most of the rest.
"""

import asyncio
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, NamedTuple, SupportsIndex

import httpx2

_CONNECT_SECONDS: Final = 10.0
_IDLE_SECONDS: Final = 4.0
"""Servers commonly close a connection that was idle for five."""
_HEAD_BYTES: Final = 65_536
_PIECE: Final = 65_536
_CHUNK_SIZE = re.compile(rb"([0-9a-fA-F]{1,8})[ \t]*(?:;[^\r\n]*)?\r\n")
_STATUS = re.compile(rb"HTTP/1\.([01]) ([1-5]\d\d)(?: [^\r\n]*)?\r\n")
_LENGTH = re.compile(r"\d{1,15}")


class NotConnectedError(ConnectionError):
    """No connection came about, so nothing was sent."""


class BadHttpError(Exception):
    """What came back is no HTTP."""


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

    def feed_data(self, data: Iterable[SupportsIndex]) -> None:
        piece = bytes(data)
        self.untaken += len(piece)
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

    async def take(self) -> _Line:
        """A connection: the one that was used last and is still open, or a new one."""
        return self._take() or await self._connect()

    def put(self, line: _Line) -> None:
        """Keeps a connection on which nothing is under way."""
        if self._closed:
            line.writer.transport.abort()
        else:
            self._idle.append(line._replace(idle_since=_now()))

    def _take(self) -> _Line | None:
        while self._idle:
            line = self._idle.pop()
            fresh = _now() - line.idle_since < _IDLE_SECONDS
            # Bytes that nobody asked for would be taken for the reply to the next request.
            if fresh and not line.reader.untaken and not line.reader.at_eof() and not line.writer.is_closing():
                return line
            line.writer.transport.abort()
        return None

    async def _connect(self) -> _Line:
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
        self._line = await self._http.take()
        try:
            self._line.writer.write(self._request)
            status, headers, version = await _read_head(self._line.reader)
            self._keeps = _keeps(headers, version)
            self._body = _Body(self._line.reader, status, headers)
        except BaseException as error:
            self._line.writer.transport.abort()
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


class _Body(httpx2.AsyncByteStream):
    """The body, as it comes in."""

    def __init__(self, reader: asyncio.StreamReader, status: int, headers: Mapping[str, str]) -> None:
        self._reader = reader
        self._left = 0 if status in (204, 304) else _length(headers)
        """Bytes to come of the body or of its chunk; None up to where the connection ends."""
        self._chunked = self._left is None and "chunked" in headers.get("transfer-encoding", "").lower()
        self._begun = False
        self.ended = self._left == 0
        """Whether all of it was read, and where it ends is known."""

    def __aiter__(self) -> "_Body":
        return self

    async def __anext__(self) -> bytes:
        if self.ended:
            raise StopAsyncIteration
        if self._chunked and not self._left and not await self._next_chunk():
            self.ended = True
            raise StopAsyncIteration
        piece = await self._reader.read(_PIECE if self._left is None else min(self._left, _PIECE))
        if self._left is None:
            if not piece:
                raise StopAsyncIteration  # the connection has ended with the body
            return piece
        if not piece:
            raise ConnectionError("the body ended early")
        self._left -= len(piece)
        self.ended = not self._left and not self._chunked
        return piece

    async def _next_chunk(self) -> bool:
        """Whether there is one more."""
        if self._begun and await self._reader.readexactly(2) != b"\r\n":
            raise BadHttpError("a chunk of its body is longer than it says")
        self._begun = True
        self._left = await self._chunk_size()
        if self._left:
            return True
        while await self._reader.readuntil(b"\n") not in (b"\r\n", b"\n"):  # trailers say nothing that is needed
            pass
        return False

    async def _chunk_size(self) -> int:
        match = _CHUNK_SIZE.fullmatch(await self._reader.readuntil(b"\n"))
        if not match:
            raise BadHttpError("a chunk of its body has no size")
        return int(match[1], 16)

    async def aclose(self) -> None:
        """Nothing: the connection belongs to the exchange."""


async def _read_head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    while True:
        head = await reader.readuntil(b"\r\n\r\n")
        match = _STATUS.match(head)
        if not match:
            raise BadHttpError("it does not begin as HTTP does")
        if not match[2].startswith(b"1"):  # such as 100 Continue: the response is still to come
            return int(match[2]), _headers(head[match.end() : -2]), match[1]


def _headers(block: bytes) -> dict[str, str]:
    headers = dict[str, str]()
    for line in block.decode("latin-1").split("\r\n")[:-1]:
        name, colon, value = line.partition(":")
        name, value = name.lower(), value.strip()
        if not colon or not name or name != name.strip():
            raise BadHttpError("its head holds a line that is no header")
        if name == "content-length" and headers.get(name, value) != value:
            raise BadHttpError("it has two lengths")
        headers[name] = value
    return headers


def _length(headers: Mapping[str, str]) -> int | None:
    if "transfer-encoding" in headers or "content-length" not in headers:
        return None
    if not _LENGTH.fullmatch(headers["content-length"]):
        raise BadHttpError("its length is no number")
    return int(headers["content-length"])


def _keeps(headers: Mapping[str, str], version: bytes) -> bool:
    said = headers.get("connection", "").lower()
    return "keep-alive" in said if version == b"0" else "close" not in said


def _now() -> float:
    return asyncio.get_running_loop().time()
