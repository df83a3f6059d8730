"""Reads an answer as sentences with citations: what the formulas of other projects count.

In: `CitedAnswer`. Out: `CitedSentence`s, in order, repetitions included: a sentence carries the ids of all spans that
it touches. Not here: units and merging (units.py, statements.py), any formula.
"""

import re
from typing import NamedTuple

from citerefine.judges.prose import prose
from citerefine.judges.units import sentences_of
from citerefine.refiner.tags.scanner import TagParse

_WORD = re.compile(r"[^\W_]")


class CitedSentence(NamedTuple):
    """A sentence and what it cites."""

    text: str
    """On one line."""
    start: int
    """Offset in the plain answer, in code points."""
    end: int
    ids: tuple[str, ...]
    """As written, in order, each once."""


def cited_sentences(parse: TagParse) -> list[CitedSentence]:
    """The sentences of an answer that hold a letter or digit."""
    found, spans, first = list[CitedSentence](), parse.spans, 0
    text = prose(parse).text
    for start, end in sentences_of(parse, text):
        while first < len(spans) and spans[first].end <= start:
            first += 1
        ids, number = dict[str, None](), first
        while number < len(spans) and spans[number].start < end:
            ids |= dict.fromkeys(spans[number].ids)
            number += 1
        if _WORD.search(text, start, end):
            found.append(CitedSentence(" ".join(text[start:end].split()), start, end, tuple(ids)))
    return found
