"""SearXNG: what other search engines find, by way of a server of your own.

In: a query; with an argument, one category of engines. Out: what the engines show of each page, as many as asked for:
the server itself cannot be told how many. Engines that did not answer are warned of; where they leave nothing, the
search has failed. Documented at https://docs.searxng.org/dev/search_api. Not here: answers and infoboxes, which are not
read.
"""

from typing import Any, ClassVar, NamedTuple

from pydantic import Field, JsonValue

from citerefine.tools.filters import Filters
from citerefine.tools.sources.source import Asking, Hits, Source
from citerefine.tools.sources.web_results import WebResult, web_hits
from citerefine.tools.sources.wire import Read, Wire, entries, filled, json_object, tidy
from citerefine.tools.web.failures import WebFailure, clean
from citerefine.tools.web.reply import WebReply


class _Result(Wire):
    url: str | None = None
    title: str | None = None
    content: str | None = None
    published: str | None = Field(None, alias="publishedDate")

    @property
    def found(self) -> WebResult:
        return WebResult(self.url, self.title, [tidy(self.content)], self.published)


class _Found(NamedTuple):
    results: Read
    silent: list[str]
    """What to say of engines that did not answer."""


class Searxng(Source):
    """Searches by way of a SearXNG server."""

    source_name = "searxng"
    title = "SearXNG"
    address = None
    honours = frozenset({"language"})
    arguments: ClassVar = {
        "general": "asks engines for the whole web",
        "science": "asks engines for scholarly works",
        "news": "asks engines for news",
        "it": "asks engines for software and its documentation",
    }

    async def find(self, query: str, k: int, filters: Filters, ask: Asking) -> Hits:
        """The first `k` results. Raises WebFailure."""
        params = {"q": query, "format": "json", "categories": self.argument, "language": filters.language}
        try:
            found = await ask(self.request("search", params=filled(params)), _read)
        except WebFailure as failure:
            if failure.code != "unauthorized":
                raise
            why = "a SearXNG server refuses unless its settings.yml lists json under search.formats"
            raise WebFailure(f"{failure}; {why}", failure.code) from None
        results, n_strange = found.results
        hits = web_hits(self.source_name, [result.found for result in results], k, n_strange, ask.fetched_at)
        return hits._replace(warnings=[*found.silent, *hits.warnings])


def _read(reply: WebReply) -> _Found:
    """Raises WebFailure where no engine found anything and some did not answer: nobody knows what they hold."""
    value = json_object(reply)
    results = entries(value.get("results"), _Result, "results")
    silent = _silent(value.get("unresponsive_engines"))
    if not results.entries and silent:
        raise WebFailure(f"no engine found anything; {silent[0]}", "server_error")
    return _Found(results, silent)


def _silent(engines: JsonValue) -> list[str]:
    """A warning of engines that did not answer, of which the server gives pairs of a name and a reason."""
    pairs: list[Any] = engines if isinstance(engines, list) else []
    said = ", ".join(f"{pair[0]} ({pair[1]})" for pair in pairs if isinstance(pair, list) and len(pair) == 2)
    return [f"engines that did not answer: {clean(said, ())}"] if said else []
