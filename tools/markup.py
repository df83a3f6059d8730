"""Markup in the fields of records: HTML and JATS as services send them, and what a person reads of it.

In: text in which there may be tags and entities; elements of trees that were parsed. Out: plain text on one line.
Superscripts stay superscripts, for 10⁹ is not 109; so do subscripts that would run into a number. Headings end with a
colon. Only names of known elements are tags, so that `p < 0.05` and `<5 cases … >10 controls` stay. Not here: whole
pages and articles (readers/).
"""

import html
import re
from typing import Any, Final, Literal

Kind = Literal["sup", "sub"]
SCRIPTS: Final[dict[str, Kind]] = {"sup": "sup", "sub": "sub"}
"""Elements whose text stands above or below the line."""

_TAG: Final = r"</?(?:jats:)?(?:{names})(?:\s+[\w:-]+=[^<>]{{0,200}})?\s*/?>"
_INLINE: Final = re.compile(
    _TAG.format(
        names="a|b|bold|em|ext-link|font|i|inline-formula|italic|mark|monospace|sc|small|span|strong|sub|sup|tt|u"
        "|underline|xref"
    ),
    re.I,
)
_BLOCK: Final = re.compile(
    _TAG.format(
        names="abstract|article|br|caption|disp-formula|div|fig|h[1-6]|hr|label|li|list|list-item|ol|p|sec|section"
        "|table|tbody|td|th|thead|title|tr|ul"
    ),
    re.I,
)
_PAIR: Final = (
    r"<(?:jats:)?({names})(?:\s+[\w:-]+=[^<>]{{0,200}})?>((?:(?!<(?:jats:)?/?(?:{names})\b).){{0,200}})</(?:jats:)?\1>"
)
_SCRIPT: Final = re.compile(_PAIR.format(names="sup|sub"), re.I | re.S)
_HEADING: Final = re.compile(_PAIR.format(names="h[1-6]|title"), re.I | re.S)

_SUPERSCRIPTS: Final = str.maketrans("0123456789+-−–=()ni, ", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁻⁼⁽⁾ⁿⁱ, ")
_SUBSCRIPTS: Final = str.maketrans("0123456789+-−–=(), ", "₀₁₂₃₄₅₆₇₈₉₊₋₋₋₌₍₎, ")
_ON_THE_LINE: Final = re.compile(r"(?i:st|nd|rd|th)|[A-Z][A-Za-z]\w*|\[.*\]|[^\w+−–=-]", re.S)
"""Superscripts that mean the same on the line: ordinals, names as in p16INK4a, marks as in [1], single signs."""
_RUNS_ON: Final = re.compile(r"\d\d")
_SECOND: Final[dict[str, Kind]] = {"msup": "sup", "msub": "sub"}
"""Formulas in MathML of which the second part stands above or below."""


def plain(text: str | None) -> str | None:
    """Text without markup: tags out, entities in, white space tidied; None if nothing is left.

    >>> plain("<b>H<sub>2</sub>O</b> is &lt; 5&nbsp;%")
    'H2O is < 5 %'
    >>> plain("<h4>Results</h4>We saw 3 &#215; 10<sup>9</sup> cells.")
    'Results: We saw 3 × 10⁹ cells.'
    """
    if not text:
        return None
    scripted = _SCRIPT.sub(_script, _HEADING.sub(_heading, text))
    bare = html.unescape(_INLINE.sub("", _BLOCK.sub(" ", scripted)))
    return " ".join(bare.split()) or None


def under_headings(text: str) -> list[tuple[str | None, str]]:
    """The headings of a text with the plain text under each; None for what stands under none.

    >>> under_headings("We fished.<h4>Results</h4><p>Perch doubled.</p>")
    [(None, 'We fished.'), ('Results', 'Perch doubled.')]
    """
    starts = [*_HEADING.finditer(text)]
    ends = [match.start() for match in starts] + [len(text)]
    found: list[tuple[str | None, str | None]] = [(None, plain(text[: ends[0]]))]
    found += [(plain(match[2]), plain(text[match.end() : end])) for match, end in zip(starts, ends[1:], strict=True)]
    return [(heading, under) for heading, under in found if under]


def in_place(node: Any, said: str) -> str:
    """What the text of an element becomes on the line: superscripts and subscripts as such, all others as they are.

    Args:
        node: an element of lxml.
        said: its text, without its tail.
    """
    parent = node.getparent()
    kind = _kind_of(node, parent)
    if kind is None:
        return said
    previous = node.getprevious()
    if previous is None:
        before = parent.text if parent is not None else None
    else:
        before = previous.tail or "".join(previous.itertext())
    return as_script(kind, said, before or "", node.tail or "")


def _kind_of(node: Any, parent: Any) -> Kind | None:
    if (own := SCRIPTS.get(_name(node))) is not None:
        return own
    kind = _SECOND.get(_name(parent)) if parent is not None else None
    return kind if kind and len(parent) > 1 and parent[1] is node else None


def _name(node: Any) -> str:
    """The tag without its namespace; empty for comments and the like."""
    return node.tag.rpartition("}")[2] if isinstance(node.tag, str) else ""


def _script(match: re.Match[str]) -> str:
    said = html.unescape(_INLINE.sub("", match[2]))
    text = match.string
    placed = as_script(SCRIPTS[match[1].lower()], said, text[: match.start()][-1:], text[match.end() :][:1])
    return html.escape(placed, quote=False)


def as_script(kind: Kind, said: str, before: str, after: str) -> str:
    """What stands above or below the line, between what stands on it.

    A superscript is one in Unicode if all of its characters have one, else it is put behind `^`. A subscript stays on
    the line, as in H2O, unless it would become part of a number there.
    """
    bare = said.strip()
    if kind == "sup":
        if not bare or _ON_THE_LINE.fullmatch(bare):
            return said
        return _translated(bare, _SUPERSCRIPTS) or (f"^{bare}" if len(bare) == 1 else f"^({bare})")
    if not _RUNS_ON.search(before[-1:] + bare[:1]) and not _RUNS_ON.search(bare[-1:] + after[:1]):
        return said
    return _translated(bare, _SUBSCRIPTS) or f"_({bare})"


def _translated(said: str, signs: dict[int, int]) -> str | None:
    """The text in these signs; None if one of its characters has none."""
    return said.translate(signs) if all(ord(letter) in signs for letter in said) else None


def _heading(match: re.Match[str]) -> str:
    """A heading as the first words of what stands under it."""
    said = match[2].strip()
    under = _BLOCK.sub("", match.string[match.end() : match.end() + 200])
    return f" {said}: " if said[-1:].isalnum() and under.strip() else f" {said} "
