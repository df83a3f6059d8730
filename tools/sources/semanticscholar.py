"""Semantic Scholar: passages from the text and the abstracts of papers of all fields. A key is free, and faster.

In: a query. Out: passages that fit it, with section and offsets; a second request tells year, venue and DOI of their
papers, by which other sources know them too. With the argument `papers`, abstracts of the papers that fit it. A title
alone is no evidence. Documented at https://api.semanticscholar.org/api-docs/graph. Not here: the text of a whole paper.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, ClassVar, Final

from pydantic import Field, JsonValue

from citerefine.refiner.chat.strict_json import parse_json
from citerefine.refiner.records import Snippet
from citerefine.tools.filters import Filters
from citerefine.tools.sources.source import Asking, Hits, Source, left_out, passages_of, strange
from citerefine.tools.sources.wire import Read, Wire, bare_doi, child, entries, filled, json_object, names, tidy
from citerefine.tools.web.failures import WebFailure
from citerefine.tools.web.pacing import Pace
from citerefine.tools.web.reply import WebReply
from citerefine.tools.web.request import NOBODY, Auth

_SNIPPET_FIELDS: Final = "snippet.text,snippet.snippetKind,snippet.section,snippet.snippetOffset"
_RECORD_FIELDS: Final = "corpusId,year,venue,externalIds"
_PAPER_FIELDS: Final = "corpusId,title,abstract,year,venue,authors,externalIds,openAccessPdf"
_MOST_AUTHORS: Final = 10
_FIELDS_OF_STUDY: Final = (
    "Agricultural and Food Sciences", "Art", "Biology", "Business", "Chemistry", "Computer Science", "Economics",
    "Education", "Engineering", "Environmental Science", "Geography", "Geology", "History", "Law", "Linguistics",
    "Materials Science", "Mathematics", "Medicine", "Philosophy", "Physics", "Political Science", "Psychology",
    "Sociology",
)  # fmt: skip
"""All that the service has."""


class _Passage(Wire):
    text: str = Field(pattern=r"\S")
    kind: str | None = Field(None, alias="snippetKind")
    section: str | None = None
    offset: Any = Field(None, alias="snippetOffset")

    @property
    def place(self) -> dict[str, int]:
        """Where it stands in its paper, if what the service says of that can be true."""
        start, end = child(self.offset, "start"), child(self.offset, "end")
        if type(start) is not int or type(end) is not int or start < 0 or end - start != len(self.text):
            return {}
        return {"start": start, "end": end}


class _Origin(Wire):
    corpus_id: str = Field(alias="corpusId")
    title: str | None = None
    authors: Any = None
    access: Any = Field(None, alias="openAccessInfo")


class _Hit(Wire):
    snippet: _Passage
    paper: _Origin


class _Paper(Wire):
    paper_id: str = Field(alias="paperId")
    corpus_id: str | None = Field(None, alias="corpusId")
    title: str | None = None
    abstract: str | None = None
    year: int | None = None
    venue: str | None = None
    authors: Any = None
    ids: Any = Field(None, alias="externalIds")
    pdf: Any = Field(None, alias="openAccessPdf")

    @property
    def record(self) -> dict[str, Any]:
        """What tells the work from others."""
        page = _page_of(self.corpus_id) if self.corpus_id else f"https://www.semanticscholar.org/paper/{self.paper_id}"
        return {"year": self.year, "venue": self.venue or None, "doi": self._doi, "url": self._other_page or page}

    @property
    def _doi(self) -> str | None:
        arxiv = _text(child(self.ids, "ArXiv"))
        return bare_doi(_text(child(self.ids, "DOI"))) or (f"10.48550/arxiv.{arxiv.lower()}" if arxiv else None)

    @property
    def _other_page(self) -> str | None:
        """Of a work without a DOI that is in PubMed or in PubMed Central: by it others know the work."""
        pubmed, central = (str(child(self.ids, name) or "") for name in ("PubMed", "PubMedCentral"))
        if self._doi:
            return None
        if pubmed.isdecimal():
            return f"https://pubmed.ncbi.nlm.nih.gov/{pubmed}/"
        number = central.upper().removeprefix("PMC")
        return f"https://europepmc.org/article/PMC/PMC{number}" if number.isdecimal() else None


class SemanticScholar(Source):
    """Searches Semantic Scholar."""

    source_name = "semanticscholar"
    title = "Semantic Scholar"
    address = "https://api.semanticscholar.org/graph/v1"
    version = 2
    key_variable = "S2_API_KEY"
    honours = frozenset({"since", "until", "authors", "venue", "fields_of_study", "min_citations", "open_access"})
    arguments: ClassVar = {"papers": "searches for papers, and gives their abstracts"}

    @property
    def pace(self) -> Pace:
        """One request a second with a key; without one, 100 in five minutes."""
        return Pace(per_second=1 if self.key else 100 / 300, at_once=1)

    def auth(self) -> Auth:
        """The key, if there is one."""
        return Auth(headers=(("x-api-key", self.settings.key),)) if self.settings.key else NOBODY

    async def find(self, query: str, k: int, filters: Filters, ask: Asking) -> Hits:
        """Passages, or abstracts where `papers` was asked for. Raises WebFailure."""
        narrowing, warnings = _narrowing(filters, self.argument)
        limit = min(k, self.most)
        if self.argument == "papers":
            unhyphenated = " ".join(query.replace("-", " ").split())  # the service finds nothing for other words
            asked = {"query": unhyphenated, "limit": limit, "fields": _PAPER_FIELDS, **narrowing}
            hits = _abstracts(await ask(self.request("paper/search", params=filled(asked)), _read_papers), ask)
        else:
            hits = await self._passages({"query": query, "limit": limit, "fields": _SNIPPET_FIELDS, **narrowing}, ask)
        return Hits(hits.snippets, [*warnings, *hits.warnings])

    async def _passages(self, asked: Mapping[str, str | int | None], ask: Asking) -> Hits:
        found = await ask(self.request("snippet/search", params=filled(asked)), _read_hits)
        fetched_at = ask.fetched_at
        told = [hit for hit in found.entries if hit.snippet.kind != "title"]
        papers, unknown = await self._papers([hit.paper.corpus_id for hit in told], ask)
        snippets = [_passage(hit, papers.get(hit.paper.corpus_id), fetched_at) for hit in told]
        untold = left_out(len(found.entries) - len(told), "a title alone is no evidence")
        return Hits(snippets, [*strange(found.n_strange), *untold, *unknown])

    async def _papers(self, corpus_ids: list[str], ask: Asking) -> tuple[dict[str, _Paper], list[str]]:
        """What passages do not say of their papers, by corpus id, and why if it is not known."""
        if not corpus_ids:
            return {}, []
        body: dict[str, JsonValue] = {"ids": [f"CorpusId:{number}" for number in dict.fromkeys(corpus_ids)]}
        request = self.request("paper/batch", method="POST", params=(("fields", _RECORD_FIELDS),), body=body)
        try:
            return await ask(request, _read_records), []
        except WebFailure as failure:
            return {}, [f"year, venue and DOI of its hits are not known: {failure}"]


def _passage(hit: _Hit, paper: _Paper | None, fetched_at: datetime | None) -> Snippet:
    known = {
        "title": hit.paper.title,
        "authors": _names(hit.paper.authors),
        "url": _page_of(hit.paper.corpus_id),
        "source": f"semanticscholar:{hit.paper.corpus_id}",
        "section": hit.snippet.section or ("Abstract" if hit.snippet.kind == "abstract" else None),
        "licence": _text(child(hit.paper.access, "license")),
        "retrieved_at": fetched_at,
    }
    record = paper.record if paper else {}
    return Snippet.model_validate({"text": hit.snippet.text, **known, **record, **hit.snippet.place})


def _abstracts(found: Read, ask: Asking) -> Hits:
    told = [paper for paper in found.entries if tidy(paper.abstract)]
    snippets = [
        snippet
        for paper in told
        for snippet in passages_of(
            tidy(paper.abstract) or "",
            title=paper.title,
            authors=_names(paper.authors),
            source=f"semanticscholar:{paper.corpus_id or paper.paper_id}",
            section="Abstract",
            licence=_text(child(paper.pdf, "license")),
            retrieved_at=ask.fetched_at,
            **paper.record,
        )
    ]
    untold = left_out(len(found.entries) - len(told), "no abstract")
    return Hits(snippets, [*strange(found.n_strange), *untold])


def _narrowing(filters: Filters, argument: str | None) -> tuple[dict[str, str | int | None], list[str]]:
    """Parameters for the filters, and what of the filters is not done."""
    params: dict[str, str | int | None] = {"minCitationCount": filters.min_citations}
    warnings = list[str]()
    if filters.since or filters.until:
        params["publicationDateOrYear"] = f"{filters.since or ''}:{filters.until or ''}"
    if filters.venue and "," in filters.venue:
        warnings.append(f"it takes the comma in {filters.venue!r} for the end of a venue: not filtered by venue")
    else:
        params["venue"] = filters.venue
    params["fieldsOfStudy"], unknown = _fields_of_study(filters.fields_of_study)
    own, foreign = _own_narrowing(filters, argument)
    return {**params, **own}, [*warnings, *unknown, *foreign]


def _fields_of_study(asked: Iterable[str]) -> tuple[str | None, list[str]]:
    """Those that the service has, and what of the others is not done."""
    known = {field.lower(): field for field in _FIELDS_OF_STUDY}
    by_name = {field: known.get(field.strip().lower()) for field in asked}
    unknown = [field for field, name in by_name.items() if name is None]
    has = ", ".join(_FIELDS_OF_STUDY)
    why = [f"it has no field of study {field!r}: not done; it has: {has}" for field in unknown]
    return ",".join(filter(None, by_name.values())) or None, why


def _own_narrowing(filters: Filters, argument: str | None) -> tuple[dict[str, str | None], list[str]]:
    """Of the filters that only one of both searches has."""
    if argument == "papers":
        why = ["it cannot filter papers by authors: not done"] if filters.authors else []
        return {"openAccessPdf": "" if filters.open_access else None}, why
    why = ["it cannot filter passages by open_access: not done"] if filters.open_access else []
    if len(filters.authors) > _MOST_AUTHORS:
        why.append(
            f"it filters by {_MOST_AUTHORS} authors at most: not by those behind {filters.authors[_MOST_AUTHORS - 1]!r}"
        )
    authors = [" ".join(name.replace(",", " ").split()) for name in filters.authors[:_MOST_AUTHORS]]
    return {"authors": ",".join(authors) or None}, why


def _read_hits(reply: WebReply) -> Read:
    return entries(child(json_object(reply), "data"), _Hit, "data")


def _read_papers(reply: WebReply) -> Read:
    value = json_object(reply)
    return entries(value.get("data", [] if value.get("total") == 0 else None), _Paper, "data")


def _read_records(reply: WebReply) -> dict[str, _Paper]:
    """Papers by their corpus id; there is `null` for those that the service does not know."""
    value: JsonValue = parse_json(reply.body)
    known: JsonValue = [one for one in value if one is not None] if isinstance(value, list) else value
    return {paper.corpus_id: paper for paper in entries(known, _Paper, "the list of papers").entries if paper.corpus_id}


def _page_of(corpus_id: str) -> str:
    return f"https://api.semanticscholar.org/CorpusID:{corpus_id}"


def _names(people: Any) -> tuple[str, ...]:
    """Of authors that are given as names or as records."""
    listed = people if isinstance(people, list) else []
    return names(_text(person) or _text(child(person, "name")) for person in listed)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value.strip() else None
