"""What the bytes of an HTTP/1.1 response mean: its head, and the pieces of its body.

In: a stream of bytes. Out: status, headers and pieces, or `BadHttpError`; what surrounds a body on the wire is bounded.
Not here: connections (plain_http.py), bounds of the body itself (bounded_body.py).
"""

import asyncio
import re
from collections.abc import Mapping
from typing import Final

import httpx2

_AROUND_BYTES: Final = 65_536
"""Most bytes of chunk extensions and trailers together, around one body."""
_INTERIM: Final = 8
"""Most heads, such as 100 Continue, before that of the response."""
_PIECE: Final = 65_536
_CHUNK_SIZE = re.compile(rb"([0-9a-fA-F]{1,8})([ \t]*(?:;[^\r\n]*)?)\r\n")
_STATUS = re.compile(rb"HTTP/1\.([01]) ([1-5]\d\d)(?: [^\r\n]*)?\r\n")
_LENGTH = re.compile(r"\d{1,15}")
_LISTS: Final = ("connection", "transfer-encoding")
"""Headers that count wherever they stand, however often."""


class BadHttpError(Exception):
    """What came back is no HTTP."""


class Body(httpx2.AsyncByteStream):
    """The body, as it comes in."""

    def __init__(self, reader: asyncio.StreamReader, status: int, headers: Mapping[str, str]) -> None:
        self._reader = reader
        bodiless = status in (204, 304)
        self._chunked = not bodiless and _is_chunked(headers)
        self._left = 0 if bodiless else None if self._chunked else _length(headers)
        """Bytes to come of the body or of its chunk; None up to where the connection ends."""
        self._around = 0
        """Bytes of chunk extensions and trailers so far."""
        self._begun = False
        self.ended = self._left == 0
        """Whether all of it was read, and where it ends is known."""

    def __aiter__(self) -> "Body":
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
        while (trailer := await self._reader.readuntil(b"\n")) not in (b"\r\n", b"\n"):
            self._pass_over(trailer)
        return False

    async def _chunk_size(self) -> int:
        match = _CHUNK_SIZE.fullmatch(await self._reader.readuntil(b"\n"))
        if not match:
            raise BadHttpError("a chunk of its body has no size")
        self._pass_over(match[2])
        return int(match[1], 16)

    def _pass_over(self, said: bytes) -> None:
        """What says nothing that is needed."""
        self._around += len(said)
        if self._around > _AROUND_BYTES:
            raise BadHttpError("around its body is more than any server sends")

    async def aclose(self) -> None:
        """Nothing: the connection belongs to the exchange."""


async def read_head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    """Status, headers with names in lower case, and the minor version. Raises BadHttpError."""
    for _ in range(_INTERIM + 1):
        head = await reader.readuntil(b"\r\n\r\n")
        match = _STATUS.match(head)
        if not match:
            raise BadHttpError("it does not begin as HTTP does")
        if match[2] == b"101":
            raise BadHttpError("it changes to a protocol that nobody asked for")
        if not match[2].startswith(b"1"):  # such as 100 Continue: the response is still to come
            return int(match[2]), _headers(head[match.end() : -2]), match[1]
    raise BadHttpError("it never comes to the response")


def _headers(block: bytes) -> dict[str, str]:
    headers = dict[str, str]()
    for line in block.decode("latin-1").split("\r\n")[:-1]:
        name, colon, value = line.partition(":")
        name, value = name.lower(), value.strip()
        if not colon or not name or name != name.strip():
            raise BadHttpError("its head holds a line that is no header")
        if name == "content-length" and headers.get(name, value) != value:
            raise BadHttpError("it has two lengths")
        headers[name] = f"{headers[name]}, {value}" if name in _LISTS and name in headers else value
    return headers


def _listed(headers: Mapping[str, str], name: str) -> list[str]:
    return [word for part in headers.get(name, "").lower().split(",") if (word := part.strip())]


def _is_chunked(headers: Mapping[str, str]) -> bool:
    codings = _listed(headers, "transfer-encoding")
    if codings not in ([], ["identity"], ["chunked"]):
        raise BadHttpError("its body is encoded in a way that nobody asked for")
    return codings == ["chunked"]


def _length(headers: Mapping[str, str]) -> int | None:
    if "content-length" not in headers:
        return None
    if not _LENGTH.fullmatch(headers["content-length"]):
        raise BadHttpError("its length is no number")
    return int(headers["content-length"])


def keeps(headers: Mapping[str, str], version: bytes) -> bool:
    """Whether the server leaves the connection open; `version`: the minor one."""
    said = _listed(headers, "connection")
    return "close" not in said and (version == b"1" or "keep-alive" in said)
