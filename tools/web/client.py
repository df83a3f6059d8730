"""The one client of all services: what a source asks goes through here.

In: requests, how to read their replies, how often a host may be asked. Out: what was read, or `WebFailure`. A reply is
bounded in size and time, whole or none; only what could be read is cached. Failures are tried again a few times with
jitter, as long as the deadline allows, and later where the service says so; a host that fails several times in a row is
left alone for a while. Equal requests under way are sent once. Redirects are not followed: a key goes nowhere else. Not
here: what is asked and how it is read (sources/), pages of the open web (fetching/).
"""

import asyncio
import random
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, Self, TypeVar
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

import httpx2
from pydantic import Field

from citerefine.refiner.chat.bounded_body import BadBodyError, BodyTooLargeError, bounded
from citerefine.refiner.chat.breaker import Breaker
from citerefine.refiner.errors import ReplayError
from citerefine.refiner.records import Record
from citerefine.tools.web.failures import WebFailure, clean, refused
from citerefine.tools.web.in_loop import InLoop
from citerefine.tools.web.masking import keep_queries_out_of_logs, masked_body
from citerefine.tools.web.pacing import UNHURRIED, Lane, Pace
from citerefine.tools.web.reply import Asked, WebReply
from citerefine.tools.web.request import NOBODY, Auth, WebRequest
from citerefine.tools.web.store import StoreMode, WebStore

T = TypeVar("T")

_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
_AT_BAD_BODIES: Final = 2
"""Attempts: one unreadable body may be chance; the second is not."""
_FAIR: Final = 0.5
"""Part of the deadline: a host that was given less of it, because of waits before, is not called too slow."""

keep_queries_out_of_logs()


class WebLimits(Record):
    """How long, how often and how much a client asks."""

    deadline: float = Field(default=20.0, gt=0, allow_inf_nan=False)
    """Seconds for one request, all its attempts and waits together."""
    attempts: int = Field(default=3, ge=1)
    backoff: float = Field(default=0.5, ge=0, allow_inf_nan=False)
    """Seconds that the first wait takes at most; doubled for each further one."""
    reply_bytes: int = Field(default=8_000_000, ge=1)
    """Longest body that is read, unpacked."""


