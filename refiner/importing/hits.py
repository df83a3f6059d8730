"""Reads what search tools of others give back: JSON with hits, `<snippet>` blocks, or plain text, into snippets.

In: a JSON value, or a text, that a tool gave. Out: `Found`: snippets, and what could not be taken. Hits are known by
the names that search services use for text, title and address; a record of ours is read as it is, with its id. Ids of
others are not kept: many number their hits anew in each reply. A message that a call failed is no hit, and no more is
what a service's model wrote: an answer, a TLDR. Whoever calls this answers for it that a tool gave the
text: nothing here can tell a tool's text from a model's. Not here: messages (conversation.py).
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from pydantic import ValidationError

from citerefine.refiner.agent.documents import read_snippet
from citerefine.refiner.chat.strict_json import parse_json
from citerefine.refiner.evidence import read_tool_output
from citerefine.refiner.importing.failed_calls import failure_in_text, message_of
from citerefine.refiner.records import Snippet
from citerefine.refiner.tags.markup import scrub

NOTHING_FOUND: Final = "Nothing was found."
"""What our own search tool says in place of hits."""
_LISTS: Final = ("results", "items", "data", "documents", "hits", "organic", "web", "snippets", "result")
"""Names that hits stand under."""
_DEEPEST: Final = 4
"""Objects within each other that are looked into."""
_TEXT: Final = ("text", "content", "snippet", "abstract", "passage", "page_content")
_SHORT_TEXT: Final = ("summary", "description")
"""Read where there is no other text: with some services a model's."""
_PASSAGES: Final = "highlights"
"""Texts of a hit that has none of its own."""
_MORE_PASSAGES: Final = "extra_snippets"
_PARTS: Final = ("metadata", "paper", "snippet")
"""Objects that hold the fields of a hit."""
_TITLE: Final = ("title", "name")
_ADDRESS: Final = ("url", "link", "href", "uri")
_SOURCE: Final = ("source", "filename", "file_name")
_DATE: Final = ("year", "date", "published", "published_date", "publishedDate", "publication_date", "page_age")
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
    if (said := failure_in_text(text)) is not None:
        return Found([], [_in_place(said)])
    return Found([Snippet(text=text, source=source)], [])


def read_hits(value: object, source: str | None = None) -> Found:
    """What a JSON value holds: hits in a list, also under a name that services use, or one hit; `source` as in
    `read_text`."""
    snippets, warnings, n_strange = list[Snippet](), list[str](), 0
    for hit in _hits(value, _DEEPEST):
        if (said := _failure_in(hit)) is not None:
            warnings.append(_in_place(said))
        elif read := _read_hit(hit, source):
            snippets += read
        else:
            n_strange += 1
    if not snippets and not warnings and isinstance(value, Mapping) and (said := message_of(value)) is not None:
        warnings.append(_in_place(said))
    without = [f"{n_strange} {'hit' if n_strange == 1 else 'hits'} without text"] if n_strange else []
    return Found(snippets, [*warnings, *without])


def hits_without_text(value: object) -> list[Mapping[Any, Any]]:
    """The hits in a JSON value that have an id, and no text: who gave them may give their texts by it."""
    found = [_flat(hit) for hit in _hits(value, _DEEPEST) if isinstance(hit, Mapping)]
    return [hit for hit in found if not _texts_of(hit) and _first_text(hit, ("id",)) is not None]


def _in_place(said: str) -> str:
    return f"a message in place of a result: {said!r}"


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
    return isinstance(item, str) or (isinstance(item, Mapping) and bool(_texts_of(_flat(item))))


def _lists_in(value: Mapping[Any, Any]) -> list[object]:
    return [value[name] for name in _LISTS if isinstance(value.get(name), list | dict)]


def _failure_in(hit: object) -> str | None:
    """The message that stands in the place of a hit; a hit that has a title or an address is one."""
    if isinstance(hit, str):
        return failure_in_text(hit)
    if not isinstance(hit, Mapping) or _first_text(hit, (*_TITLE, *_ADDRESS)) is not None:
        return None
    texts = _texts_of(_flat(hit))
    return failure_in_text(texts[0]) if len(texts) == 1 else None if texts else message_of(hit)


def _read_hit(hit: object, source: str | None) -> list[Snippet]:
    """The snippets of a hit, one for each of its passages; none if it has no text."""
    if isinstance(hit, str):
        return [Snippet(text=hit, source=source)] if hit.strip() else []
    if not isinstance(hit, Mapping):
        return []
    if isinstance(hit.get("text"), str) and hit["text"].strip():
        try:
            return [read_snippet(hit)]  # a record of ours
        except ValidationError:
            pass
    flat = _flat(hit)
    fields = _fields(flat, source)
    return [Snippet.model_validate({"text": text, **fields}) for text in dict.fromkeys(_texts_of(flat))]


def _flat(hit: Mapping[Any, Any]) -> Mapping[Any, Any]:
    """The hit, with what its parts say where it says nothing itself."""
    parts = [part for name in _PARTS if isinstance(part := hit.get(name), Mapping)]
    return {name: value for part in (*parts, hit) for name, value in part.items()} if parts else hit


def _texts_of(hit: Mapping[Any, Any]) -> list[str]:
    own = _first_text(hit, _TEXT)
    shown = [own] if own else _texts(hit.get(_PASSAGES))
    if not shown and (short := _first_text(hit, _SHORT_TEXT)) is not None:
        shown = [short]
    return [*shown, *_texts(hit.get(_MORE_PASSAGES))]


def _texts(value: object) -> list[str]:
    return [text for text in value if isinstance(text, str) and text.strip()] if isinstance(value, list) else []


def _fields(hit: Mapping[Any, Any], source: str | None) -> dict[str, object]:
    """What a hit says of its origin, as far as it can be read; nothing is guessed."""
    title, address = _first_text(hit, _TITLE), _first_text(hit, _ADDRESS)
    is_web = address is not None and address.startswith(("http://", "https://"))
    ids = hit.get("externalIds")
    doi = _first_text(hit, ("doi",)) or (_first_text(ids, ("DOI",)) if isinstance(ids, Mapping) else None)
    bare_doi = _DOI.search(doi or "")
    return {
        "title": title,
        "url": address if is_web else None,
        "source": _first_text(hit, _SOURCE) or (None if is_web else address) or (None if title or is_web else source),
        "doi": bare_doi[0].rstrip(".,;").lower() if bare_doi else None,
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
