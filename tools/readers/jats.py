"""Journal articles in JATS (NLM) XML, as PubMed Central and many publishers give them out.

In: an xml file whose root is `<article>`, in any namespace. Out: one document; abstracts, body and back matter
with their nested sections, each figure caption and each table as one block. Not here: the reference list,
sub-articles (reviews, responses), other XML. No DTD is loaded, nothing is fetched, no entity is expanded.
"""

import html
from collections.abc import Callable, Iterator
from itertools import chain
from typing import BinaryIO, Final

from lxml import etree

from citerefine.tools.markup import in_place
from citerefine.tools.readers.description import Fields, describe
from citerefine.tools.readers.document import Document, Report, UnreadableFile
from citerefine.tools.readers.extraction import Piece, laid_out, tidy
from citerefine.tools.readers.file_kind import read_head, refuse_binary
from citerefine.tools.readers.outline import PATH_SEPARATOR
from citerefine.tools.readers.whole_file import read_whole

_Path = tuple[str, ...]

_HREF: Final = "{http://www.w3.org/1999/xlink}href"

_META: Final = "{*}front/{*}article-meta/"
_PARTS: Final = (_META + "{*}abstract", _META + "{*}trans-abstract", "{*}body", "{*}back", "{*}floats-group")
"""Where an article's text is, in the order in which it is read."""

# Sections that have a usual name where the article gives them no title.
_USUAL_TITLES: Final = {
    "abstract": "Abstract",
    "trans-abstract": "Abstract",
    "ack": "Acknowledgments",
    "app": "Appendix",
    "glossary": "Glossary",
    "fn-group": "Notes",
}
# `title` and `label` because they are read with their parents.
_SKIPPED: Final = frozenset({"ref-list", "sub-article", "response", "title", "label", "object-id", "sec-meta"})
# Elements that end the run of text they stand in; every other element is part of a sentence.
_BLOCKS: Final = frozenset({
    "ack", "app", "app-group", "array", "bio", "boxed-text", "def-list", "disp-quote", "fig-group", "fn",
    "fn-group", "glossary", "list", "list-item", "notes", "p", "preformat", "sec", "speech", "statement",
    "table-wrap-group", "verse-group", "verse-line",
})
_TEX_BEGIN: Final = r"\begin{document}"
_TEX_END: Final = r"\end{document}"


def read_jats(file: BinaryIO, report: Report) -> Iterator[Document]:
    """One document. Raises `UnreadableFile` for XML that is broken, hostile, or no JATS article."""
    refuse_binary(read_head(file))
    article = _parse(read_whole(file))
    parts = chain.from_iterable(article.iterfind(path) for path in _PARTS)
    blocks = laid_out(chain.from_iterable(_pieces(part, ()) for part in parts))
    first = next(blocks, None)
    if first is None:
        raise UnreadableFile("this article has neither abstract nor body")
    yield describe(chain((first,), blocks), _front_matter(article))


def _parse(data: bytes) -> etree._Element:
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,  # keeps libxml2's limits, among them 256 levels, on which the recursion here relies
        recover=False,
    )
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise UnreadableFile(f"not well-formed XML: {error.msg}") from error
    dtd = root.getroottree().docinfo.internalDTD
    if dtd is not None and dtd.entities():  # type: ignore[union-attr]  # the stubs leave it out
        raise UnreadableFile("the file declares entities of its own, which are not read; expand them first")
    if _name(root) != "article":
        raise UnreadableFile(f"the root element is <{_name(root)}>; of XML only JATS (root <article>) is read")
    return root


def _name(node: etree._Element) -> str:
    """The tag without its namespace; empty for comments, processing instructions and entities."""
    return etree.QName(node).localname if isinstance(node.tag, str) else ""


# Description


def _front_matter(article: etree._Element) -> Fields:
    return {
        "title": _found_text(article, _META + "{*}title-group/{*}article-title"),
        "authors": [_person(person) for person in article.iterfind(_META + "{*}contrib-group/{*}contrib")],
        "year": _year(article),
        "venue": _found_text(article, "{*}front/{*}journal-meta//{*}journal-title"),
        "doi": _found_text(article, _META + "{*}article-id[@pub-id-type='doi']"),
        "licence": _licence(article),
    }


def _found_text(element: etree._Element, path: str) -> str:
    found = element.find(path)
    return "" if found is None else _text(found)


