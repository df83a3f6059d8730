"""Reads what a tool of an MCP server gave back.

In: the result of a call, as JSON. Out: `Hits`: structured content where it holds hits, else each block of the content;
`WebFailure` where the tool says that it failed. All of it is a stranger's text: evidence, never instructions. Not here:
calling (mcp_client.py), how hits are named (refiner/importing/hits.py).
"""

import hashlib
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from pydantic import JsonValue

from citerefine.refiner.importing.hits import NOTHING, Found, read_hits, read_text
from citerefine.refiner.records import Snippet
from citerefine.tools.passages import LONGEST
from citerefine.tools.sources.source import Hits, left_out, passages_of
from citerefine.tools.web.failures import WebFailure, clean

_BLOCKS: Final = ("text", "image", "audio", "resource", "resource_link")
_LONGEST_TEXT: Final = 200_000
"""Code points of one text that are read: some hundred passages."""
_MANY: Final = 3
"""Warnings of one result that are passed on."""


def read_result(result: Mapping[str, JsonValue], tool: str, k: int, fetched_at: datetime) -> Hits:
    """The first `k` hits of a result; long texts are cut into passages.

    Raises:
        ValueError: if it is no result of a call.
        WebFailure: if the tool failed, with what it said.
    """
    content = result.get("content", [])
    if not isinstance(content, list):
        raise ValueError(f"its content is {type(content).__name__}, no list")
    blocks = [block for block in content if isinstance(block, dict)]
    if result.get("isError"):
        said = clean(" ".join(str(block.get("text", "")) for block in blocks), ())
        raise WebFailure(f"the tool {tool!r} failed ({said!r})", "server_error")
    structured = result.get("structuredContent")
    found = NOTHING if _repeats_blocks(structured) else read_hits(structured)
    warnings = list[str]()
    if not found.snippets:
        read = [_read_block(block, tool) for block in blocks]
        found = Found([hit for one in read for hit in one.snippets], [why for one in read for why in one.warnings])
        warnings += _not_read(blocks)
    warnings += [f"left out: {why}" for why in found.warnings[:_MANY]]
    hits = found.snippets[:k]
    if any(len(hit.text) > _LONGEST_TEXT for hit in hits):
        warnings.append(f"left out: what is behind the first {_LONGEST_TEXT:,} characters of a text")
    return Hits([passage for hit in hits for passage in _passages(hit, fetched_at)], warnings)


def _repeats_blocks(structured: JsonValue) -> bool:
    """Whether it is the content once more: servers of the mcp package do so with blocks that a tool returns."""
    held = structured.get("result") if isinstance(structured, dict) else None
    return isinstance(held, list) and any(isinstance(item, dict) and item.get("type") in _BLOCKS for item in held)


def _read_block(block: Mapping[str, Any], tool: str) -> Found:
    match block.get("type"):
        case "text" if isinstance(text := block.get("text"), str):
            text = text if text.lstrip()[:1] in "[{" else text[: _LONGEST_TEXT + 1]
            return read_text(text, f"{tool}:{hashlib.sha256(text.encode('utf-8', 'replace')).hexdigest()[:8]}")
        case "resource" if isinstance(resource := block.get("resource"), dict) and "text" in resource:
            return read_hits([{**resource, "text": str(resource["text"])[: _LONGEST_TEXT + 1]}])
        case "resource_link" if block.get("description"):
            return read_hits([{**block, "name": block.get("title") or block.get("name"), "title": block.get("title")}])
    return NOTHING


def _not_read(blocks: list[dict[str, JsonValue]]) -> Iterator[str]:
    """What is said of blocks that hold no text."""
    kinds = [block.get("type") for block in blocks]
    yield from left_out(kinds.count("image") + kinds.count("audio"), "a picture or sound")
    links = [block for block in blocks if block.get("type") == "resource_link" and not block.get("description")]
    yield from left_out(len(links), "a link without a description")
    bare = [block for block in blocks if block.get("type") == "resource" and "text" not in _resource(block)]
    yield from left_out(len(bare), "a resource that is no text")


def _resource(block: Mapping[str, JsonValue]) -> Mapping[str, JsonValue]:
    resource = block.get("resource")
    return resource if isinstance(resource, dict) else {}


def _passages(hit: Snippet, fetched_at: datetime) -> list[Snippet]:
    if len(hit.text) <= LONGEST:
        return [hit.model_copy(update={"retrieved_at": fetched_at})]
    fields = hit.model_dump(exclude={"text", "id", "start", "end", "retrieved_at"})
    return passages_of(hit.text[:_LONGEST_TEXT], **fields, retrieved_at=fetched_at)
