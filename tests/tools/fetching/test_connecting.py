"""Connections: to addresses that were checked, by hosts that are resolved once."""

import asyncio
import ssl
from collections.abc import Iterable
from typing import Any

import httpcore2
import pytest
from tests.tools.fetching.fetching import QUICK, access, page, resolving, site

from citerefine.tools.fetching.addresses import Access
from citerefine.tools.fetching.connecting import CheckedBackend
from citerefine.tools.fetching.fetcher import PageFetcher
from citerefine.tools.fetching.limits import PageLimits
from citerefine.tools.web.failures import WebFailure

LOOPBACK_SPELT = (
    "http://127.0.0.1/", "http://127.0.0.1./", "http://127.1/", "http://127.0.1/", "http://127.0.0.1:80/",
    "http://2130706433/", "http://017700000001/", "http://0177.0.0.1/", "http://0177.0.0.01/", "http://0x7f000001/",
    "http://0x7f.0x0.0x0.0x1/", "http://0x7f.1/", "http://127.000.000.001/", "http://0/", "http://0.0.0.0/", "http://00/",
    "http://127。0。0。1/", "http://127．0．0．1/", "http://１２７.0.0.1/", "http://①②⑦.⓪.⓪.①/", "http://127.0.0.1%00/",
    "http://127.0.0.1%2eexample.org/", "http://%31%32%37.0.0.1/", "http://127.0.0.256/", "http://127.0.0.0x1/",
    "http://[::1]/", "http://[::]/", "http://[0:0:0:0:0:0:0:1]/", "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/", "http://[::127.0.0.1]/", "http://[64:ff9b::7f00:1]/", "http://[64:ff9b:1::7f00:1]/",
    "http://[2002:7f00:1::]/", "http://[2001:0:4136:e378:8000:63bf:80ff:fffe]/", "http://[::1%25lo]/",
    "http://[fe80::1%25eth0]/", "http://[2606:2800::5efe:127.0.0.1]/", "http://[::1", "http://::1/",
)  # fmt: skip
OTHER_CLOSED = (
    "http://10.0.0.1/", "http://172.16.0.1/", "http://192.168.0.1/", "http://100.64.0.1/", "http://169.254.1.1/",
    "http://224.0.0.1/", "http://255.255.255.255/", "http://198.18.0.1/", "http://192.0.2.1/", "http://[fc00::1]/",
    "http://[fd12::1]/", "http://[ff02::1]/", "http://[2001:db8::1]/", "http://169.254.169.254/latest/meta-data/",
    "http://169.254.170.2/", "http://168.63.129.16/", "http://100.100.100.200/", "http://[fd00:ec2::254]/",
    "http://[fd20:ce::254]/", "http://[::ffff:169.254.169.254]/", "http://2852039166/", "http://0xa9fea9fe/",
)  # fmt: skip
NO_PAGES = (
    "file:///etc/passwd", "gopher://127.0.0.1:6379/_FLUSHALL", "ftp://example.org/", "data:text/html,hello",
    "javascript:alert(1)", "dict://127.0.0.1/", "ldap://127.0.0.1/", "ws://example.org/", "unix:///run/docker.sock",
    "http+unix://%2Frun%2Fdocker.sock/", "//127.0.0.1/", "127.0.0.1", "http:127.0.0.1", "http:/127.0.0.1/", "http://",
    "http:///127.0.0.1/", "http://user@127.0.0.1/", "http://user:word@example.org/", "http://example.org@127.0.0.1/",
    "http://example.org:22/", "http://example.org:6379/", "http://example.org:8080/", "http://example.org\\@127.0.0.1/",
    "http://127.0.0.1\\.example.org/", "http://127.0.0.1\t/", "http://127.0.0.1\r\nHost: example.org/",
    "http://exa\nmple.org/", " http://127.0.0.1/", "http://127.0.0.1 /", "http://127.0.0.1\x00.example.org/",
    "http://127.0.0.1#@example.org/", "http://127.0.0.1?@example.org/", "http://[127.0.0.1]/", "",
)  # fmt: skip
NAMES = (
    "http://localhost/", "http://LOCALHOST./", "http://loopback.example/", "http://mapped.example/",
    "http://metadata.example/", "http://half.example/", "https://intern.example/", "http://none.example/",
)  # fmt: skip


