"""Says what an answer cites in the form that LangChain has for it: citation annotations of a text block.

In: an `Answer`. Out: one text content block, plain text with one annotation for each citation. Offsets count code
points of the block's text. Not here: messages (middleware.py), other standards.
"""

from typing import Any
from urllib.parse import quote

from langchain_core.messages.content import Citation, TextContentBlock

from citerefine.refiner.answer import Answer
from citerefine.refiner.records import Claim, Snippet
from citerefine.refiner.report.quotes import find_quotes

_EXTRAS = ("doi", "source", "section", "page", "start", "end", "authors", "year", "venue", "licence")


def text_block(answer: Answer) -> TextContentBlock:
    """The answer's plain text, annotated with each citation of each claim, in order."""
    found = [
        _citation(claim, answer.evidence[id], f"claim-{number}-{id}")
        for number, claim in enumerate(answer.claims, 1)
        for id in claim.citations
    ]
    return {"type": "text", "text": answer.text, "annotations": [*found]}


def _citation(claim: Claim, snippet: Snippet, id: str) -> Citation:
    """`cited_text` is where the snippet says it; left out where no sentence of it shares a word with the claim."""
    citation: Citation = {"type": "citation", "id": id, "start_index": claim.start, "end_index": claim.end}
    if url := snippet.url or (snippet.doi and f"https://doi.org/{quote(snippet.doi, safe='/')}"):
        citation["url"] = url
    if snippet.title:
        citation["title"] = snippet.title
    if quotes := find_quotes(claim.text, snippet.text):
        citation["cited_text"] = " … ".join(snippet.text[start:end] for start, end, _ in quotes)
    known: dict[str, Any] = snippet.model_dump(mode="json", exclude_defaults=True, include=set(_EXTRAS))
    citation["extras"] = {"snippet_id": snippet.id, **known}
    return citation
