"""Citations in the form that inspect_ai has for them: citations of a text content, both ways.

In: an `Answer`; or such a content, and evidence. Out: the fields of a `ContentText`, which its class reads; or the
answer. Nothing of inspect_ai is imported. A snippet with an address gives a `url` citation, one of a file a `document`
citation with its place there, any other a `content` citation; `cited_text` is the claim's range in the content's text,
in code points, the end exclusive. Ids of snippets stand under `internal` of the content: what stands under that of a
citation, inspect_ai's Claude provider takes for its own when the message is sent again. Not here: scoring
(judges/inspect_scorer.py).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from pydantic import ValidationError

from citerefine.refiner.answer import Answer
from citerefine.refiner.bridge.cited_text import (
    OWN,
    Cited,
    Places,
    address_of,
    fields_of,
    offset_of,
    place_of,
    read_cited_text,
)
from citerefine.refiner.evidence import Evidence
from citerefine.refiner.records import Claim, Snippet

_CITED = "ids"
_SNIPPETS = "snippets"


def inspect_content(answer: Answer, *, whole: bool = False) -> dict[str, Any]:
    """The fields of one `ContentText`: the plain text with each citation of each claim, in order.

    Args:
        answer: what is shown.
        whole: whether the cited snippets stand in it with their texts, so that it can be read without its evidence.
    """
    cited = [(claim, answer.evidence[id]) for claim in answer.claims for id in claim.citations]
    internal: dict[str, Any] = {_CITED: [snippet.id for _, snippet in cited]}
    if whole:
        once = {snippet.id: snippet for _, snippet in cited}
        internal[_SNIPPETS] = [one.model_dump(mode="json", exclude_defaults=True) for one in once.values()]
    citations = [_citation(claim, snippet) for claim, snippet in cited]
    return {"type": "text", "text": answer.text, "citations": citations, "internal": {OWN: internal}}


def _citation(claim: Claim, snippet: Snippet) -> dict[str, Any]:
    fields: dict[str, Any] = {"cited_text": [claim.start, claim.end], "title": snippet.title}
    if (url := address_of(snippet)) is not None:
        return {"type": "url", **fields, "url": url}
    if snippet.source is None:
        return {"type": "content", **fields}
    return {"type": "document", **fields, "title": snippet.title or snippet.source, "range": _range(snippet)}


def _range(snippet: Snippet) -> dict[str, Any] | None:
    """Where the snippet stands in its document; pages count from 0 there, ends are exclusive."""
    if snippet.start is not None:
        return {"type": "char", "start_index": snippet.start, "end_index": snippet.end}
    if snippet.page is not None:
        return {"type": "page", "start_index": snippet.page - 1, "end_index": snippet.page}
    return None


def read_inspect_content(content: object, evidence: Evidence, *, question: str = "") -> Answer:
    """The answer that the content of a message is.

    A citation means the snippet whose id the content has for it, or else all snippets of its URL, or of the document
    of that title. One that quotes its source instead of saying where in the text it stands covers its whole content:
    providers cut their texts at citations. Contents of other types are passed over.

    Args:
        content: a text, a `ContentText` or its fields, or a list of these, which are read as one text.
        evidence: what may be cited; `inspect_evidence` finds it in a content that is whole.
        question: what was asked.
    """
    places, text, cited = Places(evidence), "", list[Iterable[Cited]]()
    for fields in _texts(content):
        cited.append([*_cited(fields, evidence, places, len(text))])
        text += str(fields["text"])
    return read_cited_text(text, chain.from_iterable(cited), evidence, question=question)


def inspect_evidence(content: object) -> Evidence:
    """The snippets that whole contents hold, each once. They are what whoever made the content says of its sources: as
    good as evidence only where that was your program, and never where it was a model."""
    found = dict[str, Snippet]()
    for fields in _texts(content):
        records = _own(fields).get(_SNIPPETS)
        for record in records if isinstance(records, list) else ():
            try:
                snippet = Snippet.model_validate(record)
            except ValidationError:
                continue
            found.setdefault(snippet.id, snippet)
    return Evidence(found.values())


def has_citations(content: object) -> bool:
    """Whether any text of the content is cited for."""
    return any(_given(fields) for fields in _texts(content))


def openai_parts(content: object) -> list[dict[str, Any]] | None:
    """The contents as text parts of OpenAI, whose annotations may cover markers instead of claims; None where a
    citation is none of a URL and a stretch of the text, or the content says itself which snippets it cites."""
    parts = list[dict[str, Any]]()
    for fields in _texts(content):
        annotations = [_annotation(fields_of(citation) or {}) for citation in _given(fields)]
        if None in annotations or _own(fields):
            return None
        parts.append({"type": "text", "text": fields["text"], "annotations": annotations})
    return parts


def _annotation(citation: Mapping[str, Any]) -> dict[str, Any] | None:
    url, cited = citation.get("url"), citation.get("cited_text")
    if not isinstance(url, str) or not isinstance(cited, list | tuple) or len(cited) != 2:
        return None
    start, end = offset_of(cited[0], 0), offset_of(cited[1], 0)
    return {"type": "url_citation", "url": url, "start_index": start, "end_index": end}


def _texts(content: object) -> Iterator[Mapping[str, Any]]:
    parts = content if isinstance(content, Sequence) and not isinstance(content, str) else [content]
    for part in parts:
        fields = {"text": part} if isinstance(part, str) else fields_of(part)
        if fields is not None and fields.get("type", "text") == "text" and isinstance(fields.get("text"), str):
            yield fields


def _own(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    return fields_of((fields_of(fields.get("internal")) or {}).get(OWN)) or {}


def _given(fields: Mapping[str, Any]) -> Sequence[object]:
    citations = fields.get("citations")
    return citations if isinstance(citations, list | tuple) else ()


def _cited(fields: Mapping[str, Any], evidence: Evidence, places: Places, shift: int) -> Iterator[Cited]:
    """The citations of one content, at offsets of the whole text."""
    given, ids = _given(fields), _own(fields).get(_CITED)
    known = ids if isinstance(ids, list) and len(ids) == len(given) else [None] * len(given)
    for citation, id in zip(given, known, strict=True):
        found = fields_of(citation) or {}
        url, title = found.get("url"), found.get("title")
        start, end = _stretch(found.get("cited_text"), len(fields["text"]))
        means = [id] if isinstance(id, str) and id in evidence else places.ids(url or title, title)
        yield Cited(start + shift, end + shift, means, place_of(id, url, title))


def _stretch(cited: object, length: int) -> tuple[int, int]:
    if isinstance(cited, list | tuple) and len(cited) == 2:
        return min(offset_of(cited[0], 0), length), min(offset_of(cited[1], length), length)
    return 0, length
