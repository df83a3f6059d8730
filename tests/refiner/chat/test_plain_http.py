"""The short way over HTTP reads what servers send, and nothing that is no HTTP."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from citerefine.refiner.chat.http_reading import BadHttpError
from citerefine.refiner.chat.plain_http import NotConnectedError, PlainHttp

REQUEST = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\n"


class Canned:
    """A server that answers each request on a connection with the next of some replies, in the pieces given."""

    def __init__(self, *replies: list[bytes]) -> None:
        self.replies = [*replies]
        self.connections = 0
        self.writers: list[asyncio.StreamWriter] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.writers.append(writer)
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                await reader.readuntil(b"\r\n\r\n")
                pieces = self.replies.pop(0)
                for piece in pieces:
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(0)
                if not pieces or pieces[-1] == b"":
                    break
        writer.close()


def served(server: Canned, work: Callable[[PlainHttp], Awaitable[object]]) -> None:
    async def run() -> None:
        listener = await asyncio.start_server(server, "127.0.0.1", 0)
        http = PlainHttp("127.0.0.1", listener.sockets[0].getsockname()[1])
        try:
            await work(http)
        finally:
            await http.aclose()
            listener.close()
            for writer in server.writers:
                writer.transport.abort()
            await asyncio.sleep(0)

    asyncio.run(run())


async def read(http: PlainHttp) -> tuple[int, dict[str, str], bytes]:
    async with http.exchange(REQUEST) as response:
        return response.status, dict(response.headers), b"".join([piece async for piece in response.body])


def body_of(*pieces: bytes) -> bytes:
    found = list[bytes]()

    async def work(http: PlainHttp) -> None:
        found.append((await read(http))[2])

    served(Canned([*pieces]), work)
    return found[0]


@pytest.mark.parametrize(
    "reply",
    [
        OK + b"Content-Length: 5\r\n\r\nhello",
        OK + b"content-length:5\r\n\r\nhello",
        OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n00005\r\nhello\r\n0\r\nX-Trailer: 1\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\nContent-Length: 99\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: Chunked , \r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: identity\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"Content-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nhello",
    ],
)
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_body_is_read_however_it_is_framed_and_cut(reply: bytes, size: int) -> None:
    assert body_of(*(reply[start : start + size] for start in range(0, len(reply), size))) == b"hello"


def test_a_body_without_a_length_ends_with_the_connection() -> None:
    assert body_of(OK + b"\r\nhello", b"") == b"hello"


def test_status_and_headers_are_told() -> None:
    async def work(http: PlainHttp) -> None:
        status, headers, body = await read(http)
        assert (status, headers["retry-after"], body) == (429, "7", b"")

    served(Canned([b"HTTP/1.1 429 Slow down\r\nRetry-After:  7 \r\nContent-Length: 0\r\n\r\n"]), work)


@pytest.mark.parametrize(
    "reply",
    [
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/2 200 OK\r\n\r\n",
        b"HTTP/1.1 999 Odd\r\n\r\n",
        OK + b"no colon\r\n\r\n",
        OK + b"Content-Length: 5\r\n folded: yes\r\n\r\n",
        OK + b"Content-Length : 5\r\n\r\nhello",
        OK + b"Content-Length: five\r\n\r\nhello",
        OK + b"Content-Length: -5\r\n\r\nhello",
        OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        OK + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n0\r\n\r\n",
        OK + b"X: " + b"x" * 200_000,
        OK + b"Transfer-Encoding: xchunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + OK + b"Content-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 100 Continue\r\n\r\n" * 100 + OK + b"Content-Length: 5\r\n\r\nhello",
        OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n" + b"X: 1\r\n" * 20_000 + b"\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n" + (b"1;" + b"x" * 20_000 + b"\r\nh\r\n") * 5 + b"0\r\n\r\n",
    ],
)
def test_what_is_no_http_is_refused(reply: bytes) -> None:
    async def work(http: PlainHttp) -> None:
        with pytest.raises(BadHttpError):
            await read(http)

    served(Canned([reply, b""]), work)


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        OK,
        OK + b"Content-Length: 9\r\n\r\nhello",
        OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhel",
        OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    ],
)
def test_what_ends_early_is_a_broken_connection(reply: bytes) -> None:
    async def work(http: PlainHttp) -> None:
        with pytest.raises(ConnectionError):
            await read(http)

    served(Canned([reply, b""]), work)


@settings(max_examples=60, deadline=None)
@given(
    st.binary(max_size=200),
    st.sampled_from([b"", OK, OK + b"Content-Length: 3\r\n", OK + b"Transfer-Encoding: chunked\r\n\r\n"]),
)
def test_any_bytes_give_a_response_or_one_of_two_errors(noise: bytes, begin: bytes) -> None:
    async def work(http: PlainHttp) -> None:
        with suppress(BadHttpError, ConnectionError):
            async with asyncio.timeout(5):
                await read(http)

    served(Canned([begin + noise, b""]), work)


def test_a_connection_is_used_again_only_after_its_body_was_read() -> None:
    whole = OK + b"Content-Length: 5\r\n\r\nhello"
    server = Canned([whole], [whole], [OK + b"Content-Length: 50\r\n\r\nhello"], [whole])

    async def work(http: PlainHttp) -> None:
        await read(http)
        await read(http)
        assert server.connections == 1
        async with http.exchange(REQUEST):
            pass  # leaves the body where it is
        assert (await read(http))[2] == b"hello"
        assert server.connections == 2

    served(server, work)


@pytest.mark.parametrize("unread", [b"", b"hel"])
def test_a_connection_whose_body_comes_later_is_not_used_again(unread: bytes) -> None:
    server = Canned([OK + b"Content-Length: 5\r\n\r\n" + unread], [OK + b"Content-Length: 5\r\n\r\nhello"])

    async def work(http: PlainHttp) -> None:
        async with http.exchange(REQUEST) as response:
            if unread:
                assert await anext(aiter(response.body)) == unread  # nothing is left that has come in
        assert (await read(http))[2] == b"hello"
        assert server.connections == 2

    served(server, work)


@pytest.mark.parametrize(
    "said",
    [
        b"Connection: close\r\n",
        b"CONNECTION: Close\r\n",
        b"Connection: close\r\nConnection: keep-alive\r\n",
        b"Connection: keep-alive, close\r\n",
    ],
)
def test_a_connection_that_the_server_will_close_is_not_used_again(said: bytes) -> None:
    server = Canned(*[[OK + said + b"Content-Length: 5\r\n\r\nhello", b""]] * 2)

    async def work(http: PlainHttp) -> None:
        await read(http)
        await read(http)
        assert server.connections == 2

    served(server, work)


def test_a_connection_that_the_server_closed_while_idle_is_not_used_again() -> None:
    server = Canned(*[[OK + b"Content-Length: 5\r\n\r\nhello", b""]] * 2)

    async def work(http: PlainHttp) -> None:
        await read(http)
        await asyncio.sleep(0.05)
        assert (await read(http))[2] == b"hello"

    served(server, work)


class Ends(Canned):
    """A server that ends a kept connection at the second request, after some seconds and some bytes."""

    def __init__(self, after: float, last: bytes) -> None:
        super().__init__()
        self.after = after
        self.last = last
        self.requests = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.writers.append(writer)
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            await reader.readuntil(b"\r\n\r\n")
            self.requests += 1
            writer.write(OK + b"Content-Length: 5\r\n\r\nhello")
            await reader.readuntil(b"\r\n\r\n")
            self.requests += 1
            await asyncio.sleep(self.after)
            writer.write(self.last)
        writer.close()


def test_a_kept_connection_that_ends_as_it_is_used_again_is_replaced() -> None:
    server = Ends(0, b"")

    async def work(http: PlainHttp) -> None:
        assert [(await read(http))[2] for _ in range(4)] == [b"hello"] * 4
        assert server.connections == 4

    served(server, work)


@pytest.mark.parametrize(("after", "last"), [(0.4, b""), (0, b"H"), (0, b"HTTP/1.1 100 Continue\r\n\r\n")])
def test_a_request_that_the_server_may_have_worked_on_is_not_sent_again(after: float, last: bytes) -> None:
    server = Ends(after, last)

    async def work(http: PlainHttp) -> None:
        await read(http)
        with pytest.raises(ConnectionError):
            await read(http)
        assert server.requests == 2

    served(server, work)


def test_a_new_connection_that_ends_without_a_reply_is_a_failure() -> None:
    server = Canned([b""], [OK + b"Content-Length: 5\r\n\r\nhello"])

    async def work(http: PlainHttp) -> None:
        with pytest.raises(ConnectionError):
            await read(http)
        assert server.connections == 1

    served(server, work)


@pytest.mark.parametrize("together", [True, False])
def test_a_reply_that_nobody_asked_for_is_not_taken_for_the_next_one(together: bool) -> None:
    asked, stray = OK + b"Content-Length: 5\r\n\r\nhello", OK + b"Content-Length: 5\r\n\r\nstray"
    server = Canned([asked + stray] if together else [asked, stray], [asked])

    async def work(http: PlainHttp) -> None:
        await read(http)
        await asyncio.sleep(0.05)
        assert (await read(http))[2] == b"hello"
        assert server.connections == 2

    served(server, work)


def test_a_connection_in_use_while_all_are_closed_is_closed_when_it_is_given_back() -> None:
    server = Canned(*[[OK + b"Content-Length: 5\r\n\r\nhello"]] * 2)

    async def work(http: PlainHttp) -> None:
        async with http.exchange(REQUEST) as response:
            await http.aclose()
            assert b"".join([piece async for piece in response.body]) == b"hello"
        await read(http)
        assert server.connections == 2

    served(server, work)


def test_where_nobody_listens_there_was_no_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(NotConnectedError):
        asyncio.run(read(PlainHttp("127.0.0.1", port)))
