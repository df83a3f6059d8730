"""Addresses: only those of the public internet are open, whatever clothes they come in."""

import pytest
from pydantic import ValidationError

from citerefine.tools.fetching.addresses import Access

PRIVATE = (
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.255.254", "172.16.0.1",
    "172.31.255.255", "192.0.0.8", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.19.255.255",
    "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
    "::", "::1", "100::1", "fc00::1", "fdff::1", "fec0::1", "ff02::1", "2001:db8::1", "3fff::1", "4000::1", "5f00::1",
    "2001:10::1", "2001:20::1",
)  # fmt: skip
IPV4_IN_IPV6 = (
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:0:127.0.0.1", "::127.0.0.1", "::8.8.8.8",
    "64:ff9b::127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b:1::127.0.0.1", "64:ff9b:1::8.8.8.8",
    "2002:7f00:1::", "2002:a00:1::1", "2001:0:4136:e378:8000:63bf:80ff:fffe",
    "2606:2800::5efe:10.0.0.1", "2606:2800::200:5efe:127.0.0.1",
)  # fmt: skip
METADATA = (
    "169.254.169.254", "169.254.170.2", "169.254.0.1", "168.63.129.16", "100.100.100.200", "192.0.0.192",
    "fd00:ec2::254", "fd20:ce::254", "fe80::1", "fe80::a9fe:a9fe", "::ffff:169.254.169.254", "::ffff:168.63.129.16",
    "::169.254.169.254", "64:ff9b::168.63.129.16", "64:ff9b:1::169.254.169.254", "64:ff9b:1:a9fe:a9:fe00::",
    "2002:a9fe:a9fe::", "2606:2800::5efe:169.254.169.254", "2001:0:4136:e378:8000:63bf:5601:5601",
)  # fmt: skip
PUBLIC = (
    "1.1.1.1", "8.8.8.8", "93.184.216.34", "100.63.255.255", "100.128.0.1", "172.32.0.1", "192.0.1.1", "198.20.0.1",
    "2606:2800:220:1::1", "2a00:1450:4001::1", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::1",
    "2606:2800::5efe:8.8.8.8",
)  # fmt: skip


@pytest.mark.parametrize("address", [*PRIVATE, *IPV4_IN_IPV6])
def test_addresses_of_one_machine_or_network_are_closed(address: str) -> None:
    assert Access().refusal(address, "host.example", 443) == f"{address} is no address of the public internet"


@pytest.mark.parametrize("address", METADATA)
def test_addresses_that_tell_keys_are_closed_to_those_too_who_allow_everything(address: str) -> None:
    everything = Access(allow=("0.0.0.0/0", "::/0", "host.example"))
    assert everything.refusal(address, "host.example", 443) == f"{address} may give away the keys of this machine"


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_open(address: str) -> None:
    assert Access().refusal(address, "host.example", 443) is None


def test_a_network_of_ones_own_is_open_where_it_is_allowed() -> None:
    own = Access(allow=("10.0.0.0/8", "fd12::/16"))
    assert own.refusal("10.1.2.3", "wiki.intern", 443) is None
    assert own.refusal("::ffff:10.1.2.3", "wiki.intern", 443) is None
    assert own.refusal("fd12::1", "wiki.intern", 443) is None
    assert own.refusal("192.168.1.1", "wiki.intern", 443) is not None
    assert own.refusal("fd13::1", "wiki.intern", 443) is not None


def test_a_host_of_ones_own_is_open_by_its_name_and_no_other() -> None:
    own = Access(allow=("Wiki.Intern",))
    assert own.refusal("192.168.1.1", "wiki.intern", 443) is None
    assert own.refusal("192.168.1.1", "evil.wiki.intern", 443) is not None


def test_what_is_no_address_is_closed() -> None:
    assert Access().refusal("elsewhere", "host.example", 443) == "'elsewhere' is no address"


@pytest.mark.parametrize("entry", ["10.0.0.5/8", "http://wiki.intern", "wiki.intern:http", ":80", "*", ""])
def test_what_is_allowed_must_be_a_host_or_a_network(entry: str) -> None:
    with pytest.raises(ValidationError, match="is neither a host nor a network"):
        Access(allow=(entry,))


def test_a_port_is_open_to_the_host_alone_that_it_stands_with() -> None:
    own = Access(allow=("wiki.intern:8080", "10.0.0.0/8", "[fd12::/16]:8443"))
    assert own.refusal("192.168.1.1", "wiki.intern", 8080) is None
    assert own.refusal("192.168.1.1", "wiki.intern", 80) == "the port 80 is not among 8080"
    assert own.refusal("10.1.2.3", "files.intern", 80) is None
    assert own.refusal("10.1.2.3", "files.intern", 8080) == "the port 8080 is not among 80, 443"
    assert own.refusal("fd12::1", "files.intern", 8443) is None
    assert own.refusal("192.168.1.1", "files.intern", 8080) == "192.168.1.1 is no address of the public internet"
    assert own.refusal("8.8.8.8", "public.example", 8080) == "the port 8080 is not among 80, 443"
    assert own.refusal("8.8.8.8", "public.example", 443) is None


def test_a_public_host_may_be_given_a_port_besides_its_own() -> None:
    own = Access(allow=("public.example:8080",))
    assert [own.refusal("8.8.8.8", "public.example", port) for port in (80, 443, 8080)] == [None, None, None]
    assert own.refusal("8.8.8.8", "public.example", 22) == "the port 22 is not among 80, 443, 8080"


def test_what_no_entry_opens_is_refused_before_a_host_is_resolved() -> None:
    own = Access(allow=("wiki.intern:8080",))
    assert own.port_refusal("wiki.intern", 8080) is None
    assert own.port_refusal("public.example", 8080) == "the port 8080 is not among 80, 443"
    assert Access(allow=("10.0.0.0/8:8080",)).port_refusal("files.intern", 8080) is None  # it may lie there


@pytest.mark.parametrize("entry", ["wiki.intern:0", "10.0.0.0/8:65536", "[::1]:99999"])
def test_the_port_of_an_entry_must_be_one(entry: str) -> None:
    with pytest.raises(ValidationError, match="write one from 1 to 65535"):
        Access(allow=(entry,))
