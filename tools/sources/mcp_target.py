"""Which MCP server is meant, and which of its tools.

In: what stands behind `mcp:`. Out: `McpTarget`: an address or a command, perhaps a tool. Neither may hold a secret:
both are shown and recorded. Not here: reaching it (mcp_session.py), choosing among its tools (mcp_tool.py).
"""

import re
import shlex
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from citerefine.refiner.errors import InputError

_TOOL = re.compile(r"#([A-Za-z0-9_./-]{1,128})\s*\Z")
_SECRET = re.compile(r"--?[\w-]*(?:key|token|secret|password)[\w-]*(?:=.*)?", re.IGNORECASE | re.DOTALL)
_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")


class McpTarget(NamedTuple):
    """A server, one of the two, and a tool."""

    url: str | None
    command: tuple[str, ...]
    """What to start, and its arguments; empty for an address."""
    tool: str | None
    """None: the only one that searches."""

    @property
    def address(self) -> str:
        """How messages and records name the server."""
        return self.url or shlex.join(self.command)

    @property
    def is_local(self) -> bool:
        """Whether what is sent stays on this machine."""
        return self.url is None or urlsplit(self.url).hostname in _LOOPBACK

    @property
    def may_get_token(self) -> bool:
        """Whether nobody on the way can read what is sent to it."""
        return self.url is not None and (self.is_local or self.url.startswith("https:"))


def read_target(text: str) -> McpTarget:
    """The target of a specification: `https://host/mcp#tool` or `COMMAND ARGS…#tool`. Raises InputError.

    >>> read_target("python server.py --docs 'my papers'#lookup").command
    ('python', 'server.py', '--docs', 'my papers')
    """
    named = _TOOL.search(text)
    server = (text[: named.start()] if named else text).strip()
    tool = named[1] if named else None
    if server.startswith(("http://", "https://")):
        return McpTarget(_checked_url(server), (), tool)
    try:
        command = tuple(shlex.split(server))
    except ValueError as error:
        raise InputError(f"the command {server!r} cannot be read ({error}); quote it as in a shell") from None
    if not command:
        raise InputError(f"mcp:{text} names no server; write mcp:https://host/mcp or mcp:COMMAND ARGUMENTS")
    for word in command[1:]:
        if _SECRET.fullmatch(word):
            option = word.partition("=")[0]
            raise InputError(
                f"{option} would put a secret where it is shown and recorded; give it in a variable, and name that in "
                "CITEREFINE_MCP_ENV"
            )
    return McpTarget(None, command, tool)


def _checked_url(url: str) -> str:
    parts = urlsplit(url)
    if not parts.hostname or parts.fragment:
        raise InputError(f"{url!r} is no address of an MCP server; write it as in mcp:https://host/mcp#tool")
    if parts.username or parts.password or parts.query:
        raise InputError(
            f"the address of {parts.hostname} holds a user, a password or a query, which would be shown and recorded; "
            "give its key in CITEREFINE_MCP_TOKEN"
        )
    return url
