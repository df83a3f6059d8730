"""Which MCP server is meant, and which of its tools.

In: what stands behind `mcp:`. Out: `McpTarget`: an address or a command, perhaps a tool and values of its other fields.
None of them may hold a secret: all are shown and recorded. Not here: reaching it (mcp_session.py), choosing among its
tools (mcp_tool.py).
"""

import re
import shlex
from typing import Final, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from citerefine.refiner.errors import InputError

_TOOL = re.compile(r"#([A-Za-z0-9_./-]{1,128})(?:\?([^#]*))?\Z")
_NAME: Final = r"[\w-]{0,64}(?:key|token|secret|password|passwd|authorization|credential|cookie)[\w-]{0,64}"
_SECRET_OPTION = re.compile(rf"--?{_NAME}", re.IGNORECASE)
_SECRET_VALUE = re.compile(rf"(?:^|[\s?&;=\"'])((?:-H)?{_NAME})[\"']?\s*[:=]\s*\S|\b(Bearer)\s+\S", re.IGNORECASE)
_USER = re.compile(r"://[^/\s@]+@")
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_SECRET_WORDS: Final = frozenset({"key", "apikey", "token", "secret", "password", "auth", "authorization", "bearer"})
_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")


class McpTarget(NamedTuple):
    """A server, one of the two, and a tool."""

    url: str | None
    command: tuple[str, ...]
    """What to start, and its arguments; empty for an address."""
    tool: str | None
    """None: the only one that searches."""
    given: tuple[tuple[str, str], ...] = ()
    """Values of fields of the tool, as they were written; the same for every search."""

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
    """The target of a specification: `https://host/mcp#tool` or `COMMAND ARGS…#tool`, with fields of the tool as in
    `#tool?collection=papers&lang=en`. Raises InputError.

    >>> read_target("python server.py --docs 'my papers'#lookup").command
    ('python', 'server.py', '--docs', 'my papers')
    """
    text = text.strip()
    named = _TOOL.search(text)
    server = (text[: named.start()] if named else text).strip()
    tool = named[1] if named else None
    given = _given(named[2]) if named and named[2] is not None else ()
    if server.startswith(("http://", "https://")):
        return McpTarget(_checked_url(server), (), tool, given)
    try:
        command = tuple(shlex.split(server))
    except ValueError as error:
        raise InputError(f"the command {server!r} cannot be read ({error}); quote it as in a shell") from None
    if not command:
        raise InputError(f"mcp:{text} names no server; write mcp:https://host/mcp or mcp:COMMAND ARGUMENTS")
    if (secret := next(filter(None, map(_secret_in, command)), None)) is not None:
        raise InputError(
            f"{secret} would put a secret where it is shown and recorded; give it in a variable, and name that in "
            "CITEREFINE_MCP_ENV"
        )
    return McpTarget(None, command, tool, given)


def _secret_in(word: str) -> str | None:
    """What a word of a command says of the secret that it holds, or that follows it: its name, never itself."""
    if _SECRET_OPTION.fullmatch(word):
        return word
    if (value := _SECRET_VALUE.search(word)) is not None:
        return value[1] or value[2]
    return "a user in an address" if _USER.search(word) else None


def _given(written: str) -> tuple[tuple[str, str], ...]:
    """Fields and their values. Raises InputError, which shows no value."""
    try:
        pairs = parse_qsl(written, keep_blank_values=True, strict_parsing=True)
    except ValueError:
        raise InputError("behind the ? of a tool stand its fields, as in #search?collection=papers&lang=en") from None
    for name, _ in pairs:
        if _SECRET_WORDS.intersection(word.lower() for word in _WORDS.findall(name)):
            raise InputError(f"the field {name!r} would put a secret where it is shown and recorded")
        if [other for other, _ in pairs].count(name) > 1:
            raise InputError(f"the field {name!r} is given twice; give it one value")
    return tuple(pairs)


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
