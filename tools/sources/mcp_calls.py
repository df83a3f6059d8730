"""Asks an MCP server, however it behaves.

In: what is asked, as a function of `McpTools`. Out: what it gives, or `WebFailure`, within the time there is. A server
is reached when it is first asked and stays open for the event loop that asked; if it goes away, it is reached anew
once. One that is late is left for a new session, and closed once nobody waits for it any more. Messages hold no token.
Not here: opening and closing (mcp_session.py), what is asked (mcp_client.py).
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar
from weakref import WeakKeyDictionary

from mcp import MCPError
from mcp.types import CONNECTION_CLOSED

from citerefine.tools.sources.mcp_server_tools import McpTools
from citerefine.tools.sources.mcp_session import McpSession
from citerefine.tools.sources.mcp_target import McpTarget
from citerefine.tools.web.client import WebLimits
from citerefine.tools.web.failures import WebFailure, clean

T = TypeVar("T")


class McpCalls:
    """The way to one server; may be used in several event loops."""

    def __init__(self, target: McpTarget, token: str | None, limits: WebLimits) -> None:
        self._target, self._token, self._limits = target, token, limits
        self._sessions = WeakKeyDictionary[asyncio.AbstractEventLoop, McpSession]()

    async def ask(self, ask: Callable[[McpTools], Awaitable[T]]) -> T:
        """What a server says. Raises WebFailure."""
        until = asyncio.get_running_loop().time() + self._limits.deadline
        try:
            try:
                return await self._try(ask, until)
            except _LostError:
                return await self._try(ask, until)
        except TimeoutError:
            late = f"no complete reply from {self._target.address} within {self._limits.deadline:g} s"
            raise WebFailure(late, "deadline") from None
        except _LostError as error:
            raise WebFailure(f"{self._target.address} went away: {error}", "unreachable") from None

    async def _try(self, ask: Callable[[McpTools], Awaitable[T]], until: float) -> T:
        """One attempt. Raises _LostError where the server is gone, TimeoutError, WebFailure for all else it does."""
        session = self._session()
        session.n_asking += 1
        try:
            async with asyncio.timeout_at(until):
                return await self._asked(session, ask)
        except (TimeoutError, _LostError, _TooLargeError):
            self._forget(session)
            raise
        finally:
            session.n_asking -= 1
            if not session.n_asking and self._sessions.get(asyncio.get_running_loop()) is not session:
                await session.aclose()

    async def _asked(self, session: McpSession, ask: Callable[[McpTools], Awaitable[T]]) -> T:
        try:
            client = await session.client()
        except Exception as error:  # what a transport fails with is its own matter
            self._forget(session)
            if session.was_open:
                raise _LostError(self._clean(error)) from None
            raise self._no_session(error) from None
        lost: Exception
        try:
            return await ask(McpTools(client))
        except TimeoutError:
            raise
        except MCPError as error:
            if error.code != CONNECTION_CLOSED:
                raise WebFailure(f"{self._target.address} refuses: {self._clean(error)!r}", "bad_request") from None
            lost = error
        except (ValueError, RuntimeError) as error:  # a result that is not what the protocol says
            raise WebFailure(f"the reply of {self._target.address}: {self._clean(error)}", "bad_response") from None
        except Exception as error:  # a stream that was closed under the call
            lost = error
        if session.too_large:
            most = self._limits.reply_bytes
            raise _TooLargeError(f"the reply of {self._target.address} is longer than {most:,} bytes", "too_large")
        raise _LostError(self._clean(lost))

    def _session(self) -> McpSession:
        loop = asyncio.get_running_loop()
        if loop not in self._sessions:
            self._sessions[loop] = McpSession(self._target, self._token, self._limits)
        return self._sessions[loop]

    def _forget(self, session: McpSession) -> None:
        """Lets the next question open a new one, unless another has taken its place."""
        loop = asyncio.get_running_loop()
        if self._sessions.get(loop) is session:
            del self._sessions[loop]

    async def aclose(self) -> None:
        """Closes the session of this event loop."""
        if (session := self._sessions.pop(asyncio.get_running_loop(), None)) is not None:
            await session.aclose()

    def _no_session(self, error: Exception) -> WebFailure:
        while isinstance(error, ExceptionGroup):
            error = error.exceptions[0]
        what = self._clean(error)
        if self._target.url is None:
            what += "; run the command by itself to see what it says"
        return WebFailure(f"no session with {self._target.address}: {what}", "unreachable")

    def _clean(self, error: Exception) -> str:
        return clean(str(error), (self._token or "",)) or type(error).__name__


class _TooLargeError(WebFailure):
    """A reply that broke the session."""


class _LostError(Exception):
    """The server is gone, and may be there again if it is reached anew."""
