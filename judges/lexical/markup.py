"""Takes markup and addresses out of a text, so that no tag, attribute, comment or address counts as a word.

In: any text. Out: the text, blank where it has tags of HTML or XML, comments, declarations, scripts, styles and
addresses, and as long as it was (`without_markup`); then the text as a reader sees it, with `é` for `&eacute;`
(`readable`). Both may be spelled with references (`&lt;img src=x&gt;`), and addresses with hidden signs. Prose keeps
its signs, words and numbers: `<` begins a tag only where a name follows at once and all up to `>` reads like a tag,
which `p<0.05`, `<5 mg`, `x<y>z` and `<or = 6 or>` do not. Where it may be either (a name that HTML does not know, one
between two words), only attributes in quotes or a closing tag make it a tag. Linear. Not here: what an address is
(addresses.py), and other Markdown.
"""

import html
import re
from bisect import bisect_right
from collections.abc import Iterator
from html.entities import html5
from importlib.resources import files
from typing import Final, NamedTuple

from citerefine.judges.hidden import visible
from citerefine.judges.lexical.addresses import addresses, link_targets


def _listed(name: str) -> frozenset[str]:
    return frozenset(files("citerefine.judges.lexical").joinpath(name).read_text("utf-8").split())


_AMP: Final = r"(?:amp|#38|#[xX]26);"
_REFERENCE: Final = re.compile(
    rf"&(?:{_AMP})*+(?P<name>#\d{{1,7}}+|#[xX][0-9A-Fa-f]{{1,6}}+|[A-Za-z][A-Za-z0-9]{{1,31}}+);|&(?:{_AMP})++"
)
_VALUE: Final = r"""(?:"[^"]*+"|'[^']*+'|[^\s"'<>][^\s<>]*+)"""
_ATTRIBUTE: Final = rf"""(?P<key>[^\s"'<>/=]++)(?:\s*+=\s*+(?P<value>{_VALUE}))?+"""
_ATTRIBUTES: Final = re.sub(r"\?P<\w+>", "?:", rf"""(?:(?:[\s/]++|(?<=["'])){_ATTRIBUTE})*+""")
# Matches as far as it reads like a tag, with `>` or without: the search goes on there, so that nothing is read twice.
_TAG: Final = re.compile(
    rf"<(?P<closing>/?)(?P<name>[A-Za-z][\w:.-]*+)(?P<attributes>{_ATTRIBUTES})[\s/]*+(?P<end>>)?+"
)
_EACH_ATTRIBUTE: Final = re.compile(_ATTRIBUTE)
_CLOSING: Final = re.compile(r"</([A-Za-z][\w:.-]*+)")
_DECLARATION: Final = re.compile(r"<(?:![A-Za-z]|\?[A-Za-z])[^<>]*+>|<!\[CDATA\[")
_FLAGS: Final = re.DOTALL | re.IGNORECASE | re.ASCII
_UNSEEN: Final = tuple(
    (re.compile(rf"{opening}.*?{closing}", _FLAGS), re.compile(closing, _FLAGS))
    for opening, closing in (
        ("<!--(?!-?>)", "--!?>"),
        (r"<script\b[^<>]*+>", r"</script\b[^<>]*+>?"),
        (r"<style\b[^<>]*+>", r"</style\b[^<>]*+>?"),
    )
)
"""What no page shows, with its end; what is never closed is text."""

_NO_WORDS: Final = _listed("tags.txt")
"""Tags that no prose writes."""
_WORDS: Final = _listed("wordlike_tags.txt")
"""Tags that could be words or signs."""
_WITHOUT_VALUE: Final = _listed("bare_attributes.txt")
"""Attributes that stand alone."""
_SURE_LENGTH: Final = 3
"""Characters of a name of `_NO_WORDS` behind which anything may stand."""


class _Decoded(NamedTuple):
    """A text with characters for its references."""

    text: str
    places: list[int]
    """Offsets from which on the text is shifted."""
    shifts: list[int]
    """How far."""

    def place(self, offset: int) -> int:
        """Where it was in the text with references."""
        return offset + self.shifts[bisect_right(self.places, offset) - 1]


