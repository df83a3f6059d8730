"""Exa: pages of the web by meaning, with the stretches of each that fit the query.

In: a query; with the argument `fulltext`, the texts of the pages are read instead. Out: highlights, one snippet each;
of whole texts the passages that fit the query best. Summaries by a model are no evidence and are never asked for. Says
what a search cost. Documented at https://exa.ai/docs. Not here: reading pages by their address.
"""

from collections.abc import Sequence
from typing import ClassVar, Final, NamedTuple

from pydantic import Field, JsonValue, SecretStr

from citerefine.tools.document_snippets import most_relevant
from citerefine.tools.filters import Filters
from citerefine.tools.sources.source import Asking, Hits, Source
from citerefine.tools.sources.web_results import WebResult, web_hits
from citerefine.tools.sources.wire import Read, Wire, child, entries, json_object, names
from citerefine.tools.web.pacing import Pace
from citerefine.tools.web.reply import WebReply
from citerefine.tools.web.request import Auth

_LONGEST_TEXT: Final = 20_000
"""Code points of a page's text that are asked for."""


class _Result(Wire):
    url: str | None = None
    title: str | None = None
    author: str | None = None
    published: str | None = Field(None, alias="publishedDate")
    text: str | None = None
    highlights: list[str] | None = None

    @property
    def found(self) -> WebResult:
        texts: Sequence[str | None] = self.highlights or [self.text]
        return WebResult(self.url, self.title, texts, self.published, names([self.author]))


class _Found(NamedTuple):
    results: Read
    cost: float | None


class Exa(Source):
    """Searches the web by way of Exa."""

    source_name = "exa"
    title = "Exa"
    address = "https://api.exa.ai"
    key_variable = "EXA_API_KEY"
    needs_key = True
    honours = frozenset({"since", "until", "include_domains", "exclude_domains"})
    arguments: ClassVar = {"fulltext": "reads the texts of the pages, not only what Exa highlights in them"}

    @property
    def pace(self) -> Pace:
        """10 searches a second, as it documents."""
        return Pace(per_second=10)

    def auth(self) -> Auth:
        """The key, in the header that the service names."""
        return Auth(headers=(("x-api-key", SecretStr(self.key or "")),))

    async def find(self, query: str, k: int, filters: Filters, ask: Asking) -> Hits:
        """Highlights, or passages of whole texts where `fulltext` was asked for. Raises WebFailure."""
        is_whole = self.argument == "fulltext"
        body: dict[str, JsonValue] = {
            "query": query,
            "numResults": min(k, self.most),
            "contents": {"text": {"maxCharacters": _LONGEST_TEXT}} if is_whole else {"highlights": True},
        }
        body |= _narrowing(filters)
        (results, n_strange), cost = await ask(self.request("search", method="POST", body=body), _read)
        hits = web_hits(self.source_name, [result.found for result in results], k, n_strange, ask.fetched_at)
        return hits._replace(snippets=most_relevant(hits.snippets, query, k) if is_whole else hits.snippets, cost=cost)


def _read(reply: WebReply) -> _Found:
    value = json_object(reply)
    total = child(value, "costDollars", "total")
    cost = float(total) if isinstance(total, int | float) and not isinstance(total, bool) else None
    return _Found(entries(value.get("results"), _Result, "results"), cost)


def _narrowing(filters: Filters) -> dict[str, JsonValue]:
    """The filters as it takes them."""
    wanted: dict[str, JsonValue] = {
        "startPublishedDate": f"{filters.since}T00:00:00.000Z" if filters.since else None,
        "endPublishedDate": f"{filters.until}T23:59:59.999Z" if filters.until else None,
        "includeDomains": [*filters.include_domains],
        "excludeDomains": [*filters.exclude_domains],
    }
    return {name: value for name, value in wanted.items() if value}
