"""Citations in the form that LangChain has for them: annotations of a text content block, both ways.

In: an `Answer`; or such a block, and evidence. Out: one text block, plain text with one annotation for each citation;
or the answer. Offsets count code points of the block's text, the end exclusive. Ids of snippets stand in `extras`, so
that nothing is lost. Not here: messages (middleware.py), other standards.
"""

from collections.abc import Iterator, Mapping
from typing import Any, cast

from langchain_core.messages.content import Citation, TextContentBlock
from pydantic import ValidationError

from citerefine.refiner.answer import Answer
from citerefine.refiner.bridge.cited_text import (
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
from citerefine.refiner.report.quotes import find_quotes

_EXTRAS = ("doi", "source", "section", "page", "start", "end", "authors", "year", "venue", "licence")


def text_block(answer: Answer, *, whole: bool = False) -> TextContentBlock:
    """The answer's plain text, annotated with each citation of each claim, in order.

    Args:
        answer: what is shown.
        whole: whether `extras` hold the cited snippets with their texts, so that the block can be read without its
            evidence. Such blocks are long, and what is sent to a model with them is paid for.
    """
    found = [
        _citation(claim, answer.evidence[id], f"claim-{number}-{id}", whole)
        for number, claim in enumerate(answer.claims, 1)
        for id in claim.citations
    ]
    return {"type": "text", "text": answer.text, "annotations": [*found]}


def _citation(claim: Claim, snippet: Snippet, id: str, whole: bool) -> Citation:
    """`cited_text` is where the snippet says it; left out where no sentence of it shares a word with the claim."""
    citation: Citation = {"type": "citation", "id": id, "start_index": claim.start, "end_index": claim.end}
    if url := address_of(snippet):
        citation["url"] = url
    if snippet.title:
        citation["title"] = snippet.title
    if quotes := find_quotes(claim.text, snippet.text):
        citation["cited_text"] = " … ".join(snippet.text[start:end] for start, end, _ in quotes)
    known: dict[str, Any] = snippet.model_dump(mode="json", exclude_defaults=True, include=set(_EXTRAS))
    record = {"snippet": snippet.model_dump(mode="json", exclude_defaults=True)} if whole else {}
    citation["extras"] = {"snippet_id": snippet.id, **known, **record}
    return citation


def read_text_block(block: Mapping[str, Any] | TextContentBlock, evidence: Evidence, *, question: str = "") -> Answer:
    """The answer that a block is.

    A citation means the snippet whose id is in its extras, or else all snippets of its URL; one without offsets covers
    the whole text. Annotations of other types are passed over.

    Args:
        block: a text content block, of ours or of a provider that LangChain translates.
        evidence: what may be cited; `block_evidence` finds it in a block that is whole.
        question: what was asked.
    """
    text = block.get("text")
    plain = text if isinstance(text, str) else ""
    places = Places(evidence)
    cited = (_cited(citation, evidence, places, len(plain)) for citation in _citations(block))
    return read_cited_text(plain, cited, evidence, question=question)


def block_evidence(block: Mapping[str, Any] | TextContentBlock) -> Evidence:
    """The snippets that the extras of a whole block hold, each once. They are what whoever made the block says of its
    sources: as good as evidence only where that was your program, and never where it was a model."""
    found = dict[str, Snippet]()
    for citation in _citations(block):
        try:
            snippet = Snippet.model_validate(_extras(citation).get("snippet"))
        except ValidationError:
            continue
        found.setdefault(snippet.id, snippet)
    return Evidence(found.values())


def _citations(block: Mapping[str, Any] | TextContentBlock) -> Iterator[Mapping[str, Any]]:
    annotations = cast(Mapping[str, Any], block).get("annotations")
    for annotation in annotations if isinstance(annotations, list) else ():
        fields = fields_of(annotation)
        if fields is not None and fields.get("type") == "citation":
            yield fields


def _cited(citation: Mapping[str, Any], evidence: Evidence, places: Places, length: int) -> Cited:
    id, url, title = _extras(citation).get("snippet_id"), citation.get("url"), citation.get("title")
    ids = [id] if isinstance(id, str) and id in evidence else places.ids(url, title)
    start, end = offset_of(citation.get("start_index"), 0), offset_of(citation.get("end_index"), length)
    return Cited(start, end, ids, place_of(id, url, title))


def _extras(citation: Mapping[str, Any]) -> Mapping[str, Any]:
    return fields_of(citation.get("extras")) or {}
