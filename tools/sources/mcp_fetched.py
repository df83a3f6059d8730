"""Reads hits of an MCP server that are names only, and the texts that its other tool gives for them.

In: the result of a search, results of fetching. Out: which hits may be fetched; the passages of their texts, most
relevant first. The form is that of OpenAI's connectors: `search` gives ids, titles and addresses, `fetch` takes an id
and gives a text. Not here: asking (mcp_client.py).
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from pydantic import JsonValue

from citerefine.refiner.chat.strict_json import parse_json
from citerefine.refiner.importing.hits import hits_without_text
from citerefine.refiner.records import Snippet
from citerefine.tools.document_snippets import most_relevant
from citerefine.tools.sources.mcp_hits import read_result
from citerefine.tools.sources.source import Hits

FETCH: Final = "fetch"
"""The name of the tool that gives a text."""
MOST_FETCHED: Final = 5
"""Texts that are fetched for one search, at once."""
_MOST_PARTS: Final = 20
"""Blocks of one text that are read."""
_LONGEST_ID: Final = 1_000


class NamedHit(NamedTuple):
    """A hit whose text has to be fetched."""

    id: str
    title: str | None
    url: str | None


def named_hits(result: Mapping[str, JsonValue]) -> list[NamedHit]:
    """The hits of a result that have an id and no text, in order, each id once."""
    found = hits_without_text(result.get("structuredContent")) or [
        hit for value in _values(result.get("content")) for hit in hits_without_text(value)
    ]
    return [*{hit["id"]: _named(hit) for hit in found if len(hit["id"]) <= _LONGEST_ID}.values()]


def _values(content: JsonValue) -> Iterable[JsonValue]:
    """What the text blocks of a result hold as JSON."""
    for block in content if isinstance(content, list) else ():
        text = block.get("text") if isinstance(block, dict) else None
        if isinstance(text, str):
            try:
                yield parse_json(text.encode("utf-8", "replace"))
            except ValueError:
                continue


def _named(hit: Mapping[str, Any]) -> NamedHit:
    title, url = hit.get("title"), hit.get("url")
    is_web = isinstance(url, str) and url.startswith(("http://", "https://"))
    return NamedHit(hit["id"], title if isinstance(title, str) else None, url if is_web else None)


def read_fetched(result: Mapping[str, JsonValue], hit: NamedHit, fetched_at: datetime) -> Hits:
    """The passages of a text, with what the search said of its origin where the text does not.

    Raises as `read_result` does.
    """
    snippets, warnings, _ = read_result(result, FETCH, _MOST_PARTS, fetched_at)
    return Hits([_with_origin(snippet, hit) for snippet in snippets], warnings)


def _with_origin(snippet: Snippet, hit: NamedHit) -> Snippet:
    fields = snippet.model_dump(exclude={"id"})
    known = {"title": fields["title"] or hit.title, "url": fields["url"] or hit.url}
    return Snippet.model_validate({**fields, **known})


def best_passages(texts: Sequence[Hits], query: str, k: int) -> Hits:
    """The passages of all texts that say most about a query, and what was said of the texts."""
    passages = {passage.id: passage for text in texts for passage in text.snippets}
    warnings = [*dict.fromkeys(warning for text in texts for warning in text.warnings)]
    return Hits(most_relevant([*passages.values()], query, k), warnings)
