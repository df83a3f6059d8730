"""Connections to hosts whose addresses have been checked, and to no others.

In: a host, as a connection pool of httpcore2 wants to connect to it. Out: a connection to one of its addresses. A host
is resolved once: all its addresses must be open, and one of those that were checked is connected to, so that a second
answer of its name server changes nothing. The pool still knows the host by its name: `Host` header and certificate are
that name's. No proxy is used, whatever the environment says: it would resolve the host itself. Not here: what is sent.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Final

import httpcore2

from citerefine.tools.fetching.addresses import Access
from citerefine.tools.web.failures import WebFailure

Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
"""All addresses of a host. Raises OSError if it has none."""
_MOST_ADDRESSES: Final = 4
"""Tried, one after another."""
_MOST_CONNECTIONS: Final = 50
"""Of one pool, to all hosts together."""


async def resolve(host: str, port: int) -> list[str]:
    """The addresses that this machine finds. Raises OSError if there are none."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [*dict.fromkeys(str(place[4][0]) for place in found)]


class CheckedBackend(httpcore2.AsyncNetworkBackend):
    """Makes connections for a pool."""

    def __init__(
        self, access: Access, resolver: Resolver = resolve, network: httpcore2.AsyncNetworkBackend | None = None
    ) -> None:
        """`network`: what connects to an address once it is checked."""
        self._access = access
        self._resolver = resolver
        self._network = network or httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """A connection to a host.

        Raises:
            WebFailure: if its addresses may not be connected to, or it has none.
            httpcore2.NetworkError: if none of them answers; also httpcore2.TimeoutException.
        """
        addresses = await self._checked(host, port)
        for address in addresses[:-1]:
            try:
                return await self._network.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore2.NetworkError, httpcore2.TimeoutException):
                continue
        return await self._network.connect_tcp(addresses[-1], port, timeout, local_address, socket_options)

    async def _checked(self, host: str, port: int) -> list[str]:
        try:
            addresses = [*await self._resolver(host, port)]
        except (OSError, UnicodeError) as error:
            raise WebFailure(f"{host} has no address: {error}", "unreachable") from None
        if not addresses:
            raise WebFailure(f"{host} has no address", "unreachable")
        for address in addresses:
            if (why := self._access.refusal(address, host, port)) is not None:
                raise WebFailure(f"{host} is not asked: {why}", "refused_address")
        return addresses[:_MOST_ADDRESSES]


def checked_pool(access: Access, resolver: Resolver = resolve) -> httpcore2.AsyncConnectionPool:
    """A pool that connects only where `access` allows it. Belongs to one event loop."""
    return httpcore2.AsyncConnectionPool(
        network_backend=CheckedBackend(access, resolver), max_connections=_MOST_CONNECTIONS, keepalive_expiry=10.0
    )
