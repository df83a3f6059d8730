"""Web pages as saved to disk: HTML and XHTML.

In: an html file. Out: one document; headings give the sections, meta tags (Highwire, Dublin Core, Open Graph)
the description. Not here: fetching anything the page points to, running scripts, and telling the article from
its surroundings beyond dropping navigation and what a browser would not show.
"""

import codecs
import io
import math
import re
import time
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import BinaryIO, Final, NamedTuple, cast

from lxml import etree

from citerefine.tools.markup import SCRIPTS, as_script
from citerefine.tools.readers.decoding import decoded, detect
from citerefine.tools.readers.description import describe
from citerefine.tools.readers.document import Document, Problem, Report, UnreadableFile
from citerefine.tools.readers.extraction import Piece, clean, laid_out, tidy
from citerefine.tools.readers.file_kind import markup_kind, read_head, refuse_binary
from citerefine.tools.readers.outline import Heading, section_paths, title_of
from citerefine.tools.readers.whole_file import read_whole

_DROPPED: Final = frozenset({
    "script", "style", "nav", "noscript", "template", "svg", "iframe", "noframes", "noembed", "object",
    "annotation", "annotation-xml",
})
_BLOCKS: Final = frozenset({
    "address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details", "dialog", "div",
    "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6",
    "header", "hr", "legend", "li", "main", "menu", "ol", "option", "p", "pre", "section", "summary", "table",
    "tbody", "tfoot", "thead", "tr", "ul",
})
_HEADING: Final = re.compile(r"h([1-6])")
_INVISIBLE: Final = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.I)

_META_NAMES: Final = {
    "title": ("citation_title", "dc.title", "dcterms.title", "og:title"),
    "authors": ("citation_author", "citation_authors", "dc.creator", "author"),
    "date": ("citation_publication_date", "citation_date", "citation_online_date", "dc.date", "dcterms.issued",
             "article:published_time"),
    "venue": ("citation_journal_title", "citation_conference_title", "dc.source", "prism.publicationname"),
    "doi": ("citation_doi", "prism.doi", "dc.identifier"),
    "url": ("og:url", "citation_abstract_html_url"),
    "licence": ("dc.rights", "dcterms.license"),
}

_DECLARED: Final = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([\w.:-]+)""", re.I)
_XML_DECLARED: Final = re.compile(rb"""\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([\w.:-]+)""")
# Only what the web uses: Python also knows codecs such as `unicode_escape` that do more than decode.
_WEB_CODECS: Final = frozenset({
    "big5", "big5hkscs", "cp866", "cp874", "euc_jp", "euc_kr", "gb18030", "gb2312", "gbk", "iso2022_jp",
    "koi8-r", "koi8-u", "mac-cyrillic", "mac-roman", "shift_jis",
    *(f"iso8859-{part}" for part in (2, 3, 4, 5, 6, 7, 8, 10, 13, 14, 15, 16)),
    *(f"cp{page}" for page in range(1250, 1259)),
})
_CODECS_AS_ON_THE_WEB: Final = {"iso8859-1": "cp1252", "ascii": "cp1252", "iso8859-9": "cp1254"}


_FED_AT_ONCE: Final = 250_000
"""Code points; between two such pieces a page may have been read far enough."""


class Extent(NamedTuple):
    """How far a page is read, about."""

    markup: float
    """Code points of the page as it is written."""
    text: float
    """Code points of its text."""
    seconds: float


WHOLE: Final = Extent(math.inf, math.inf, math.inf)


class _Part(NamedTuple):
    """A heading, or a block of text if `level` is 0."""

    level: int
    text: str


def read_web_page(file: BinaryIO, report: Report, extent: Extent = WHOLE) -> Iterator[Document]:
    """One document. Raises `UnreadableFile` for what is no HTML and for pages without text."""
    head = read_head(file)
    refuse_binary(head)
    if markup_kind(head) == "an XML file":
        raise UnreadableFile("not an HTML page: it begins like an XML file; JATS articles are read as .xml")
    page = _parse(decode_page(read_whole(file), report), extent, report)
    headings = [Heading(part.level, part.text) for part in page.parts if part.level]
    blocks = laid_out(_pieces(page.parts, section_paths(headings)))
    first = next(blocks, None)
    if first is None:
        raise UnreadableFile("no text in this page; if scripts fill it in, save it from a browser as text")
    yield describe(chain((first,), blocks), {"title": title_of(headings), **page.fields()})


def _pieces(parts: list[_Part], paths: list[str | None]) -> Iterator[Piece]:
    coming = iter(paths)
    section = None
    for part in parts:
        if part.level:
            section = next(coming)
        else:
            yield Piece(part.text, section)


def decode_page(data: bytes, report: Report) -> str:
    """The page's text by its byte order mark, else as it declares, else as UTF-8 or Windows-1252."""
    file = io.BytesIO(data)
    declared = _XML_DECLARED.match(data) or _DECLARED.search(data, 0, 4096)
    codec = None
    if declared and not data.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        codec = web_codec(declared[1].decode("ascii"), report)
    return data.decode(codec, "replace") if codec else "".join(decoded(file, detect(file, report)))