@pytest.fixture
def connected(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Addresses that were connected to; each connection fails."""
    tried: list[str] = []

    async def connect_tcp(backend: object, host: str, *how: object, **more: object) -> None:
        tried.append(host)
        raise httpcore2.ConnectError("no network in this test")

    monkeypatch.setattr(httpcore2.AnyIOBackend, "connect_tcp", connect_tcp)
    return tried


def failure_of(url: str, resolver: Any, limits: PageLimits = QUICK) -> WebFailure:
    async def run() -> WebFailure:
        async with PageFetcher(limits=limits, resolver=resolver) as fetcher:
            with pytest.raises(WebFailure) as raised:
                await fetcher.fetch(url)
            return raised.value

    return asyncio.run(run())


@pytest.mark.parametrize("url", [*LOOPBACK_SPELT, *OTHER_CLOSED, *NO_PAGES])
def test_nothing_is_resolved_or_connected_for_a_url_that_leads_inside(url: str, connected: list[str]) -> None:
    resolver = resolving()
    assert failure_of(url, resolver).code == "refused_address"
    assert resolver.asked == []
    assert connected == []


@pytest.mark.parametrize("url", NAMES)
def test_nothing_is_connected_for_a_name_one_of_whose_addresses_leads_inside(url: str, connected: list[str]) -> None:
    resolver = resolving(
        localhost=["::1", "127.0.0.1"],
        loopback_example="127.0.0.1",
        mapped_example="::ffff:10.0.0.1",
        metadata_example="169.254.169.254",
        half_example=["93.184.216.34", "10.0.0.1"],
        intern_example="192.168.1.1",
        none_example=[],
    )
    assert failure_of(url, resolver).code == ("unreachable" if "none" in url else "refused_address")
    assert len(resolver.asked) == 1
    assert connected == []


def test_a_public_address_is_connected_to_by_number(connected: list[str]) -> None:
    failure = failure_of("https://page.example/a", resolving(page_example=["93.184.216.34", "2606:2800:220:1::1"]))
    assert connected == ["93.184.216.34", "2606:2800:220:1::1"]
    assert failure.code == "unreachable"


def test_a_name_server_that_changes_its_answer_changes_nothing(connected: list[str]) -> None:
    answers = iter([["93.184.216.34"], ["127.0.0.1"], ["127.0.0.1"]])

    async def rebinding(host: str, port: int) -> list[str]:
        return next(answers)

    failure_of("http://page.example/a", rebinding)
    assert connected == ["93.184.216.34"]
    assert next(answers) == ["127.0.0.1"]  # it was not asked again


def test_a_second_connection_to_the_same_host_is_checked_anew(connected: list[str]) -> None:
    answers = iter([["93.184.216.34"], ["127.0.0.1"]])

    async def rebinding(host: str, port: int) -> list[str]:
        return next(answers)

    async def run() -> None:
        backend = CheckedBackend(Access(), rebinding)
        with pytest.raises(httpcore2.ConnectError):
            await backend.connect_tcp("page.example", 80)
        with pytest.raises(WebFailure, match=r"127\.0\.0\.1 is no address of the public internet"):
            await backend.connect_tcp("page.example", 80)

    asyncio.run(run())
    assert connected == ["93.184.216.34"]


def test_names_of_metadata_services_stay_closed_where_their_name_is_allowed(connected: list[str]) -> None:
    async def run() -> None:
        allowed = Access(allow=("metadata.intern", "169.254.0.0/16"))
        resolver = resolving(metadata_intern="169.254.169.254")
        async with PageFetcher(access=allowed, resolver=resolver) as fetcher:
            for url in ("http://metadata.intern/", "http://169.254.169.254/"):
                with pytest.raises(WebFailure, match="may give away the keys"):
                    await fetcher.fetch(url)

    asyncio.run(run())
    assert connected == []


class Recording(httpcore2.AsyncNetworkBackend):
    """A network whose connections are all the same one, which notes what it is asked."""

    def __init__(self) -> None:
        self.addresses: list[str] = []
        self.names: list[str | None] = []
        self.sent = b""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        self.addresses.append(host)
        return _Stream(self)


class _Stream(httpcore2.AsyncMockStream):
    def __init__(self, network: Recording) -> None:
        super().__init__([b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", b"Hello"])
        self._network = network

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._network.sent += buffer

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.AsyncNetworkStream:
        self._network.names.append(server_hostname)
        return self


def test_the_host_keeps_its_name_in_the_request_and_in_the_certificate_that_is_wanted() -> None:
    network = Recording()

    async def run() -> httpcore2.Response:
        backend = CheckedBackend(Access(), resolving(page_example="93.184.216.34"), network)
        async with httpcore2.AsyncConnectionPool(network_backend=backend) as pool:
            return await pool.request("GET", "https://page.example/a")

    assert asyncio.run(run()).content == b"Hello"
    assert network.addresses == ["93.184.216.34"]
    assert network.names == ["page.example"]
    assert b"Host: page.example\r\n" in network.sent


def test_a_proxy_of_the_environment_is_not_used_and_nothing_secret_goes_along(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with site(page(Set_Cookie="a=b")) as service:

        async def run() -> None:
            async with PageFetcher(limits=QUICK, access=access(service)) as fetcher:
                await fetcher.fetch(f"{service.base_url}/a")
                await fetcher.fetch(f"{service.base_url}/b")

        asyncio.run(run())
    assert [asked.path for asked in service.asked] == ["/robots.txt", "/a", "/b"]
    for asked in service.asked:
        assert asked.headers["host"] == service.host
        assert set(asked.headers) == {"host", "user-agent", "accept", "accept-encoding"}
