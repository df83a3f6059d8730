"""Brave: pages of an index of the web of its own.

In: a query. Out: of each page its description and the further stretches that fit the query. Each is a snippet of its
own: joined they would be a text that stands nowhere. Documented at https://api-dashboard.search.brave.com. Not here:
news, videos, answers, which are not read.
"""

from typing import Final

from pydantic import SecretStr

from citerefine.tools.filters import Filters
from citerefine.tools.markup import plain
from citerefine.tools.sources.source import Asking, Hits, Source
from citerefine.tools.sources.web_results import WebResult, code_for, shortened, web_hits
from citerefine.tools.sources.wire import Read, Wire, child, entries, filled, json_object
from citerefine.tools.web.pacing import Pace
from citerefine.tools.web.reply import WebReply
from citerefine.tools.web.request import Auth

_LONGEST_QUERY: Final = 400
_MOST_WORDS: Final = 50
_FIRST_DAY: Final = "1990-01-01"
_LAST_DAY: Final = "2099-12-31"
"""Not today's date: a search that was recorded must be the same search when it is replayed."""


class _Result(Wire):
    url: str | None = None
    title: str | None = None
    description: str | None = None
    page_age: str | None = None
    extra_snippets: list[str] | None = None

    @property
    def found(self) -> WebResult:
        texts = [plain(text) for text in (self.description, *(self.extra_snippets or ()))]
        return WebResult(self.url, plain(self.title), texts, self.page_age)


class Brave(Source):
    """Searches Brave's index of the web."""

    source_name = "brave"
    title = "Brave Search"
    address = "https://api.search.brave.com/res/v1"
    key_variable = "BRAVE_API_KEY"
    needs_key = True
    honours = frozenset({"since", "until", "language", "country"})
    most = 20

    @property
    def pace(self) -> Pace:
        """50 requests a second, as it states for its paid plan."""
        return Pace(per_second=50)

    def auth(self) -> Auth:
        """The key, in the header that the service names."""
        return Auth(headers=(("X-Subscription-Token", SecretStr(self.key or "")),))

    async def find(self, query: str, k: int, filters: Filters, ask: Asking) -> Hits:
        """Descriptions and further stretches of pages. Raises WebFailure."""
        short, cut = shortened(query, _LONGEST_QUERY, _MOST_WORDS)
        country, unknown_country = code_for(self.source_name, "country", filters.country)
        language, unknown_language = code_for(self.source_name, "language", filters.language)
        params: dict[str, str | int | None] = {
            "q": short,
            "count": min(k, self.most),
            "extra_snippets": "true",
            "country": country,
            "search_lang": language,
            "freshness": _span(filters),
        }
        found = await ask(self.request("web/search", params=filled(params)), _read)
        hits = web_hits(
            self.source_name, [result.found for result in found.entries], k, found.n_strange, ask.fetched_at
        )
        return hits._replace(warnings=[*cut, *unknown_country, *unknown_language, *hits.warnings])


def _read(reply: WebReply) -> Read:
    value = json_object(reply)
    has_none = "web" not in value and isinstance(value.get("query"), dict)  # it leaves out what it has none of
    return Read([], 0) if has_none else entries(child(value, "web", "results"), _Result, "web.results")


def _span(filters: Filters) -> str | None:
    if not filters.since and not filters.until:
        return None
    return f"{filters.since or _FIRST_DAY}to{filters.until or _LAST_DAY}"
