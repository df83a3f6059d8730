"""Reads evidence as other programs hold it: records, dicts of their fields, LangChain documents.

In: an `Evidence`, a list, or a dict from id to record. Out: `Snippet`s, in order. A document is known by its
`page_content`; nothing of LangChain is imported. Metadata that no field of a snippet has is left out, and nothing is
guessed: a `page` counts from 0 in some loaders and from 1 in others, so that only a `page_label` becomes a page. Not
here: searching for evidence.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from citerefine.refiner.errors import EvidenceError
from citerefine.refiner.evidence import Evidence
from citerefine.refiner.records import Snippet
from citerefine.refiner.tags.markup import ID_PATTERN

_LINES: Final = ("title", "venue", "doi", "url", "source", "section", "licence")
_ID: Final = re.compile(ID_PATTERN)


def read_evidence(value: object) -> list[Snippet]:
    """The snippets in `value`, in its order; `None` is no evidence.

    Raises:
        EvidenceError: if it is, or holds, something else.
        ValueError: if a record is no snippet (pydantic's ValidationError).
    """
    if value is None:
        return []
    if isinstance(value, Evidence):
        return [*value.snippets]
    if isinstance(value, Mapping):
        return [_named(id, item) for id, item in value.items()]
    if isinstance(value, Iterable) and not isinstance(value, str | bytes):
        return [read_snippet(item) for item in value]
    raise EvidenceError(
        f"evidence is a list of snippets, dicts or documents, or a dict from id to snippet; got {type(value).__name__}"
    )


def _named(id: object, item: object) -> Snippet:
    """A record of a dict from id to record; the key is its id where it has none of its own."""
    if isinstance(item, Mapping) and "id" not in item:
        return Snippet.model_validate({**item, "id": id})
    return read_snippet(item)


def read_snippet(item: object) -> Snippet:
    """The snippet that a record, a dict of its fields, or a LangChain document is. Raises as `read_evidence` does."""
    if isinstance(item, Snippet):
        return item
    if isinstance(item, Mapping):
        return Snippet.model_validate(item)
    text, metadata = getattr(item, "page_content", None), getattr(item, "metadata", None)
    if isinstance(text, str) and isinstance(metadata, Mapping):
        return _of_document(text, metadata)
    raise EvidenceError(
        f"a snippet is a Snippet, a dict of its fields or a LangChain document; got {type(item).__name__}"
    )


def _of_document(text: str, metadata: Mapping[Any, Any]) -> Snippet:
    fields: dict[str, Any] = {name: metadata[name] for name in _LINES if isinstance(metadata.get(name), str)}
    source = fields.get("source", "")
    if "url" not in fields and source.startswith(("http://", "https://")):
        fields["url"] = fields.pop("source")
    for field in ("authors", "also_found"):
        several = metadata.get(field)
        if isinstance(several, list | tuple) and all(isinstance(one, str) for one in several):
            fields[field] = tuple(several)
    for field, key in (("year", "year"), ("page", "page_label")):
        if (number := _whole_number(metadata.get(key))) is not None:
            fields[field] = number
    start = metadata.get("start_index")  # what LangChain's splitters write
    if isinstance(start, int) and start >= 0 and text:
        fields |= {"start": start, "end": start + len(text)}
    if isinstance(retrieved := metadata.get("retrieved_at"), str | datetime):
        fields["retrieved_at"] = retrieved
    if isinstance(id := metadata.get("snippet_id"), str) and _ID.fullmatch(id):
        fields["id"] = id
    return Snippet.model_validate({"text": text, **fields})


def _whole_number(value: object) -> int | None:
    """A positive number, also where it is written as text (`page_label` is)."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value if value > 0 else None
    return int(value) if isinstance(value, str) and re.fullmatch(r"[1-9][0-9]{0,8}", value) else None
