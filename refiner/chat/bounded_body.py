"""Keeps what is read of a server's reply within bounds, packed or not.

In: an HTTP response before its body is read. Out: the same response, whose body ends or fails at the bound. It sits
below everything else that reads, so that error bodies are bounded too. Not here: time limits (client.py).
"""

import zlib
from collections.abc import AsyncIterator, Mapping
from typing import Final

import httpx2

ERROR_BYTES: Final = 16_384
"""Of an error's body no more than this is read; the rest would say nothing new."""
_PIECE: Final = 65_536
_GZIP_OR_ZLIB: Final = zlib.MAX_WBITS | 32


class BodyTooLargeError(Exception):
    """A reply's body goes beyond the bound."""


class BadBodyError(Exception):
    """A reply's body is packed in a way that cannot be undone."""


class BoundedBody(httpx2.AsyncByteStream):
    """A body that is unpacked piece by piece and never grows beyond `most` bytes."""

    def __init__(self, body: httpx2.AsyncByteStream, packing: str, most: int, *, cut: bool) -> None:
        """`cut`: what goes beyond the bound is left out, instead of BodyTooLargeError."""
        self._body = body
        self._packing = packing
        self._left = most
        self._cut = cut
        self._pieces: AsyncIterator[bytes] | None = None
        self._ended = False

    def __aiter__(self) -> AsyncIterator[bytes]:
        if self._pieces is None:
            self._pieces = aiter(self._body if self._packing == "identity" else self._unpacked())
        return self

    async def __anext__(self) -> bytes:
        if self._ended or self._pieces is None:
            raise StopAsyncIteration
        piece = await anext(self._pieces)
        if len(piece) > self._left:
            if not self._cut:
                raise BodyTooLargeError
            self._ended = True
            return piece[: self._left]
        self._left -= len(piece)
        return piece

    async def _unpacked(self) -> AsyncIterator[bytes]:
        if self._packing not in ("gzip", "deflate"):
            raise BadBodyError(f"it is packed as {self._packing[:20]!r}, though it was asked for unpacked")
        inflater = zlib.decompressobj(_GZIP_OR_ZLIB)
        async for piece in self._body:
            more = True
            while more and not inflater.eof:
                try:
                    unpacked = inflater.decompress(piece, _PIECE)
                except zlib.error as error:
                    raise BadBodyError(f"it cannot be unpacked: {error}") from None
                yield unpacked
                piece = inflater.unconsumed_tail
                more = bool(piece) or len(unpacked) == _PIECE
        if not inflater.eof:
            raise httpx2.RemoteProtocolError("the packed body ended early")

    async def aclose(self) -> None:
        """Closes the body beneath."""
        await self._body.aclose()


def bound(response: httpx2.Response, most: int) -> None:
    """Puts a bound on a response whose body has not been read."""
    assert isinstance(response.stream, httpx2.AsyncByteStream)  # an asynchronous client made it
    response.stream = bounded(response.stream, response.headers, response.status_code, most)
    response.headers.pop("content-encoding", None)


def bounded(body: httpx2.AsyncByteStream, headers: Mapping[str, str], status: int, most: int) -> BoundedBody:
    """The body, unpacked, within the bound of a response with that status."""
    packing = headers.get("content-encoding", "identity").strip().lower() or "identity"
    is_error = status >= 400
    return BoundedBody(body, packing, ERROR_BYTES if is_error else most, cut=is_error)
