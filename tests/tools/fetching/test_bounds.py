"""Bounds: hosts that send too much, too slowly or without end cost little and are told of."""

import asyncio
import gzip
import time
import tracemalloc
from typing import Any

import pytest
from tests.faulty_server import Behaviour, Line, Request, hang, packed_blanks, raw
from tests.tools.fetching.fetching import QUICK, access, fetch, page, plain, site

from citerefine.tools.fetching.fetcher import PageFetcher
from citerefine.tools.fetching.limits import PageLimits
from citerefine.tools.web.failures import WebFailure

HTML = {"Content-Type": "text/html"}


def failure_of(behaviour: Behaviour, **limits: Any) -> WebFailure:
    with site(behaviour) as service, pytest.raises(WebFailure) as raised:
        fetch(service, limits=QUICK.model_copy(update=limits))
    return raised.value


def endless(piece: bytes, sent: list[int], seconds: float = 0.0, head: dict[str, str] | None = None) -> Behaviour:
    """A body in chunks that never ends; `sent` holds how many bytes of it have left."""

    def behave(request: Request, line: Line) -> None:
        line.send(line.head(headers={**HTML, **(head or {}), "Content-Length": "9" * 12}))
        while line.wait(seconds):
            line.send(piece)
            sent.append(len(piece))

    return behave


def chunked(piece: bytes, sent: list[int]) -> Behaviour:
    def behave(request: Request, line: Line) -> None:
        line.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n")
        while line.wait(0):
            line.send(b"%x\r\n%b\r\n" % (len(piece), piece))
            sent.append(len(piece))

    return behave


def test_a_gzip_bomb_is_unpacked_no_further_than_the_bound() -> None:
    bomb = packed_blanks(100_000_000)
    assert len(bomb) < 100_000
    tracemalloc.start()
    failure = failure_of(raw(bomb, headers={**HTML, "Content-Encoding": "gzip"}))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert failure.code == "too_large"
    assert "more than 100 times longer unpacked" in str(failure)
    assert peak < 20_000_000


def test_a_body_that_is_packed_well_but_not_suspiciously_is_read() -> None:
    lines = "".join(f"Perch number {number} was weighed and measured in the lake of Moe.\n" for number in range(20_000))
    packed = gzip.compress(lines.encode())
    assert len(lines) > 1_000_000
    with site(raw(packed, headers={"Content-Type": "text/plain", "Content-Encoding": "gzip"})) as service:
        read = fetch(service, limits=QUICK.model_copy(update={"characters": 2_000_000}))
    assert "".join(block.text for block in read.text.blocks) == lines


def test_an_unpacked_body_has_a_bound_of_its_own() -> None:
    body = packed_blanks(1_000_000)
    failure = failure_of(raw(body, headers={**HTML, "Content-Encoding": "gzip"}), page_bytes=500_000)
    assert failure.code == "too_large"
    assert "sends more than 500,000 bytes" in str(failure)


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "nonsense"])
def test_a_packing_that_was_not_asked_for_is_not_unpacked(encoding: str) -> None:
    failure = failure_of(raw(b"abc", headers={**HTML, "Content-Encoding": encoding}))
    assert failure.code == "bad_response"


@pytest.mark.parametrize("way", [endless, chunked])
def test_an_endless_body_is_read_as_far_as_the_bound_and_the_connection_ended(way: Any) -> None:
    sent: list[int] = []
    tracemalloc.start()
    failure = failure_of(way(b"x" * 50_000, sent), wire_bytes=1_000_000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert failure.code == "too_large"
    assert sum(sent) < 20_000_000  # with what lies in the buffers of both ends
    assert peak < 10_000_000


def test_a_slow_drip_ends_at_the_deadline_though_each_byte_is_quick() -> None:
    sent: list[int] = []
    began = time.monotonic()
    failure = failure_of(endless(b"x", sent, 0.02), deadline=1.5)
    assert failure.code == "deadline"
    assert "within 1.5 s" in str(failure)
    assert time.monotonic() - began < 5


def test_a_host_that_says_nothing_ends_at_the_deadline() -> None:
    failure = failure_of(hang(), deadline=0.5)
    assert failure.code == "deadline"


def test_headers_without_end_are_not_read() -> None:
    sent: list[int] = []

    def behave(request: Request, line: Line) -> None:
        line.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n")
        while line.wait(0):
            line.send(b"X-More: " + b"x" * 10_000 + b"\r\n")
            sent.append(10_000)

    failure = failure_of(behave)
    assert failure.code == "unreachable"
    assert sum(sent) < 20_000_000


def test_a_connection_that_breaks_gives_no_half_plain() -> None:
    def cut_off(request: Request, line: Line) -> None:
        line.send(line.head(headers={**HTML, "Content-Length": "1000"}) + b"<p>Perch doubled")
        line.hang_up()

    assert failure_of(cut_off).code == "unreachable"
    assert failure_of(raw(b"no gzip", headers={**HTML, "Content-Encoding": "gzip"})).code == "bad_response"


def test_the_body_of_a_kind_that_is_not_read_is_not_waited_for() -> None:
    sent: list[int] = []
    failure = failure_of(endless(b"x" * 50_000, sent, head={"Content-Type": "video/mp4"}))
    assert failure.code == "unreadable"
    assert "'video/mp4', which is not read" in str(failure)


def test_a_robots_txt_that_does_not_come_costs_half_of_the_deadline_and_forbids_the_host() -> None:
    with site(plain(), hang()) as service:

        async def run() -> list[WebFailure]:
            limits = QUICK.model_copy(update={"deadline": 2})
            async with PageFetcher(limits=limits, access=access(service)) as fetcher:
                failures = []
                for path in ("/a", "/b"):
                    with pytest.raises(WebFailure, match=r"robots\.txt cannot be read, .* within 1 s") as raised:
                        await fetcher.fetch(service.base_url + path)
                    failures.append(raised.value)
                return failures

        assert [failure.code for failure in asyncio.run(run())] == ["deadline", "deadline"]
    assert [asked.path for asked in service.asked] == ["/robots.txt"]


def test_a_robots_txt_without_end_is_read_as_far_as_the_bound() -> None:
    sent: list[int] = []
    lines = b"User-agent: *\nDisallow: /private\n" * 2_000
    with site(plain(), endless(lines, sent)) as service:
        fetch(service, limits=PageLimits(deadline=20, per_second=1000))
        with pytest.raises(WebFailure, match="does not allow it"):
            fetch(service, "/private", limits=PageLimits(deadline=20, per_second=1000))


def test_a_text_without_end_is_cut_with_a_word() -> None:
    with site(page("Perch doubled. " * 1_000, "text/plain")) as service:
        read = fetch(service, limits=QUICK.model_copy(update={"characters": 3_000}))
    assert sum(len(block.text) for block in read.text.blocks) == 3_000
    assert read.text.problems == ("only its first 3,000 characters were read",)
