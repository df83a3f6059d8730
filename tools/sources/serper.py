"""Serper: what Google finds on the web, or with the argument `scholar` what Google Scholar finds.

In: a query. Out: the organic results with what Google shows of each page. Answer boxes, knowledge graphs and questions
of others are no evidence and are not read. Documented at https://serper.dev. Not here: reading the pages themselves.
"""

from datetime import date
from typing import Any, ClassVar, Final

from pydantic import Field, JsonValue, SecretStr

from citerefine.tools.filters import Filters
from citerefine.tools.sources.source import Asking, Hits, Source
from citerefine.tools.sources.web_results import WebResult, web_hits
from citerefine.tools.sources.wire import Read, Wire, entries, json_object, names, year_in
from citerefine.tools.web.reply import WebReply
from citerefine.tools.web.request import Auth

_DATES: Final = ("since", "until")


class _Result(Wire):
    link: str | None = None
    title: str | None = None
    snippet: str | None = None
    date: str | None = None
    year: str | None = None
    """Of scholarly works."""
    publication: Any = Field(None, alias="publicationInfo")
    """Of scholarly works, as in `A Moe, B Lind - Journal of Lakes, 2019 - example.org`."""

    @property
    def found(self) -> WebResult:
        authors, venue = _publication(self.publication)
        return WebResult(self.link, self.title, [self.snippet], self.year or self.date, authors, venue)


class Serper(Source):
    """Searches Google by way of Serper."""

    source_name = "serper"
    title = "Serper"
    address = "https://google.serper.dev"
    key_variable = "SERPER_API_KEY"
    needs_key = True
    honours = frozenset({"since", "until", "language", "country"})
    arguments: ClassVar = {"scholar": "searches Google Scholar"}

    def filters_by(self, name: str) -> bool:
        """As of all sources; Google Scholar takes no dates."""
        return super().filters_by(name) and not (self.argument == "scholar" and name in _DATES)

    def auth(self) -> Auth:
        """The key, in the header that the service names."""
        return Auth(headers=(("X-API-KEY", SecretStr(self.key or "")),))

    async def find(self, query: str, k: int, filters: Filters, ask: Asking) -> Hits:
        """The organic results. Raises WebFailure."""
        is_scholar = self.argument == "scholar"
        body: dict[str, JsonValue] = {"q": query, "num": min(k, self.most)}
        if filters.country:
            body["gl"] = filters.country
        if filters.language:
            body["hl"] = filters.language
        if (span := _span(filters)) and not is_scholar:
            body["tbs"] = span
        found = await ask(self.request("scholar" if is_scholar else "search", method="POST", body=body), _read)
        hits = web_hits(
            self.source_name, [result.found for result in found.entries], k, found.n_strange, ask.fetched_at
        )
        return hits


def _read(reply: WebReply) -> Read:
    value = json_object(reply)
    has_none = "organic" not in value and "searchParameters" in value  # as where Google shows nothing but an answer
    return Read([], 0) if has_none else entries(value.get("organic"), _Result, "organic")


def _span(filters: Filters) -> str | None:
    """The days of publication as Google takes them."""
    ends = [f"cd_{end}:{_day(day)}" for end, day in (("min", filters.since), ("max", filters.until)) if day]
    return ",".join(["cdr:1", *ends]) if ends else None


def _day(day: date) -> str:
    return f"{day.month}/{day.day}/{day.year}"


def _publication(line: object) -> tuple[tuple[str, ...], str | None]:
    """Authors and venue in a line of three parts; with fewer, nobody can tell which of them is missing.

    >>> _publication("A Moe, B Lind… - Journal of Lakes, 2019 - example.org")
    (('A Moe', 'B Lind'), 'Journal of Lakes')
    """
    parts = line.split(" - ") if isinstance(line, str) else []
    if len(parts) != 3:
        return (), None
    venue, comma, last = parts[1].rpartition(", ")
    if not comma:
        venue = "" if year_in(last) else last
    return names(author.rstrip("… ") for author in parts[0].split(", ")), venue or None
