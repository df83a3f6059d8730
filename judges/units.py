"""Splits a parsed answer into the units that are scored.

In: `TagParse`. Out: `Unit`s, in order: each a maximal run of one sentence under one set of ids, cited or not, with
its place in the plain text. A tag over three sentences gives three units; a sentence of which one half is cited gives
two; adjacent tags with the same ids are one. Linear. Not here: whether a unit needs a citation (need.py), which ids
exist, scores.

A line end breaks a sentence only where Markdown begins something new (list items, headings, rows, blank lines): hard
wraps change nothing. The end of a tag breaks one where the text before it ends like a sentence.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from citerefine.judges.claim_key import claim_key
from citerefine.judges.claim_words import count_content
from citerefine.judges.prose import Prose, prose
from citerefine.refiner.language.sentences import split_sentences
from citerefine.refiner.tags.scanner import TagParse

SHORT: Final = 3
"""With fewer content words, an uncited piece of a sentence says nothing by itself."""

_WORD = re.compile(r"[^\W_]")
_STOP = re.compile(r"[.!?][\"'”’»)\]*_~`\s]*\Z")
_LONGEST_TAIL = 24
_CLAUSE = re.compile(r"[,;:–—()]")


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
    is_heading: bool = False
    context: str = ""
    """A cited unit with the short uncited pieces of its sentence around it; empty if there are none."""


def split_units(parse: TagParse) -> list[Unit]:
    """The units of an answer, in order, before equal ones are merged; each has a letter or digit."""
    page = prose(parse)
    found, sentence = list[Unit](), list[Unit]()
    headings, at = page.headings, 0
    for run in _runs(parse, page):
        if sentence and sentence[-1].sentence != run.sentence:
            found += _in_context(sentence)
            sentence = []
        while at < len(headings) and headings[at][1] <= run.start:
            at += 1
        in_heading = at < len(headings) and headings[at][0] <= run.start
        unit = _unit(run, page.text)
        if not unit.key:  # letters that nobody sees
            continue
        before = sentence[-1] if sentence else None
        if before is not None and _adjoins(before, page.text[before.end : unit.start], unit.text):
            unit = unit._replace(opens_clause=False)
        sentence.append(unit._replace(is_heading=in_heading))
    return found + _in_context(sentence)


def _unit(run: "_Run", page: str) -> Unit:
    stretch = page[run.start : run.end]
    text = " ".join(stretch.split())
    start = run.start + len(stretch) - len(stretch.lstrip())
    key = claim_key(text)
    return Unit(text, start, start + len(stretch.strip()), run.ids, key, count_content(key), run.sentence)


def _adjoins(before: Unit, between: str, text: str) -> bool:
    """Whether nothing shows that `text` is more than the rest of what the cited unit before it says."""
    return bool(before.ids) and not _CLAUSE.search(between) and not text[:1].isupper()


def _in_context(sentence: list[Unit]) -> list[Unit]:
    """The units of one sentence, cited ones with what stands beside them."""
    if len(sentence) == 1:
        return sentence
    short = [unit.text if not unit.ids and unit.n_content < SHORT else "" for unit in sentence]
    found = list[Unit]()
    for left, unit, right in zip(["", *short], sentence, [*short[1:], ""], strict=False):
        around = " ".join(filter(None, (left, unit.text, right)))
        found.append(unit._replace(context=around) if unit.ids and around != unit.text else unit)
    return found


class _Run(NamedTuple):
    start: int
    end: int
    ids: tuple[str, ...]
    sentence: int


def _runs(parse: TagParse, page: Prose) -> Iterator[_Run]:
    """The runs of all sentences, in order, with a word in each."""
    spans, first = parse.spans, 0
    for sentence, (start, end) in enumerate(sentences_of(parse, page.text)):
        while first < len(spans) and spans[first].end <= start:
            first += 1
        pieces, at, number = list[_Run](), start, first
        while number < len(spans) and spans[number].start < end:
            span = spans[number]
            cut = max(at, span.start)
            pieces += [_Run(at, cut, (), sentence), _Run(cut, min(end, span.end), span.ids, sentence)]
            at, number = min(end, span.end), number + 1
        pieces.append(_Run(at, end, (), sentence))
        yield from _joined([piece for piece in pieces if _WORD.search(page.text, piece.start, piece.end)])


def sentences_of(parse: TagParse, page: str) -> Iterator[tuple[int, int]]:
    """The sentences of the page; each ends at the latest at the edge of a tag behind a full stop."""
    spans, first = parse.spans, 0
    for start, end in split_sentences(page, lines=True):
        while first < len(spans) and spans[first].end <= start:
            first += 1
        at, number = start, first
        while number < len(spans) and spans[number].start < end:
            for edge in (spans[number].start, spans[number].end):
                if at < edge < end and _STOP.search(page, max(at, edge - _LONGEST_TAIL), edge):
                    yield at, edge
                    at = edge
            number += 1
        yield at, end


def _joined(pieces: list[_Run]) -> Iterator[_Run]:
    """The pieces of one sentence; neighbours that carry the same ids are one."""
    last: _Run | None = None
    for piece in pieces:
        if last is not None and set(last.ids) == set(piece.ids):
            last = last._replace(end=piece.end)
            continue
        if last is not None:
            yield last
        last = piece
    if last is not None:
        yield last
