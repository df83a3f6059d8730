"""OpenAlex: abstracts of works of all fields. A key is free; without one, very few requests a day are answered.

In: a query. Out: abstracts as snippets, put together again from the index of words that the service sends instead.
Works without an abstract are not asked for. Documented at https://developers.openalex.org. Not here: full texts.
"""

from typing import Any, Final

from pydantic import Field, JsonValue, SecretStr

from citerefine.tools.filters import Filters
from citerefine.tools.markup import plain
from citerefine.tools.retractions import marked
from citerefine.tools.sources.query_words import query_words, telling
from citerefine.tools.sources.source import Asking, Hits, Source, left_out, passages_of, strange
from citerefine.tools.sources.wire import Read, Wire, bare_doi, child, entries, filled, json_object, names
from citerefine.tools.web.identity import contact
from citerefine.tools.web.pacing import Pace
from citerefine.tools.web.reply import WebReply
from citerefine.tools.web.request import Auth

_SELECT: Final = (
    "id,doi,display_name,publication_year,authorships,primary_location,abstract_inverted_index,is_retracted"
)
_SYNTAX: Final = '()[]{}"*?~^:|!\\/+,'
_MOST_WORDS: Final = 5_000
"""Of an abstract; a word that is said to stand behind them is left out."""
_GAP: Final = "…"


class _Hit(Wire):
    id: str
    title: str | None = Field(None, alias="display_name")
    doi: str | None = None
    year: int | None = Field(None, alias="publication_year")
    authorships: Any = None
    location: Any = Field(None, alias="primary_location")
    index: Any = Field(None, alias="abstract_inverted_index")
    is_retracted: bool | None = None

    @property
    def fields(self) -> dict[str, Any]:
        """Of every snippet of this work."""
        people = self.authorships if isinstance(self.authorships, list) else []
        return {
            "title": marked(plain(self.title), bool(self.is_retracted)),
            "authors": names(_text(child(person, "author", "display_name")) for person in people),
            "year": self.year,
            "venue": _text(child(self.location, "source", "display_name")),
            "doi": bare_doi(self.doi),
            "url": _address(child(self.location, "landing_page_url")) or _address(self.id),
            "source": f"openalex:{self.id.rpartition('/')[2]}",
            "licence": _text(child(self.location, "license")),
        }


class OpenAlex(Source):
    """Searches OpenAlex."""

    source_name = "openalex"
    title = "OpenAlex"
    address = "https://api.openalex.org"
    version = 2
    key_variable = "OPENALEX_API_KEY"
    honours = frozenset({"since", "until", "authors", "min_citations", "open_access", "language"})

    @property
    def pace(self) -> Pace:
        """A hundred requests a second are allowed, and never needed; what is counted is requests a day."""
        return Pace(per_second=10, at_once=4)

    def auth(self) -> Auth:
        """The key, and the address of a person, if there are any."""
        person = contact()
        key = self.settings.key
        return Auth(
            headers=(("Authorization", SecretStr(f"Bearer {key.get_secret_value()}")),) if key else (),
            params=(("mailto", SecretStr(person)),) if person else (),
        )

    async def find(self, query: str, k: int, filters: Filters, ask: Asking) -> Hits:
        """Abstracts. Raises WebFailure."""
        params: dict[str, str | int | None] = {
            "search": " ".join(telling(query_words(query, _SYNTAX))),
            "filter": ",".join(_clauses(filters)),
            "per_page": min(k, self.most),
            "select": _SELECT,
        }
        found = await ask(self.request("works", params=filled(params)), _read)
        abstracts = [(hit, plain(rebuilt(hit.index))) for hit in found.entries]
        snippets = [
            snippet
            for hit, text in abstracts
            if text
            for snippet in passages_of(text, section="Abstract", retrieved_at=ask.fetched_at, **hit.fields)
        ]
        n_untold = sum(text is None for _, text in abstracts)
        return Hits(snippets, [*strange(found.n_strange), *left_out(n_untold, "no abstract")])


def rebuilt(index: JsonValue) -> str | None:
    """The text of an inverted index, in which each word has the places where it stands; None if there is none.

    Where places are missing, an ellipsis says so; of several words in one place, the first stays.

    >>> rebuilt({"perch": [1, 3], "Few": [0], "eat": [2]})
    'Few perch eat perch'
    """
    words = dict[int, str]()
    for word, places in index.items() if isinstance(index, dict) else ():
        for place in places if isinstance(places, list) else ():
            if type(place) is int and 0 <= place < _MOST_WORDS:
                words.setdefault(place, word)
    pieces = list[str]()
    before = -1
    for place in sorted(words):
        pieces += [words[place]] if place == before + 1 else [_GAP, words[place]]
        before = place
    return " ".join(pieces) or None


def _clauses(filters: Filters) -> list[str]:
    """The filters in the service's language, in which commas, pipes and colons separate: they are in no value."""
    clauses = ["has_abstract:true"]
    if filters.since:
        clauses.append(f"from_publication_date:{filters.since}")
    if filters.until:
        clauses.append(f"to_publication_date:{filters.until}")
    for name in filters.authors:
        clauses.append(f'raw_author_name.search:"{" ".join(query_words(name, _SYNTAX))}"')
    if filters.min_citations:
        clauses.append(f"cited_by_count:>{filters.min_citations - 1}")
    if filters.open_access:
        clauses.append("open_access.is_oa:true")
    if filters.language:
        clauses.append(f"language:{filters.language}")
    return clauses


def _read(reply: WebReply) -> Read:
    return entries(child(json_object(reply), "results"), _Hit, "results")


def _address(value: JsonValue) -> str | None:
    return value if isinstance(value, str) and value.startswith(("https://", "http://")) else None


def _text(value: JsonValue) -> str | None:
    return value if isinstance(value, str) else None