class WebClient:
    """Asks services; one object for all sources of a run. May be used in several event loops."""

    def __init__(self, store: WebStore | None = None, limits: WebLimits | None = None) -> None:
        """`store`: what replies are kept in; it stays open when the client is closed."""
        self.store = store
        self.limits = limits or WebLimits()
        self._loops = WeakKeyDictionary[asyncio.AbstractEventLoop, InLoop]()
        self._lock = threading.Lock()

    @property
    def replays(self) -> bool:
        """Whether nobody is asked at all."""
        return self.store is not None and self.store.mode is StoreMode.REPLAY

    async def ask(
        self,
        request: WebRequest,
        read: Callable[[WebReply], T],
        *,
        pace: Pace = UNHURRIED,
        auth: Auth = NOBODY,
    ) -> Asked:
        """What `read` makes of the reply.

        Args:
            request: what is asked.
            read: raises ValueError for a body that is not what the service documents. Whoever asks the same while it
                is under way gets the same value.
            pace: what the host bears.
            auth: what goes along and is kept nowhere.

        Raises:
            WebFailure: if there is no reply that can be read, or the client was closed in this event loop.
            ReplayError: if it is to be replayed, and was not recorded.
            InputError: if a recording cannot be read or written.
        """
        if self.store is not None and (kept := self._kept(self.store, request, read)) is not None:
            return kept
        try:
            shared = await self._here().flights.run(request.key, lambda: self._send(request, read, pace, auth))
        except asyncio.CancelledError:
            if self.store is not None:
                self.store.note_unawaited(request)
            raise
        return shared.value

    @staticmethod
    def _kept(store: WebStore, request: WebRequest, read: Callable[[WebReply], T]) -> Asked | None:
        # SQLite is read in this thread: it takes tens of microseconds, and a replay stays in the same order each time.
        stored = store.find(request)
        if stored is None:
            return None
        if stored.reply is None:
            raise stored.failure or WebFailure(f"{request.source} failed", "server_error")
        try:
            return Asked(read(stored.reply), True, stored.reply.fetched_at)
        except ValueError as error:
            if store.mode is StoreMode.REPLAY:
                raise ReplayError(
                    f"the recorded reply to {request} cannot be read ({error}); record the run anew"
                ) from error
            return None

    async def _send(self, request: WebRequest, read: Callable[[WebReply], T], pace: Pace, auth: Auth) -> Asked:
        try:
            with self._here().under_way(urlsplit(request.url).netloc):
                reply, value = await self._persist(request, read, pace, auth)
        except WebFailure as failure:
            if self.store is not None:
                await self.store.take(request, failure)
            raise
        if self.store is not None:
            await self.store.take(request, reply)
        return Asked(value, False, reply.fetched_at)

    async def _persist(
        self, request: WebRequest, read: Callable[[WebReply], T], pace: Pace, auth: Auth
    ) -> tuple[WebReply, T]:
        """A reply and what was read of it, after several attempts if need be."""
        host = urlsplit(request.url).netloc
        lane, breaker = self._here().lane(host, pace)
        until = _now() + self.limits.deadline
        n_bad = 0
        for attempt in range(1, self.limits.attempts + 1):
            try:
                return await self._attempt(request, read, auth, lane, breaker, until)
            except WebFailure as failure:
                n_bad += failure.code == "bad_response"
                if not failure.retryable or attempt == self.limits.attempts or n_bad == _AT_BAD_BODIES:
                    raise
                jitter = random.uniform(0, self.limits.backoff * 2 ** (attempt - 1))
                pause = jitter if failure.retry_after is None else failure.retry_after
                if _now() + pause >= until:
                    raise
            await asyncio.sleep(pause)
        raise AssertionError("the last attempt returns or raises")

    async def _attempt(
        self, request: WebRequest, read: Callable[[WebReply], T], auth: Auth, lane: Lane, breaker: Breaker, until: float
    ) -> tuple[WebReply, T]:
        host = urlsplit(request.url).netloc
        if not breaker.admits:
            again = f"; it is tried again in {breaker.wait:.0f} s" if breaker.wait else ""
            raise WebFailure(f"{host} failed {breaker.failures} times in a row{again}", "resting", breaker.wait)
        entry, left = breaker.enter(), 0.0
        try:
            async with lane.turn(until), asyncio.timeout_at(until):
                left = until - _now()
                reply = await self._exchange(request, auth, lane)
            value = _read(reply, read, host, auth)
        except TimeoutError:
            if left < self.limits.deadline * _FAIR:
                breaker.leave(entry)
            else:
                breaker.fail(entry, "deadline", "too slow")
            raise WebFailure(f"no complete reply from {host} within {self.limits.deadline:g} s", "deadline") from None
        except WebFailure as failure:
            if failure.code == "rate_limited":  # it may not even have been sent
                breaker.leave(entry)
            else:
                breaker.fail(entry, failure.code, str(failure))
            raise
        except BaseException:
            breaker.leave(entry)
            raise
        breaker.succeed(entry)
        return reply, value

    async def _exchange(self, request: WebRequest, auth: Auth, lane: Lane) -> WebReply:
        """One request on the wire. Raises WebFailure."""
        parts = urlsplit(request.url)
        secret_headers = {name: value.get_secret_value() for name, value in auth.headers}
        secret_params = [(name, value.get_secret_value()) for name, value in auth.params]
        client = self._here().client(parts.hostname in _LOOPBACK)
        try:
            async with client.stream(
                request.method,
                request.url,
                params=[*request.params, *secret_params] or None,
                json=request.body,
                headers={**dict(request.headers), **secret_headers},
            ) as response:
                lane.learn(response.headers)
                body = masked_body(await self._body(response), auth.secrets)
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            raise _broken(error, parts.netloc, auth) from None
        except BodyTooLargeError:
            raise WebFailure(
                f"the reply of {parts.netloc} is longer than {self.limits.reply_bytes:,} bytes", "too_large"
            ) from None
        except BadBodyError as error:
            raise WebFailure(f"the reply of {parts.netloc}: {error}", "bad_response") from None
        if response.status_code != 200:
            failure = refused(parts.netloc, response.status_code, response.headers, body, auth.secrets)
            if failure.retry_after is not None:
                lane.hold(failure.retry_after)
            raise failure
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        return WebReply(body, kind, datetime.now(UTC))

    async def _body(self, response: httpx2.Response) -> bytes:
        stream = bounded(_Raw(response), response.headers, response.status_code, self.limits.reply_bytes)
        return b"".join([piece async for piece in stream])

    def _here(self) -> InLoop:
        loop = asyncio.get_running_loop()
        with self._lock:
            here = self._loops.get(loop)
            if here is None:
                for ended in [known for known in self._loops if known.is_closed()]:
                    del self._loops[ended]  # its connections would keep it, and it them
                here = self._loops[loop] = InLoop()
        return here

    async def aclose(self) -> None:
        """Ends what is under way in this event loop, and closes its connections; nothing is asked in it any more."""
        await self._here().aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


class _Raw(httpx2.AsyncByteStream):
    """The body as it comes in, packed."""

    def __init__(self, response: httpx2.Response) -> None:
        self._pieces = response.aiter_raw()

    def __aiter__(self) -> Any:
        return self._pieces


def _read(reply: WebReply, read: Callable[[WebReply], T], host: str, auth: Auth) -> T:
    try:
        return read(reply)
    except ValueError as error:
        raise WebFailure(
            f"the reply of {host} is not what it documents: {clean(str(error), auth.secrets)}", "bad_response"
        ) from None


def _broken(error: Exception, host: str, auth: Auth) -> WebFailure:
    what = clean(str(error), auth.secrets) or type(error).__name__
    return WebFailure(f"no reply from {host}: {what}", "unreachable")


def _now() -> float:
    return asyncio.get_running_loop().time()
