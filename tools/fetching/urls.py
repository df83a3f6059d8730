"""URLs of pages: what is written, checked and taken apart once, so that what is checked is what is asked.

In: the URL of a hit, or where a page redirects to. Out: a `PageUrl`, or `WebFailure` for one that is not read. Hosts
are in ASCII, lower case, without a dot at their end. Refused are other schemes and ports, user names, and all spellings
that programs read differently. Not here: whether the host's addresses may be connected to (addresses.py).
"""

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address, ip_address
from typing import Final, NamedTuple
from urllib.parse import urljoin

import httpx2

from citerefine.tools.fetching.addresses import Access
from citerefine.tools.web.failures import WebFailure, clean

LONGEST: Final = 2_048
_AMBIGUOUS: Final = re.compile(r"[\x00-\x20\x7f\\]")
"""Dropped, encoded or taken for a slash, by one program or another."""
_LABEL: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_LIKE_A_NUMBER: Final = re.compile(r"\d+|0x[0-9a-f]*")
"""The last part of a host that resolvers take for an address: decimal, octal or hexadecimal, short or not."""
_PORTS: Final = {"http": 80, "https": 443}


class PageUrl(NamedTuple):
    """A URL that may be asked for, as far as can be told from it alone."""

    scheme: str
    host: str
    """An IPv6 address stands without brackets."""
    port: int
    target: str
    """Path and query as they are sent."""

    @property
    def netloc(self) -> str:
        """Host and port, as in the `Host` header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        """What has one robots.txt."""
        return f"{self.scheme}://{self.netloc}"

    def __str__(self) -> str:
        return self.origin + self.target

    def leading_to(self, location: str, access: Access) -> "PageUrl":
        """Where a redirect leads. Raises WebFailure for a URL that is not read, or that gives up encryption."""
        if _AMBIGUOUS.search(location):
            raise _refused(location, "it holds white space, control characters or backslashes")
        try:
            joined = urljoin(str(self), location)
        except ValueError:
            raise _refused(location, "it is no URL") from None
        following = page_url(joined, access)
        if (self.scheme, following.scheme) == ("https", "http"):
            raise _refused(joined, f"{self.host} redirects to it from https")
        return following


def page_url(text: str, access: Access | None = None) -> PageUrl:
    """The URL of a page; a fragment is left out.

    Args:
        text: the URL as it was found.
        access: what may be asked; None for a page that nobody is asked for.

    Raises:
        WebFailure: `refused_address`, if it is none, or may not be asked for.
    """
    if len(text) > LONGEST:
        raise _refused(text, f"it is longer than {LONGEST:,} characters")
    if _AMBIGUOUS.search(text):
        raise _refused(text, "it holds white space, control characters or backslashes")
    try:
        url = httpx2.URL(text)
        host = url.raw_host.decode("ascii").lower()
    except (httpx2.InvalidURL, UnicodeError):
        raise _refused(text, "it is no URL") from None
    if url.scheme not in _PORTS:
        raise _refused(text, "only http and https are read")
    if url.userinfo:
        raise _refused(text, "it holds a user name or a password")
    port = _PORTS[url.scheme] if url.port is None else url.port
    page = PageUrl(url.scheme, _host(text, host), port, url.raw_path.decode("ascii"))
    if access is not None and (why := _refusal(page, access)) is not None:
        raise _refused(text, why)
    return page


def _refusal(page: PageUrl, access: Access) -> str | None:
    """Why it may not be asked for, as far as can be told before its host is resolved."""
    try:
        ip_address(page.host)
    except ValueError:
        return access.port_refusal(page.host, page.port)
    return access.refusal(page.host, page.host, page.port)


def _host(text: str, host: str) -> str:
    """The host in the one spelling in which it is used. Raises WebFailure."""
    name = host.removesuffix(".")
    labels = name.split(".")
    if ":" in host or _LIKE_A_NUMBER.fullmatch(labels[-1]):
        return str(_ipv6(text, host) if ":" in host else _ipv4(text, name))
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise _refused(text, f"{host!r} is no name of a host")
    return name


def _ipv6(text: str, host: str) -> IPv6Address:
    try:
        address = IPv6Address(host)
    except AddressValueError:
        raise _refused(text, f"{host!r} is no address") from None
    if address.scope_id is not None:
        raise _refused(text, "its address names a network interface")
    return address


def _ipv4(text: str, host: str) -> IPv4Address:
    try:
        return IPv4Address(host)
    except AddressValueError:
        raise _refused(text, f"{host!r} is no address in the usual spelling") from None


def _refused(text: str, why: str) -> WebFailure:
    return WebFailure(f"{clean(text, ())!r} is not read: {why}", "refused_address")
