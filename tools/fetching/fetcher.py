"""Reads pages of the web: the one way from a URL to a page.

In: URLs that a search found. Out: `Page`s, or `WebFailure`. Each host is asked for its robots.txt once, then for one
page at a time, at a distance; pages that could be read are cached, recorded and replayed through a store as replies of
services are. Whoever asks for a page that is under way gets that one. Reading pages needs the extra `fetch`. Not here:
which pages are read (reading.py).
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from importlib.util import find_spec
from types import TracebackType
from typing import Final, Self
from weakref import WeakKeyDictionary

import httpcore2

from citerefine.refiner.chat.single_flight import SingleFlight
from citerefine.refiner.errors import InputError, ReplayError
from citerefine.tools.fetching.addresses import Access
from citerefine.tools.fetching.connecting import Resolver, checked_pool, resolve
from citerefine.tools.fetching.downloading import Got, Redirect, Wanted, follow, get
from citerefine.tools.fetching.limits import PageLimits
from citerefine.tools.fetching.page import Page
from citerefine.tools.fetching.page_text import ACCEPT, in_utf8, is_light, kind_of, read_page, refuse_kind
from citerefine.tools.fetching.reader_pool import ReaderPool
from citerefine.tools.fetching.robots import Robots, read_robots, robots_without
from citerefine.tools.fetching.urls import PageUrl, page_url
from citerefine.tools.readers.document import UnreadableFile
from citerefine.tools.web.failures import WebFailure
from citerefine.tools.web.pacing import Lane, Pace
from citerefine.tools.web.reply import WebReply
from citerefine.tools.web.request import WebRequest
from citerefine.tools.web.store import StoreMode, WebStore

_SOURCE: Final = "page"
_VERSION: Final = 1
"""To be raised when pages are asked for otherwise."""
_EXTRA: Final = ("protego", "pypdf", "trafilatura")


class _Host:
    """What is known of a host."""

    def __init__(self, url: PageUrl, robots: Robots, limits: PageLimits) -> None:
        self.robots = robots
        delay = max(1 / limits.per_second, min(robots.delay, limits.crawl_delay))
        self.lane = Lane(url.netloc, Pace(1 / delay, at_once=1))


class _Here:
    """What belongs to one event loop."""

    def __init__(self, pool: httpcore2.AsyncConnectionPool, readers: ReaderPool) -> None:
        self.pool = pool
        self.readers = readers
        self.hosts: dict[str, _Host] = {}
        self.host_flights = SingleFlight[_Host]()
        self.page_flights = SingleFlight[Page]()


class PageFetcher:
    """Reads pages; one object for all searches of a run. May be used in several event loops."""

    def __init__(
        self,
        store: WebStore | None = None,
        limits: PageLimits | None = None,
        access: Access | None = None,
        *,
        resolver: Resolver = resolve,
    ) -> None:
        """Asks nobody yet.

        Args:
            store: what pages are kept in; it stays open when the fetcher is closed.
            limits: bounds in time, size and number.
            access: what may be asked besides the public internet.
            resolver: gives the addresses of a host.

        Raises:
            InputError: if the extra is not installed.
        """
        if missing := [name for name in _EXTRA if find_spec(name) is None]:
            raise InputError(f"reading pages needs {', '.join(missing)}: pip install 'citerefine[fetch]'")
        self.store = store
        self.limits = limits or PageLimits()
        self.access = access or Access()
        self._resolver = resolver
        self._loops = WeakKeyDictionary[asyncio.AbstractEventLoop, _Here]()

    async def fetch(self, url: str) -> Page:
        """A page.

        Raises:
            WebFailure: if it may not be asked for, does not come within the limits, or holds no text that can be read.
            ReplayError: if it is to be replayed, and was not recorded.
            InputError: if the store cannot be read or written.
        """
        if self.store is not None and self.store.mode is StoreMode.REPLAY:
            return await self._replayed(url, self.store)
        place = page_url(url, self.access)
        request = _request(place)
        stored = self.store.find(request) if self.store is not None else None
        if stored is not None and stored.reply is not None:
            return await self._read(place, stored.reply, cached=True)
        if stored is not None:
            raise stored.failure or WebFailure(f"{place.netloc} failed", "server_error")
        try:
            shared = await self._here().page_flights.run(request.key, lambda: self._send(request, place))
        except asyncio.CancelledError:
            if self.store is not None:
                self.store.note_unawaited(request)
            raise
        return shared.value

    async def _replayed(self, url: str, store: WebStore) -> Page:
        """A page as it was recorded, whatever may be asked from here: nobody is."""
        place = page_url(url)
        try:
            stored = store.find(_request(place))
        except ReplayError:
            page_url(url, self.access)  # what is refused before anybody is asked was not recorded
            raise
        if stored is None or stored.reply is None:
            raise (stored and stored.failure) or WebFailure(f"{place.netloc} failed", "server_error")
        return await self._read(place, stored.reply, cached=True)

    async def _send(self, request: WebRequest, place: PageUrl) -> Page:
        try:
            reply = await self._download(place)
            page = await self._read(place, reply, cached=False)
        except WebFailure as failure:
            if self.store is not None:
                await self.store.take(request, failure)
            raise
        if self.store is not None:
            await self.store.take(request, reply)
        return page

    async def _download(self, place: PageUrl) -> WebReply:
        until = _now() + self.limits.deadline

        async def visit(url: PageUrl) -> Got | Redirect:
            host = await self._host(url)
            host.robots.check(url)
            return await self._patiently(host.lane, until, lambda: self._ask(url))

        try:
            async with asyncio.timeout_at(until):
                got = await follow(place, visit, self.access, self.limits.redirects)
        except TimeoutError:
            raise WebFailure(f"no complete page within {self.limits.deadline:g} s", "deadline") from None
        kind = got.headers.get("content-type", "")
        return WebReply(in_utf8(got.body, kind), kind_of(kind), datetime.now(UTC))

    @staticmethod
    async def _patiently(lane: Lane, until: float, ask: Callable[[], Awaitable[Got | Redirect]]) -> Got | Redirect:
        """What comes of asking in turn; once more, if the host says when. Raises WebFailure."""
        try:
            async with lane.turn(until):
                return await ask()
        except WebFailure as failure:
            if failure.retry_after is None:
                raise
            lane.hold(failure.retry_after)
            if _now() + failure.retry_after >= until:
                raise
        async with lane.turn(until):
            return await ask()

    async def _ask(self, url: PageUrl) -> Got | Redirect:
        wanted = Wanted(ACCEPT, refuse_kind, self.limits.page_bytes)
        return await get(self._here().pool, url, wanted, self.limits)

    async def _read(self, place: PageUrl, reply: WebReply, *, cached: bool) -> Page:
        """The page of a reply. Raises WebFailure."""
        body, kind = reply.body, reply.content_type
        try:
            if is_light(body, kind):
                text = await asyncio.to_thread(read_page, body, kind, self.limits)
            else:
                text = await self._here().readers.read(body, kind)
        except UnreadableFile as error:
            raise WebFailure(str(error), "unreadable") from None
        return Page(str(place), text, reply.fetched_at, cached)

    async def _host(self, url: PageUrl) -> _Host:
        here = self._here()
        if url.origin not in here.hosts:
            shared = await here.host_flights.run(url.origin, lambda: self._meet(url))
            here.hosts[url.origin] = shared.value
        return here.hosts[url.origin]

    async def _meet(self, url: PageUrl) -> _Host:
        """A host, once its robots.txt was asked for."""
        seconds = self.limits.deadline / 2
        wanted = Wanted("text/plain, */*;q=0.5", lambda kind: None, self.limits.robots_bytes, cut=True)
        try:
            async with asyncio.timeout(seconds):
                got = await follow(
                    url._replace(target="/robots.txt"),
                    lambda place: get(self._here().pool, place, wanted, self.limits),
                    self.access,
                    self.limits.redirects,
                )
            robots = await asyncio.to_thread(read_robots, got.body)
        except TimeoutError:
            robots = robots_without(WebFailure(f"{url.netloc} did not answer within {seconds:g} s", "deadline"))
        except WebFailure as failure:
            robots = robots_without(failure)
        return _Host(url, robots, self.limits)

    def _here(self) -> _Here:
        loop = asyncio.get_running_loop()
        if loop not in self._loops:
            self._loops[loop] = _Here(checked_pool(self.access, self._resolver), ReaderPool(self.limits))
        return self._loops[loop]

    async def aclose(self) -> None:
        """Closes the connections of this event loop, ends its processes, and forgets what its hosts allow."""
        here = self._loops.pop(asyncio.get_running_loop(), None)
        if here is not None:
            await here.readers.aclose()
            await here.pool.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


def _request(place: PageUrl) -> WebRequest:
    return WebRequest(source=_SOURCE, version=_VERSION, url=str(place))


def _now() -> float:
    return asyncio.get_running_loop().time()
