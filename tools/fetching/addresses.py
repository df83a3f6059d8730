"""Which addresses of the network may be connected to when a page is read.

In: the address that a host has, or one of several; what a person allows. Out: why it may not be connected to, or None.
Only addresses that anybody on the internet may reach are open: what a page links to must not reach this machine, its
network, or the service that hands out the keys of a machine in a cloud. IPv6 addresses that lead to an IPv4 address are
as open as that one. Not here: URLs (urls.py), resolving and connecting (connecting.py).
"""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, NamedTuple

from pydantic import field_validator

from citerefine.refiner.errors import InputError
from citerefine.refiner.records import Record

Address = IPv4Address | IPv6Address

_CLOSED_4: Final = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
        "224.0.0.0/4", "240.0.0.0/4",
    )
)  # fmt: skip
"""Special by the registry of IANA: of one machine, of one network, for tests, for many receivers, for later."""
_PUBLIC_6: Final = IPv6Network("2000::/3")
_CLOSED_6: Final = tuple(IPv6Network(network) for network in ("2001::/23", "2001:db8::/32", "3fff::/20"))
"""Special within the public range."""
_LEADING_TO_4: Final = tuple(IPv6Network(network) for network in ("::ffff:0:0/96", "64:ff9b::/96", "2002::/16"))
"""Open if the IPv4 address is: mapped, translated (NAT64, usual where a network has only IPv6), 6to4."""

_METADATA: Final = frozenset(
    ip_address(address)
    for address in (
        "169.254.169.254", "169.254.170.2", "169.254.170.23", "168.63.129.16", "100.100.100.200", "192.0.0.192",
        "fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254", "fd00:42::42", "fd00:c1::a9fe:a9fe",
    )
)  # fmt: skip
"""Where clouds tell a machine its keys."""
_ALWAYS_CLOSED: Final = (IPv4Network("169.254.0.0/16"), IPv6Network("fe80::/10"))
"""Link-local: clouds use it for more such services, and no page is kept there."""

PORTS: Final[tuple[int, ...]] = (80, 443)
"""At which pages are asked for, unless an entry names another."""

_PLACES: Final = (
    (12, 13, 14, 15), (2, 3, 4, 5), (4, 5, 6, 7), (5, 6, 7, 9), (6, 7, 9, 10), (7, 9, 10, 11), (9, 10, 11, 12),
)  # fmt: skip
"""Bytes of an IPv6 address that may hold an IPv4 address: mapped, compatible, ISATAP, and /96 of RFC 6052; 6to4; the
other lengths of RFC 6052."""
_TEREDO: Final = IPv6Network("2001::/32")
_ISATAP: Final = (b"\x00\x00\x5e\xfe", b"\x02\x00\x5e\xfe")


class _Own(NamedTuple):
    """What one entry of `Access.allow` opens."""

    place: str
    """A host, or a network as it is written."""
    network: IPv4Network | IPv6Network | None
    ports: tuple[int, ...]

    def holds(self, address: Address, host: str) -> bool:
        """Whether an address of a host belongs to it."""
        if self.network is None:
            return host == self.place
        inner = address.ipv4_mapped if isinstance(address, IPv6Address) else None
        return any(one in self.network for one in (address, inner) if one is not None)


class Access(Record):
    """What may be asked for pages: the public internet, and what is named."""

    allow: tuple[str, ...] = ()
    """Hosts and networks of one's own that may be read though they are not public: `wiki.intern`, `10.0.0.0/8`.

    One with a port, as in `wiki.intern:8080` or `[fd12::/16]:8080`, may be read at that port alone.
    """

    @field_validator("allow")
    @classmethod
    def _are_hosts_or_networks(cls, allow: tuple[str, ...]) -> tuple[str, ...]:
        for entry in allow:
            own = _own(entry)
            if own.network is None and not all(part.replace("-", "").isalnum() for part in own.place.split(".")):
                raise InputError(f"{entry!r} is neither a host nor a network; write wiki.example.org or 10.0.0.0/8")
        return tuple(entry.lower() for entry in allow)

    def refusal(self, address: str, host: str, port: int) -> str | None:
        """Why an address of a host may not be connected to at a port; None if it may."""
        try:
            place = ip_address(address)
        except ValueError:
            return f"{address!r} is no address"
        if _tells_keys(place):
            return f"{address} may give away the keys of this machine"
        owns = [own for own in map(_own, self.allow) if own.holds(place, host)]
        if any(port in own.ports for own in owns):
            return None
        if not owns and not is_public(place):
            return f"{address} is no address of the public internet"
        ports = sorted({port for own in owns for port in own.ports} | ({*PORTS} if is_public(place) else set()))
        return None if port in ports else f"the port {port} is not among {', '.join(map(str, ports))}"

    def port_refusal(self, host: str, port: int) -> str | None:
        """Why no address that a host may have is connected to at a port; None if one may be."""
        owns = [own for own in map(_own, self.allow) if own.network is not None or own.place == host]
        if port in PORTS or any(port in own.ports for own in owns):
            return None
        return f"the port {port} is not among {', '.join(map(str, PORTS))}"


def is_public(place: Address) -> bool:
    """Whether anybody on the internet may reach it.

    >>> is_public(ip_address("::ffff:127.0.0.1"))
    False
    """
    if isinstance(place, IPv4Address):
        return not any(place in network for network in _CLOSED_4)
    if any(place in network for network in _LEADING_TO_4):
        return is_public(place.sixtofour or _ipv4_at(place, _PLACES[0]))
    if place.packed[8:12] in _ISATAP and not is_public(_ipv4_at(place, _PLACES[0])):
        return False
    return place in _PUBLIC_6 and not any(place in network for network in _CLOSED_6)


def _tells_keys(place: Address) -> bool:
    mapped = place.ipv4_mapped if isinstance(place, IPv6Address) else None
    if any(one in network for network in _ALWAYS_CLOSED for one in (place, mapped) if one is not None):
        return True
    return any(one in _METADATA for one in (place, *_every_ipv4_in(place)))


def _every_ipv4_in(place: Address) -> Iterator[IPv4Address]:
    """All IPv4 addresses that an IPv6 address may lead to, whichever way a network translates."""
    if isinstance(place, IPv4Address):
        return
    for offsets in _PLACES:
        yield _ipv4_at(place, offsets)
    if place in _TEREDO:
        yield IPv4Address(int(place) & 0xFFFFFFFF ^ 0xFFFFFFFF)


def _ipv4_at(place: IPv6Address, offsets: tuple[int, ...]) -> IPv4Address:
    return IPv4Address(bytes(place.packed[offset] for offset in offsets))


def _own(entry: str) -> _Own:
    """Raises InputError if its port is none."""
    place, _, port = entry.lower().rpartition(":")
    bracketed = place.startswith("[") and place.endswith("]")
    if not (port.isascii() and port.isdecimal()) or not place or (":" in place and not bracketed):
        place, ports = entry.lower(), PORTS
    elif 0 < int(port) <= 65_535:
        ports = (int(port),)
    else:
        raise InputError(f"{entry!r} ends with a port that there is not; write one from 1 to 65535")
    place = place.removeprefix("[").removesuffix("]")
    return _Own(place, _network(place), ports)


def _network(entry: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(entry)
    except ValueError:
        return None
