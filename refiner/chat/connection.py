"""Requests to one server over one pool of connections, in one event loop.

In: paths and bodies. Out: bounded bodies, whole or piece by piece, or `Failure`. The key is added to a request just
before it leaves; redirects are not followed, so that it goes nowhere else. Chat completions over
plain HTTP take a short way of their own (plain_http.py), everything else goes through the OpenAI client. Not here:
deadlines, attempts, what a body means (client.py, replies.py).
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, contextmanager
from functools import cached_property
from types import TracebackType
from typing import Any, Final, NamedTuple, NoReturn
from urllib.parse import urlsplit
from urllib.request import getproxies

import httpx2
import openai
from pydantic import SecretStr
from pydantic_core import to_json

from citerefine.refiner.chat.bounded_body import BadBodyError, BodyTooLargeError, bound, bounded
from citerefine.refiner.chat.endpoint import Endpoint
from citerefine.refiner.chat.failures import Failure, bad_response, refused, too_large, unreachable
from citerefine.refiner.chat.http_reading import BadHttpError
from citerefine.refiner.chat.limits import ClientLimits
from citerefine.refiner.chat.plain_http import NotConnectedError, PlainHttp, Response

_CONNECT_SECONDS: Final = 10.0
_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
_OPENAI_HEADERS: Final = ("OpenAI-Organization", "OpenAI-Project")
_ERRORS: Final = (openai.APIError, httpx2.RequestError, BodyTooLargeError, BadBodyError, BadHttpError, OSError)
"""What the libraries beneath raise."""


class Body(NamedTuple):
    """The body of a reply while it comes in."""

    pieces: AsyncIterator[bytes]
    is_stream: bool
    """Whether it consists of server-sent events."""


class Connection:
    """The pool of one event loop."""

    def __init__(self, endpoint: Endpoint, key: SecretStr, limits: ClientLimits) -> None:
        self._endpoint = endpoint
        self._key = key
        self._limits = limits
        direct = endpoint.host in _LOOPBACK
        self._plain = _plain(endpoint, direct)
        pool = httpx2.Limits(max_connections=limits.concurrency, max_keepalive_connections=limits.concurrency)
        self._openai = openai.AsyncOpenAI(
            api_key="added-by-the-connection",
            base_url=endpoint.base_url,
            max_retries=0,
            # The client's total deadline bounds every read; a timeout per read would only cut long thinking short.
            timeout=httpx2.Timeout(None, connect=_CONNECT_SECONDS),
            http_client=httpx2.AsyncClient(
                limits=pool,
                follow_redirects=False,
                trust_env=not direct,  # a proxy could not reach this machine
                # Loading the certificates takes longer than a call; without TLS and proxy nothing can need them.
                verify=not (direct and endpoint.base_url.startswith("http:")),
                headers={"Accept-Encoding": "identity"},
                event_hooks={"request": [self._authorize], "response": [self._bound]},
            ),
        )

    async def _authorize(self, request: httpx2.Request) -> None:
        request.headers["Authorization"] = f"Bearer {self._key.get_secret_value()}"
        if not self._endpoint.host.endswith("openai.com"):
            for name in _OPENAI_HEADERS:  # the library takes them from the environment, for whatever host
                request.headers.pop(name, None)

    async def _bound(self, response: httpx2.Response) -> None:
        bound(response, self._limits.reply_bytes)

    async def get(self, url: str) -> bytes:
        """The body at `url` of the same server. Raises Failure."""
        with _failures(self._where(url), self._key, self._limits):
            response: httpx2.Response = await self._openai.get(url, cast_to=httpx2.Response)
            return response.content

    async def post(self, url: str, body: Mapping[str, Any]) -> bytes:
        """The body that a request with this JSON body is answered with. Raises Failure."""
        with _failures(self._where(url), self._key, self._limits):
            response: httpx2.Response = await self._openai.post(url, body=dict(body), cast_to=httpx2.Response)
            return response.content

    def chat(self, fields: Mapping[str, Any], extra: Mapping[str, Any], request_id: str) -> "ChatExchange":
        """The body of a chat completion, before it is read, within an `async with` block.

        Args:
            fields: of the request, as OpenAI defines them.
            extra: fields beyond these.
            request_id: sent along; vLLM makes it part of the reply's id.

        Raises:
            Failure: when it is entered, and while pieces are read.
        """
        if self._plain:
            exchange = self._plain.exchange(self._request({**fields, **extra}, request_id))
            return ChatExchange(exchange, self._plain_body, self._explained)
        create: Any = self._openai.chat.completions.with_streaming_response.create
        # What goes in as a typed field is walked through key by key, which costs as much as the request itself;
        # the messages are plain JSON already.
        typed, body = {**fields, "messages": []}, {**extra, "messages": fields["messages"]}
        exchange = create(**typed, extra_body=body, extra_headers={"X-Request-Id": request_id})
        return ChatExchange(exchange, _openai_body, self._explained)

    async def _plain_body(self, reply: Response) -> Body:
        stream = bounded(reply.body, reply.headers, reply.status, self._limits.reply_bytes)
        if not 200 <= reply.status < 300:
            said = b"".join([piece async for piece in stream]).decode(errors="replace")
            raise refused(self.where, reply.status, reply.headers, said, self._key.get_secret_value())
        return Body(aiter(stream), _is_stream(reply.headers))

    def _request(self, body: Mapping[str, Any], request_id: str) -> bytes:
        data = to_json(body)
        own = (
            f"Authorization: Bearer {self._key.get_secret_value()}\r\n"
            f"X-Request-Id: {request_id}\r\nContent-Length: {len(data)}\r\n\r\n"
        )
        return self._head + own.encode() + data

    @cached_property
    def _head(self) -> bytes:
        """What all requests begin with; the key is no part of it, since it is kept."""
        parts = urlsplit(self.where)
        return (
            f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
            "Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n"
            "Accept-Encoding: identity\r\nUser-Agent: citerefine\r\n"
        ).encode()

    @cached_property
    def where(self) -> str:
        """The address of chat completions, for messages."""
        return f"{self._endpoint.base_url}/chat/completions"

    def _explained(self, error: Exception) -> Failure:
        return _failure(error, self.where, self._key.get_secret_value(), self._limits)

    def _where(self, url: str) -> str:
        return url if url.startswith("http") else f"{self._endpoint.base_url}{url}"

    async def aclose(self) -> None:
        """Closes all connections."""
        await self._openai.close()
        if self._plain:
            await self._plain.aclose()


class ChatExchange:
    """A chat completion on its way. A generator in its stead costs each request several microseconds."""

    __slots__ = ("_exchange", "_explained", "_open")

    def __init__(
        self,
        exchange: AbstractAsyncContextManager[Any],
        open: Callable[[Any], Awaitable[Body]],
        explained: Callable[[Exception], Failure],
    ) -> None:
        """`exchange`: gives a response; `open`: gives its body; `explained`: what an error of either means."""
        self._exchange = exchange
        self._open = open
        self._explained = explained

    async def __aenter__(self) -> Body:
        try:
            response = await self._exchange.__aenter__()
            try:
                return await self._open(response)
            except BaseException as error:
                await self._exchange.__aexit__(type(error), error, error.__traceback__)
                raise
        except _ERRORS as error:
            _raise_clean(self._explained(error))

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._exchange.__aexit__(kind, error, trace)
        except _ERRORS as raised:
            _raise_clean(self._explained(raised))
        if isinstance(error, _ERRORS):
            _raise_clean(self._explained(error))


async def _openai_body(response: Any) -> Body:
    return Body(response.http_response.aiter_raw(), _is_stream(response.headers))


def _plain(endpoint: Endpoint, direct: bool) -> PlainHttp | None:
    """The short way; None where TLS, a proxy or an address that has to be encoded needs more."""
    parts = urlsplit(endpoint.base_url)
    if parts.scheme != "http" or not endpoint.base_url.isascii() or (not direct and getproxies()):
        return None
    return PlainHttp(endpoint.host, parts.port or 80)


def _is_stream(headers: Mapping[str, str]) -> bool:
    kind = headers.get("content-type", "")
    return kind.startswith("text/event-stream") or not kind


@contextmanager
def _failures(where: str, key: SecretStr, limits: ClientLimits) -> Iterator[None]:
    """Turns what the libraries beneath raise into `Failure`."""
    try:
        yield
    except _ERRORS as error:
        _raise_clean(_failure(error, where, key.get_secret_value(), limits))


def _raise_clean(failure: Failure) -> NoReturn:
    try:
        raise failure from None
    finally:  # not even behind it: the library's error holds the key, and all that the server said
        failure.__context__ = None


def _failure(error: Exception, where: str, key: str, limits: ClientLimits) -> Failure:
    if isinstance(error, openai.APIStatusError):
        return refused(where, error.status_code, error.response.headers, error.response.text, key)
    cause = error.__cause__ if isinstance(error, openai.APIConnectionError) else error
    if isinstance(cause, BodyTooLargeError):
        return too_large(where, limits.reply_bytes)
    if isinstance(cause, BadBodyError | BadHttpError):
        return bad_response(where, str(cause))
    failure = unreachable(where, str(cause) or type(cause).__name__)
    failure.unsent = isinstance(cause, NotConnectedError | httpx2.ConnectError | httpx2.ConnectTimeout)
    return failure
