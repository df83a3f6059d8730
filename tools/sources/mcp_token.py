"""Which token goes to which MCP server.

In: a server's address, the environment. Out: its token, or why it gets none. A token of one server must not reach
another: that of a host is in a variable with the host's name, and the one without a name is for a single host. Not
here: sending it (mcp_session.py).
"""

import os
import re
from typing import Final
from urllib.parse import urlsplit

from pydantic import SecretStr

from citerefine.refiner.errors import InputError

VARIABLE: Final = "CITEREFINE_MCP_TOKEN"
_served = set[str]()
"""Hosts of this process that the token without a name was meant for."""


def host_variable(url: str) -> str:
    """The variable that holds the token of an address's host.

    >>> host_variable("https://search.example.org:8443/mcp")
    'CITEREFINE_MCP_TOKEN_SEARCH_EXAMPLE_ORG_8443'
    """
    return f"{VARIABLE}_{re.sub('[^A-Z0-9]', '_', _host(url).upper())}"


def token_of_host(url: str) -> SecretStr | None:
    """The token in that variable. Raises InputError for one that no header can carry."""
    variable = host_variable(url)
    token = os.environ.get(variable, "").strip()
    if not (token.isascii() and token.isprintable()) or " " in token:
        raise InputError(f"{variable} holds no token: a token is letters, digits and signs of ASCII, without blanks")
    return SecretStr(token) if token else None


def note_unnamed(url: str, token: SecretStr) -> None:
    """Notes that a host was opened with a token; only that of the environment can be meant for another one."""
    if token.get_secret_value() == os.environ.get(VARIABLE, "").strip():
        _served.add(_host(url))


def is_ambiguous(url: str) -> bool:
    """Whether the token without a name was meant for this host and for another."""
    return len(_served) > 1 and _host(url) in _served


def _host(url: str) -> str:
    return urlsplit(url).netloc.lower()
