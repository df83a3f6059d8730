"""One page on the wire: bounded in time, size and redirects.

In: a checked URL, a pool that connects to checked addresses only. Out: status, headers and body, unpacked, or
`WebFailure`. Redirects are followed here, each to a URL that is checked like the first. Nothing goes along but who
asks and what is read: no cookies, no credentials, no referrer. Not here: whether a host wants to be read (robots.py),
how often (fetcher.py), what a body says (page_text.py).
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Final, NamedTuple

import httpcore2
import httpx2

from citerefine.refiner.chat.bounded_body import BadBodyError, BodyTooLargeError, BoundedBody
from citerefine.refiner.chat.failures import read_retry_after
from citerefine.tools.fetching.addresses import Access
from citerefine.tools.fetching.limits import PageLimits
from citerefine.tools.fetching.urls import PageUrl
from citerefine.tools.web.failures import WebFailure, clean, code_of
from citerefine.tools.web.identity import user_agent

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_UNSUSPECTED: Final = 1_000_000
"""Bytes; a body that is no longer may have any ratio."""
_BROKEN: Final = (
    httpcore2.NetworkError, httpcore2.TimeoutException, httpcore2.ProtocolError, httpcore2.UnsupportedProtocol,
    httpx2.RemoteProtocolError, OSError,
)  # fmt: skip


class Got(NamedTuple):
    """A response with status 200."""

    body: bytes
    headers: Mapping[str, str]


class Redirect(NamedTuple):
    """Where a host sends whoever asks."""

    location: str


class Wanted(NamedTuple):
    """What of a response is read."""

    accept: str
    refuse: Callable[[str], str | None]
    """Why a content type is not read; None if it is."""
    most: int
    """Bytes of the body, unpacked."""
    cut: bool = False
    """Whether what is longer is read as far as `most`."""


async def follow(url: PageUrl, visit: Callable[[PageUrl], Awaitable[Got | Redirect]], access: Access, most: int) -> Got:
    """What `visit` gets in the end.

    Raises:
        WebFailure: `moved`, after `most` redirects; `refused_address`, for one that is not followed; what `visit`
            raises.
    """
    place = url
    for _ in range(most + 1):
        got = await visit(place)
        if isinstance(got, Got):
            return got
        place = place.leading_to(got.location, access)
    raise WebFailure(f"{url.netloc} redirects more than {most} times, last to {place.netloc}", "moved")


async def get(pool: httpcore2.AsyncConnectionPool, url: PageUrl, wanted: Wanted, limits: PageLimits) -> Got | Redirect:
    """One request. The time it takes is bounded by the caller. Raises WebFailure."""
    address = httpcore2.URL(scheme=url.scheme, host=url.host, port=url.port, target=url.target)
    headers = [
        ("Host", url.netloc), ("User-Agent", user_agent()), ("Accept", wanted.accept), ("Accept-Encoding", "gzip"),
    ]  # fmt: skip
    how = {"timeout": {"connect": limits.connecting}}
    try:
        async with pool.stream("GET", address, headers=headers, extensions=how) as response:
            return await _read(response, url, wanted, limits)
    except _BROKEN as error:
        what = clean(str(error), ()) or type(error).__name__
        raise WebFailure(f"no reply from {url.netloc}: {what}", "unreachable") from None
    except BodyTooLargeError:
        raise WebFailure(
            f"{url.netloc} sends more than {wanted.most:,} bytes, or {limits.wire_bytes:,} packed", "too_large"
        ) from None
    except BadBodyError as error:
        raise WebFailure(f"the page of {url.netloc}: {error}", "bad_response") from None


async def _read(response: httpcore2.Response, url: PageUrl, wanted: Wanted, limits: PageLimits) -> Got | Redirect:
    headers = httpx2.Headers(response.headers)
    if response.status in _REDIRECTS and "location" in headers:
        return Redirect(headers["location"])
    if response.status != 200:
        raise WebFailure(f"{url.netloc} answers {response.status}", code_of(response.status), read_retry_after(headers))
    if (why := wanted.refuse(headers.get("content-type", ""))) is not None:
        raise WebFailure(f"{url.netloc} sends {why}", "unreadable")
    wire = _Wire(response.aiter_stream(), limits.wire_bytes)
    packing = headers.get("content-encoding", "").strip().lower() or "identity"
    body = bytearray()
    async for piece in BoundedBody(wire, packing, wanted.most, cut=wanted.cut):
        body += piece
        if len(body) > max(_UNSUSPECTED, limits.ratio * wire.n_bytes):
            raise WebFailure(
                f"the page of {url.netloc} is more than {limits.ratio:g} times longer unpacked", "too_large"
            )
    return Got(bytes(body), headers)


class _Wire(httpx2.AsyncByteStream):
    """A body as it comes, counted. Raises BodyTooLargeError."""

    def __init__(self, pieces: AsyncIterator[bytes], most: int) -> None:
        self._pieces = pieces
        self._most = most
        self.n_bytes = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._pieces:
            self.n_bytes += len(piece)
            if self.n_bytes > self._most:
                raise BodyTooLargeError
            yield piece
