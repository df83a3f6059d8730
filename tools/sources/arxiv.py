"""arXiv: abstracts of preprints in physics, mathematics, computer science and neighbouring fields. No key.

In: a query. Out: abstracts as snippets. Asked for is what holds all words of a query, and where there is nothing, what
holds any of them. Documented at https://info.arxiv.org/help/api. Not here: full texts.
"""

import re
from typing import Any, Final, NamedTuple

from citerefine.tools.filters import Filters
from citerefine.tools.sources.query_words import query_words, telling
from citerefine.tools.sources.source import Asking, Hits, Source, left_out, passages_of, strange
from citerefine.tools.sources.wire import bare_doi, filled, names, xml_root, xml_text, year_in
from citerefine.tools.web.pacing import Pace
from citerefine.tools.web.reply import WebReply

_ATOM: Final = "{http://www.w3.org/2005/Atom}"
_ARXIV: Final = "{http://arxiv.org/schemas/atom}"
_SYNTAX: Final = '"()[]{}:\\*?'
_ID = re.compile(r"https?://arxiv\.org/abs/((?:[a-z-]+(?:\.[A-Z]{2})?/)?\d[\d.]{5,12})(v\d{1,4})?")
_FIRST_DAY: Final = "19900101"
_LAST_DAY: Final = "29991231"


class _Entry(NamedTuple):
    id: str
    """Without a version."""
    abstract: str | None
    fields: dict[str, Any]


class _Found(NamedTuple):
    entries: list[_Entry]
    n_strange: int


class Arxiv(Source):
    """Searches arXiv."""

    source_name = "arxiv"
    title = "arXiv"
    address = "https://export.arxiv.org/api"
    honours = frozenset({"since", "until", "authors", "venue", "open_access"})
    """All that it has is open."""

    @property
    def pace(self) -> Pace:
        """One request in three seconds, one at once."""
        return Pace(per_second=1 / 3, at_once=1)

    async def find(self, query: str, k: int, filters: Filters, ask: Asking) -> Hits:
        """Abstracts. Raises WebFailure."""
        words = [f'all:"{word}"' for word in telling(query_words(query, _SYNTAX))]
        found = await self._ask(" AND ".join(words), k, filters, ask)
        if not found.entries and len(words) > 1:
            found = await self._ask(" OR ".join(words), k, filters, ask)
        snippets = [
            snippet
            for entry in found.entries
            if entry.abstract
            for snippet in passages_of(
                entry.abstract,
                source=f"arxiv:{entry.id}",
                section="Abstract",
                retrieved_at=ask.fetched_at,
                **entry.fields,
            )
        ]
        n_untold = sum(not entry.abstract for entry in found.entries)
        return Hits(snippets, [*strange(found.n_strange), *left_out(n_untold, "no abstract")])

    async def _ask(self, words: str, k: int, filters: Filters, ask: Asking) -> _Found:
        params: dict[str, str | int | None] = {
            "search_query": " AND ".join([f"({words})", *_clauses(filters)]),
            "start": 0,
            "max_results": min(k, self.most),
            "sortBy": "relevance",
            "sortOrder": "descending",
        }
        return await ask(self.request("query", params=filled(params)), _read)


def _clauses(filters: Filters) -> list[str]:
    clauses = [f'au:"{" ".join(query_words(name, _SYNTAX))}"' for name in filters.authors]
    if filters.venue:
        clauses.append(f'jr:"{" ".join(query_words(filters.venue, _SYNTAX))}"')
    if filters.since or filters.until:
        since = f"{filters.since:%Y%m%d}" if filters.since else _FIRST_DAY
        until = f"{filters.until:%Y%m%d}" if filters.until else _LAST_DAY
        clauses.append(f"submittedDate:[{since}0000 TO {until}2359]")
    return clauses


def _read(reply: WebReply) -> _Found:
    root = xml_root(reply)
    if root.tag != f"{_ATOM}feed":
        raise ValueError(f"it is <{root.tag}>, no Atom feed")
    nodes = root.findall(f"{_ATOM}entry")
    for node in nodes:
        if "/api/errors" in (xml_text(node.find(f"{_ATOM}id")) or ""):
            raise ValueError(f"it says: {xml_text(node.find(f'{_ATOM}summary'))}")
    read = [entry for node in nodes if (entry := _entry(node)) is not None]
    if nodes and not read:
        raise ValueError("no entry of the feed has an arXiv id")
    return _Found(read, len(nodes) - len(read))


def _entry(node: Any) -> _Entry | None:
    def text(name: str) -> str | None:
        return xml_text(node.find(name))

    match = _ID.fullmatch(text(f"{_ATOM}id") or "")
    if match is None:
        return None
    fields = {
        "title": text(f"{_ATOM}title"),
        "authors": names(xml_text(author.find(f"{_ATOM}name")) for author in node.findall(f"{_ATOM}author")),
        "year": year_in(text(f"{_ATOM}published")),
        "venue": "arXiv",
        "doi": bare_doi(text(f"{_ARXIV}doi")),
        "url": f"https://arxiv.org/abs/{match[1]}{match[2] or ''}",
        "licence": "CC0 1.0",
    }
    return _Entry(match[1], text(f"{_ATOM}summary"), fields)
