"""Cuts an answer where the judge's quotes begin and end, so that each stretch knows which criteria point to it.

In: the plain answer with its spans, quotes by number. Out: pieces of text. Quotes are a model's words: one that does
not stand in the answer marks nothing. Not here: markup.
"""

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Final, NamedTuple

from citerefine.refiner.tags.scanner import TagParse

MOST_IDS: Final = 12
"""Citations behind a span that are shown."""
_TAG = re.compile(r"</?(?:snippet|cite|answer)\b[^<>]{0,400}>", re.IGNORECASE)


class Piece(NamedTuple):
    """A stretch of the answer."""

    text: str
    quoted_by: tuple[int, ...] = ()
    """Numbers of the cells whose quote it belongs to."""
    ids: tuple[str, ...] = ()
    """What is cited behind it."""
    n_ids_left_out: int = 0


def cut_at_quotes(parse: TagParse, quotes: Mapping[int, str], limit: int) -> tuple[Piece, ...]:
    """The first `limit` characters of the answer in pieces.

    Args:
        parse: the answer.
        quotes: number of a cell → its quote.
        limit: characters that are shown.
    """
    text = parse.text[:limit]
    places = {number: place for number, quote in quotes.items() if (place := find_quote(text, quote)) is not None}
    ends = {span.end: span.ids for span in parse.spans if span.end <= len(text)}
    bounds = sorted({0, len(text), *ends, *(edge for place in places.values() for edge in place)})
    pieces = list[Piece]()
    for start, end in pairwise(bounds):
        by = tuple(number for number, (low, high) in sorted(places.items()) if low <= start and end <= high)
        ids = ends.get(end, ())
        pieces.append(Piece(text[start:end], by, ids[:MOST_IDS], max(0, len(ids) - MOST_IDS)))
    return tuple(pieces)


def find_quote(text: str, quote: str) -> tuple[int, int] | None:
    """Where a quote stands in the text, tags and runs of white space aside; None if it does not.

    >>> find_quote("Ice came late.", "<snippet id=a>came  late</snippet>")
    (4, 13)
    """
    words = _TAG.sub("", quote).split()
    if not words:
        return None
    found = re.search(r"\s+".join(map(re.escape, words)), text)
    return None if found is None else found.span()
