"""Crossref: what publishers say of their works. Rarely evidence, often who wrote what, where and when. No key.

In: a query, or a DOI. Out: abstracts as snippets, of the works that have one; or the record of one work, from which
what another source does not know can be filled in. Documented at https://api.crossref.org. Not here: filling it in
(fusing/).
"""

from typing import Any, Final
from urllib.parse import quote

from pydantic import Field, JsonValue, SecretStr

from citerefine.refiner.records import Record, Snippet
from citerefine.tools.filters import Filters
from citerefine.tools.markup import plain
from citerefine.tools.retractions import marked
from citerefine.tools.sources.abstracts import Part, abstract_snippets, parts_in
from citerefine.tools.sources.source import Asking, Hits, Source, left_out, strange
from citerefine.tools.sources.wire import Read, Wire, bare_doi, child, entries, filled, json_object, names
from citerefine.tools.web.failures import WebFailure
from citerefine.tools.web.identity import contact
from citerefine.tools.web.pacing import Pace
from citerefine.tools.web.reply import WebReply
from citerefine.tools.web.request import NOBODY, Auth

_SELECT: Final = "DOI,title,author,container-title,issued,license,abstract,updated-by"
_RETRACTING: Final = frozenset({"retraction", "removal", "withdrawal"})


class CrossrefWork(Record):
    """What Crossref knows of a work."""

    doi: str
    """Bare, in lower case."""
    title: str | None
    authors: tuple[str, ...]
    year: int | None
    venue: str | None
    url: str
    licence: str | None
    """Address of the licence."""


class _Hit(Wire):
    doi: str = Field(alias="DOI")
    titles: Any = Field(None, alias="title")
    people: Any = Field(None, alias="author")
    venues: Any = Field(None, alias="container-title")
    issued: Any = None
    licences: Any = Field(None, alias="license")
    abstract: str | None = None
    updates: Any = Field(None, alias="updated-by")

    @property
    def work(self) -> CrossrefWork:
        """Without the abstract."""
        return CrossrefWork(
            doi=self.doi.lower(),
            title=marked(plain(_first(self.titles)), self.is_retracted),
            authors=names(_name(person) for person in _listed(self.people)),
            year=_year(child(self.issued, "date-parts")),
            venue=plain(_first(self.venues)),
            url=f"https://doi.org/{quote(self.doi.lower(), safe='/')}",
            licence=_licence(self.licences),
        )

    @property
    def is_retracted(self) -> bool:
        """Whether a later notice takes the work back."""
        return any(child(update, "type") in _RETRACTING for update in _listed(self.updates))

    @property
    def parts(self) -> list[Part]:
        """The abstract."""
        return parts_in(self.abstract)


class Crossref(Source):
    """Searches Crossref, and looks works up by their DOI."""

    source_name = "crossref"
    title = "Crossref"
    address = "https://api.crossref.org"
    version = 2
    honours = frozenset({"since", "until", "authors", "venue"})

    @property
    def pace(self) -> Pace:
        """Of searches, by whether the service is told whom it can write to; its replies may say less."""
        return Pace(per_second=3, at_once=3) if contact() else Pace(per_second=1, at_once=1)

    def auth(self) -> Auth:
        """The address of a person, if there is one: the service answers those sooner."""
        person = contact()
        return Auth(params=(("mailto", SecretStr(person)),)) if person else NOBODY

    async def find(self, query: str, k: int, filters: Filters, ask: Asking) -> Hits:
        """Abstracts. Raises WebFailure."""
        params: dict[str, str | int | None] = {
            "query.bibliographic": query,
            "query.author": " ".join(filters.authors) or None,
            "query.container-title": filters.venue,
            "filter": ",".join(_clauses(filters)),
            "rows": min(k, self.most),
            "select": _SELECT,
        }
        found = await ask(self.request("works", params=filled(params)), _read)
        told = [hit for hit in found.entries if hit.parts]
        snippets = [snippet for hit in told for snippet in _abstract(hit, ask)]
        untold = left_out(len(found.entries) - len(told), "no abstract")
        return Hits(snippets, [*_loosely(filters), *strange(found.n_strange), *untold])

    async def look_up(self, doi: str) -> CrossrefWork | None:
        """What Crossref knows of the work with that DOI; None if it knows none, or `doi` holds no DOI.

        Raises:
            WebFailure: if the service does not say.
            ReplayError: where it is replayed, and this was not recorded.
        """
        bare = bare_doi(doi)
        if bare is None:
            return None
        try:
            return await Asking(self, self._web)(self.request(f"works/{quote(bare, safe='')}"), _read_work)
        except WebFailure as failure:
            if failure.code == "not_found":
                return None
            raise


def _abstract(hit: _Hit, ask: Asking) -> list[Snippet]:
    fields = hit.work.model_dump()
    source = f"crossref:{fields['doi']}"
    return abstract_snippets(hit.parts, source=source, retrieved_at=ask.fetched_at, **fields)


def _clauses(filters: Filters) -> list[str]:
    clauses = ["has-abstract:true"]
    if filters.since:
        clauses.append(f"from-pub-date:{filters.since}")
    if filters.until:
        clauses.append(f"until-pub-date:{filters.until}")
    return clauses


def _loosely(filters: Filters) -> list[str]:
    """What to know of filters that are words to look for, no conditions."""
    named = [name for name in ("authors", "venue") if getattr(filters, name)]
    return [f"it only prefers hits that fit {' and '.join(named)}: others may be among them"] if named else []


def _read(reply: WebReply) -> Read:
    return entries(child(json_object(reply), "message", "items"), _Hit, "message.items")


def _read_work(reply: WebReply) -> CrossrefWork:
    hit: _Hit = entries([child(json_object(reply), "message")], _Hit, "message").entries[0]
    return hit.work


def _name(person: JsonValue) -> str | None:
    parts = [child(person, "given"), child(person, "family")]
    if not any(parts):
        parts = [child(person, "name")]
    return " ".join(part for part in parts if isinstance(part, str)) or None


def _year(dates: JsonValue) -> int | None:
    first = _listed(dates)[:1]
    year = next(iter(_listed(first[0])), None) if first else None
    return year if type(year) is int else None


def _licence(licences: JsonValue) -> str | None:
    """The first that is not only for text mining."""
    addresses = [child(one, "URL") for one in _listed(licences) if child(one, "content-version") != "tdm"]
    return _first(addresses)


def _first(values: JsonValue) -> str | None:
    return next((value for value in _listed(values) if isinstance(value, str)), None)


def _listed(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else []
