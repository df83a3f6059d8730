"""Citations in the form that OpenAI has for them: `url_citation` annotations of a message, both ways.

In: an `Answer`; or a text with annotations, and evidence. Out: one annotation for each citation that has an address;
or the answer. Offsets count code points of the message's text, the end exclusive. A snippet without URL and DOI has no
place in this form, and of several passages of one page it cannot tell one; the answer's own JSON can. Not here:
messages (app/serving/), annotations that others wrote, which may cover markers instead of claims
(judges/imports/url_citation.py).
"""

from collections.abc import Iterable, Iterator
from typing import Any

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


def url_citations(answer: Answer) -> list[dict[str, Any]]:
    """The annotations, in the order of the claims."""
    return [
        {
            "type": "url_citation",
            "url_citation": {
                "start_index": claim.start,
                "end_index": claim.end,
                "url": url,
                "title": answer.evidence[id].title or url,
            },
        }
        for claim in answer.claims
        for id in claim.citations
        if (url := address_of(answer.evidence[id])) is not None
    ]


def read_url_citations(
    text: str, annotations: Iterable[object], evidence: Evidence, *, question: str = ""
) -> Answer:
    """The answer that a message is. A citation of a page means all snippets that the evidence has of it under that
    title.

    Args:
        text: of the message, plain.
        annotations: of Chat Completions or of Responses, as JSON or as the client library gives them; other types than
            `url_citation` are passed over.
        evidence: what may be cited.
        question: what was asked.
    """
    return read_cited_text(text, _cited(annotations, Places(evidence), len(text)), evidence, question=question)


def _cited(annotations: Iterable[object], places: Places, length: int) -> Iterator[Cited]:
    for annotation in annotations:
        fields = fields_of(annotation)
        if fields is None or fields.get("type") != "url_citation":
            continue
        inner = fields_of(fields.get("url_citation")) or fields
        start, end = offset_of(inner.get("start_index"), 0), offset_of(inner.get("end_index"), length)
        url, title = inner.get("url"), inner.get("title")
        yield Cited(start, end, places.ids(url, title), place_of(url, title))