def without_markup(text: str) -> str:
    """The text, blank where it has markup or an address; every offset stays.

    >>> without_markup("Perch <b>doubled</b> (p<0.05).").split()
    ['Perch', 'doubled', '(p<0.05).']
    """
    if "&" not in text:
        return _blank(text, _spans(text))
    decoded = _decode(text)
    return _blank(text, [(decoded.place(start), decoded.place(end)) for start, end in _spans(decoded.text)])


def readable(text: str) -> str:
    """A text without markup as a reader sees it, in one form of all that look the same; blank where an address shows
    only then."""
    seen = visible(_REFERENCE.sub(_character, text) if "&" in text else text)
    return seen if seen == text else _blank(seen, _address_spans(seen))


def _spans(text: str) -> list[tuple[int, int]]:
    if "<" not in text:
        return _address_spans(text)
    unseen = [found.span() for found in _unseen(text)]
    marked = [*unseen, *_tags(_blank(text, unseen))]
    return [*marked, *_address_spans(_blank(text, marked))]


def _address_spans(text: str) -> list[tuple[int, int]]:
    targets = list(link_targets(text))
    return [*targets, *addresses(_blank(text, targets))]


def _decode(text: str) -> _Decoded:
    parts, places, shifts, at, length = list[str](), [0], [0], 0, 0
    for found in _REFERENCE.finditer(text):
        parts += [text[at : found.start()], _character(found)]
        length += len(parts[-2]) + len(parts[-1])
        at = found.end()
        places.append(length)
        shifts.append(at - length)
    return _Decoded("".join([*parts, text[at:]]), places, shifts)


def _character(reference: re.Match[str]) -> str:
    """What it stands for, however often its `&` was replaced; unchanged where the name is unknown."""
    name = reference["name"]
    if name is None:
        return "&"
    return html.unescape(f"&{name};") if name[0] == "#" else html5.get(f"{name};", f"&{name};")


def _unseen(text: str) -> Iterator[re.Match[str]]:
    for whole, end in _UNSEEN:
        ends = [found.end() for found in end.finditer(text)]
        if ends:  # up to the last end each beginning has one: none is looked for in vain
            yield from whole.finditer(text, 0, ends[-1])


def _tags(text: str) -> Iterator[tuple[int, int]]:
    closed = {found[1].lower() for found in _CLOSING.finditer(text)}
    yield from (found.span() for found in _DECLARATION.finditer(text))
    yield from (found.span() for found in _TAG.finditer(text) if found["end"] and _is_tag(found, closed))


def _is_tag(found: re.Match[str], closed: set[str]) -> bool:
    name = found["name"].lower()
    attributes = list(_EACH_ATTRIBUTE.finditer(found["attributes"]))
    if attributes:
        known, sure = name in _WORDS or name in _NO_WORDS, name in _NO_WORDS and len(name) >= _SURE_LENGTH
        return sure or all(_is_quoted(one) or (known and _is_attribute(one)) for one in attributes)
    if found["closing"] or found[0].endswith("/>") or name in closed or name in _NO_WORDS:
        return True
    return name in _WORDS and not _joins_words(found)


def _is_quoted(attribute: re.Match[str]) -> bool:
    return (attribute["value"] or " ")[0] in "\"'"


def _is_attribute(attribute: re.Match[str]) -> bool:
    key = attribute["key"].lower()
    return key in _WITHOUT_VALUE or (attribute["value"] is not None and len(key) > 1)


def _joins_words(found: re.Match[str]) -> bool:
    """Whether it stands between letters or digits, as in `x<b>y`."""
    text, (start, end) = found.string, found.span()
    return text[max(0, start - 1) : start].isalnum() and text[end : end + 1].isalnum()


def _blank(text: str, spans: list[tuple[int, int]]) -> str:
    if not spans:
        return text
    parts, at = list[str](), 0
    for start, end in sorted(spans):
        if start >= at:
            parts += [text[at:start], " " * (end - start)]
            at = end
    return "".join([*parts, text[at:]])
