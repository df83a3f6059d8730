"""Tavily: stretches of pages of the web that fit a query.

In: a query. Out: of each page the stretches that it holds word for word, which is why the depth `advanced` is asked
for, at two credits a search: others give a summary. Answers and summaries by a model are no evidence and are never
asked for. Documented at https://docs.tavily.com. Not here: reading pages by their address.
"""

import re
from typing import Final

from pydantic import Field, JsonValue, SecretStr

from citerefine.tools.filters import Filters
from citerefine.tools.sources.source import Asking, Hits, Source
from citerefine.tools.sources.web_results import WebResult, code_for, shortened, web_hits
from citerefine.tools.sources.wire import Read, Wire, entries, json_object
from citerefine.tools.web.pacing import Pace
from citerefine.tools.web.reply import WebReply
from citerefine.tools.web.request import Auth

_LONGEST_QUERY: Final = 400
_BETWEEN: Final = re.compile(r"\s*\[\.\.\.\]\s*")
"""What stands between two stretches of a page."""
_SITE: Final = re.compile(r"(?<!\S)-?site:\S+", re.IGNORECASE)


class _Result(Wire):
    url: str | None = None
    title: str | None = None
    content: str | None = None
    published: str | None = Field(None, alias="published_date")

    @property
    def found(self) -> WebResult:
        return WebResult(self.url, self.title, _BETWEEN.split(self.content or ""), self.published)


class Tavily(Source):
    """Searches the web by way of Tavily."""

    source_name = "tavily"
    title = "Tavily"
    address = "https://api.tavily.com"
    key_variable = "TAVILY_API_KEY"
    needs_key = True
    honours = frozenset({"since", "until", "country", "include_domains", "exclude_domains"})
    most = 20

    @property
    def pace(self) -> Pace:
        """100 requests a minute, which is what it grants keys for development."""
        return Pace(per_second=100 / 60)

    def auth(self) -> Auth:
        """The key, as a bearer token."""
        return Auth(headers=(("Authorization", SecretStr(f"Bearer {self.key}")),))

    async def find(self, query: str, k: int, filters: Filters, ask: Asking) -> Hits:
        """Stretches of pages. Raises WebFailure."""
        bare, warnings = _without_sites(query)
        short, cut = shortened(bare, _LONGEST_QUERY)
        country, unknown = code_for(self.source_name, "country", filters.country)
        body: dict[str, JsonValue] = {"query": short, "search_depth": "advanced", "max_results": min(k, self.most)}
        body |= _narrowing(filters, country)
        found = await ask(self.request("search", method="POST", body=body), _read)
        hits = web_hits(
            self.source_name, [result.found for result in found.entries], k, found.n_strange, ask.fetched_at
        )
        return hits._replace(warnings=[*warnings, *cut, *unknown, *hits.warnings])


def _read(reply: WebReply) -> Read:
    return entries(json_object(reply).get("results"), _Result, "results")


def _narrowing(filters: Filters, country: str | None) -> dict[str, JsonValue]:
    """The filters as it takes them."""
    wanted: dict[str, JsonValue] = {
        "start_date": str(filters.since) if filters.since else None,
        "end_date": str(filters.until) if filters.until else None,
        "include_domains": [*filters.include_domains],
        "exclude_domains": [*filters.exclude_domains],
        "country": country,
    }
    return {name: value for name, value in wanted.items() if value}


def _without_sites(query: str) -> tuple[str, list[str]]:
    """The query without `site:`, for which it refuses a whole search, and a warning if there was any."""
    sites = _SITE.findall(query)
    bare = " ".join(_SITE.sub(" ", query).split())
    if not sites or not bare:
        return query, []
    return bare, [f"{' '.join(sites)} was left out of the query: set the filter include_domains or exclude_domains"]
