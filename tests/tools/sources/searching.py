"""Searches one source at a service on loopback."""

import asyncio
from datetime import UTC, datetime
from typing import Any

from pydantic import SecretStr
from tests.tools.service import Service

from citerefine.refiner.protocols import SearchPage
from citerefine.tools.filters import Filters
from citerefine.tools.sources.settings import SourceSettings
from citerefine.tools.sources.source import Source
from citerefine.tools.web.client import WebClient, WebLimits

KEY = "very-secret-key-0123456789"
QUICK = WebLimits(deadline=5, backoff=0.01)
TRICKY = "AT&T & year=1900"
"""A query that would become a parameter of its own where queries are put together as text."""


def search(
    kind: type[Source], service: Service, query: str = "perch", k: int = 10, *, key: str | None = None, **how: Any
) -> SearchPage:
    """The page that a source gives; `how`: `argument`, `limits`, `path` behind the service's address, filters."""
    argument, limits, path = how.pop("argument", None), how.pop("limits", QUICK), how.pop("path", "")
    settings = SourceSettings(base_url=service.base_url + path, key=None if key is None else SecretStr(key))

    async def run() -> SearchPage:
        async with WebClient(limits=limits) as web:
            return await kind(web, settings, Filters(**how), argument).search(query, k)

    return asyncio.run(run())


def is_fresh(when: datetime | None) -> bool:
    """Whether it is now, about."""
    return when is not None and abs((datetime.now(UTC) - when).total_seconds()) < 60
