"""HTTP/1.1 over plain TCP to one host, in one event loop: a request out, a status, headers and a body's pieces back.

In: the bytes of a request. Out: `Response`, whose body is read piece by piece, or OSError where the connection broke.
General HTTP clients take milliseconds a request, which at a thousand calls a second is all that a processor has; this
one does what a chat server needs and nothing else. Connections are kept open for the next request. Not here: TLS,
proxies and redirects (connection.py leaves addresses that need them to httpx2), bounds (bounded_body.py), deadlines.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
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

    @asynccontextmanager
    async def exchange(self, request: bytes) -> AsyncIterator[Response]:
        """The response to a request; its connection is used again only if the body was read to its end.

        Raises:
            OSError: if the connection broke; NotConnectedError if there was none.
            BadHttpError: if what came back is no HTTP.
        """
        line = self._take() or await self._connect()
        body: _Body | None = None
        try:
            line.writer.write(request)
            status, headers, version = await _read_head(line.reader)
            body = _Body(line.reader, status, headers)
            yield Response(status, headers, body)
            if body.ended and _keeps(headers, version) and not self._closed:
                self._idle.append(line._replace(idle_since=_now()))
                return
        except asyncio.IncompleteReadError:
            raise ConnectionError("the connection was closed before the reply was complete") from None
        except asyncio.LimitOverrunError:
            raise BadHttpError("its head is longer than any server's") from None
        finally:
            if not self._idle or self._idle[-1].writer is not line.writer:
                line.writer.transport.abort()

    def _take(self) -> _Line | None:
        """The connection that was used last and is still open."""
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


class _Body(httpx2.AsyncByteStream):
    """The body, as it comes in."""

    def __init__(self, reader: asyncio.StreamReader, status: int, headers: Mapping[str, str]) -> None:
        self._reader = reader
        self._left = 0 if status in (204, 304) else _length(headers)
        self._chunked = self._left is None and "chunked" in headers.get("transfer-encoding", "").lower()
        self.ended = self._left == 0
        """Whether all of it was read, and where it ends is known."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self._chunked:
            while size := await self._chunk_size():
                async for piece in self._exactly(size):
                    yield piece
                if await self._reader.readexactly(2) != b"\r\n":
                    raise BadHttpError("a chunk of its body is longer than it says")
            while await self._reader.readuntil(b"\n") not in (b"\r\n", b"\n"):  # trailers say nothing that is needed
                pass
        elif self._left is None:
            while piece := await self._reader.read(_PIECE):
                yield piece
            return  # the connection has ended with the body
        else:
            async for piece in self._exactly(self._left):
                yield piece
        self.ended = True

    async def _chunk_size(self) -> int:
        match = _CHUNK_SIZE.fullmatch(await self._reader.readuntil(b"\n"))
        if not match:
            raise BadHttpError("a chunk of its body has no size")
        return int(match[1], 16)

    async def _exactly(self, left: int) -> AsyncIterator[bytes]:
        while left:
            piece = await self._reader.read(min(left, _PIECE))
            if not piece:
                raise ConnectionError("the body ended early")
            left -= len(piece)
            yield piece

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
