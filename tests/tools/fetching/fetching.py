"""Fetches pages of a site on loopback."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from tests.faulty_server import Behaviour, raw
from tests.tools.service import Asked, Service

from citerefine.tools.fetching.addresses import Access
from citerefine.tools.fetching.connecting import Resolver, resolve
from citerefine.tools.fetching.fetcher import PageFetcher
from citerefine.tools.fetching.limits import PageLimits
from citerefine.tools.fetching.page import Page
from citerefine.tools.web.store import WebStore

QUICK: Final = PageLimits(deadline=5, per_second=1000)
ARTICLE: Final = """<!doctype html><html lang=en><head><title>Perch in lakes</title>
<meta name=citation_author content="Moe, Ada"><meta name=citation_date content=2019></head><body>
<nav><ul><li>Home<li>Contact</ul></nav><h1>Perch in lakes</h1><h2>Methods</h2>
<p>Nets of four sizes were set in twelve lakes, each summer from 1990 to 2010, always on the same nights of July.</p>
<h2>Results</h2><p>Perch doubled between 1990 and 2010 in all of the lakes, while roach fell by about a third.</p>
<h3>By lake</h3><p>In the warmest of the lakes perch were four times as many as in the coldest one, and larger.</p>
</body></html>"""


def page(text: str | bytes = ARTICLE, kind: str = "text/html", **headers: str) -> Behaviour:
    """A page."""
    body = text.encode() if isinstance(text, str) else text
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return raw(body, headers={"Content-Type": kind, **fields})


def plain() -> Behaviour:
    """A page that is read quickly, where it does not matter what it says."""
    return page("Perch doubled in all of the lakes.", "text/plain")


def site(pages: Mapping[str, Behaviour] | Behaviour, robots: Behaviour | None = None) -> Service:
    """A site with these pages by path, or one for all paths; without a robots.txt unless there is one."""
    absent = raw(b"", 404)

    def route(asked: Asked) -> Behaviour:
        if asked.path == "/robots.txt":
            return robots or absent
        return pages.get(asked.path, absent) if isinstance(pages, Mapping) else pages

    return Service(route=route)


def access(service: Service) -> Access:
    """To a service on loopback."""
    return Access(allow=(urlsplit(service.base_url).netloc,))


def fetch(service: Service, path: str = "/perch", **how: Any) -> Page:
    """One page of a site."""
    return fetch_all(service, [path], **how)[0]


def fetch_all(
    service: Service,
    paths: Sequence[str],
    *,
    limits: PageLimits = QUICK,
    store: WebStore | None = None,
    resolver: Resolver = resolve,
) -> list[Page]:
    """Pages of a site, asked for at once."""

    async def run() -> list[Page]:
        async with PageFetcher(store, limits, access(service), resolver=resolver) as fetcher:
            return await asyncio.gather(*(fetcher.fetch(service.base_url + path) for path in paths))

    return asyncio.run(run())


def paths_of(service: Service) -> list[str]:
    """What was asked for besides robots.txt."""
    return [asked.target for asked in service.asked if asked.path != "/robots.txt"]


def resolving(**addresses: str | Sequence[str]) -> Any:
    """A resolver that knows these names, dots written as `_`, and counts what it is asked in `asked`."""

    async def resolver(host: str, port: int) -> list[str]:
        resolver.asked.append(host)  # type: ignore[attr-defined]
        known = addresses.get(host.replace(".", "_"))
        if known is None:
            raise OSError("it is not known")
        return [known] if isinstance(known, str) else [*known]

    resolver.asked = []  # type: ignore[attr-defined]
    return resolver