def web_codec(label: str, report: Report) -> str | None:
    """Python's name of the declared encoding; None for UTF-8 and, with a report, for unknown names."""
    try:
        name = codecs.lookup(label).name
    except LookupError:
        name = ""
    name = _CODECS_AS_ON_THE_WEB.get(name, name)
    if name in _WEB_CODECS:
        return name
    # A page that could be read this far to find its label is not in UTF-16, whatever the label says.
    if not name.startswith(("utf-8", "utf-16")):
        reason = f"the page declares the encoding {label!r}, which the web does not have; ignored"
        report(Problem(reason, failed=False))
    return None


def _parse(text: str, extent: Extent, report: Report) -> "_Page":
    # Fed as events, without a tree: lxml's trees silently end at a depth of 2048 elements, events do not.
    page = _Page()
    # Cast, because the stubs ask of a target more methods and wider arguments than lxml does.
    target = cast("etree.ParserTarget", page)
    parser = etree.HTMLParser(target=target, encoding="utf-8", no_network=True, huge_tree=True)
    until = time.monotonic() + extent.seconds
    for start in range(0, len(text), _FED_AT_ONCE):
        if start and (start >= extent.markup or page.n_characters > extent.text or time.monotonic() > until):
            report(Problem(f"only its first {start:,} characters were read, as it is written"))
            break
        parser.feed(clean(text[start : start + _FED_AT_ONCE]).encode("utf-8"))
    parser.close()
    return page


class _Page:
    """Receives the parser's events, which come in balanced pairs however broken the page is."""

    def __init__(self) -> None:
        self.parts: list[_Part] = []
        self.n_characters = 0  # of all parts
        self._run: list[str] = []
        self._level = 0
        self._preformatted = 0
        self._cells = 0  # of a table row, in the present run
        self._scripts: list[int] = []  # where in the run each open superscript or subscript begins
        self._dropped = 0  # depth inside an element whose text is left out
        self._in_title = False
        self._title: list[str] = []
        self._meta: dict[str, list[str]] = {}
        self._links: dict[str, str] = {}

    def fields(self) -> dict[str, object]:
        """What the page says about itself, best source first."""
        fields: dict[str, object] = {}
        if title := tidy("".join(self._title)):
            fields["title"] = title
        for field, names in _META_NAMES.items():
            found = next((self._meta[name] for name in names if name in self._meta), None)
            if found:
                fields[field] = found if field == "authors" and len(found) > 1 else found[0]
        if "canonical" in self._links:
            fields["url"] = self._links["canonical"]
        if "license" in self._links:
            fields["licence"] = self._links["license"]
        return fields

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        if self._dropped or tag in _DROPPED or _is_hidden(attributes):
            self._dropped += 1
            return
        if tag in _BLOCKS:
            self._end_block()
        self._describe(tag, attributes)
        if heading := _HEADING.fullmatch(tag):
            self._level = int(heading[1])
        elif tag == "pre":
            self._preformatted += 1
        elif tag == "br":
            self._run.append("\n")
        elif tag in SCRIPTS:
            self._scripts.append(len(self._run))
        elif tag in {"td", "th"}:
            self._run.append(" | " if self._cells else "")
            self._cells += 1

    def end(self, tag: str) -> None:
        if self._dropped:
            self._dropped -= 1
            return
        if tag in _BLOCKS:
            self._end_block()
        if _HEADING.fullmatch(tag):
            self._level = 0
        elif tag == "pre":
            self._preformatted -= 1
        elif tag == "title":
            self._in_title = False
        elif tag in SCRIPTS:
            self._end_script(tag)

    def data(self, text: str) -> None:
        if self._dropped:
            return
        if self._in_title:
            self._title.append(text)
        else:
            self._run.append(text)

    def close(self) -> None:
        self._end_block()

    def _describe(self, tag: str, attributes: Mapping[str, str]) -> None:
        if tag == "title":
            self._in_title = True
        elif tag == "meta":
            name = attributes.get("name") or attributes.get("property") or ""
            if content := attributes.get("content", "").strip():
                self._meta.setdefault(name.lower(), []).append(content)
        elif tag in {"link", "a"}:
            for relation in attributes.get("rel", "").lower().split():
                self._links.setdefault(relation, attributes.get("href", ""))

    def _end_script(self, tag: str) -> None:
        begin = self._scripts.pop()
        before = self._run[begin - 1] if 0 < begin <= len(self._run) else ""
        self._run[begin:] = [as_script(SCRIPTS[tag], "".join(self._run[begin:]), before, "")]

    def _end_block(self) -> None:
        text = "".join(self._run)
        self._run.clear()
        self._cells = 0
        text = text.strip("\r\n") if self._preformatted and not self._level else tidy(text)
        if text.strip():
            self.parts.append(_Part(self._level, text))
            self.n_characters += len(text)
            self._level = 0  # a heading that is never closed must not make headings of all that follows


def _is_hidden(attributes: Mapping[str, str]) -> bool:
    """Whether the page itself hides this element: what no reader sees must not become evidence."""
    return "hidden" in attributes or bool(_INVISIBLE.search(attributes.get("style", "")))
