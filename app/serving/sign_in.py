"""How a browser shows that its user knows the server's token: by a cookie that is not the token.

In: the token; headers of a request. Out: the cookie's name and value. Who reads the cookie where a browser keeps it can
ask the server, as long as its token stays, and learns no token that somebody may use elsewhere too. Cookies of a host
go to all its ports, so that each port has a name of its own. Not here: comparing (guard.py), the page that asks for the
token (site/page_routes.py).
"""

import hashlib
import hmac
from collections.abc import Iterable
from typing import Final

_NAME: Final = "citerefine_pass"
_PURPOSE: Final = b"citerefine: the page of a server"


def pass_for(token: str) -> str:
    """The cookie's value for a token."""
    return hmac.new(token.encode(), _PURPOSE, hashlib.sha256).hexdigest()


def cookie_name(host: str) -> str:
    """The cookie's name under a host, which may have a port."""
    port = host.rpartition(":")[2]
    return f"{_NAME}_{port}" if ":" in host and port.isdecimal() else _NAME


def signed_in_by(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The cookie's value; empty if the request has none."""
    found = {name.lower(): value.decode("latin-1") for name, value in headers}
    wanted = cookie_name(found.get(b"host", ""))
    pairs = (part.strip().partition("=") for part in found.get(b"cookie", "").split(";"))
    return next((value for name, _, value in pairs if name == wanted), "")
