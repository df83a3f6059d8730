"""Splits a parsed answer into the units that are scored.

In: `TagParse`. Out: `Unit`s, in order: each a maximal run of one sentence under one set of ids, cited or not, with
its place in the plain text. A tag over three sentences gives three units; a sentence of which one half is cited gives
two; adjacent tags with the same ids are one. Linear. Not here: whether a unit needs a citation (need.py), which ids
exist, scores.

A line end breaks a sentence only where Markdown begins something new (list items, headings, rows, blank lines): hard
wraps change nothing.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import Final, NamedTuple

from citerefine.judges.claim_words import count_content
from citerefine.refiner.language.sentences import split_sentences
from citerefine.refiner.tags.scanner import TagParse

_WORD = re.compile(r"[^\W_]")
_LINE = re.compile(r"[^\n]*\n?")
_MARKER = re.compile(r"[ \t]*(?:>[ \t]*)*(?:(?:[-*+•]|\d{1,3}[.)]|[a-z][.)])[ \t]+)")
_STRUCTURAL = re.compile(r"[ \t]*(?:#|>|\|)|.*\|[ \t]*$")
_EDGES = re.compile(r"\A[\W_]+|[\W_]+\Z")
_STOP = re.compile(r"[.!?][\"'”’»)\]\s]*\Z")
_CLAUSE = re.compile(r"[,;:–—()]")
_NOT_NEWLINE = re.compile(r"[^\n]")
HEADING: Final = re.compile(r"\s*#{1,6}(?:\s|$)")


class Unit(NamedTuple):
    """What one verdict is given for."""

    text: str
    """On one line, without markup of lists and tables."""
    start: int
    """Offset in the plain answer, in code points."""
    end: int
    ids: tuple[str, ...]
    """As written, known or not; none if the unit stands in no tag with ids."""
    key: str
    """What tells one claim from another."""
    n_content: int
    """Content words."""
    sentence: int = 0
    """Number of the sentence that it is of; a sentence cited in pieces has several units."""
    opens_clause: bool = True
    """False if another cited piece of its sentence stands right before it, and it does not begin like a sentence."""


def split_units(parse: TagParse) -> list[Unit]:
    """The units of an answer, in order, before equal ones are merged; each has a letter or digit."""
    masked = prose(parse)
    found = list[Unit]()
    for start, end, ids, sentence in _runs(parse, masked):
        stretch = masked[start:end]
        text = " ".join(stretch.split())
        key = claim_key(text)
        if key:
            start += len(stretch) - len(stretch.lstrip())
            unit = Unit(text, start, start + len(stretch.strip()), ids, key, count_content(key), sentence)
            before = found[-1] if found and found[-1].sentence == sentence else None
            if before is not None and _adjoins(before, masked[before.end : start], text):
                unit = unit._replace(opens_clause=False)
            found.append(unit)
    return found


def _adjoins(before: Unit, between: str, text: str) -> bool:
    """Whether nothing shows that `text` is more than the rest of what the cited unit before it says."""
    return bool(before.ids) and not _CLAUSE.search(between) and not text[:1].isupper()


def claim_key(text: str) -> str:
    """What tells one claim from another: case, spacing, hidden characters and outer punctuation do not."""
    if not text.isascii():
        text = "".join(c for c in unicodedata.normalize("NFC", text) if unicodedata.category(c) != "Cf")
    return _EDGES.sub("", " ".join(text.casefold().split()))


def prose(parse: TagParse) -> str:
    """The plain text, at equal length, in which code, list markers and table pipes are blanks and line ends are left
    only where they break a sentence."""
    lines = [line for line in _LINE.findall(_without_code(parse)) if line]
    parts = list[str]()
    for number, line in enumerate(lines):
        following = lines[number + 1] if number + 1 < len(lines) else "\n"
        marker = _MARKER.match(line)
        body = " " * marker.end() + line[marker.end() :] if marker else line
        body = body.replace("|", " ")
        if body.endswith("\n") and _is_soft(line, following):
            body = body[:-1] + " "
        parts.append(body)
    return "".join(parts)


def _without_code(parse: TagParse) -> str:
    parts, at = list[str](), 0
    for start, end in parse.code:
        parts += [parse.text[at:start], _NOT_NEWLINE.sub(" ", parse.text[start:end])]
        at = end
    return "".join([*parts, parse.text[at:]])


def _is_soft(line: str, following: str) -> bool:
    """Whether the end of `line` is a hard wrap within a paragraph."""
    if not line.strip() or not following.strip():
        return False
    return not (_STRUCTURAL.match(line.rstrip("\n")) or _STRUCTURAL.match(following) or _MARKER.match(following))


class _Run(NamedTuple):
    start: int
    end: int
    ids: tuple[str, ...]
    sentence: int


def _runs(parse: TagParse, masked: str) -> Iterator[_Run]:
    """The runs of all sentences, in order, with a word in each."""
    spans, first = parse.spans, 0
    for sentence, (start, end) in enumerate(split_sentences(masked, lines=True)):
        while first < len(spans) and spans[first].end <= start:
            first += 1
        pieces, at, number = list[_Run](), start, first
        while number < len(spans) and spans[number].start < end:
            span = spans[number]
            cut = max(at, span.start)
            pieces += [_Run(at, cut, (), sentence), _Run(cut, min(end, span.end), span.ids, sentence)]
            at, number = min(end, span.end), number + 1
        pieces.append(_Run(at, end, (), sentence))
        yield from _joined([piece for piece in pieces if _WORD.search(masked, piece.start, piece.end)], masked)


def _joined(pieces: list[_Run], masked: str) -> Iterator[_Run]:
    """The pieces of one sentence; neighbours that carry the same ids are one, unless the first ends like a sentence."""
    last: _Run | None = None
    for piece in pieces:
        if last is not None and set(last.ids) == set(piece.ids) and not _STOP.search(masked, last.start, last.end):
            last = last._replace(end=piece.end)
            continue
        if last is not None:
            yield last
        last = piece
    if last is not None:
        yield last
