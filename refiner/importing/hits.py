"""Reads what search tools of others give back: JSON with hits, `<snippet>` blocks, or plain text, into snippets.

In: a JSON value, or a text, that a tool gave. Out: `Found`: snippets, and what could not be taken. Hits are known by
the names that search services use for text, title and address; a record of ours is read as it is, with its id. Ids of
others are not kept: many number their hits anew in each reply. Whoever calls this answers for it that a tool gave the
text: nothing here can tell a tool's text from a model's. Not here: messages (conversation.py).
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from pydantic import ValidationError

from citerefine.refiner.agent.documents import read_snippet
from citerefine.refiner.chat.strict_json import parse_json
from citerefine.refiner.evidence import read_tool_output
from citerefine.refiner.records import Snippet
from citerefine.refiner.tags.markup import scrub

NOTHING_FOUND: Final = "Nothing was found."
"""What our own search tool says in place of hits."""
_LISTS: Final = ("results", "items", "data", "documents", "hits", "organic", "snippets", "result")
"""Names that hits stand under."""
_DEEPEST: Final = 4
"""Objects within each other that are looked into."""
_TEXT: Final = ("text", "content", "snippet", "abstract", "summary", "description", "passage", "page_content")
_TITLE: Final = ("title", "name")
_ADDRESS: Final = ("url", "link", "href", "uri")
_SOURCE: Final = ("source", "filename", "file_name")
_DATE: Final = ("year", "date", "published", "published_date", "publishedDate", "publication_date")
_VENUE: Final = ("venue", "journal")
_AUTHORS: Final = ("authors", "author")
_DOI = re.compile(r"10\.\d{4,9}/\S{1,300}")
_YEAR = re.compile(r"(?<!\d)(1[5-9]\d\d|20\d\d)(?!\d)")
_BLOCKS = re.compile(r"\s*(?:<tool_output>\s*)?<(?:snippet|webpage)[\s>]")


class Found(NamedTuple):
    """What a tool found."""

    snippets: Sequence[Snippet]
    """In its order."""
    warnings: Sequence[str]
    """What could not be taken as evidence, and why."""


NOTHING: Final = Found((), ())


def read_text(text: str, source: str | None = None) -> Found:
    """What the text of a tool's result holds.

    A text that begins with a `<snippet id=…>` or `<webpage id=…>` block is read as blocks, and what is in none of them
    is skipped; one that is a JSON list or object is read as hits; any other text is one snippet, whatever it holds.

    Args:
        text: as the tool gave it.
        source: what a snippet is said to come from that says nothing of its origin itself, such as the call.
    """
    text = scrub(text)
    if not text.strip() or text.startswith(NOTHING_FOUND):
        return NOTHING
    if _BLOCKS.match(text):
        blocks = read_tool_output(text)
        return Found(blocks, [] if blocks else ["blocks without text or without an end"])
    if text.lstrip()[0] in "[{":
        try:
            return read_hits(parse_json(text.encode()), source)
        except (ValueError, RecursionError):
            pass  # a text that begins with a bracket
    return Found([Snippet(text=text, source=source)], [])


def read_hits(value: object, source: str | None = None) -> Found:
    """What a JSON value holds: hits in a list, also under a name that services use, or one hit; `source` as in
    `read_text`."""
    snippets, n_strange = list[Snippet](), 0
    for hit in _hits(value, _DEEPEST):
        snippet = _read_hit(hit, source)
        if snippet is None:
            n_strange += 1
        else:
            snippets.append(snippet)
    return Found(snippets, [f"{n_strange} {'hit' if n_strange == 1 else 'hits'} without text"] if n_strange else [])


def _hits(value: object, depth: int) -> Iterator[object]:
    """What may be hits, in order. A reply with a list of hits may have a text of its own, which is none of them."""
    if isinstance(value, list):
        for item in value:
            yield from [item] if _is_hit(item) else _hits(item, depth)
    elif isinstance(value, Mapping) and depth and (inner := _lists_in(value)):
        for held in inner:
            yield from _hits(held, depth - 1)
    elif value is not None:
        yield value


def _is_hit(item: object) -> bool:
    return isinstance(item, str) or (isinstance(item, Mapping) and _text_of(item) is not None)


def _lists_in(value: Mapping[Any, Any]) -> list[object]:
    return [value[name] for name in _LISTS if isinstance(value.get(name), list | dict)]


def _read_hit(hit: object, source: str | None) -> Snippet | None:
    if isinstance(hit, str):
        return Snippet(text=hit, source=source) if hit.strip() else None
    if not isinstance(hit, Mapping) or (text := _text_of(hit)) is None:
        return None
    if "text" in hit:
        try:
            return read_snippet(hit)  # a record of ours
        except ValidationError:
            pass
    return Snippet.model_validate({"text": text, **_fields(_with_metadata(hit), source)})


def _text_of(hit: Mapping[Any, Any]) -> str | None:
    return _first_text(hit, _TEXT)


def _with_metadata(hit: Mapping[Any, Any]) -> Mapping[Any, Any]:
    """The hit, with what documents of vector stores say under `metadata`."""
    metadata = hit.get("metadata")
    return {**metadata, **hit} if isinstance(metadata, Mapping) else hit


def _fields(hit: Mapping[Any, Any], source: str | None) -> dict[str, object]:
    """What a hit says of its origin, as far as it can be read; nothing is guessed."""
    title, address = _first_text(hit, _TITLE), _first_text(hit, _ADDRESS)
    is_web = address is not None and address.startswith(("http://", "https://"))
    doi = _DOI.search(_first_text(hit, ("doi",)) or "")
    return {
        "title": title,
        "url": address if is_web else None,
        "source": _first_text(hit, _SOURCE) or (None if is_web else address) or (None if title or is_web else source),
        "doi": doi[0].rstrip(".,;").lower() if doi else None,
        "year": next((year for name in _DATE if (year := _year(hit.get(name))) is not None), None),
        "venue": _first_text(hit, _VENUE),
        "authors": next((names for name in _AUTHORS if (names := (*_names(hit.get(name)),))), ()),
    }


def _first_text(hit: Mapping[Any, Any], names: Iterable[str]) -> str | None:
    return next((value for name in names if isinstance(value := hit.get(name), str) and value.strip()), None)


def _year(value: object) -> int | None:
    match = _YEAR.search(str(value)) if isinstance(value, str | int) else None
    return int(match[0]) if match else None


def _names(value: object) -> Iterator[str]:
    """Names of people: in a text, a list of texts, or a list of objects with a name."""
    for person in value if isinstance(value, list) else [value]:
        name = person.get("name") if isinstance(person, Mapping) else person
        if isinstance(name, str) and name.strip():
            yield " ".join(scrub(name).split())
