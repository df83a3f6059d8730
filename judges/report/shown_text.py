"""Text of rows as a page shows it: misleading characters spelled out, the words of a claim that evidence lacks marked.

In: any text. Out: plain strings and stretches of text. Not here: markup; escaping is the template's.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

_MISLEADING: Final = re.compile("[\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]")
"""Turns the direction of text around it or hides in it; joiners, which scripts and signs need, are not among them."""


def revealed(text: str) -> str:
    """`text` with characters spelled out that change its direction, or that nobody sees.

    >>> revealed("a\\u202eb")
    'a⟨U+202E⟩b'
    """
    return _MISLEADING.sub(lambda found: f"⟨U+{ord(found[0]):04X}⟩", text)


class Stretch(NamedTuple):
    """A piece of a claim."""

    text: str
    missing: bool = False
    """Whether the evidence does not have it."""


def mark_missing(claim: str, missing: Iterable[str]) -> tuple[Stretch, ...]:
    """The claim in pieces, those marked that are `missing` words; a word that is not in the claim marks nothing.

    >>> [piece.text for piece in mark_missing("Perch doubled by 2019.", ["2019"]) if piece.missing]
    ['2019']
    """
    return tuple(_cut(claim, _places(claim, missing)))


def _places(claim: str, missing: Iterable[str]) -> list[tuple[int, int]]:
    """Where the words stand, each behind the one before it if it is there too; in order, not overlapping."""
    found, at = list[tuple[int, int]](), 0
    for word in filter(str.strip, missing):
        pattern = re.compile(rf"(?<![^\W_]){re.escape(word.strip())}(?![^\W_])", re.IGNORECASE)
        place = pattern.search(claim, at) or pattern.search(claim)
        if place is not None:
            found.append(place.span())
            at = max(at, place.end())
    ends, kept = 0, list[tuple[int, int]]()
    for start, end in sorted(found):
        if start >= ends:
            kept.append((start, end))
            ends = end
    return kept


def _cut(claim: str, places: list[tuple[int, int]]) -> Iterator[Stretch]:
    at = 0
    for start, end in places:
        if start > at:
            yield Stretch(claim[at:start])
        yield Stretch(claim[start:end], missing=True)
        at = end
    if at < len(claim):
        yield Stretch(claim[at:])
