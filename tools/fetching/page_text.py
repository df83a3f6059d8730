"""From the body of a page to its text, in blocks that know their section or page.

In: a body with its content type; bounds. Out: `PageText`, whose offsets are those of the text as extracted, or
`UnreadableFile`. A page may have been made to take any time: to be called in a process that can be ended, unless the
page is light. Nothing that a page refers to is fetched. What a page says of its own address and DOI is not believed, or
it could pass itself off as another. Not here: asking for it (fetcher.py), that process (reader_pool.py), passages
(page.py).
"""

import codecs
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from io import BytesIO
from typing import Final, NamedTuple

from citerefine.tools.fetching.article import article_blocks
from citerefine.tools.fetching.limits import PageLimits
from citerefine.tools.readers import reader_for
from citerefine.tools.readers.document import Block, Document, Problem, Reader, UnreadableFile
from citerefine.tools.readers.file_kind import WIDE_MARKS
from citerefine.tools.readers.web_page import Extent, decode_page, read_web_page, web_codec

_PLAIN: Final = "text/plain"
_PAGE: Final = ".html"
_PDF: Final = ".pdf"
_SUFFIXES: Final = {
    "text/html": _PAGE,
    "application/xhtml+xml": _PAGE,
    "application/pdf": _PDF,
    _PLAIN: ".txt",
    "text/markdown": ".md",
    "text/x-markdown": ".md",
}
"""Content type → what its reader is known by."""
ACCEPT: Final = "text/html, application/xhtml+xml, application/pdf, text/plain;q=0.8, text/markdown;q=0.8"
_CHARSET: Final = re.compile(r"""charset\s*=\s*["']?([\w.:+-]{1,40})""", re.IGNORECASE)
_LIGHT: Final = 100_000
"""Bytes; the worst text of that length takes a twentieth of a second."""
_BEYOND: Final = 2
"""A web page is read for this many times the text that is wanted, for what is cut off to be told of."""
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


def is_light(body: bytes, kind: str) -> bool:
    """Whether reading it takes next to no time, whatever is in it."""
    return kind == _PLAIN and len(body) <= _LIGHT


def read_page(body: bytes, kind: str, limits: PageLimits) -> PageText:
    """The text of a page. Raises UnreadableFile if it has none that can be read."""
    problems = list[Problem]()
    suffix = _SUFFIXES.get(kind)
    if suffix is None:
        raise UnreadableFile(f"the content type {kind!r} is not read")
    try:
        with _unpacked_within(limits.unpacked_bytes) if suffix == _PDF else nullcontext():
            document = next(iter(_reader(suffix, limits)(BytesIO(body), problems.append)))
            blocks = tuple(_bounded(_blocks(document, body, suffix, limits), limits, problems))
    except UnreadableFile as error:
        raise UnreadableFile("; ".join([str(error), *(problem.reason for problem in problems[:1])])) from None
    return PageText(
        blocks,
        document.title,
        document.authors,
        document.year,
        document.venue,
        document.licence,
        tuple(problem.reason for problem in problems if problem.failed),
    )


def _reader(suffix: str, limits: PageLimits) -> Reader:
    if suffix != _PAGE:
        return reader_for(suffix)
    extent = Extent(limits.markup, _BEYOND * limits.characters, limits.extraction / 2)
    return partial(read_web_page, extent=extent)


@contextmanager
def _unpacked_within(most: int) -> Iterator[None]:
    """Within the context no part of a PDF is unpacked further: text takes seconds for each ten megabytes of it."""
    from pypdf import apply_configuration

    with apply_configuration(
        array_based_stream_maximum_output_length=most,
        lzw_maximum_output_length=most,
        run_length_maximum_output_length=most,
        zlib_maximum_output_length=most,
    ):
        yield


def _blocks(document: Document, body: bytes, suffix: str, limits: PageLimits) -> Iterable[Block]:
    """Those of its article, where it is a web page that is not too long to look for one; else all."""
    if suffix == _PAGE and len(body) <= limits.markup_bytes:
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
