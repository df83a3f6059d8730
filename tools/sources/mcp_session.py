"""A session with an MCP server, for as long as an event loop asks it.

In: a target, a token, limits. Out: a client that any task of the loop may call. The session is opened, kept and closed
by one task of its own, since what the mcp package opens in a task has to be closed in it. Not here: what is asked.
"""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any, Final

import httpx2
from mcp import Client, Implementation
from mcp.client.streamable_http import streamable_http_client

from citerefine.tools.sources.mcp_stdio import stdio_streams
from citerefine.tools.sources.mcp_target import McpTarget
from citerefine.tools.web.client import WebLimits
from citerefine.tools.web.identity import user_agent

_CLOSING: Final = 3.0
"""Seconds that closing may take before it is broken off."""
_PASSED_ON: Final = ("PATH", "HOME", "LANG")
_NAMES: Final = "CITEREFINE_MCP_ENV"
"""Variable with the names of others that a started server gets, separated by commas."""
_running = set[asyncio.Task[None]]()
"""Event loops hold their tasks weakly, and one that is forgotten leaves a server behind."""

logging.getLogger("mcp").addHandler(logging.NullHandler())  # it prints what servers do wrong; we report it


class McpSession:
    """One session. Not open until `client` is asked for."""

    def __init__(self, target: McpTarget, token: str | None, limits: WebLimits) -> None:
        self.too_large = False
        """Whether it ended because the server sent more than is read."""
        self._streams = (
            _http_streams(target.url, token, limits, self._note_excess)
            if target.url
            else stdio_streams(target.command, _environment(), limits.reply_bytes, self._note_excess)
        )
        self.was_open = False
        self.n_asking = 0
        """Calls that wait for it."""
        self._settled, self._closing = asyncio.Event(), asyncio.Event()
        self._client: Client | None = None
        self._failure: Exception | None = None
        self._owner = asyncio.create_task(self._own())
        _running.add(self._owner)
        self._owner.add_done_callback(_running.discard)

    async def client(self) -> Client:
        """The client, once the session is open. Raises what kept it from that, or ConnectionError if it is closed."""
        await self._settled.wait()
        if self._client is None:
            raise self._failure or ConnectionError("the session was closed")
        return self._client

    def _note_excess(self) -> None:
        self.too_large = True

    async def _own(self) -> None:
        about = Implementation(name="citerefine", version=version("citerefine"))
        try:
            async with Client(self._streams, client_info=about) as client:
                self._client, self.was_open = client, True
                self._settled.set()
                await self._closing.wait()
        except Exception as error:  # whatever a server brings about; where it was open, the calls have failed with it
            self._failure = error
        finally:
            self._client = None
            self._settled.set()

    async def aclose(self) -> None:
        """Closes it; a server that was started has ended then."""
        if self._client is None:
            self._owner.cancel()  # still opening
        self._closing.set()
        done, _ = await asyncio.wait({self._owner}, timeout=_CLOSING)
        if not done:
            self._owner.cancel()
            await asyncio.wait({self._owner}, timeout=_CLOSING)


def _environment() -> dict[str, str]:
    """What a started server gets of ours."""
    named = [name.strip() for name in os.environ.get(_NAMES, "").split(",")]
    return {name: value for name in (*_PASSED_ON, *named) if (value := os.environ.get(name)) is not None}


@asynccontextmanager
async def _http_streams(
    url: str, token: str | None, limits: WebLimits, on_excess: Callable[[], None]
) -> AsyncIterator[Any]:
    direct = McpTarget(url, (), None).is_local
    headers = {"User-Agent": user_agent(), "Accept-Encoding": "identity"}

    async def bound(response: httpx2.Response) -> None:
        if response.headers.get("content-encoding", "identity") != "identity":
            raise httpx2.DecodingError("the reply is packed, which was not asked for")
        response.stream = _Bounded(response.stream, limits.reply_bytes, on_excess)

    async with (
        httpx2.AsyncClient(
            headers=headers | ({"Authorization": f"Bearer {token}"} if token else {}),
            trust_env=not direct,
            verify=not direct,
            timeout=httpx2.Timeout(limits.deadline, connect=10.0),
            event_hooks={"response": [bound]},
        ) as http,
        streamable_http_client(url, http_client=http) as streams,
    ):
        yield streams


class _Bounded(httpx2.AsyncByteStream):
    """A body of at most so many bytes."""

    def __init__(self, body: Any, most: int, on_excess: Callable[[], None]) -> None:
        self._body, self._most, self._on_excess = body, most, on_excess

    async def __aiter__(self) -> AsyncIterator[bytes]:
        n_bytes = 0
        async for piece in self._body:
            n_bytes += len(piece)
            if n_bytes > self._most:
                self._on_excess()
                raise httpx2.ReadError(f"the reply is longer than {self._most:,} bytes")
            yield piece

    async def aclose(self) -> None:
        await self._body.aclose()
