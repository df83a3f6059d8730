"""From the body of a page to its text, in blocks that know their section or page.

In: a body with its content type; bounds. Out: `PageText`, whose offsets are those of the text as extracted, or
`UnreadableFile`. Takes processor time: to be called in a thread. Nothing that a page refers to is fetched. What a page
says of its own address and DOI is not believed, or it could pass itself off as another. Not here: asking for it
(fetcher.py), passages (page.py).
"""

import codecs
import re
import time
from collections.abc import Iterable, Iterator
from io import BytesIO
from typing import Final, NamedTuple

from citerefine.tools.fetching.article import article_blocks
from citerefine.tools.fetching.limits import PageLimits
from citerefine.tools.readers import reader_for
from citerefine.tools.readers.document import Block, Document, Problem, UnreadableFile
from citerefine.tools.readers.file_kind import WIDE_MARKS
from citerefine.tools.readers.web_page import decode_page, web_codec

_HTML: Final = "text/html"
_SUFFIXES: Final = {
    _HTML: ".html",
    "application/xhtml+xml": ".html",
    "application/pdf": ".pdf",
    "text/plain": ".txt",
    "text/markdown": ".md",
    "text/x-markdown": ".md",
}
"""Content type → what its reader is known by."""
ACCEPT: Final = "text/html, application/xhtml+xml, application/pdf, text/plain;q=0.8, text/markdown;q=0.8"
_CHARSET: Final = re.compile(r"""charset\s*=\s*["']?([\w.:+-]{1,40})""", re.IGNORECASE)
_MARKS: Final = (codecs.BOM_UTF8, *WIDE_MARKS)


class PageText(NamedTuple):
    """What a page holds."""

    blocks: tuple[Block, ...]
    title: str | None
    authors: tuple[str, ...]
    year: int | None
    venue: str | None
    licence: str | None
    problems: tuple[str, ...]
    """What of it could not be read, or was left out."""


def kind_of(content_type: str) -> str:
    """The content type without its parameters."""
    return content_type.partition(";")[0].strip().lower()


def refuse_kind(content_type: str) -> str | None:
    """Why pages of this content type are not read; None if they are."""
    kind = kind_of(content_type)
    if not kind:
        return "no content type"
    return None if kind in _SUFFIXES else f"{kind[:60]!r}, which is not read"


def in_utf8(body: bytes, content_type: str) -> bytes:
    """A body of text in UTF-8 with its mark, where the server says how it is encoded and no mark says otherwise."""
    stated = _CHARSET.search(content_type)
    if stated is None or kind_of(content_type) == "application/pdf" or body.startswith(_MARKS):
        return body
    codec = web_codec(stated[1], lambda problem: None)
    if codec is not None:
        return codecs.BOM_UTF8 + body.decode(codec, "replace").encode()
    return codecs.BOM_UTF8 + body if stated[1].lower() in ("utf-8", "utf8") else body


def read_page(body: bytes, kind: str, limits: PageLimits) -> PageText:
    """The text of a page. Raises UnreadableFile if it has none that can be read."""
    problems = list[Problem]()
    suffix = _SUFFIXES.get(kind)
    if suffix is None:
        raise UnreadableFile(f"the content type {kind!r} is not read")
    document = next(iter(reader_for(suffix)(BytesIO(body), problems.append)))
    blocks = _bounded(_blocks(document, body, suffix, limits), limits, problems)
    return PageText(
        tuple(blocks),
        document.title,
        document.authors,
        document.year,
        document.venue,
        document.licence,
        tuple(problem.reason for problem in problems if problem.failed),
    )


def _blocks(document: Document, body: bytes, suffix: str, limits: PageLimits) -> Iterable[Block]:
    """Those of its article, where it is a web page that is not too long to look for one; else all."""
    if suffix == ".html" and len(body) <= limits.markup_bytes:
        return article_blocks(decode_page(body, lambda problem: None), [*document.blocks])
    return document.blocks


def _bounded(blocks: Iterable[Block], limits: PageLimits, problems: list[Problem]) -> Iterator[Block]:
    """The blocks until there are enough; what comes after is never read, so that a PDF may have any number of pages."""
    until = time.monotonic() + limits.extraction / 2
    for block in blocks:
        if block.start + len(block.text) > limits.characters:
            problems.append(Problem(f"only its first {limits.characters:,} characters were read"))
            if block.start < limits.characters and (text := block.text[: limits.characters - block.start]).strip():
                yield Block(text, block.start, block.section, block.page)
            return
        yield block
        if time.monotonic() > until:
            problems.append(Problem(f"only its beginning was read: it took over {limits.extraction / 2:g} s"))
            return