def _person(contributor: etree._Element) -> str:
    """`Given Surname`, or the group's name; empty for editors and other contributors."""
    if contributor.get("contrib-type", "author") != "author":
        return ""
    name = contributor.find(".//{*}name")
    if name is not None:
        parts = (_found_text(name, "{*}" + part) for part in ("given-names", "surname", "suffix"))
        return " ".join(part for part in parts if part)
    return _found_text(contributor, "{*}string-name") or _found_text(contributor, "{*}collab")


def _year(article: etree._Element) -> str:
    """The year of the earliest publication: an article online in 2015 and in print in 2016 is of 2015."""
    years = (_text(year) for year in article.iterfind(_META + "{*}pub-date/{*}year"))
    return min((year for year in years if year), default="")


def _licence(article: etree._Element) -> str:
    """The licence's address if it has one, else its text."""
    licence = article.find(_META + "{*}permissions/{*}license")
    if licence is None:
        return ""
    link = licence.find(".//{*}ext-link")
    stated = _found_text(licence, "{*}license_ref") or licence.get(_HREF)
    return stated or (link.get(_HREF) if link is not None else None) or _text(licence)


# Text


def _pieces(element: etree._Element, above: _Path) -> Iterator[Piece]:
    """The blocks in an element of mixed content, in order; a title opens a section."""
    title = _found_text(element, "{*}title") or _USUAL_TITLES.get(_name(element), "")
    path = (*above, title) if title else above
    run = [element.text or ""]
    for child in element:
        name = _name(child)
        if name in _BLOCKS or name in _WHOLE:
            yield from _run_ended(run, path)
            yield from _WHOLE.get(name, _pieces)(child, path)
        elif name not in _SKIPPED:
            run.append(in_place(child, "".join(_strings(child))))
        run.append(child.tail or "")
    yield from _run_ended(run, path)


def _run_ended(run: list[str], path: _Path) -> Iterator[Piece]:
    yield Piece(tidy("".join(run)), PATH_SEPARATOR.join(path) or None)
    run.clear()


def _figure(element: etree._Element, path: _Path) -> Iterator[Piece]:
    """Label and caption as one block."""
    yield Piece(_labelled(element), PATH_SEPARATOR.join(path) or None)


def _table(element: etree._Element, path: _Path) -> Iterator[Piece]:
    """Caption, rows and footnotes as one block, one line each, cells parted by ` | `."""
    lines = [_labelled(element)]
    for row in element.iterfind(".//{*}tr"):
        cells = [_text(cell) for cell in row if _name(cell) in {"td", "th"}]
        lines.append(" | ".join(cells) if any(cells) else "")
    lines += [_text(foot) for foot in element.iterfind(".//{*}table-wrap-foot")]
    yield Piece("\n".join(line for line in lines if line), PATH_SEPARATOR.join(path) or None)


def _definition(element: etree._Element, path: _Path) -> Iterator[Piece]:
    """Term and meaning as one block: apart, an abbreviation says nothing."""
    parts = (_found_text(element, "{*}term"), _found_text(element, "{*}def"))
    yield Piece(": ".join(part for part in parts if part), PATH_SEPARATOR.join(path) or None)


_WHOLE: Final[dict[str, Callable[[etree._Element, _Path], Iterator[Piece]]]] = {
    "def-item": _definition,
    "fig": _figure,
    "supplementary-material": _figure,
    "media": _figure,
    "table-wrap": _table,
}


def _labelled(element: etree._Element) -> str:
    caption = element.find("{*}caption")
    parts = [] if caption is None else [_text(part) for part in caption]
    return " ".join(part for part in (_found_text(element, "{*}label"), *parts) if part)


def _text(element: etree._Element) -> str:
    return tidy("".join(_strings(element)))


def _strings(node: etree._Element) -> Iterator[str]:
    """All text below a node, unspaced, so that H<sub>2</sub>O stays H2O; superscripts as such, each formula once."""
    if node.tag is etree.Entity:
        # Without the DTD the parser leaves `&nbsp;` as it is; the names are those of HTML.
        yield html.unescape(node.text or "")
    elif _name(node) == "tex-math":
        yield from _tex(node)
    elif _name(node) and _name(node) not in {"annotation", "annotation-xml", "object-id"}:
        yield node.text or ""
        for child in node:
            yield in_place(child, "".join(_strings(child)))
            yield child.tail or ""


def _tex(formula: etree._Element) -> Iterator[str]:
    """The formula without the LaTeX preamble, unless the same formula stands beside it in MathML."""
    parent = formula.getparent()
    if parent is None or parent.find("{*}math") is None:
        source = formula.text or ""
        _, preamble_ended, body = source.partition(_TEX_BEGIN)
        yield body.partition(_TEX_END)[0] if preamble_ended else source
